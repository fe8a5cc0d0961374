// Builds what the VSIX holds: the bundle, the licences of what is bundled, and (with --wheel) the server itself.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

process.chdir(path.join(import.meta.dirname, '..'));
rmSync('dist', { recursive: true, force: true });

const common = {
  bundle: true,
  minify: true,
  keepNames: true, // an error in somebody's log should name the function
  metafile: true,
};
const bundles = await Promise.all([
  build({
    ...common,
    entryPoints: ['client-extension/src/extension.ts'],
    outfile: 'dist/extension.js',
    platform: 'node',
    target: 'node20', // what VS Code 1.91 runs
    external: ['vscode'],
  }),
  build({
    ...common,
    entryPoints: ['client-extension/webview/chat.ts', 'client-extension/webview/chat.css'],
    outdir: 'dist',
    platform: 'browser',
    target: 'chrome122', // the same
  }),
]);

const inputs = bundles.flatMap(({ metafile }) => Object.keys(metafile.inputs));
const packages = new Set(inputs.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter(Boolean));
const notices = [...packages].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} ships no licence text`);
  return `${name} ${version} (${license})\n\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`;
});
writeFileSync('dist/NOTICES.txt', `The extension contains these packages.\n\n${notices.join(`\n${'-'.repeat(100)}\n\n`)}`);

if (process.argv.includes('--wheel')) {
  const python = ['.venv/bin/python', '.venv/Scripts/python.exe'].find(existsSync) ?? 'python3';
  execFileSync(python, ['-m', 'pip', 'wheel', '--quiet', '--disable-pip-version-check', '--no-deps', '--wheel-dir', 'dist', '.'], { stdio: 'inherit' });
}

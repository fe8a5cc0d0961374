// Builds the page into the server's own files, which are committed: `pip install` from a clone needs no Node, and the
// wheel, the VSIX and a container all serve the same bytes. tests/faces/test_dashboard_files.py says when to run it again.
// usage: node dashboard/build.mjs [FOLDER]      default server/beastmode/faces/http/static
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const out = path.resolve(process.argv[2] ?? path.join(here, '../server/beastmode/faces/http/static'));
mkdirSync(out, { recursive: true });

// What the bundle is made of, so that a test without Node sees whether it was made of these files.
const sources = [...readdirSync(path.join(here, 'src')).map((name) => `src/${name}`), 'style.css', 'build.mjs'].sort();
const hash = createHash('sha256');
for (const name of sources) hash.update(readFileSync(path.join(here, name), 'utf8').replaceAll('\r\n', '\n'));
const uplot = JSON.parse(readFileSync(path.join(here, '../node_modules/uplot/package.json'), 'utf8'));
const banner = `/* BEAST MODE dashboard, sources ${hash.digest('hex').slice(0, 16)}; contains uPlot ${uplot.version}, (c) Leon Sorokin, MIT licence, see LICENSES.txt */`;

await build({
  entryPoints: { dashboard: path.join(here, 'src/main.ts') },
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome120', 'firefox120', 'safari17'],
  banner: { js: banner },
});
await build({ entryPoints: { dashboard: path.join(here, 'style.css') }, outdir: out, bundle: true, minify: true, target: ['chrome120', 'firefox120', 'safari17'], banner: { css: banner } });
for (const name of ['index.html', 'icon.svg']) copyFileSync(path.join(here, name), path.join(out, name));
copyFileSync(path.join(here, '../node_modules/uplot/LICENSE'), path.join(out, 'LICENSES.txt'));

// Where the server is: a setting, the workspace's own environment, PATH, or the copy that this extension installed.
import { access, constants, mkdir, readdir } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { type Program, run } from './process';

const windows = process.platform === 'win32';
const script = windows ? 'beastmode.exe' : 'beastmode';
const bin = windows ? 'Scripts' : 'bin';

/** The server cannot be started as things are; the message says why. */
export class NoServer extends Error {
  constructor(message: string, readonly canInstall: boolean) {
    super(message);
  }
}

async function runnable(file: string): Promise<boolean> {
  return access(file, windows ? constants.F_OK : constants.X_OK).then(() => true, () => false);
}

/** `-P` keeps the working folder out of Python's search path. */
const viaPython = (python: string): Program => ({ command: python, args: ['-P', '-m', 'beastmode'] });

/** The folder of our own copy; it carries the version, so that an update of the extension brings its server. */
const ownFolder = (context: vscode.ExtensionContext): string =>
  path.join(context.globalStorageUri.fsPath, `server-${context.extension.packageJSON.version}`);

/** Finds the server. A setting that points nowhere is an error, not a reason to look elsewhere. */
export async function locate(context: vscode.ExtensionContext): Promise<Program> {
  const settings = vscode.workspace.getConfiguration('beastmode.server');
  const set = settings.get<string>('path', '');
  const python = settings.get<string>('pythonPath', '');
  for (const [name, value] of [['path', set], ['pythonPath', python]] as const) {
    if (value && !(path.isAbsolute(value) && await runnable(value))) {
      throw new NoServer(`The setting beastmode.server.${name} names no program: ${value}`, false);
    }
  }
  if (set) return { command: set, args: [] };
  if (python) return viaPython(python);

  const folders = (vscode.workspace.workspaceFolders ?? []).filter((f) => f.uri.scheme === 'file').map((f) => f.uri.fsPath);
  const trusted = vscode.workspace.isTrusted;
  const inWorkspace = (file: string): boolean => folders.some((folder) => !path.relative(folder, file).startsWith('..'));
  const candidates = [
    ...(trusted ? folders.flatMap((folder) => ['.venv', 'venv'].map((env) => path.join(folder, env, bin, script))) : []),
    ...(process.env.PATH ?? '').split(path.delimiter).filter(path.isAbsolute).map((folder) => path.join(folder, script))
      .filter((file) => trusted || !inWorkspace(file)),
    path.join(ownFolder(context), bin, script),
  ];
  for (const command of candidates) if (await runnable(command)) return { command, args: [] };
  throw new NoServer('The language server of BEAST MODE is not installed.', true);
}

/** Installs the server that travels in this extension into a Python environment of its own. */
export async function install(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<boolean> {
  const storage = context.globalStorageUri.fsPath;
  await mkdir(storage, { recursive: true });
  const shipped = path.join(context.extensionPath, 'dist');
  const wheel = (await readdir(shipped)).find((name) => name.endsWith('.whl'));
  const source = wheel ? path.join(shipped, wheel) : context.extensionPath; // no wheel: run from the repository
  const where = vscode.ProgressLocation.Notification;
  return vscode.window.withProgress({ location: where, title: 'BEAST MODE', cancellable: true }, async (progress, token) => {
    const step = async (message: string, program: Program, args: string[]): Promise<void> => {
      if (token.isCancellationRequested) throw new vscode.CancellationError();
      progress.report({ message });
      const onLine = (line: string): void => {
        log.info(line);
        const package_ = /^(?:Collecting|Downloading|Installing collected packages:?) ([\w.-]+)/.exec(line);
        if (package_) progress.report({ message: `${message} ${package_[1]}` });
      };
      const { code, errors } = await run(program, args, { cwd: storage, onLine, token });
      if (token.isCancellationRequested) throw new vscode.CancellationError();
      if (code !== 0) throw new Error(`${message} failed: ${errors || `exit code ${code}`}`);
    };
    try {
      const folder = ownFolder(context);
      await step('Making a Python environment', await findPython(storage), ['-m', 'venv', '--clear', folder]);
      const pip = { command: path.join(folder, bin, windows ? 'python.exe' : 'python'), args: ['-m', 'pip', '--disable-pip-version-check', '--no-input'] };
      await step('Installing the server', pip, ['install', source]);
      await step('Installing the built-in model’s runtime', pip, ['install', `${source}[builtin]`])
        .catch((error) => { if (error instanceof vscode.CancellationError) throw error; log.warn(`No built-in model here: ${error}`); });
      return true;
    } catch (error) {
      if (error instanceof vscode.CancellationError) return false;
      throw error;
    }
  });
}

async function findPython(cwd: string): Promise<Program> {
  const set = vscode.workspace.getConfiguration('beastmode.server').get<string>('pythonPath', '');
  for (const command of set ? [set] : ['python3', 'python3.13', 'python3.12', 'python3.11', 'python']) {
    const program = { command, args: [] };
    const answer = await run(program, ['-c', 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'], { cwd }).catch(() => undefined);
    if (answer?.code === 0) return program;
  }
  throw new Error('No Python 3.11 or newer with venv was found. Install one, or set beastmode.server.pythonPath.');
}

// Child processes: the one place that starts a program and reads its lines.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { CancellationToken } from 'vscode';

/** A program with the arguments that come before ours, e.g. `python -P -m beastmode`. */
export interface Program {
  command: string;
  args: string[];
}

export interface RunOptions {
  /** Never the workspace: a program must not pick up code that lies there. */
  cwd: string;
  input?: string;
  onLine?: (line: string) => void;
  token?: CancellationToken;
}

/** Runs a program to its end; answers its exit code (null when killed) and the last lines of its stderr. */
export function run(program: Program, args: string[], options: RunOptions): Promise<{ code: number | null; errors: string }> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(program.command, [...program.args, ...args], { cwd: options.cwd, stdio: 'pipe' });
    const errors: string[] = [];
    createInterface({ input: child.stderr! }).on('line', (line) => {
      errors.push(line);
      if (errors.length > 20) errors.shift();
    });
    createInterface({ input: child.stdout! }).on('line', (line) => options.onLine?.(line));
    const cancel = options.token?.onCancellationRequested(() => child.kill());
    child.on('error', reject);
    child.on('close', (code) => {
      cancel?.dispose();
      resolve({ code, errors: errors.join('\n') });
    });
    child.stdin!.on('error', () => undefined); // the child may end before it has read everything; its exit code says why
    child.stdin!.end(options.input ?? '');
  });
}

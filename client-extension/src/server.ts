// The language server's life: start, stop, restart, and the questions that commands ask it.
import { mkdir } from 'node:fs/promises';
import * as vscode from 'vscode';
import {
  CloseAction, ErrorAction, ExecuteCommandRequest, LanguageClient, type LanguageClientOptions, ProgressType,
  RevealOutputChannelOn, TransportKind,
} from 'vscode-languageclient/node';
import { lensed } from './lenses';
import { locate, NoServer } from './locate';
import type { Program } from './process';
import { type Status, statusChanged } from './protocol';

const CRASHES_ALLOWED = 3;
const CRASH_WINDOW_MS = 180_000;
const KEEPS_DYING = `The language server ended ${CRASHES_ALLOWED + 1} times in three minutes.`;

/** Nothing that the client library has to say may raise a dialog while somebody types; it goes to the log. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/** What the workspace may say: it can turn things off and keep them local, never the other way round. */
export function narrowed(): { enabled: boolean; localOnly: boolean; codeLenses: boolean; disabledLanguages: string[] } {
  const settings = vscode.workspace.getConfiguration('beastmode');
  const anywhere = (name: string, value: boolean): boolean => {
    const at = settings.inspect<boolean>(name);
    return [at?.globalValue, at?.workspaceValue, at?.workspaceFolderValue].includes(value);
  };
  const languages = settings.inspect<string[]>('disabledLanguages');
  const off = [languages?.globalValue, languages?.workspaceValue, languages?.workspaceFolderValue].flatMap((some) => some ?? []);
  return { enabled: !anywhere('enabled', false), localOnly: anywhere('localOnly', true), codeLenses: !anywhere('codeLenses', false), disabledLanguages: off };
}

export type State =
  | { kind: 'starting' | 'running' | 'stopped' }
  | { kind: 'failed'; reason: string; canInstall: boolean };

export class Server implements vscode.Disposable {
  state: State = { kind: 'stopped' };
  status: Status | undefined;
  program: Program | undefined;

  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private client: QuietClient | undefined;
  private restarting: Promise<void> | undefined;
  private again = false;
  private moving: NodeJS.Timeout | undefined;
  private crashes: number[] = [];
  private streams = 0;

  constructor(private readonly context: vscode.ExtensionContext, readonly log: vscode.LogOutputChannel) {}

  /** Restarts; while one restart runs, any number of further calls together queue exactly one more. */
  restart(): Promise<void> {
    this.again = true;
    this.restarting ??= (async () => {
      while (this.again) {
        this.again = false;
        await this.stop();
        await this.start();
      }
    })().finally(() => { this.restarting = undefined; });
    return this.restarting;
  }

  /** Something changed that may decide where the server is; restarts only if it does. Such events come in twos and threes. */
  moved(): void {
    clearTimeout(this.moving);
    this.moving = setTimeout(async () => {
      await this.restarting;
      const found = await locate(this.context).catch(() => undefined);
      if (this.state.kind !== 'running' || JSON.stringify(found) !== JSON.stringify(this.program)) await this.restart();
    }, 200);
  }

  /** Asks the server and answers its result; throws NoServer with the reason where there is none. */
  async ask<T>(command: string, argument: object = {}): Promise<T> {
    return await (await this.running()).sendRequest(ExecuteCommandRequest.type, { command, arguments: [argument] }) as T;
  }

  /** Sends a request whose answer comes in parts; cancelling the token stops the work on the other side. */
  async stream<Answer, Part>(method: string, params: (partialResultToken: string) => object, onPart: (part: Part) => void, token: vscode.CancellationToken): Promise<Answer> {
    const client = await this.running();
    const name = `beastmode-${++this.streams}`;
    const parts = client.onProgress(new ProgressType<Part>(), name, onPart);
    try {
      return await client.sendRequest<Answer>(method, params(name), token);
    } finally {
      parts.dispose();
    }
  }

  /** Says something that needs no answer, where there is a server to hear it. */
  tell(method: string, params: object): void {
    if (this.state.kind !== 'running') return;
    this.client?.sendNotification(method, params).catch((error: unknown) => this.log.warn(`Saying ${method}: ${error}`));
  }

  private async running(): Promise<QuietClient> {
    await this.restarting;
    const { client, state } = this;
    if (state.kind === 'failed') throw new NoServer(state.reason, state.canInstall);
    if (!client) throw new NoServer('The language server of BEAST MODE is not running.', false);
    return client;
  }

  dispose(): void {
    this.changed.dispose();
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.status = undefined;
    this.set({ kind: 'stopped' });
    if (client) await client.dispose(2000).catch((error: unknown) => this.log.warn(`Stopping the server: ${error}`));
  }

  private set(state: State): void {
    this.state = state;
    this.changed.fire();
  }

  private async start(): Promise<void> {
    this.set({ kind: 'starting' });
    try {
      this.program = await locate(this.context);
      this.log.info(`Starting ${[this.program.command, ...this.program.args].join(' ')}`);
      const cwd = this.context.globalStorageUri.fsPath; // never the workspace: its files are data, not code
      await mkdir(cwd, { recursive: true });
      const { command, args } = this.program;
      const options = { command, args: [...args, 'lsp'], options: { cwd }, transport: TransportKind.stdio };
      const client: QuietClient = new QuietClient('beastmode', 'BEAST MODE', options, this.options(() => client));
      this.client = client;
      client.onNotification(statusChanged, (status: Status) => {
        this.status = status;
        this.changed.fire();
      });
      await client.start();
      if (client === this.client) this.set({ kind: 'running' });
    } catch (error) {
      this.log.error(`The server did not start: ${error}`);
      if (!(error instanceof NoServer)) {
        this.client = undefined;
        if (!this.crashesTooOften()) {
          this.again = true; // it ended while it was starting: the same as a crash
          return;
        }
      }
      const canInstall = error instanceof NoServer && error.canInstall;
      const reason = error instanceof NoServer ? error.message : 'The language server did not start; the log says why.';
      this.set({ kind: 'failed', reason, canInstall });
    }
  }

  /** The server ended by itself: start it again, but not for ever. */
  private crashed(client: LanguageClient): void {
    if (client !== this.client || this.state.kind !== 'running') return;
    this.client = undefined;
    if (this.crashesTooOften()) this.set({ kind: 'failed', reason: KEEPS_DYING, canInstall: false });
    else void this.restart();
  }

  /** Counts one more end that nobody asked for. */
  private crashesTooOften(): boolean {
    const now = Date.now();
    this.crashes = [...this.crashes.filter((then) => now - then < CRASH_WINDOW_MS), now];
    if (this.crashes.length <= CRASHES_ALLOWED) return false;
    this.crashes = [];
    return true;
  }

  private options(client: () => QuietClient): LanguageClientOptions {
    return {
      documentSelector: [{ scheme: 'file' }, { scheme: 'untitled' }, { notebook: '*', language: '*' }],
      initializationOptions: narrowed(),
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      synchronize: { configurationSection: 'beastmode' },
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          setImmediate(() => this.crashed(client())); // after the library has tidied up
          return { action: CloseAction.DoNotRestart, handled: true, message: 'The server ended.' };
        },
      },
      initializationFailedHandler: () => false,
      middleware: {
        provideCodeLenses: async (document, token, next) => lensed(await next(document, token)),
        workspace: {
          configuration: (params) => params.items.map((item) => (item.section === 'beastmode' ? narrowed() : null)),
          didChangeConfiguration: () =>
            client().sendNotification('workspace/didChangeConfiguration', { settings: { beastmode: narrowed() } }),
        },
      },
    };
  }
}

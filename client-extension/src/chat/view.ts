// The chat in the side bar. What is said lives here and in the server's history; the page only shows it.
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import { ask, chat, type ChatAnswer, type ChatParams, type ChatPart, type ChatSession, type ChatTurn } from '../protocol';
import { toRange } from '../edits';
import type { Server } from '../server';
import { type Attached, choose } from './attachments';
import { Code } from './code';
import type { FromPage, Running, ToPage } from './messages';
import { page } from './page';

const CURRENT = 'beastmode.chat.session';
const LOADS_MS = 5000; // a page that does not come is not waited for

export class ChatView implements vscode.WebviewViewProvider, vscode.Disposable {
  static readonly id = 'beastmode.chat';

  private view: vscode.WebviewView | undefined;
  private ready: (() => void) | undefined;
  private turns: ChatTurn[] = [];
  private title = '';
  private attached: Attached[] = [];
  private running: (Running & { sessionId: string; stop: vscode.CancellationTokenSource }) | undefined;
  private readonly code = new Code();

  constructor(private readonly server: Server, private readonly context: vscode.ExtensionContext, private readonly failed: (error: unknown) => void) {}

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    view.webview.options = { enableScripts: true, enableForms: false, enableCommandUris: false, localResourceRoots: [vscode.Uri.joinPath(this.context.extensionUri, 'dist')] };
    view.webview.onDidReceiveMessage((message: FromPage) => this.hear(message).catch(this.failed));
    view.onDidDispose(() => { this.view = undefined; });
    view.webview.html = page(view.webview, this.context.extensionUri);
  }

  /** Opens the chat, with something attached, and asks where there is something to ask. */
  async open(attach: Attached[] = [], question = ''): Promise<void> {
    // A page that is hidden is gone; it says when it is there again.
    const resolved = this.view?.visible ? undefined : new Promise<void>((done) => {
      this.ready = done;
      setTimeout(done, LOADS_MS);
    });
    await vscode.commands.executeCommand(`${ChatView.id}.focus`);
    await resolved;
    if (question && this.running) throw new Error('The model is still answering. Stop it first, or wait.');
    this.attach(attach);
    if (question) await this.ask(question);
    else this.tell({ kind: 'focus' });
  }

  async begin(): Promise<void> {
    this.running?.stop.cancel();
    await this.choose(randomUUID());
    await this.open();
  }

  /** The sessions of this workspace, to switch to, rename or delete. */
  async sessions(): Promise<void> {
    const rename = { iconPath: new vscode.ThemeIcon('edit'), tooltip: 'Rename' };
    const remove = { iconPath: new vscode.ThemeIcon('trash'), tooltip: 'Delete' };
    const items = (await this.server.ask<ChatSession[]>(ask.chatSessions)).map((row) => ({
      label: row.title, description: row.id === this.current ? 'open' : '', detail: `${new Date(row.usedAt * 1000).toLocaleString()} · ${row.turns} ${row.turns === 1 ? 'question' : 'questions'}`, buttons: [rename, remove], row,
    }));
    const pick = vscode.window.createQuickPick<(typeof items)[number]>();
    Object.assign(pick, { title: 'Chat Sessions', items, placeholder: items.length ? 'Which one?' : 'No session is kept for this workspace yet' });
    pick.onDidTriggerItemButton(({ item, button }) => {
      pick.hide();
      void (button === rename ? this.rename(item.row) : this.remove(item.row)).catch(this.failed);
    });
    pick.onDidAccept(() => {
      const row = pick.selectedItems[0]?.row;
      pick.hide();
      if (row) void this.choose(row.id).then(() => this.open()).catch(this.failed);
    });
    pick.onDidHide(() => pick.dispose());
    pick.show();
  }

  async rename(row?: Pick<ChatSession, 'id' | 'title'>): Promise<void> {
    const { id, title } = row ?? (await this.kept());
    const said = await vscode.window.showInputBox({ title: 'Rename Chat', value: title });
    if (!said?.trim()) return;
    const session = await this.server.ask<ChatSession>(ask.renameChat, { id, title: said });
    if (id === this.current) this.name(session.title);
  }

  async remove(row?: Pick<ChatSession, 'id' | 'title'>): Promise<void> {
    const { id, title } = row ?? (await this.kept());
    const sure = await vscode.window.showWarningMessage(`Delete the chat “${title}”?`, { modal: true, detail: 'Its questions and answers are deleted for good.' }, 'Delete');
    if (!sure) return;
    if (id === this.current) this.running?.stop.cancel();
    await this.server.ask(ask.deleteChat, { id });
    if (id === this.current) await this.choose(randomUUID());
  }

  attach(more: Attached[]): void {
    this.attached = [...this.attached, ...more];
    this.tell({ kind: 'chips', chips: this.attached.map(({ id, label, title }) => ({ id, label, title })) });
  }

  dispose(): void {
    this.running?.stop.cancel();
    this.code.dispose();
  }

  private get current(): string | undefined {
    return this.context.workspaceState.get<string>(CURRENT);
  }

  private async kept(): Promise<{ id: string; title: string }> {
    if (!this.current || !this.turns.length) throw new Error('This chat has no question yet, so nothing of it is kept.');
    return { id: this.current, title: this.title };
  }

  private tell(message: ToPage): void {
    void this.view?.webview.postMessage(message);
  }

  private name(title: string): void {
    this.title = title;
    if (this.view) this.view.description = title;
  }

  private async choose(id: string): Promise<void> {
    if (id !== this.current) this.running?.stop.cancel();
    await this.context.workspaceState.update(CURRENT, id);
    await this.show();
  }

  /** Everything anew: from the history, and what is being said right now. */
  private async show(): Promise<void> {
    let notice = '';
    try {
      const kept = this.current && (await this.server.ask<{ session: ChatSession; turns: ChatTurn[] } | null>(ask.showChat, { id: this.current }));
      this.turns = kept ? kept.turns : [];
      this.name(kept ? kept.session.title : '');
    } catch (error) {
      notice = error instanceof Error ? error.message : String(error);
    }
    const running = this.running?.sessionId === this.current ? this.running : undefined;
    this.tell({ kind: 'session', turns: this.turns, running: running ? { question: running.question, text: running.text, reasoning: running.reasoning } : null, notice });
    this.attach([]);
  }

  private async hear(message: FromPage): Promise<void> {
    switch (message.kind) {
      case 'ready':
        await this.show();
        this.ready?.();
        this.ready = undefined;
        return;
      case 'send': return this.ask(message.text);
      case 'stop': return this.running?.stop.cancel();
      case 'attach': return this.attach(await choose());
      case 'detach':
        this.attached = this.attached.filter(({ id }) => id !== message.id);
        return this.attach([]);
      case 'cite': {
        const to = this.turns[message.turn]?.answer.citations[message.index];
        return to && reveal(vscode.Uri.parse(to.uri, true), to.line, to.endLine);
      }
      case 'source': {
        const to = this.turns[message.turn]?.answer.sources[message.index];
        return to && reveal(await located(to.path), to.line, to.endLine);
      }
      case 'code': {
        const block = this.turns[message.turn]?.answer.code.find(({ text }) => text.trim() === message.text.trim());
        if (message.action === 'copy') return vscode.env.clipboard.writeText(message.text);
        if (message.action === 'insert') return this.code.insert(message.text);
        await this.code[message.action](message.text, block?.path ?? '');
      }
    }
  }

  private async ask(question: string): Promise<void> {
    if (this.running?.sessionId === (this.current ?? '') || !question.trim()) return;
    if (!this.current) await this.context.workspaceState.update(CURRENT, randomUUID());
    const sessionId = this.current!;
    const running = (this.running = { sessionId, question, text: '', reasoning: '', stop: new vscode.CancellationTokenSource() });
    this.tell({ kind: 'asked', question });
    const given = this.attached;
    const before = this.turns.at(-1)?.answer.requestId;
    this.attached = [];
    this.attach([]);
    const heard = (part: ChatPart): void => {
      running.text += part.text ?? '';
      running.reasoning += part.reasoning ?? '';
      if (sessionId === this.current) this.tell({ kind: 'part', part });
    };
    let answer: ChatAnswer | undefined;
    let problem = '';
    try {
      const params = (partialResultToken: string): ChatParams => ({ message: question, sessionId, attachments: given.map(({ what }) => what), partialResultToken });
      answer = await this.server.stream<ChatAnswer, ChatPart>(chat, params, heard, running.stop.token);
    } catch (error) {
      if (!running.stop.token.isCancellationRequested) problem = error instanceof Error ? error.message : String(error);
    }
    if (this.running === running) this.running = undefined;
    running.stop.dispose();
    if (sessionId !== this.current) return;
    if (answer) {
      this.turns.push({ question, answer });
      this.tell({ kind: 'ended', answer });
      if (!this.title) await this.server.ask<{ session: ChatSession } | null>(ask.showChat, { id: sessionId }).then((kept) => kept && this.name(kept.session.title));
      return;
    }
    await this.show(); // what came until then is kept
    if (this.turns.at(-1)?.answer.requestId !== before) return;
    this.attach(given); // nothing was kept: the question goes back to where it was typed
    this.tell({ kind: 'failed', question, message: problem || 'Stopped before the model was asked.' });
  }
}

async function reveal(uri: vscode.Uri, line: number, endLine: number): Promise<void> {
  const range = toRange({ start: { line, character: 0 }, end: { line: endLine, character: Number.MAX_SAFE_INTEGER } });
  await vscode.window.showTextDocument(uri, { selection: range, preview: true, viewColumn: vscode.ViewColumn.One });
}

/** A path of the workspace, in the folder that has it. */
async function located(path: string): Promise<vscode.Uri> {
  for (const { uri, name } of vscode.workspace.workspaceFolders ?? []) {
    for (const some of [path, path.startsWith(`${name}/`) ? path.slice(name.length + 1) : path]) {
      const there = vscode.Uri.joinPath(uri, some);
      if (await vscode.workspace.fs.stat(there).then(() => true, () => false)) return there;
    }
  }
  throw new Error(`${path} is not there any more.`);
}

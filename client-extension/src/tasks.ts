// Code tasks: the server asks the model and checks what it says; here the result is shown, and taken only when the user agrees.
import * as vscode from 'vscode';
import { ExecuteCommandRequest } from 'vscode-languageclient/node';
import { plain, selection } from './chat/attachments';
import type { ChatView } from './chat/view';
import { settleConsent } from './consent';
import { checkVersions, propose } from './edits';
import { ask, type Opportunity, type TaskPart, type TaskResult } from './protocol';
import type { Server } from './server';

/** Where a task works; without a range: where the cursor stands. */
export interface Place {
  uri: vscode.Uri;
  range: vscode.Range;
}

export class Tasks {
  constructor(private readonly server: Server, private readonly chat: ChatView) {}

  async feature(): Promise<void> {
    const instruction = await vscode.window.showInputBox({
      title: 'Generate Feature', prompt: 'What should be there afterwards? The change is shown before anything is written.', placeHolder: 'A discount in percent for carts above 100', ignoreFocusOut: true,
    });
    if (instruction?.trim()) await this.run('Generating the feature', { task: 'feature', instruction });
  }

  async refactor(place?: Place): Promise<void> {
    const at = place ?? (await here());
    const instruction = await vscode.window.showInputBox({ title: 'Refactor', prompt: 'What should be better? Empty: whatever helps most.', placeHolder: 'Shorter, with early returns' });
    if (instruction !== undefined) await this.run('Refactoring', { task: 'refactor', instruction: instruction || undefined, ...told(at) });
  }

  /** What was found by the syntax, with its reason for the model. */
  async improve({ uri, ...opportunity }: Opportunity): Promise<void> {
    await this.run('Refactoring', { task: 'refactor', uri, opportunity });
  }

  async document(place?: Place): Promise<void> {
    await this.run('Documenting', { task: 'document', ...told(place ?? (await here())) });
  }

  async tests(place?: Place): Promise<void> {
    await this.run('Generating tests', { task: 'tests', ...told(place ?? (await here())) });
  }

  /** The problem at the cursor, where none is named. */
  async fix(place?: Place, problem?: vscode.Diagnostic): Promise<void> {
    const at = place ?? (await here());
    const diagnostic = problem ?? vscode.languages.getDiagnostics(at.uri).find(({ range }) => range.intersection(at.range));
    if (!diagnostic) throw new Error('There is no problem at the cursor.');
    const { message, severity, source } = diagnostic;
    await this.run('Fixing', { task: 'fix', ...told(at), diagnostic: { message, severity: severity + 1, source, range: plain(diagnostic.range) } });
  }

  /** In the chat, where one can ask on. */
  async explain(place?: Place): Promise<void> {
    const { uri, range } = place ?? (await here());
    const document = await vscode.workspace.openTextDocument(uri);
    await this.chat.open([selection(document, range)], 'Explain this code.');
  }

  private async run(title: string, task: { task: string; uri?: string } & Record<string, unknown>): Promise<void> {
    if (!(await settleConsent(this.server, task.task, task.uri))) return;
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    const result = await vscode.window.withProgress(options, async (progress, token) => {
      const heard = ({ message }: TaskPart): void => { if (message) progress.report({ message }); };
      // An untrusted workspace runs nothing; what the model changes there may still be looked at.
      const params = (partialResultToken: string): object => ({ command: ask.runTask, arguments: [{ ...task, isTrusted: vscode.workspace.isTrusted, partialResultToken }] });
      try {
        return await this.server.stream<TaskResult, TaskPart>(ExecuteCommandRequest.method, params, heard, token);
      } catch (error) {
        if (token.isCancellationRequested) return undefined;
        throw error;
      }
    });
    if (result) await this.show(result, title);
  }

  /** What is known of the change stands in a message beside the editor's preview, which has no place for it. */
  private async show({ summary, text, model, cost, repaired, checks, files, plan, leftOut }: TaskResult, title: string): Promise<void> {
    await checkVersions(files);
    const price = cost === null ? [] : [Number(cost) ? `$${Number(cost).toPrecision(2)}` : 'free'];
    const seen = checks.map(({ name, ok, evidence }) => `${ok ? '✓' : '✗'} ${name}${ok || !evidence ? '' : `: ${evidence}`}`);
    const facts = [model, ...price, ...(repaired ? ['mended'] : []), ...seen, ...leftOut].join(' · ');
    const headline = (files.length ? summary : summary || text || 'The model changed nothing').split('\n')[0]!.slice(0, 300);
    void vscode.window.showInformationMessage([headline, facts].filter(Boolean).join(' · '));
    if (!files.length) return;
    const reason = (uri: string): string => plan.find(({ path }) => decodeURIComponent(uri).endsWith(`/${path}`))?.why ?? facts;
    const isTaken = await propose(files, headline || title, reason);
    const made = isTaken ? files.find(({ kind }) => kind === 'create') : undefined;
    // It may have been left out in the preview; then there is nothing to look at.
    if (made) await Promise.resolve(vscode.window.showTextDocument(vscode.Uri.parse(made.uri, true))).catch(() => undefined);
    this.server.log.info(`${title}: ${isTaken ? 'taken' : 'not taken'} · ${facts}`);
  }
}

/** What the user looks at: the selection, else the function around the cursor, as far as a language extension knows it. */
async function here(): Promise<Place> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) throw new Error('Open a file and select the code first.');
  return around(editor.document, editor.selection);
}

const wanted = [vscode.SymbolKind.Function, vscode.SymbolKind.Method, vscode.SymbolKind.Constructor, vscode.SymbolKind.Class];

export async function around(document: vscode.TextDocument, range: vscode.Range): Promise<Place> {
  if (!range.isEmpty) return { uri: document.uri, range: new vscode.Range(range.start, range.end) };
  const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>('vscode.executeDocumentSymbolProvider', document.uri);
  let found: vscode.Range | undefined;
  for (let level = symbols ?? []; level.length;) {
    const inner = level.find((symbol) => symbol.range?.contains(range.start));
    if (inner && wanted.includes(inner.kind)) found = inner.range;
    level = inner?.children ?? [];
  }
  return { uri: document.uri, range: found ?? document.lineAt(range.start).range };
}

function told({ uri, range }: Place): { uri: string; range: ReturnType<typeof plain> } {
  return { uri: uri.toString(), range: plain(range) };
}

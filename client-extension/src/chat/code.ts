// What can be done with a block of code of an answer. Each begins with a click, and none writes without being seen.
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { propose } from '../edits';
import type { TaskFile } from '../protocol';
import { plain } from './attachments';

const SCHEME = 'beastmode-proposed';
const shown = (uri: vscode.Uri): string => vscode.workspace.asRelativePath(uri);

/** Where a block goes: the lines that it takes the place of, or a new file. */
type Target = { document: vscode.TextDocument; range: vscode.Range; words: string } | { create: vscode.Uri };

export class Code implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private proposed = '';
  private count = 0;
  private last: vscode.TextEditor | undefined = vscode.window.activeTextEditor;
  private readonly disposables = [
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
    vscode.window.onDidChangeActiveTextEditor((editor) => { this.last = editor ?? this.last; }),
  ];

  provideTextDocumentContent(): string {
    return this.proposed;
  }

  /** At the cursor, or in place of the selection. */
  async insert(text: string): Promise<void> {
    const editor = this.editor();
    if (!editor) throw new Error('Open a file and put the cursor where the code should go.');
    await vscode.window.showTextDocument(editor.document, { viewColumn: editor.viewColumn });
    const start = editor.selection.start;
    const indent = /^\s*/.exec(editor.document.lineAt(start).text)![0].slice(0, start.character);
    const cut = editor.selection.end.character === 0 && !editor.selection.isEmpty ? text : text.replace(/\n$/, '');
    const body = cut.replace(/\n(?=[^\n])/g, `\n${indent}`);
    await editor.edit((edit) => edit.replace(editor.selection, body));
  }

  /** The file as it is beside the file as it would be. */
  async compare(text: string, named: string): Promise<void> {
    const target = await this.target(named);
    if ('create' in target) return void vscode.window.showInformationMessage(`${shown(target.create)} is not there yet: there is nothing to compare with.`);
    const { document, range, words } = target;
    const whole = document.getText();
    this.proposed = whole.slice(0, document.offsetAt(range.start)) + text + whole.slice(document.offsetAt(range.end));
    const uri = document.uri.with({ scheme: SCHEME, query: `${++this.count}` });
    await vscode.commands.executeCommand('vscode.diff', document.uri, uri, `${shown(document.uri)}: ${words} ↔ the answer`);
  }

  /** Shows the change for confirmation, then makes it. */
  async apply(text: string, named: string): Promise<boolean> {
    const target = await this.target(named);
    const isNew = 'create' in target;
    const uri = isNew ? target.create : target.document.uri;
    const change: TaskFile = {
      kind: isNew ? 'create' : 'change', uri: uri.toString(), newUri: null, version: isNew ? null : target.document.version, added: 0, removed: 0,
      edits: [{ range: plain(isNew ? new vscode.Range(0, 0, 0, 0) : target.range), newText: text }],
    };
    return propose([change], 'Code of the answer', () => (isNew ? `new file ${shown(uri)}` : `in place of ${target.words}`));
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }

  private editor(): vscode.TextEditor | undefined {
    const { visibleTextEditors: visible, activeTextEditor } = vscode.window;
    return activeTextEditor ?? visible.find((each) => each === this.last || each.document === this.last?.document) ?? visible[0];
  }

  /** The file that the answer names, else the one that is open; in it the selection, else the whole. */
  private async target(named: string): Promise<Target> {
    const editor = this.editor();
    let document = editor?.document;
    if (named) {
      const found = await inside(named);
      if ('create' in found) return found;
      document = await vscode.workspace.openTextDocument(found.uri);
    }
    if (!document) throw new Error('The answer names no file for this code. Open the file that it belongs to.');
    const selected = editor?.document === document && !editor.selection.isEmpty ? editor.selection : undefined;
    const range = selected ?? document.validateRange(new vscode.Range(0, 0, document.lineCount, 0));
    return { document, range, words: selected ? `lines ${selected.start.line + 1} to ${lastLine(selected) + 1}` : 'the whole file' };
  }
}

/** A selection that ends where a line begins does not hold that line. */
const lastLine = ({ start, end }: vscode.Range): number => (end.character === 0 && end.line > start.line ? end.line - 1 : end.line);

/** A path of an answer in one of the workspace's folders, links followed; the file itself may be missing. */
async function inside(named: string): Promise<{ uri: vscode.Uri } | { create: vscode.Uri }> {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file');
  const refused = new Error(`${named} is not in this workspace.`);
  if (path.isAbsolute(named) || named.split(/[\\/]/).some((part) => part === '..' || part === '.git')) throw refused;
  let create: vscode.Uri | undefined;
  for (const { uri: folder } of folders) {
    const root = await realpath(folder.fsPath);
    const uri = vscode.Uri.joinPath(folder, named);
    let there = uri.fsPath;
    let real: string | undefined;
    while (!(real = await realpath(there).catch(() => undefined))) there = path.dirname(there);
    if (real !== path.join(root, path.relative(folder.fsPath, there))) throw refused; // a link: it leads elsewhere
    if (there === uri.fsPath) return { uri };
    create ??= uri;
  }
  if (!create) throw refused;
  return { create };
}

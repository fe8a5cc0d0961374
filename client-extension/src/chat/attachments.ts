// What the user wants the model to see with the next question.
import * as vscode from 'vscode';
import type { ChatAttachment } from '../protocol';
import type { Chip } from './messages';

export type Attached = Chip & { what: ChatAttachment };

const severities = ['error', 'warning', 'information', 'hint'];
const name = (uri: vscode.Uri): string => uri.path.split('/').at(-1)!;
const lines = ({ start, end }: vscode.Range): string => (start.line === end.line ? `${start.line + 1}` : `${start.line + 1}-${end.line + 1}`);

let count = 0;
const chip = (label: string, title: string, what: ChatAttachment): Attached => ({ id: ++count, label, title, what });
const place = (document: vscode.TextDocument): { uri?: string } => (document.uri.scheme === 'file' ? { uri: document.uri.toString() } : {});

export function file(uri: vscode.Uri): Attached {
  return chip(name(uri), `File ${vscode.workspace.asRelativePath(uri)}`, { uri: uri.toString(), kind: 'file' });
}

export function selection(document: vscode.TextDocument, range: vscode.Range): Attached {
  const what: ChatAttachment = { ...place(document), range: plain(range), kind: 'selection', text: document.getText(range) };
  return chip(`${name(document.uri)}:${lines(range)}`, `Selection in ${vscode.workspace.asRelativePath(document.uri)}`, what);
}

export function problem(uri: vscode.Uri, { message, severity, range, source }: vscode.Diagnostic): Attached {
  const said = `${severities[severity]}: ${message}${source ? ` (${source})` : ''}`;
  return chip(`${name(uri)}:${lines(range)} ${severities[severity]}`, said, { uri: uri.toString(), range: plain(range), kind: 'diagnostic', message: said });
}

/** A range as the protocol writes it. */
export function plain({ start, end }: vscode.Range): NonNullable<ChatAttachment['range']> {
  return { start: { line: start.line, character: start.character }, end: { line: end.line, character: end.character } };
}

/** Offers what is at hand. */
export async function choose(): Promise<Attached[]> {
  type Item = vscode.QuickPickItem & { take?: () => Attached[] | Promise<Attached[]> };
  const items: Item[] = [];
  const editor = vscode.window.activeTextEditor ?? vscode.window.visibleTextEditors[0];
  if (editor && !editor.selection.isEmpty) {
    const what = selection(editor.document, editor.selection);
    items.push({ label: '$(selection) Selection', description: what.label, take: () => [what] });
  }
  if (editor?.document.uri.scheme === 'file') {
    const { uri } = editor.document;
    const problems = vscode.languages.getDiagnostics(uri);
    items.push({ label: '$(file) This File', description: name(uri), take: () => [file(uri)] });
    if (problems.length) items.push({ label: '$(warning) Problems of This File', description: `${problems.length}`, take: () => problems.slice(0, 20).map((each) => problem(uri, each)) });
  }
  items.push({ label: '$(files) Files…', take: files });
  const choice = items.length === 1 ? items[0] : await vscode.window.showQuickPick(items, { title: 'Attach to the Question' });
  return (await choice?.take?.()) ?? [];
}

async function files(): Promise<Attached[]> {
  const found = await vscode.workspace.findFiles('**/*', undefined, 5000);
  const items = found.map((uri) => ({ label: name(uri), description: vscode.workspace.asRelativePath(uri), uri })).sort((a, b) => a.description.localeCompare(b.description));
  const chosen = await vscode.window.showQuickPick(items, { title: 'Attach Files', canPickMany: true, matchOnDescription: true });
  return (chosen ?? []).map(({ uri }) => file(uri));
}

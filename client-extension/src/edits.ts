// Changes are shown in the editor's own preview before anything happens, and are one step to undo.
import * as vscode from 'vscode';
import type { TaskFile, Range } from './protocol';

export const toRange = ({ start, end }: Range): vscode.Range => new vscode.Range(start.line, start.character, end.line, end.character);

/** Opens what will be changed, so that the editor itself refuses a change of a text that moves on during the preview. */
async function check({ kind, uri, version }: TaskFile): Promise<void> {
  if (kind === 'create') return;
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(uri, true));
  if (version !== null && document.version !== version) {
    throw new Error(`${vscode.workspace.asRelativePath(document.uri)} was edited while the model worked, so nothing was changed. Run it again.`);
  }
}

/** Throws where a document has moved on since the change was made for it. */
export async function checkVersions(files: TaskFile[]): Promise<void> {
  await Promise.all(files.map(check));
}

/** Shows the change for confirmation; answers whether something of it was taken. Throws where a document has moved on. */
export async function propose(files: TaskFile[], label: string, reason: (uri: string) => string): Promise<boolean> {
  for (;;) {
    await checkVersions(files);
    if (await vscode.workspace.applyEdit(toEdit(files, label, reason))) return true;
    // The editor does not say whether it was discarded or applied with nothing ticked.
    const choice = await vscode.window.showInformationMessage('Nothing was changed. In the preview, tick what you want before you apply it.', 'Show Again');
    if (!choice) return false;
  }
}

function toEdit(files: TaskFile[], label: string, reason: (uri: string) => string): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  for (const { kind, uri, newUri, edits } of files) {
    const from = vscode.Uri.parse(uri, true);
    const why = { needsConfirmation: true, label, description: reason(uri) };
    const to = newUri === null ? from : vscode.Uri.parse(newUri, true);
    if (kind === 'create') edit.createFile(from, { overwrite: false, ignoreIfExists: false }, why);
    if (kind === 'delete') edit.deleteFile(from, { recursive: false, ignoreIfNotExists: false }, why);
    else for (const { range, newText } of edits) edit.replace(from, toRange(range), newText, why);
    if (kind === 'rename') edit.renameFile(from, to, { overwrite: false, ignoreIfExists: false }, why);
  }
  return edit;
}

// Tells the server where the user looks, once they stay there: what they have just read helps the model.
import * as vscode from 'vscode';
import { didFocus } from './protocol';
import type { Server } from './server';

const STAYS_MS = 500;

export function watchFocus(server: Server): vscode.Disposable {
  let waiting: NodeJS.Timeout | undefined;
  const look = (editor: vscode.TextEditor | undefined): void => {
    clearTimeout(waiting);
    if (!editor || !['file', 'untitled', 'vscode-notebook-cell'].includes(editor.document.uri.scheme)) return;
    waiting = setTimeout(() => {
      const { line, character } = editor.selection.active;
      server.tell(didFocus, { textDocument: { uri: editor.document.uri.toString() }, position: { line, character } });
    }, STAYS_MS);
  };
  return vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor(look),
    vscode.window.onDidChangeTextEditorSelection((event) => {
      if (event.kind === vscode.TextEditorSelectionChangeKind.Mouse) look(event.textEditor);
    }),
    { dispose: () => clearTimeout(waiting) },
  );
}

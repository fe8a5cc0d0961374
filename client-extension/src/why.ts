// "Why This Suggestion?": the story of the last answer in the active editor, as the server tells it, in a side pane.
import * as vscode from 'vscode';
import { ask } from './protocol';
import type { Server } from './server';

const SCHEME = 'beastmode-why';

/** Shows the story; a second call in the same pane shows the new one. */
export class Why implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private story = '';
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  constructor(private readonly server: Server) {}

  provideTextDocumentContent(): string {
    return this.story;
  }

  async show(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      void vscode.window.showInformationMessage('Open a file first: this tells the story of the last suggestion in it.');
      return;
    }
    const { lines } = await this.server.ask<{ lines: string[] }>(ask.why, { uri: editor.document.uri.toString() });
    this.story = lines.join('\n');
    const uri = vscode.Uri.from({ scheme: SCHEME, path: 'Why This Suggestion.md' });
    this.changed.fire(uri);
    // Plain text on purpose: the story quotes a model, and a rendered page could load what it quotes.
    const document = await vscode.languages.setTextDocumentLanguage(await vscode.workspace.openTextDocument(uri), 'markdown');
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true, preserveFocus: true });
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}

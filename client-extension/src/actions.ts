// Code actions: the tasks where the code is. Nothing is asked of the model before one of them is chosen.
import * as vscode from 'vscode';
import { around } from './tasks';

const { QuickFix, RefactorRewrite } = vscode.CodeActionKind;
const rewrites = { generateTests: 'Generate Tests', refactorSelection: 'Refactor', documentSelection: 'Document', explainSelection: 'Explain' };

class Actions implements vscode.CodeActionProvider {
  async provideCodeActions(document: vscode.TextDocument, range: vscode.Range, context: vscode.CodeActionContext): Promise<vscode.CodeAction[]> {
    const fixes = context.diagnostics.slice(0, 3).map((diagnostic) => {
      const title = context.diagnostics.length > 1 ? `Fix with BEAST MODE: ${diagnostic.message.split('\n')[0]!.slice(0, 60)}` : 'Fix with BEAST MODE';
      const action = new vscode.CodeAction(title, QuickFix);
      action.diagnostics = [diagnostic];
      action.command = { title, command: 'beastmode.fixProblem', arguments: [{ uri: document.uri, range: diagnostic.range }, diagnostic] };
      return action;
    });
    // No light bulb on every line: a cursor alone gets them where the user asks for actions.
    if (range.isEmpty && context.triggerKind !== vscode.CodeActionTriggerKind.Invoke) return fixes;
    const place = await around(document, range);
    return [...fixes, ...Object.entries(rewrites).map(([name, verb]) => {
      const action = new vscode.CodeAction(`${verb} with BEAST MODE`, RefactorRewrite);
      action.command = { title: action.title, command: `beastmode.${name}`, arguments: [place] };
      return action;
    })];
  }
}

export function offerActions(): vscode.Disposable {
  return vscode.languages.registerCodeActionsProvider([{ scheme: 'file' }, { scheme: 'untitled' }], new Actions(), { providedCodeActionKinds: [QuickFix, RefactorRewrite] });
}

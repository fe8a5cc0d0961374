// Code lenses come from the server, each with the order of a task; here a click becomes the command that asks and shows.
import * as vscode from 'vscode';
import { toRange } from './edits';

const clicked: Record<string, string> = { tests: 'generateTests', refactor: 'refactorSelection', explain: 'explainSelection', document: 'documentSelection' };

export function lensed(lenses: vscode.CodeLens[] | null | undefined): vscode.CodeLens[] {
  for (const { command } of lenses ?? []) {
    const order = command?.arguments?.[0];
    const name = clicked[order?.task];
    if (command && name) Object.assign(command, { command: `beastmode.${name}`, arguments: [{ uri: vscode.Uri.parse(order.uri, true), range: toRange(order.range) }] });
  }
  return lenses ?? [];
}

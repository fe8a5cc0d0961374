// "Find Opportunities": where the code could be better, by file, with a reason; a choice jumps there, its button refactors.
import * as vscode from 'vscode';
import { ask, type Opportunity } from './protocol';
import type { Server } from './server';
import type { Tasks } from './tasks';

type Item = vscode.QuickPickItem & { found?: Opportunity };

const icons: Record<Opportunity['severity'], string> = { high: '$(error)', medium: '$(warning)', low: '$(info)' };
const refactor: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('wand'), tooltip: 'Refactor with BEAST MODE' };

/** The whole workspace; the server reports the progress, and the editor's cancel button reaches it. */
export async function findOpportunities(server: Server, tasks: Tasks): Promise<void> {
  const found = await server.ask<Opportunity[]>(ask.findOpportunities, vscode.workspace.workspaceFolders ? {} : only());
  if (!found.length) return void vscode.window.showInformationMessage('Nothing was found that a good reviewer would mention.');
  const pick = vscode.window.createQuickPick<Item>();
  pick.title = `${found.length} ${found.length === 1 ? 'opportunity' : 'opportunities'}`;
  pick.placeholder = 'Where to? The button asks your model to refactor it.';
  pick.matchOnDescription = pick.matchOnDetail = true;
  pick.items = items(found);
  pick.onDidChangeActive(([item]) => { if (item?.found) void show(item.found, true); });
  pick.onDidAccept(() => {
    const chosen = pick.activeItems[0]?.found;
    pick.hide();
    if (chosen) void show(chosen, false);
  });
  const mended = new Promise<Opportunity | undefined>((resolve) => {
    pick.onDidTriggerItemButton(({ item }) => { resolve(item.found); pick.hide(); });
    pick.onDidHide(() => { resolve(undefined); pick.dispose(); });
  });
  pick.show();
  const chosen = await mended;
  if (chosen) await tasks.improve(chosen);
}

/** Without a folder: the document that is open. */
function only(): { uri: string } {
  const editor = vscode.window.activeTextEditor;
  if (!editor) throw new Error('Open a folder or a file first.');
  return { uri: editor.document.uri.toString() };
}

/** By file; the server's order is by weight, so the file with the gravest comes first. */
function items(found: Opportunity[]): Item[] {
  const files = new Map<string, Opportunity[]>();
  for (const one of found) files.set(one.uri, [...(files.get(one.uri) ?? []), one]);
  return [...files.values()].flatMap((group) => [
    { label: group[0]!.path, kind: vscode.QuickPickItemKind.Separator },
    ...group.sort((a, b) => a.line - b.line).map((one) => ({
      label: `${icons[one.severity]} ${one.kind.replaceAll('-', ' ')}`,
      description: `${one.name} line ${one.line + 1}`.trim(),
      detail: `${one.reason}. ${one.suggestion}`,
      buttons: [refactor],
      found: one,
    })),
  ]);
}

async function show(one: Opportunity, isPreview: boolean): Promise<void> {
  const selection = new vscode.Range(one.line, 0, one.line, 0);
  const editor = await vscode.window.showTextDocument(vscode.Uri.parse(one.uri), { selection, preview: true, preserveFocus: isPreview });
  editor.revealRange(new vscode.Range(one.line, 0, one.endLine, 0), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

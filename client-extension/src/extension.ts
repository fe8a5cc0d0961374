// Wiring: one server, one status bar item, one table of commands.
import * as vscode from 'vscode';
import { watchFocus } from './focus';
import { install, NoServer } from './locate';
import { Models } from './models';
import { ask } from './protocol';
import { Server } from './server';
import { showStatus, StatusBar } from './status';
import { Why } from './why';

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel('BEAST MODE', { log: true });
  const here = (server = new Server(context, log));
  const bar = new StatusBar(here);
  const models = new Models(here, context.globalStorageUri.fsPath);
  const why = new Why(here);

  const commands: Record<string, () => Promise<unknown>> = {
    registerModel: () => models.register(),
    selectModel: () => models.select(),
    showModelStatus: () => showStatus(here),
    whyThisSuggestion: () => why.show(),
    removeModel: () => models.remove(),
    testModel: () => models.test(),
    openLog: () => openLog(here),
    restartServer: () => here.restart(),
    downloadModel: () => models.fetch(),
    installServer: async () => { if (await install(context, log)) await here.restart(); },
  };
  for (const [name, act] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(`beastmode.${name}`, () => act().catch((error) => explain(error, log))));
  }
  context.subscriptions.push(
    log, here, bar, why, watchFocus(here), here.onDidChange(() => bar.paint()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => here.moved()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('beastmode.server')) here.moved();
      else if (event.affectsConfiguration('beastmode')) bar.paint();
    }),
  );
  // Not awaited: an editor that starts up waits for nobody.
  void here.restart().then(() => offerInstall(context, here));
}

export function deactivate(): Promise<void> | undefined {
  return server?.stop();
}

/** A command that cannot do its work says why, with a button for what helps. */
async function explain(error: unknown, log: vscode.LogOutputChannel): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  log.error(message);
  const help: Record<string, string> = error instanceof NoServer
    ? { ...(error.canInstall ? { Install: 'beastmode.installServer' } : { Restart: 'beastmode.restartServer' }), 'Open Log': 'beastmode.openLog' }
    : { 'Open Log': 'beastmode.openLog' };
  const choice = await vscode.window.showErrorMessage(message, ...Object.keys(help));
  if (choice) await vscode.commands.executeCommand(help[choice]!);
}

/** Once in the life of this installation; after that the status bar offers it. */
async function offerInstall(context: vscode.ExtensionContext, here: Server): Promise<void> {
  const { state } = here;
  if (state.kind !== 'failed' || !state.canInstall || context.globalState.get('offered')) return;
  await context.globalState.update('offered', true);
  const choice = await vscode.window.showInformationMessage(`${state.reason} It needs Python 3.11 or newer.`, 'Install');
  if (choice) await vscode.commands.executeCommand('beastmode.installServer');
}

/** The server's log in an editor; where there is no server, what this extension knows. */
async function openLog(here: Server): Promise<void> {
  const answer = await here.ask<{ path: string }>(ask.log).catch(() => undefined);
  if (!answer) return here.log.show();
  await vscode.window.showTextDocument(vscode.Uri.file(answer.path), { preview: true });
}

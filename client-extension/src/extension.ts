// Wiring: one server, one status bar item, one table of commands.
import * as vscode from 'vscode';
import { offerActions } from './actions';
import { file, selection } from './chat/attachments';
import { ChatView } from './chat/view';
import { changeConsent } from './consent';
import { watchFocus } from './focus';
import { install, NoServer } from './locate';
import { Models } from './models';
import { findOpportunities } from './opportunities';
import { ask } from './protocol';
import { Server } from './server';
import { showStatus, StatusBar } from './status';
import { type Place, Tasks } from './tasks';
import { Why } from './why';

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel('BEAST MODE', { log: true });
  const here = (server = new Server(context, log));
  const bar = new StatusBar(here);
  const models = new Models(here, context.globalStorageUri.fsPath);
  const why = new Why(here);
  const chat = new ChatView(here, context, (error) => void explain(error, log));
  const tasks = new Tasks(here, chat);

  const commands: Record<string, (...given: never[]) => Promise<unknown>> = {
    registerModel: () => models.register(),
    selectModel: () => models.select(),
    showModelStatus: () => showStatus(here),
    whyThisSuggestion: () => why.show(),
    openChat: () => chat.open(),
    newChat: () => chat.begin(),
    chatSessions: () => chat.sessions(),
    renameChat: () => chat.rename(),
    deleteChat: () => chat.remove(),
    attachToChat: () => chat.open(atHand()),
    generateFeature: () => tasks.feature(),
    generateTests: (place?: Place) => tasks.tests(place),
    allowTests: () => changeConsent(here),
    refactorSelection: (place?: Place) => tasks.refactor(place),
    documentSelection: (place?: Place) => tasks.document(place),
    explainSelection: (place?: Place) => tasks.explain(place),
    fixProblem: (place?: Place, problem?: vscode.Diagnostic) => tasks.fix(place, problem),
    findOpportunities: () => findOpportunities(here, tasks),
    removeModel: () => models.remove(),
    testModel: () => models.test(),
    openDashboard: () => openDashboard(here),
    openLog: () => openLog(here),
    restartServer: () => here.restart(),
    downloadModel: () => models.fetch(),
    installServer: async () => { if (await install(context, log)) await here.restart(); },
  };
  for (const [name, act] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(`beastmode.${name}`, (...given: never[]) => act(...given).catch((error) => explain(error, log))));
  }
  context.subscriptions.push(
    log, here, bar, why, chat, vscode.window.registerWebviewViewProvider(ChatView.id, chat), offerActions(), watchFocus(here), here.onDidChange(() => bar.paint()),
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

/** The selection, or the file where nothing is selected. */
function atHand(): ReturnType<typeof file>[] {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return [];
  const { document } = editor;
  if (!editor.selection.isEmpty) return [selection(document, editor.selection)];
  return [document.uri.scheme === 'file' ? file(document.uri) : selection(document, document.validateRange(new vscode.Range(0, 0, document.lineCount, 0)))];
}

/** Once in the life of this installation; after that the status bar offers it. */
async function offerInstall(context: vscode.ExtensionContext, here: Server): Promise<void> {
  const { state } = here;
  if (state.kind !== 'failed' || !state.canInstall || context.globalState.get('offered')) return;
  await context.globalState.update('offered', true);
  const choice = await vscode.window.showInformationMessage(`${state.reason} It needs Python 3.11 or newer.`, 'Install');
  if (choice) await vscode.commands.executeCommand('beastmode.installServer');
}

/** In the user's browser, signed in already; the server says how to start the gateway where none runs. */
async function openDashboard(here: Server): Promise<void> {
  const { url } = await here.ask<{ url: string }>(ask.dashboard);
  await vscode.env.openExternal(vscode.Uri.parse(url, true));
}

/** The server's log in an editor; where there is no server, what this extension knows. */
async function openLog(here: Server): Promise<void> {
  const answer = await here.ask<{ path: string }>(ask.log).catch(() => undefined);
  if (!answer) return here.log.show();
  await vscode.window.showTextDocument(vscode.Uri.file(answer.path), { preview: true });
}

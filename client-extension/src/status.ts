// The status bar item and the view behind it. All text about models comes from the server.
import * as vscode from 'vscode';
import { healthIcon } from './models';
import { narrowed, type Server } from './server';

/** Icons are ours: `$(…)` in a model's name stays text. */
const plain = (text: string): string => text.replaceAll('$(', '$\u200b(');

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('status', vscode.StatusBarAlignment.Right, 100);

  constructor(private readonly server: Server) {
    this.item.name = 'BEAST MODE';
    this.item.command = 'beastmode.showModelStatus';
    this.paint();
    this.item.show();
  }

  paint(): void {
    const { state, status } = this.server;
    const level = state.kind !== 'failed' ? status?.health.level : state.canInstall ? 'degraded' : 'unhealthy';
    const colour = level === 'unhealthy' ? 'error' : level === 'degraded' ? 'warning' : undefined;
    this.item.backgroundColor = colour && new vscode.ThemeColor(`statusBarItem.${colour}Background`);
    this.item.text = this.text();
    this.item.tooltip = ['BEAST MODE', ...lines(this.server)].join('\n');
    this.item.accessibilityInformation = { label: `BEAST MODE: ${status?.model?.name ?? state.kind}${level ? `, ${level}` : ''}` };
  }

  dispose(): void {
    this.item.dispose();
  }

  private text(): string {
    const { state, status } = this.server;
    if (state.kind === 'failed') return state.canInstall ? '$(cloud-download) BEAST MODE: install' : '$(error) BEAST MODE: server stopped';
    if (!narrowed().enabled) return '$(circle-slash) BEAST MODE: off';
    if (!status) return state.kind === 'stopped' ? '$(circle-slash) BEAST MODE' : '$(loading~spin) BEAST MODE';
    const icon = status.activity === 'idle' ? healthIcon(status.health) : '$(loading~spin)';
    return `${icon} ${plain(status.model?.name ?? 'no model')}`;
  }
}

function lines(server: Server): string[] {
  if (server.state.kind === 'failed') return [server.state.reason];
  const status = server.status;
  if (!status) return [`The language server is ${server.state.kind}.`];
  return narrowed().enabled ? status.lines : ['Suggestions are off (setting beastmode.enabled).', ...status.lines];
}

/** The status view: the server's lines, then what can be done about them. */
export async function showStatus(server: Server): Promise<void> {
  const { state, status } = server;
  const failed = state.kind === 'failed';
  const notice = failed ? undefined : status?.notice?.action;
  const actions: [string, string][] = [
    ...(notice ? [[notice.title, notice.command] as [string, string]] : []),
    ...(failed && state.canInstall ? [['Install Language Server', 'beastmode.installServer'] as [string, string]] : []),
    ...(failed
      ? [['Restart Language Server', 'beastmode.restartServer'] as [string, string]]
      : [['Select Model', 'beastmode.selectModel'], ['Register Custom Model', 'beastmode.registerModel'], ['Test Model', 'beastmode.testModel']] as [string, string][]),
    ['Open Log', 'beastmode.openLog'],
  ];
  const items: (vscode.QuickPickItem & { run?: string })[] = [
    ...lines(server).map((line) => ({ label: plain(line) })),
    { label: 'Actions', kind: vscode.QuickPickItemKind.Separator },
    ...actions.map(([title, run]) => ({ label: `$(chevron-right) ${plain(title)}`, run })),
  ];
  const choice = await vscode.window.showQuickPick(items, { title: 'BEAST MODE: Model Status' });
  if (choice?.run) await vscode.commands.executeCommand(choice.run);
}

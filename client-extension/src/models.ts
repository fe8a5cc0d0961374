// The commands about models: what a person asks for, and what the server says in return.
import * as vscode from 'vscode';
import { type Draft, fill } from './form';
import { run } from './process';
import { ask, type Check, type Field, type Health, type Model, type Registered, type TestReport } from './protocol';
import type { Server } from './server';

const icons: Record<Health['level'], string> = { healthy: '$(pass)', degraded: '$(warning)', unhealthy: '$(error)', unknown: '$(circle-outline)' };
export const healthIcon = (health: Health): string => icons[health.level] ?? icons.unknown;

const describe = (check: Check): string => `${check.ok ? '✓' : '✗'} ${check.name}: ${check.evidence}${check.ok || !check.fix ? '' : ` → ${check.fix}`}`;

export class Models {
  private draft: Draft = { values: {}, step: 0 };

  constructor(private readonly server: Server, private readonly cwd: string) {}

  /** Asks the fields, tries the endpoint in a child process, saves. The key goes to that child's stdin and nowhere else. */
  async register(): Promise<void> {
    const fields = await this.server.ask<Field[]>(ask.form);
    const check = (field: string, value: string): Promise<string | null> => this.server.ask(ask.check, { field, value });
    let problem: string | undefined;
    while (await fill(fields, this.draft, check, problem)) {
      problem = undefined;
      let answer = await this.add([]);
      if (answer && !answer.ok && 'error' in answer) {
        const detail = [answer.fix, ...(answer.found ?? []).filter((check) => check.ok).map(describe)].join('\n');
        const buttons = answer.can_save_anyway ? ['Edit', 'Save Anyway'] : ['Edit'];
        const choice = await vscode.window.showWarningMessage(answer.error, { modal: true, detail }, ...buttons);
        if (choice === 'Save Anyway') answer = await this.add(['--force']);
        else if (choice !== 'Edit') return void (this.draft.step = 0);
      }
      if (answer?.ok) return this.registered(answer.id, answer.found);
      const wrong = answer && 'problems' in answer ? answer.problems : {};
      const first = Math.max(0, fields.findIndex((field) => field.name in wrong));
      this.draft.step = first;
      problem = wrong[fields[first]!.name];
      if (!answer) return; // cancelled; the draft waits for the next time
    }
  }

  async select(): Promise<void> {
    const model = await this.pick('Select Model');
    if (model) await this.server.ask(ask.select, { id: model.id });
  }

  async remove(): Promise<void> {
    const model = await this.pick('Remove Model', (row) => row.provider !== 'builtin');
    if (!model) return;
    const detail = `${model.endpoint_url}\nIts stored API key is deleted with it.`;
    const sure = await vscode.window.showWarningMessage(`Remove ${model.name}?`, { modal: true, detail }, 'Remove');
    if (sure) await this.server.ask(ask.remove, { id: model.id });
  }

  async test(): Promise<void> {
    const model = await this.pick('Test Model');
    if (!model) return;
    const report = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: `Testing ${model.name}` },
      () => this.server.ask<TestReport>(ask.test, { id: model.id }),
    );
    const items = report.checks.map((check) => ({
      label: `${check.ok ? '$(pass)' : '$(error)'} ${check.name}`, description: check.evidence, detail: check.ok ? undefined : check.fix,
    }));
    await vscode.window.showQuickPick(items, { title: report.summary, matchOnDescription: true });
  }

  /** Downloads the built-in model; the server reports the progress, and the editor's cancel button reaches it. */
  async fetch(): Promise<void> {
    await this.server.ask(ask.fetch);
    void vscode.window.showInformationMessage('The built-in model is on this machine.');
  }

  private async add(extra: string[]): Promise<Exclude<Registered, { progress: string }> | undefined> {
    const program = this.server.program!; // the form came from it
    const options = { location: vscode.ProgressLocation.Notification, title: 'Trying the endpoint', cancellable: true };
    return vscode.window.withProgress(options, async (progress, token) => {
      let last: Registered | undefined;
      const onLine = (line: string): void => {
        if (!line.startsWith('{')) return;
        last = JSON.parse(line) as Registered;
        if ('progress' in last) progress.report({ message: last.progress });
      };
      const args = ['models', 'add', '--stdin-json', '--json', ...extra];
      const { code, errors } = await run(program, args, { cwd: this.cwd, input: JSON.stringify(this.draft.values), onLine, token });
      if (token.isCancellationRequested) return undefined;
      if (!last || 'progress' in last) throw new Error(`Registering failed: ${errors || `exit code ${code}`}`);
      return last;
    });
  }

  private async registered(id: string, found: Check[]): Promise<void> {
    const name = this.draft.values.model_name ?? id;
    this.draft = { values: {}, step: 0 };
    await this.server.ask(ask.refresh);
    const passed = found.filter((check) => check.ok).map((check) => check.name).join(', ');
    const failed = found.filter((check) => !check.ok).map(describe);
    const seen = [...(passed ? [`✓ ${passed}`] : []), ...failed].join(' · ');
    const choice = await vscode.window.showInformationMessage(`${name} is registered. ${seen}`, 'Use This Model');
    if (choice) await this.server.ask(ask.select, { id });
  }

  private async pick(title: string, which: (row: Model) => boolean = () => true): Promise<Model | undefined> {
    const rows = (await this.server.ask<Model[]>(ask.list)).filter(which);
    const items = rows.map((row) => ({
      label: `${healthIcon(row.health)} ${row.name}`,
      description: row.selected ? `${row.id} · in use` : row.id,
      detail: [row.description, row.endpoint_url, ...row.health.issues].filter(Boolean).join(' · '),
      row,
    }));
    const options = { title, placeHolder: items.length ? 'Which model?' : 'No model yet: run Register Custom Model', matchOnDescription: true };
    return (await vscode.window.showQuickPick(items, options))?.row;
  }
}

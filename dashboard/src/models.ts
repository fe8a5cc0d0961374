// Each model with its health and the reason for it; here models are registered, tested and removed.
import { ask, type ModelRow, Problem, type TestReport } from './api';
import { button, make, prose, unseen } from './dom';
import { count, dollars, percent, seconds, short } from './format';
import { list, number, panel, type Panel } from './panels';
import { Registration } from './register';

const path = (id: string): string => `/api/models/custom/${encodeURIComponent(short(id))}`;

/** A model's rows: kept from one update to the next, so that a button in use keeps its focus and its result. */
class Row {
  readonly cells = make('tr');
  readonly result = make('tr', { class: 'result', hidden: true });
  private readonly told = make('td', { colspan: '7', role: 'status' });
  private readonly tests: HTMLButtonElement;
  private readonly removes: HTMLButtonElement;

  constructor(private model: ModelRow, private readonly isOwner: boolean, private readonly changed: () => void) {
    this.result.append(this.told);
    this.tests = button('Test', () => void this.test(), 'plain');
    this.removes = button('Remove', () => void this.remove(), 'plain');
    for (const [made, verb] of [[this.tests, 'Test'], [this.removes, 'Remove']] as const) made.setAttribute('aria-label', `${verb} ${model.name}`);
    this.update(model);
  }

  update(model: ModelRow): void {
    this.model = model;
    const { figures, health } = model;
    const actions = this.isOwner && model.is_registered ? [this.tests, ...(model.can_remove ? [this.removes] : [])] : [];
    const name = make('th', { scope: 'row' }, make('span', { class: 'name' }, model.name, ...model.selected_for.map((task) => make('span', { class: 'tag' }, task === '*' ? 'in use' : task))),
      make('span', { class: 'id' }, model.id, ...(model.is_custom && !model.is_registered ? [' (removed)'] : [])));
    const state = make('td', { class: 'health' }, make('span', { class: `level ${health.level}` }, health.level === 'unknown' ? 'not asked lately' : health.level),
      ...(health.issues.length ? [make('span', { class: 'note' }, health.issues.join('; '))] : []));
    const old = this.cells.lastElementChild;
    const told = {
      Requests: count(figures.requests),
      Succeeded: percent(figures.requests ? figures.succeeded / figures.requests : null),
      p95: seconds(figures.p95_s),
      Cost: figures.unpriced && !figures.known_cost ? 'no price' : dollars(figures.known_cost),
    };
    const cells = [name, state, ...Object.entries(told).map(([of, text]) => number(text, of))];
    if (old && old.children.length === actions.length) {
      for (const [at, cell] of cells.entries()) this.cells.children[at]!.replaceWith(cell);
    } else {
      this.cells.replaceChildren(...cells, make('td', { class: 'actions' }, ...actions));
    }
  }

  private say(...content: (string | Node)[]): void {
    this.result.hidden = !content.length;
    this.told.replaceChildren(...content);
  }

  private async test(): Promise<void> {
    this.tests.disabled = true;
    this.say(`Asking ${this.model.name}…`);
    try {
      const report = await ask<TestReport>(`${path(this.model.id)}/test`, { method: 'POST', body: {} });
      this.say(make('b', {}, report.success ? 'It works.' : 'It does not work.'), checks(report.checks), button('Close', () => this.say(), 'plain'));
      this.changed();
    } catch (error) {
      this.say(...words(error), button('Close', () => this.say(), 'plain'));
    } finally {
      this.tests.disabled = false;
    }
  }

  private async remove(): Promise<void> {
    const { name, id } = this.model;
    const yes = await confirmed(`Remove ${name}?`, `${id} and its key are deleted. What it did stays in the ledger.`, 'Remove');
    if (!yes) return this.removes.focus();
    try {
      await ask(path(id), { method: 'DELETE' });
      this.changed();
    } catch (error) {
      this.say(...words(error));
    }
  }
}

export function models(changed: () => void): Panel {
  const body = make('tbody');
  const table = list('Models', ['Model', 'Health', 'Requests', 'Succeeded', 'p95', 'Cost', ''], body);
  const registration = new Registration(changed);
  const register = button('Register a model', () => void registration.open(), 'primary');
  const { element, say } = panel('models', 'Models', table);
  element.querySelector('h2')!.after(register);
  const rows = new Map<string, Row>();
  return {
    element,
    update({ models: seen, is_owner }) {
      register.hidden = !is_owner;
      say(seen.length ? 'Health by the last 15 minutes, figures of the chosen span' : 'No model yet');
      for (const [id, row] of rows) {
        if (seen.some((model) => model.id === id)) continue;
        row.cells.remove();
        row.result.remove();
        rows.delete(id);
      }
      for (const [at, model] of seen.entries()) {
        const row = rows.get(model.id) ?? new Row(model, is_owner, changed);
        if (rows.has(model.id)) row.update(model);
        rows.set(model.id, row);
        if (body.children[at * 2] !== row.cells) body.insertBefore(row.result, body.insertBefore(row.cells, body.children[at * 2] ?? null).nextSibling);
      }
    },
  };
}

export const checks = (all: TestReport['checks']): HTMLElement =>
  make('ul', { class: 'checks' }, ...all.map((check) =>
    make('li', { class: check.ok ? 'ok' : 'failed' }, unseen(check.ok ? 'Passed: ' : 'Failed: '), check.name, ...(check.evidence ? [make('span', { class: 'note' }, ` ${check.evidence}`)] : []), ...(check.ok || !check.fix ? [] : [make('span', { class: 'note' }, ' ', prose(check.fix))]))));

/** An error as a person reads it. */
export function words(error: unknown): (string | Node)[] {
  if (!(error instanceof Problem)) return [String(error)];
  return [error.message, ...(error.fix && !error.checks.length ? ['. ', prose(error.fix)] : []), ...(error.checks.length ? [checks(error.checks)] : [])];
}

/** Asks before something is deleted; the dialog begins on the button that deletes nothing. */
function confirmed(title: string, text: string, verb: string): Promise<boolean> {
  const dialog = make('dialog', { 'aria-labelledby': 'confirm-title', class: 'small' });
  const close = (value: string) => () => dialog.close(value);
  dialog.append(make('h2', { id: 'confirm-title' }, title), make('p', {}, text), make('div', { class: 'buttons' }, button('Cancel', close('')), button(verb, close('yes'), 'danger')));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener('close', () => {
    dialog.remove();
    done(dialog.returnValue === 'yes');
  }));
}

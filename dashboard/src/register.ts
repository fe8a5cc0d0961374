// The registration form, whose fields are the server's. The key is sent once, in a body, and is kept nowhere on the page.
import { ask, type Field, Problem } from './api';
import { button, make, prose } from './dom';
import { words } from './models';

type Input = HTMLInputElement | HTMLSelectElement;

export class Registration {
  private readonly dialog = make('dialog', { 'aria-labelledby': 'register-title' });
  private readonly form = make('form', { novalidate: true, autocomplete: 'off' });
  private readonly told = make('div', { class: 'told', role: 'alert' });
  private readonly inputs = new Map<string, { input: Input; error: HTMLElement }>();
  private readonly submit = make('button', { type: 'submit', class: 'primary' }, 'Test and register');
  private readonly anyway = button('Register without an answer', () => void this.send(true));
  private asking: AbortController | undefined;

  constructor(private readonly changed: () => void) {
    this.anyway.hidden = true;
    this.dialog.append(
      make('h2', { id: 'register-title' }, 'Register a model'),
      make('p', { class: 'note' }, 'The endpoint is asked for one answer before anything is saved.'),
      this.form,
    );
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.send(false);
    });
    this.dialog.addEventListener('close', () => {
      this.asking?.abort();
      const key = this.inputs.get('api_key')?.input;
      if (key) key.value = '';
    });
  }

  async open(): Promise<void> {
    document.body.append(this.dialog);
    this.dialog.showModal();
    if (this.inputs.size) return;
    try {
      const fields = await ask<Field[]>('/api/dashboard/form');
      const more = make('details', {}, make('summary', {}, 'More'));
      const first = new Set(['model_name', 'model_id', 'endpoint_url', 'provider', 'api_key', 'price']);
      this.form.append(...fields.filter((field) => first.has(field.name)).map((field) => this.field(field)), more);
      more.append(...fields.filter((field) => !first.has(field.name)).map((field) => this.field(field)));
      this.form.append(this.told, make('div', { class: 'buttons' }, button('Cancel', () => this.dialog.close()), this.anyway, this.submit));
      this.inputs.values().next().value?.input.focus();
    } catch (error) {
      this.form.replaceChildren(make('p', { role: 'alert' }, ...words(error)));
    }
  }

  private field({ name, title, prompt, kind, placeholder, default: usual, optional, choices }: Field): HTMLElement {
    const id = `field-${name}`;
    const hints = `${id}-hint ${id}-error`;
    const input: Input = kind === 'choice'
      ? make('select', { id, name, 'aria-describedby': hints }, ...choices.map(([value, text]) => make('option', { value, selected: value === usual }, text)))
      : make('input', {
        id, name, placeholder, 'aria-describedby': hints, autocomplete: 'off', spellcheck: 'false', type: kind === 'secret' ? 'password' : 'text',
        inputmode: kind === 'number' ? 'decimal' : false, required: !optional,
      });
    if (kind === 'number') input.setAttribute('placeholder', usual);
    const error = make('p', { id: `${id}-error`, class: 'wrong' });
    this.inputs.set(name, { input, error });
    return make('div', { class: 'field' }, make('label', { for: id }, title, ...(optional ? [make('span', { class: 'note' }, ' optional')] : [])), input, make('p', { id: `${id}-hint`, class: 'note' }, prompt), error);
  }

  private async send(force: boolean): Promise<void> {
    const body: Record<string, unknown> = force ? { force: true } : {};
    for (const [name, { input, error }] of this.inputs) {
      if (input.value !== '') body[name] = input.value;
      error.textContent = '';
      input.removeAttribute('aria-invalid');
    }
    this.submit.disabled = this.anyway.disabled = true;
    this.told.replaceChildren('Asking the endpoint…');
    this.asking = new AbortController();
    try {
      await ask('/api/models/custom', { method: 'POST', body, signal: this.asking.signal });
      this.form.reset();
      this.told.replaceChildren();
      this.anyway.hidden = true;
      this.dialog.close();
      this.changed();
    } catch (error) {
      if (this.asking.signal.aborted) return;
      this.anyway.hidden = !(error instanceof Problem && error.checks.length);
      const problems = error instanceof Problem ? Object.entries(error.fields) : [];
      for (const [name, problem] of problems) this.wrong(name, problem);
      const known = problems.every(([name]) => this.inputs.has(name));
      this.told.replaceChildren(...(problems.length && known ? [prose('Something is missing or wrong above.')] : words(error)));
      this.inputs.get(problems[0]?.[0] ?? '')?.input.focus();
    } finally {
      this.submit.disabled = this.anyway.disabled = false;
    }
  }

  private wrong(name: string, problem: string): void {
    const field = this.inputs.get(name);
    if (!field) return;
    field.error.textContent = problem;
    field.input.setAttribute('aria-invalid', 'true');
    field.input.closest('details')?.setAttribute('open', '');
  }
}

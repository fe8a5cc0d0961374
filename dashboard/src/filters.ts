// The bar at the top: which time, which models, whether the page is live.
import type { Overview } from './api';
import { RANGES, type View } from './address';
import { button, make, unseen } from './dom';

export type Live = 'live' | 'waiting' | 'off';

export class Filters {
  readonly element = make('div', { class: 'filters' });
  private readonly ranges = make('fieldset', { class: 'ranges' }, make('legend', { class: 'unseen' }, 'Time range'));
  private readonly days = make('details', { class: 'menu days' });
  private readonly models = make('details', { class: 'menu' });
  private readonly state = make('span', { class: 'live', role: 'status' });
  private readonly from = make('input', { type: 'date', id: 'from' });
  private readonly to = make('input', { type: 'date', id: 'to' });

  constructor(private view: View, private readonly choose: (view: View) => void, signOut: () => void) {
    for (const [value, title] of Object.entries(RANGES)) {
      const input = make('input', { type: 'radio', name: 'range', value, id: `range-${value}` });
      input.addEventListener('change', () => this.choose({ ...this.view, range: value, from: '', to: '' }));
      this.ranges.append(input, make('label', { for: `range-${value}` }, title));
    }
    const apply = make('form', { class: 'sheet' }, make('label', { for: 'from' }, 'From'), this.from, make('label', { for: 'to' }, 'To'), this.to, make('button', { type: 'submit', class: 'primary' }, 'Show'));
    apply.addEventListener('submit', (event) => {
      event.preventDefault();
      this.days.open = false;
      this.choose({ ...this.view, from: this.from.value, to: this.to.value });
    });
    this.days.append(make('summary', {}, 'Days'), apply);
    for (const menu of [this.days, this.models]) {
      menu.addEventListener('keydown', (event) => {
        if (event.key !== 'Escape') return;
        menu.open = false;
        menu.querySelector('summary')!.focus();
      });
    }
    document.addEventListener('click', ({ target }) => {
      for (const menu of [this.days, this.models]) if (!menu.contains(target as Node)) menu.open = false;
    });
    this.element.append(this.ranges, this.days, this.models, this.state, button('Sign out', signOut, 'plain'));
    this.update(view);
  }

  update(view: View, seen?: Overview): void {
    this.view = view;
    for (const input of this.ranges.querySelectorAll('input')) input.checked = !(view.from || view.to) && input.value === view.range;
    this.days.classList.toggle('on', Boolean(view.from || view.to));
    this.days.querySelector('summary')!.textContent = view.from || view.to ? `${view.from || 'Beginning'} to ${view.to || 'today'}` : 'Days';
    [this.from.value, this.to.value] = [view.from, view.to];
    if (seen) this.offer([...new Set([...seen.models.map((model) => model.id), ...view.models])].sort());
  }

  live(state: Live): void {
    const text = { live: 'Live', waiting: 'Reconnecting…', off: 'Not live' }[state];
    if (this.state.textContent === text) return;
    this.state.dataset.state = state;
    this.state.textContent = text;
  }

  /** Checkboxes, made anew only where the list has changed: one may have the focus. */
  private offer(ids: string[]): void {
    const chosen = this.view.models;
    const title = chosen.length === 0 ? 'All models' : chosen.length === 1 ? chosen[0]! : `${chosen.length} models`;
    const summary = this.models.querySelector('summary') ?? this.models.appendChild(make('summary'));
    summary.replaceChildren(unseen('Models: '), title);
    this.models.classList.toggle('on', chosen.length > 0);
    let boxes = [...this.models.querySelectorAll('input')];
    if (boxes.map((box) => box.value).join() !== ids.join()) {
      this.models.querySelector('.sheet')?.remove();
      const sheet = this.models.appendChild(make('div', { class: 'sheet', role: 'group', 'aria-label': 'Models' }));
      boxes = ids.map((value) => make('input', { type: 'checkbox', value }));
      for (const box of boxes) {
        box.addEventListener('change', () => this.choose({ ...this.view, models: boxes.filter((one) => one.checked).map((one) => one.value) }));
        sheet.append(make('label', {}, box, box.value));
      }
      sheet.append(button('All models', () => this.choose({ ...this.view, models: [] }), 'plain'));
    }
    for (const box of boxes) box.checked = chosen.includes(box.value);
  }
}

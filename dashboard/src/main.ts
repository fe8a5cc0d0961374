// The page: reads the address, asks for the figures, shows them, and does so again when something has happened.
import { ask, type Overview, Problem } from './api';
import { read, takeCode, type View, write } from './address';
import { button, make, prose } from './dom';
import { errors, recentErrors } from './errors';
import { Filters } from './filters';
import { models } from './models';
import { acceptance, costs, keyFigures, latency, type Panel, routing, savings, spend, usage } from './panels';
import { signIn, signInForm, signOut } from './sign_in';

const PAUSE_MS = 1000; // the least between two answers, however much happens
const SHARE = 10; // and so many times as long as an answer takes: a year is added up less often than a day
const header = document.getElementById('bar')!;
const content = document.getElementById('content')!;

class Dashboard {
  private view = read(location.search);
  private readonly filters = new Filters(this.view, (view) => this.choose(view), () => void this.leave());
  private readonly panels: Panel[];
  private readonly alert = make('div', { class: 'trouble', role: 'alert', hidden: true });
  private readonly grid = make('div', { class: 'grid' });
  private asking: AbortController | undefined;
  private source: EventSource | undefined;
  private pending = 0;
  private nextAt = 0;
  private isShown = false;
  private isBehind = false;

  constructor() {
    const refresh = (): void => void this.load();
    const parts = [usage(), latency(), savings(), costs(), models(refresh), errors(), recentErrors(), routing(), acceptance(), spend()];
    const figures = keyFigures();
    this.panels = [figures, ...parts];
    this.grid.append(...parts.map((part) => part.element));
    this.grid.prepend(figures.element);
    document.addEventListener('visibilitychange', () => {
      if (this.isBehind) this.soon();
    });
    addEventListener('popstate', () => {
      this.view = read(location.search);
      void this.load();
    });
  }

  async open(reason = ''): Promise<void> {
    const code = takeCode();
    if (code) await signIn({ code }).catch(() => { reason = 'The code of this address was used already, or is older than a minute.'; });
    header.replaceChildren(brand());
    try {
      await this.fetch();
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return this.ask(reason);
      content.replaceChildren(this.alert, this.grid);
      this.complain(error);
    }
    this.listen();
  }

  /** Nobody is signed in: nothing of what was shown stays on the page. */
  private ask(reason = ''): void {
    this.source?.close();
    this.isShown = false;
    header.replaceChildren(brand());
    content.setAttribute('aria-busy', 'false');
    content.replaceChildren(signInForm(reason, () => void this.open()));
    document.getElementById('token')!.focus();
  }

  private choose(view: View): void {
    this.view = view;
    history.pushState(null, '', write(view));
    void this.load();
  }

  private async load(): Promise<void> {
    try {
      await this.fetch();
    } catch (error) {
      if (error instanceof Problem && error.status === 401) this.ask('You were signed out.');
      else if (!(error instanceof DOMException)) this.complain(error);
    }
  }

  /** Asks for the figures of the view and shows them; an older question that is still open is dropped. */
  private async fetch(): Promise<void> {
    this.asking?.abort();
    this.asking = new AbortController();
    content.setAttribute('aria-busy', 'true');
    const began = performance.now();
    const query = new URLSearchParams(write(this.view));
    query.set('zone', Intl.DateTimeFormat().resolvedOptions().timeZone ?? '');
    const seen = await ask<Overview>(`/api/dashboard/overview?${query}`, { signal: this.asking.signal });
    if (!this.isShown) {
      this.isShown = true;
      header.replaceChildren(brand(), this.filters.element);
      content.replaceChildren(make('h1', { class: 'unseen' }, 'Dashboard'), this.alert, this.grid);
    }
    this.alert.hidden = true;
    this.filters.update(this.view, seen);
    for (const panel of this.panels) panel.update(seen);
    content.setAttribute('aria-busy', 'false');
    this.nextAt = performance.now() + Math.max(PAUSE_MS, SHARE * (performance.now() - began));
  }

  private complain(error: unknown): void {
    content.setAttribute('aria-busy', 'false');
    const fix = error instanceof Problem && error.fix ? [' ', prose(error.fix)] : [];
    this.alert.replaceChildren(make('b', {}, (error as Error).message), ...fix, button('Try again', () => void this.load()));
    this.alert.hidden = false;
  }

  /** The gateway says when something has happened, at most once a second; a tab that nobody looks at waits. */
  private listen(): void {
    this.source?.close();
    const source = (this.source = new EventSource('/api/dashboard/changes'));
    source.addEventListener('open', () => this.filters.live('live'));
    source.addEventListener('changed', () => this.soon());
    source.addEventListener('error', () => {
      this.filters.live(source.readyState === EventSource.CLOSED ? 'off' : 'waiting');
      // A closed one was refused: either nobody is signed in any more, or it is worth another try.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => void this.load().then(() => { if (this.isShown) this.listen(); }), 5 * PAUSE_MS);
    });
  }

  private soon(): void {
    this.isBehind = document.hidden;
    if (this.isBehind || this.pending) return;
    this.pending = window.setTimeout(() => {
      this.pending = 0;
      void this.load();
    }, Math.max(0, this.nextAt - performance.now()));
  }

  private async leave(): Promise<void> {
    await signOut().catch(() => undefined);
    this.ask();
  }
}

const brand = (): HTMLElement => make('span', { class: 'brand' }, 'BEAST MODE');

void new Dashboard().open();

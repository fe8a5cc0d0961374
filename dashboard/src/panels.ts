// The panels, each a title, what it says in one line, and its figures; they are made once and updated in place.
import type { Figures, Overview } from './api';
import { type Axis, Chart } from './chart';
import { bar, make, prose } from './dom';
import { between, compact, count, dollars, percent, seconds, short, Times, tokens } from './format';

export interface Panel {
  element: HTMLElement;
  update(seen: Overview): void;
}

export function panel(id: string, title: string, ...content: Node[]): { element: HTMLElement; say: (...text: (string | Node)[]) => void } {
  const note = make('p', { class: 'note' });
  const element = make('section', { class: 'panel', id, 'aria-labelledby': `${id}-title` }, make('h2', { id: `${id}-title` }, title), note, ...content);
  return { element, say: (...text) => note.replaceChildren(...text) };
}

const axis = (seen: Overview): Axis => ({ edges: seen.edges, step: seen.step, times: new Times(seen.zone) });

/** What was kept, in dollars and as a share of what the baseline would have cost; a range where tokens were estimated. */
function saved({ savings_low: low, savings_high: high, savings_rates: rates }: Figures): [string, string] {
  if (low === null || high === null) return ['–', ''];
  return [between(dollars(low), dollars(high)), rates ? between(percent(rates[0]), percent(rates[1])) : ''];
}

export function keyFigures(): Panel {
  const list = make('dl', { class: 'key-figures' });
  const element = make('section', { 'aria-label': 'Key figures' }, list);
  const figure = (id: string, name: string, value: string, note: string): HTMLElement =>
    make('div', { id: `key-${id}` }, make('dt', {}, name), make('dd', { class: 'value' }, value), make('dd', { class: 'note' }, note));
  return {
    element,
    update({ total, acceptance, baseline, is_owner }) {
      const [low, rate] = [total.savings_low, total.savings_rates?.[0] ?? null];
      const atLeast = total.savings_low === total.savings_high ? '' : 'at least; ';
      const shown = acceptance.reduce((sum, row) => sum + row.shown, 0);
      const used = acceptance.reduce((sum, row) => sum + row.used, 0);
      list.replaceChildren(
        figure('requests', 'Requests', count(total.requests), `${tokens(total.input_tokens + total.output_tokens)}; ${compact(total.cancelled)} more superseded`),
        figure('success', 'Succeeded', percent(total.requests ? total.succeeded / total.requests : null), `${count(total.requests - total.succeeded)} failed`),
        figure('latency', 'Response time, p95', seconds(total.p95_s), `median ${seconds(total.p50_s)}; first text ${seconds(total.first_token_p95_s)}`),
        figure('cost', 'Cost', dollars(total.known_cost), total.unpriced ? `${count(total.unpriced)} requests without a price` : total.estimated ? 'partly estimated' : total.requests ? 'as billed by token' : 'nothing was asked'),
        figure('saved', 'Saved', dollars(low), low === null ? 'a price is missing' : !total.requests ? `against ${baseline}` : `${atLeast}${rate === null ? '' : `${percent(rate)} of what `}${baseline}${rate === null ? '' : ' costs'}`),
        ...(is_owner ? [figure('accepted', 'Suggestions used', percent(shown ? used / shown : null), `${count(used)} of ${count(shown)} shown`)] : []),
      );
    },
  };
}

export function usage(): Panel {
  const chart = new Chart({ title: 'Requests by kind of model', format: count, stacked: true, least: 4 });
  const { element, say } = panel('usage', 'Your models and providers', chart.element);
  return {
    element,
    update(seen) {
      const [own, hired] = [seen.custom_requests, seen.provider_requests].map((all) => all.reduce((sum, one) => sum + one, 0));
      say(own! + hired! ? `${percent(own! / (own! + hired!))} of ${count(own! + hired!)} requests went to your own models` : 'No requests in this span');
      chart.update(axis(seen), [
        { name: 'Providers', color: '--provider', values: seen.provider_requests },
        { name: 'Your models', color: '--custom', values: seen.custom_requests },
      ]);
    },
  };
}

export function latency(): Panel {
  const chart = new Chart({ title: 'Response times', format: seconds, least: 0.1 });
  const { element, say } = panel('latency', 'Response times', chart.element);
  return {
    element,
    update(seen) {
      const { p50_s, p95_s, p99_s } = seen.total;
      say(p50_s === null ? 'No answers in this span' : `p50 ${seconds(p50_s)}, p95 ${seconds(p95_s)}, p99 ${seconds(p99_s)}, of whole answers`);
      chart.update(axis(seen), [
        { name: 'p99', color: '--p99', dash: [2, 3], values: seen.steps.map((step) => step.p99_s) },
        { name: 'p95', color: '--p95', dash: [6, 3], values: seen.steps.map((step) => step.p95_s) },
        { name: 'p50', color: '--p50', values: seen.steps.map((step) => step.p50_s) },
      ]);
    },
  };
}

export function savings(): Panel {
  const chart = new Chart({ title: 'Cost and what the baseline would have cost', format: dollars, least: 0.01 });
  const { element, say } = panel('savings', 'Savings', chart.element);
  return {
    element,
    update(seen) {
      const [amount, share] = saved(seen.total);
      const { baseline_cost: compared, known_cost: paid, unpriced } = seen.total;
      if (compared === null) say(`The price of ${seen.baseline} is not known, so savings are not either`);
      else if (unpriced) say(prose(`Not known: ${count(unpriced)} requests have no price. Give their models one with \`beastmode models add --price\`, 0 if free`));
      else say(seen.total.requests ? `${amount} saved${share ? ` (${share})` : ''}: ${dollars(paid)} paid, ${dollars(compared)} on ${seen.baseline}` : 'No requests in this span');
      chart.update(axis(seen), [
        { name: `On ${seen.baseline}`, color: '--provider', dash: [6, 3], values: seen.steps.map((step) => step.baseline_cost) },
        { name: 'Paid', color: '--custom', filled: true, values: seen.steps.map((step) => step.known_cost) },
      ]);
    },
  };
}

export function costs(): Panel {
  const chart = new Chart({ title: 'Cost per request', format: dollars, least: 0.0001 });
  const { element, say } = panel('costs', 'Cost per request', chart.element);
  const each = ({ known_cost, requests, unpriced }: Figures): number | null => (requests > unpriced ? known_cost / (requests - unpriced) : null);
  return {
    element,
    update(seen) {
      const mean = each(seen.total);
      say(mean === null ? 'No priced requests in this span' : `${dollars(mean)} on average; what was broken off or failed is paid by the rest`);
      chart.update(axis(seen), [{ name: 'Average', color: '--custom', filled: true, values: seen.steps.map(each) }]);
    },
  };
}

export function acceptance(): Panel {
  const body = make('tbody');
  const table = list('Acceptance by model', ['Model', 'Used', '', 'Shown', 'Kept 5 min'], body);
  const { element, say } = panel('acceptance', 'Suggestions used', table);
  return {
    element,
    update({ acceptance: rows, is_owner }) {
      say(!is_owner ? 'Editors report this to the owner of the machine only' : rows.length ? 'Taken wholly or partly, of those that were shown' : 'No suggestion was shown in this span');
      table.hidden = !rows.length;
      body.replaceChildren(...rows.map((row) => make('tr', {},
        make('th', { scope: 'row' }, short(row.model)), number(percent(row.rate)), make('td', {}, bar(row.rate ?? 0)), number(count(row.shown)), number(percent(row.kept_5min)))));
    },
  };
}

export function routing(): Panel {
  const body = make('tbody');
  const table = list('Where requests were routed, and why', ['Model', 'Why', 'Tries', ''], body);
  const { element, say } = panel('routing', 'Routing', table);
  return {
    element,
    update({ routing: rows }) {
      const all = rows.reduce((sum, row) => sum + row.attempts, 0);
      say(all ? `${count(all)} tries, those that were broken off included` : 'Nothing was routed in this span');
      table.hidden = !all;
      body.replaceChildren(...rows.slice(0, 12).map((row) => make('tr', {},
        make('th', { scope: 'row' }, short(row.model)), make('td', {}, row.reason), number(count(row.attempts)), make('td', {}, bar(row.attempts / all, row.reason.startsWith('fallback') ? 'warn' : '')))));
    },
  };
}

export function spend(): Panel {
  const meters = make('div', { class: 'meters' });
  const { element, say } = panel('spend', 'Spend against caps', meters);
  return {
    element,
    update({ spend: { spans, allow_paid_fallback: steps_in }, is_owner }) {
      say(is_owner ? `Paid models ${steps_in ? 'may' : 'do not'} step in as fallbacks; hours of your own hardware do not count` : 'Your requests, against your budget');
      meters.replaceChildren(...spans.map(({ name, spent, cap }) => {
        const share = cap ? spent / cap : 0;
        const state = share >= 1 ? 'bad' : share >= 0.8 ? 'warn' : '';
        const words = cap === null ? `${dollars(spent)}, no cap` : `${dollars(spent)} of ${dollars(cap)}`;
        return make('div', { id: `spend-${name.replace(' ', '-')}` },
          make('p', {}, make('span', {}, name[0]!.toUpperCase() + name.slice(1)), make('b', {}, words)),
          ...(cap === null ? [make('p', { class: 'note' }, prose(`Set one with \`beastmode route policy --${name === 'today' ? 'daily' : 'monthly'}-cap 5\``))]
            : [bar(share, state), make('p', { class: 'note' }, share >= 1 ? 'Reached: paid models are not asked' : `${percent(share)} used, ${dollars(cap - spent)} left`)]));
      }));
    },
  };
}

/** A cell of figures. */
export const number = (text: string, of = ''): HTMLTableCellElement => make('td', { class: 'number', 'data-of': of || false }, text);

/** A table that scrolls by itself where it is wider than its panel. */
export function list(title: string, columns: string[], body: HTMLElement): HTMLElement {
  const numeric = new Set(['Used', 'Shown', 'Kept 5 min', 'Tries', 'Requests', 'Succeeded', 'p95', 'Cost', 'Times']);
  const head = columns.map((column) => (column ? make('th', { scope: 'col', class: numeric.has(column) ? 'number' : '' }, column) : make('td')));
  return make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Table: ${title}` },
    make('table', {}, make('caption', { class: 'unseen' }, title), make('thead', {}, make('tr', {}, ...head)), body));
}


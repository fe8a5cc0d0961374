// How often it goes wrong, and what the last errors mean.
import { Chart } from './chart';
import { make, prose } from './dom';
import { count, percent, short, Times } from './format';
import { list, number, panel, type Panel } from './panels';

export function errors(): Panel {
  const chart = new Chart({ title: 'Error rate', format: percent, least: 0.05 });
  const body = make('tbody');
  const kinds = list('Errors by kind', ['Kind', 'Times', 'Meaning'], body);
  const { element, say } = panel('errors', 'Errors', chart.element, kinds);
  return {
    element,
    update(seen) {
      const { requests, succeeded } = seen.total;
      say(requests ? `${percent((requests - succeeded) / requests)} of ${count(requests)} requests failed` : 'No requests in this span');
      const values = seen.steps.map((step) => (step.requests ? (step.requests - step.succeeded) / step.requests : null));
      chart.update({ edges: seen.edges, step: seen.step, times: new Times(seen.zone) }, [{ name: 'Failed', color: '--bad', filled: true, values }]);
      kinds.hidden = !seen.errors.kinds.length;
      body.replaceChildren(...seen.errors.kinds.map((row) =>
        make('tr', {}, make('th', { scope: 'row' }, row.kind.replaceAll('_', ' ')), number(count(row.attempts)), make('td', { class: 'words' }, row.meaning))));
    },
  };
}

export function recentErrors(): Panel {
  const items = make('ol');
  const region = make('div', { class: 'events', tabindex: '0', role: 'region', 'aria-label': 'The newest errors' }, items);
  const { element, say } = panel('recent', 'Recent errors', region);
  return {
    element,
    update(seen) {
      const times = new Times(seen.zone);
      say(seen.errors.recent.length ? 'The newest first, with what to do about each' : 'None in this span');
      region.hidden = !seen.errors.recent.length;
      items.replaceChildren(...seen.errors.recent.map((error) => make('li', {},
        make('p', { class: 'head' }, make('time', { datetime: new Date(error.at * 1000).toISOString() }, times.moment(error.at)), make('b', {}, short(error.model)), ...(error.times > 1 ? [make('span', { class: 'tag' }, `${count(error.times)} times`)] : [])),
        make('p', {}, error.message || error.meaning),
        make('p', { class: 'note' }, ...(error.message ? [`${error.meaning}. `] : []), ...(error.fix ? [prose(`${error.fix}.`)] : [])))));
    },
  };
}

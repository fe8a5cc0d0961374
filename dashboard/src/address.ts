// What is looked at stands in the address, so that a view can be kept, shared and gone back to. No secret ever does.

export const RANGES: Record<string, string> = { '24h': '24 hours', '7d': '7 days', '30d': '30 days', '90d': '90 days', '365d': 'Year' };

export interface View {
  range: string;
  /** Days as 2026-11-22, both included; they replace `range` where one is set. */
  from: string;
  to: string;
  /** Ids; none stands for every model. */
  models: string[];
}

const isDay = (text: string | null): string => (text && /^\d{4}-\d{2}-\d{2}$/.test(text) ? text : '');

export function read(search: string): View {
  const given = new URLSearchParams(search);
  const range = given.get('range') ?? '';
  return { range: range in RANGES ? range : '7d', from: isDay(given.get('from')), to: isDay(given.get('to')), models: given.getAll('model') };
}

export function write({ range, from, to, models }: View): string {
  const made = new URLSearchParams(from || to ? { ...(from && { from }), ...(to && { to }) } : { range });
  for (const model of models) made.append('model', model);
  return `?${made}`;
}

/** The one-time code that the editor put behind `#`, taken out of the address at once. */
export function takeCode(): string {
  // Some editors encode the `=` behind `#` on the way to the browser.
  const code = new URLSearchParams(location.hash.slice(1).replace('%3D', '=')).get('code') ?? '';
  if (code) history.replaceState(null, '', location.pathname + location.search);
  return code;
}

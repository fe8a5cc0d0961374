// What the page asks of the gateway. Its shapes are those of faces/http/dashboard; a test compares the names.

/** Sums of a span: dollars, seconds, counts; null where nobody knows. */
export interface Figures {
  requests: number;
  succeeded: number;
  cancelled: number;
  cached: number;
  masked: number;
  input_tokens: number;
  output_tokens: number;
  p50_s: number | null;
  p95_s: number | null;
  p99_s: number | null;
  first_token_p95_s: number | null;
  cost: number | null;
  known_cost: number;
  unpriced: number;
  baseline_cost: number | null;
  savings_low: number | null;
  savings_high: number | null;
  savings_rates: [number, number] | null;
  estimated: boolean;
}

export interface ModelRow {
  id: string;
  name: string;
  is_custom: boolean;
  is_registered: boolean;
  can_remove: boolean;
  selected_for: string[];
  health: { level: 'unknown' | 'healthy' | 'degraded' | 'unhealthy'; issues: string[] };
  figures: Figures;
}

export interface Accepted {
  model: string;
  shown: number;
  used: number;
  rate: number | null;
  kept_5min: number | null;
}

export interface Spend {
  name: 'today' | 'this month';
  spent: number;
  cap: number | null;
}

export interface Overview {
  since: number;
  until: number;
  step: string;
  edges: number[];
  zone: string;
  baseline: string;
  is_owner: boolean;
  total: Figures;
  steps: Figures[];
  custom_requests: number[];
  provider_requests: number[];
  models: ModelRow[];
  errors: {
    kinds: { kind: string; meaning: string; fix: string; attempts: number }[];
    recent: { at: number; model: string; kind: string; message: string; times: number; meaning: string; fix: string }[];
  };
  acceptance: Accepted[];
  routing: { model: string; reason: string; attempts: number }[];
  spend: { spans: Spend[]; allow_paid_fallback: boolean };
}

export interface Field {
  name: string;
  title: string;
  prompt: string;
  kind: 'text' | 'secret' | 'choice' | 'number';
  placeholder: string;
  default: string;
  optional: boolean;
  choices: [string, string][];
}

export interface Check {
  name: string;
  ok: boolean;
  evidence: string;
  fix: string;
}

export interface TestReport {
  success: boolean;
  checks: Check[];
}

/** What a person can read about something that did not work. */
export class Problem extends Error {
  constructor(message: string, readonly fix = '', readonly status = 0, readonly fields: Record<string, string> = {}, readonly checks: Check[] = []) {
    super(message);
  }
}

/** Asks, and answers the JSON; throws a Problem with words for a person. */
export async function ask<Answer>(path: string, options: { method?: string; body?: unknown; signal?: AbortSignal } = {}): Promise<Answer> {
  const { method = 'GET', body, signal } = options;
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let answer: Response;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: signal ?? null, credentials: 'same-origin' });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem('The gateway does not answer', 'Start it again with `beastmode serve`; this page goes on by itself.');
  }
  if (answer.status === 204) return undefined as Answer;
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told as Answer;
  throw new Problem(told.detail ?? told.title ?? `The gateway answered ${answer.status}`, told.fix ?? '', answer.status, told.errors ?? {}, told.checks ?? []);
}

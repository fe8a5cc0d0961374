// This file mirrors server/beastmode/faces/lsp/protocol.py; tests/test_manifest.py compares the names.
// Keys of the user's models are not in here: nothing of this protocol ever carries one.

/** Commands that the server answers (workspace/executeCommand, one object as the only argument). */
export const ask = {
  list: 'beastmode.models.list',
  form: 'beastmode.models.form',
  check: 'beastmode.models.check',
  select: 'beastmode.models.select',
  remove: 'beastmode.models.remove',
  test: 'beastmode.models.test',
  refresh: 'beastmode.models.refresh',
  fetch: 'beastmode.models.fetch',
  status: 'beastmode.status',
  log: 'beastmode.log',
  why: 'beastmode.completion.why',
} as const;

/** Notification, client to server: where the user looks. */
export const didFocus = 'textDocument/didFocus';

/** Notification, server to client: a new Status to show. */
export const statusChanged = 'beastmode/status';

export interface Health {
  level: 'healthy' | 'degraded' | 'unhealthy' | 'unknown';
  issues: string[];
}

/** What the status bar and the status view show; `lines` is ready-made text. */
export interface Status {
  model: { id: string; name: string } | null;
  health: Health;
  activity: 'idle' | 'working' | 'loading';
  notice: { text: string; fix: string; action?: { title: string; command: string } | null } | null;
  lines: string[];
}

export interface Model {
  id: string;
  name: string;
  provider: string;
  selected: boolean;
  endpoint_url: string;
  description: string;
  health: Health;
}

/** One step of the registration form. */
export interface Field {
  name: string;
  title: string;
  prompt: string;
  placeholder: string;
  default: string;
  kind: 'text' | 'secret' | 'choice' | 'number';
  optional: boolean;
  choices: { value: string; title: string }[];
}

/** One thing that was tried at an endpoint, and what was seen. */
export interface Check {
  name: string;
  ok: boolean;
  evidence: string;
  fix: string;
}

export interface TestReport {
  ok: boolean;
  checks: Check[];
  summary: string;
}

/** The lines that `beastmode models add --stdin-json --json` prints: progress, then one of the others. */
export type Registered =
  | { progress: string }
  | { ok: true; id: string; found: Check[] }
  | { ok: false; problems: Record<string, string> }
  | { ok: false; error: string; fix: string; found?: Check[]; can_save_anyway?: boolean };

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
  dashboard: 'beastmode.dashboard.open',
  why: 'beastmode.completion.why',
  chatSessions: 'beastmode.chat.sessions',
  showChat: 'beastmode.chat.show',
  renameChat: 'beastmode.chat.rename',
  deleteChat: 'beastmode.chat.delete',
  runTask: 'beastmode.tasks.run',
  showConsent: 'beastmode.consent.show',
  decideConsent: 'beastmode.consent.decide',
  findOpportunities: 'beastmode.opportunities.find',
} as const;

/** Notification, client to server: where the user looks. */
export const didFocus = 'textDocument/didFocus';

/** Notification, server to client: a new Status to show. */
export const statusChanged = 'beastmode/status';

/** Request, client to server: `ChatParams`; its parts come as `$/progress` with `ChatPart`. */
export const chat = 'beastmode/chat';

export interface ChatAttachment {
  uri?: string;
  path?: string;
  range?: Range;
  kind?: 'file' | 'selection' | 'diagnostic';
  text?: string;
  message?: string;
}

export interface ChatParams {
  message: string;
  sessionId?: string;
  model?: string;
  attachments?: ChatAttachment[];
  partialResultToken?: string | number;
}

/** Lines from zero, both included. */
export interface ChatSource {
  path: string;
  line: number;
  endLine: number;
  kind: 'file' | 'selection' | 'diagnostic' | 'named' | 'definition' | 'search';
  why: string;
  isCut: boolean;
}

export interface ChatCitation {
  written: string;
  path: string;
  uri: string;
  line: number;
  endLine: number;
}

export interface ChatPart {
  sources?: ChatSource[];
  leftOut?: string[];
  text?: string;
  reasoning?: string;
}

export interface ChatAnswer {
  text: string;
  reasoning: string;
  model: string;
  requestId: string;
  sessionId: string | null;
  isKept: boolean;
  finish: string | null;
  error: { text: string; fix: string } | null;
  sources: ChatSource[];
  citations: ChatCitation[];
  code: { language: string; path: string; text: string }[];
  inputTokens: number | null;
  outputTokens: number | null;
  estimated: boolean;
  cost: string | null;
  firstSeconds: number | null;
  totalSeconds: number;
}

export interface ChatSession {
  id: string;
  title: string;
  usedAt: number;
  turns: number;
}

export interface ChatTurn {
  question: string;
  answer: ChatAnswer;
}

export interface Range {
  start: { line: number; character: number };
  end: { line: number; character: number };
}

/** One file of a change; `version`: of the open document that the edits are made for. */
export interface TaskFile {
  kind: 'create' | 'change' | 'rename' | 'delete';
  uri: string;
  newUri: string | null;
  version: number | null;
  edits: { range: Range; newText: string }[];
  added: number;
  removed: number;
}

export interface TaskResult {
  summary: string;
  model: string;
  cost: string | null;
  repaired: boolean;
  checks: { name: string; ok: boolean; evidence: string }[];
  files: TaskFile[];
  text: string;
  plan: { kind: TaskFile['kind']; path: string; newPath: string | null; why: string }[];
  leftOut: string[];
}

export interface TaskPart {
  message?: string;
  text?: string;
  reasoning?: string;
  plan?: TaskResult['plan'];
}

/** Whether the tests of a folder may be run; `isNeeded`: the task would run some, and the user was not asked yet. */
export interface Consent {
  folder: string;
  allowed: boolean | null;
  isNeeded: boolean;
  isolated: string[];
  notIsolated: string[];
}

/** Where code could be better, found by its syntax alone; lines from zero, both included. */
export interface Opportunity {
  id: string;
  kind: string;
  severity: 'low' | 'medium' | 'high';
  uri: string;
  path: string;
  line: number;
  endLine: number;
  name: string;
  reason: string;
  suggestion: string;
  others: { uri: string; path: string; line: number; endLine: number }[];
}

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

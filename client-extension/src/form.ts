// The registration form: one step a field, each checked as it is typed; going back or leaving loses nothing.
import * as vscode from 'vscode';
import type { Field } from './protocol';

/** What was typed so far and where the user left; kept in memory only, for it may hold a key. */
export interface Draft {
  values: Record<string, string>;
  step: number;
}

type Outcome = { how: 'next' | 'back' | 'cancel'; value: string };
type Checker = (field: string, value: string) => Promise<string | null>;

const TITLE = 'Register Custom Model';
const DEBOUNCE_MS = 200;

/** Asks every field from the draft's step on; answers false when the user left. `problem` is shown at the first one. */
export async function fill(fields: Field[], draft: Draft, check: Checker, problem?: string): Promise<boolean> {
  draft.step = Math.min(draft.step, fields.length - 1);
  for (let field = fields[draft.step]; field; field = fields[draft.step]) {
    const before = draft.values[field.name] ?? field.default;
    const step = field.kind === 'choice' ? choose : type;
    const { how, value } = await step(field, before, draft.step + 1, fields.length, check, problem);
    problem = undefined;
    draft.values[field.name] = value;
    if (how === 'cancel') return false;
    draft.step += how === 'next' ? 1 : -1;
  }
  return true;
}

function type(field: Field, before: string, step: number, totalSteps: number, check: Checker, problem?: string): Promise<Outcome> {
  const box = vscode.window.createInputBox();
  Object.assign(box, { title: `${TITLE}: ${field.title}`, step, totalSteps, ignoreFocusOut: true, value: before, placeholder: field.placeholder });
  box.prompt = field.optional ? `${field.prompt} (optional)` : field.prompt;
  box.password = field.kind === 'secret';
  box.validationMessage = problem;
  // A secret is looked at here alone: it never goes to the language server, whose messages may be traced.
  const wrong = async (value: string): Promise<string | null> =>
    field.kind !== 'secret' ? check(field.name, value) : value || field.optional ? null : `${field.title} is required`;
  let typed = 0;
  const validate = async (): Promise<boolean> => {
    const asked = ++typed;
    const answer = await wrong(box.value);
    if (asked === typed) box.validationMessage = answer ?? undefined;
    return asked === typed && !answer;
  };
  return show(box, step, () => box.value, (finish) => {
    let timer: NodeJS.Timeout | undefined;
    box.onDidChangeValue(() => {
      typed++; // an answer about what stood here before is stale
      clearTimeout(timer);
      timer = setTimeout(() => void validate().catch(() => undefined), DEBOUNCE_MS);
    });
    box.onDidAccept(async () => {
      clearTimeout(timer);
      box.busy = true;
      try {
        if (await validate()) finish('next');
      } catch (error) {
        box.validationMessage = (error as Error).message;
      } finally {
        box.busy = false;
      }
    });
    box.onDidHide(() => clearTimeout(timer));
  });
}

function choose(field: Field, before: string, step: number, totalSteps: number, _check: Checker, problem?: string): Promise<Outcome> {
  const pick = vscode.window.createQuickPick<vscode.QuickPickItem & { value: string }>();
  Object.assign(pick, { title: `${TITLE}: ${problem ?? field.title}`, step, totalSteps, ignoreFocusOut: true, placeholder: field.prompt });
  pick.items = field.choices.map(({ value, title }) => ({ label: title, description: value, value }));
  pick.activeItems = pick.items.filter((item) => item.value === before);
  const value = (): string => pick.activeItems[0]?.value ?? before;
  return show(pick, step, value, (finish) => pick.onDidAccept(() => { if (pick.activeItems[0]) finish('next'); }));
}

function show(input: vscode.InputBox | vscode.QuickPick<vscode.QuickPickItem & { value: string }>, step: number, value: () => string, wire: (finish: (how: Outcome['how']) => void) => void): Promise<Outcome> {
  return new Promise<Outcome>((resolve) => {
    const finish = (how: Outcome['how']): void => resolve({ how, value: value() });
    input.buttons = step > 1 ? [vscode.QuickInputButtons.Back] : [];
    input.onDidTriggerButton(() => finish('back'));
    wire(finish);
    input.onDidHide(() => finish('cancel'));
    input.show();
  }).finally(() => input.dispose());
}

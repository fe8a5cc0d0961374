// Who is there: the token is typed once and traded for a cookie that no script can read; it is kept nowhere else.
import { ask, Problem } from './api';
import { make, prose } from './dom';

/** Trades a one-time code or a token for a session; throws a Problem where it is not taken. */
export const signIn = (secret: { code: string } | { token: string }): Promise<void> => ask('/api/dashboard/sign-in', { method: 'POST', body: secret });

export const signOut = (): Promise<void> => ask('/api/dashboard/sign-out', { method: 'POST', body: {} });

/** Asks for the token; `done` is called once it was taken. */
export function signInForm(reason: string, done: () => void): HTMLElement {
  const token = make('input', { id: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, 'aria-describedby': 'token-hint token-error' });
  const wrong = make('p', { id: 'token-error', class: 'wrong', role: 'alert' });
  const submit = make('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const form = make('form', { class: 'sign-in panel' },
    make('h1', {}, 'Sign in'),
    ...(reason ? [make('p', { class: 'note' }, prose(reason))] : []),
    make('label', { for: 'token' }, 'Token'), token,
    make('p', { id: 'token-hint', class: 'note' }, prose('`beastmode token` shows it. From the editor, run BEAST MODE: Open Dashboard instead.')),
    wrong, submit);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    wrong.textContent = '';
    try {
      await signIn({ token: token.value.trim() });
      done();
    } catch (error) {
      wrong.replaceChildren(error instanceof Problem && error.status === 401 ? 'This token is not known here. Copy it again, whole.' : `${(error as Error).message}`);
      token.setAttribute('aria-invalid', 'true');
      token.focus();
    } finally {
      submit.disabled = false;
      token.value = '';
    }
  });
  return form;
}

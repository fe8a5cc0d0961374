// What a user does in VS Code, as one session: every promise builds on the one before, as it does for a user.
// test_vscode.py starts it and reads OUT/results.json. Environment: EDITORS, OUT, VSIX, PYTHON, BIN, KEY.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { sleep, start, until } from './editor.mjs';

const { EDITORS, OUT, VSIX, PYTHON, BIN, KEY } = process.env;
const here = import.meta.dirname;
const home = path.join(OUT, 'beastmode');
const workspace = path.join(OUT, 'workspace');
const file = path.join(workspace, 'cart.py');
const write = (name, content, mode) => {
  fs.mkdirSync(path.dirname(name), { recursive: true });
  fs.writeFileSync(name, content, { mode });
};

// ---- the user's file, in a workspace that tries to have its own code run as the server -----------------------------
const RAN = path.join(OUT, 'workspace-server-ran');
write(file, '"""Shopping cart."""\n\n\nclass Cart:\n    def __init__(self) -> None:\n        self.prices: list[float] = []\n');
write(path.join(workspace, '.venv/bin/beastmode'), `#!/bin/sh\ntouch "${RAN}"\nexec "${BIN}/beastmode" "$@"\n`, 0o755);
write(path.join(workspace, '.vscode/settings.json'), JSON.stringify({ 'beastmode.server.path': path.join(workspace, '.venv/bin/beastmode') }));
write(path.join(workspace, 'beastmode/__main__.py'), `open(${JSON.stringify(RAN)}, "w")\n`);

const readme = `"""A shopping cart, completed by your own model."""

from dataclasses import dataclass, field


@dataclass
class Cart:
    prices: list[float] = field(default_factory=list)

    def add(self, price: float) -> None:
        self.prices.append(price)

`;

// ---- the user's model: what it answers depends on what stands before the cursor --------------------------------------
const rules = path.join(OUT, 'rules.json');
write(rules, JSON.stringify([
  { ends_with: 'def total(', text: 'self) -> float:' },
  { ends_with: 'def total(self) -> float:\n', text: 'amount = sum(self.prices)\n        return round(amount, 2)' },
  { ends_with: 'def largest(', text: 'self) -> float:' },
  { ends_with: 'def cheapest(', text: 'self) -> float:' },
  { ends_with: 'def mean(self) -> float:\n', text: 'if not self.prices:\n            return 0.0\n        return sum(self.prices) / len(self.prices)' },
  { ends_with: 'same = ', text: 'Cart().prices' },
]));
let model;
async function startModel(port = 0) {
  const args = [path.join(here, '../support/model_server.py'), '--port', port, '--key', KEY, '--rules', rules, '--text', 'pass', '--models', 'cart-coder'];
  model = spawn(PYTHON, args.map(String), { stdio: ['ignore', 'pipe', fs.openSync(path.join(OUT, 'model-server.log'), 'a')] });
  const url = await new Promise((done) => createInterface({ input: model.stdout }).once('line', done));
  return new URL(url.trim());
}
/** How many requests the model has had. */
const requests = async () => (await (await fetch(`${endpoint.origin}/admin/stats`)).json()).requests;
const stopModel = () => new Promise((done) => { model.once('exit', done); model.kill('SIGKILL'); });
const endpoint = await startModel();

/** Process ids of the language servers of this run, found by the home folder that only they were given. */
const servers = () => fs.readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
  try {
    const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.includes('lsp') && words.includes('--stdio') && fs.readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`BEASTMODE_HOME=${home}\0`);
  } catch { return false; }
}).map(Number);

// The editor asks a login shell for PATH, as it does for a user.
write(path.join(OUT, 'home/.bash_profile'), `export PATH="${BIN}:$PATH"\n`);

const vscode = await start({
  editors: EDITORS, out: OUT, vsix: VSIX, workspace, file,
  env: { SHELL: '/bin/bash', BEASTMODE_HOME: home, BEASTMODE_BUILTIN__ENABLED: 'false', ENCRYPTION_KEY: 'a passphrase of the tests' },
  // The workspace stays untrusted until the user says otherwise.
  settings: { 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' },
  machineSettings: { 'beastmode.server.path': '/nowhere/beastmode' },
});
const { page, press, type } = vscode;

// ---- the promises ----------------------------------------------------------------------------------------------------
const results = {};
const began = Date.now();
let broken = false;
async function promise(name, act) {
  if (broken) return;
  const since = Date.now();
  try {
    await act();
    results[name] = 'kept';
    console.log(`[${((Date.now() - began) / 1000).toFixed(1)}s] ${name} (${Date.now() - since} ms)`);
  } catch (error) {
    results[name] = String(error.stack);
    broken = true;
    console.log(`BROKEN ${name}: ${error.stack}`);
    await vscode.shot('failure').catch(() => undefined);
    fs.writeFileSync(path.join(OUT, 'failure.html'), await page.content().catch(() => ''));
  }
}
async function dismissToasts() {
  await vscode.palette('Notifications: Clear All Notifications');
  await until('no toast', async () => (await vscode.toasts.count()) === 0);
}
/** Answers a step of the form; without a value it is left as it stands. */
async function answer(title, value) {
  await vscode.step(title);
  if (value !== undefined) await vscode.input.fill(value);
  await press('Enter');
}

try {
  await promise('a command without a server says why and offers help', async () => {
    await vscode.statusSays(/server stopped/, 60);
    await vscode.palette('BEAST MODE: Select Model');
    const toast = await vscode.toast(/beastmode\.server\.path names no program: \/nowhere\/beastmode/);
    await toast.getByRole('button', { name: 'Restart' }).waitFor();
    await dismissToasts();
  });

  await promise('a corrected setting starts the server without a reload', async () => {
    vscode.setMachine({});
    await vscode.statusSays(/no model/, 30);
  });

  await promise('an untrusted workspace never provides the server', async () => {
    assert.equal(servers().length, 1);
    assert.equal(fs.existsSync(RAN), false);
  });

  await promise('the form says at once what is wrong with a field', async () => {
    await vscode.palette('BEAST MODE: Register Custom Model');
    await answer('Name', 'Cart Coder');
    await answer('id', 'cart-coder');
    await vscode.step('Endpoint');
    await vscode.input.fill('ftp://somewhere');
    await vscode.message.filter({ hasText: /http/ }).waitFor({ timeout: 5000 });
    await vscode.shot('1-wrong-field');
    await press('Enter');
    await sleep(300);
    await vscode.step('Endpoint'); // a wrong field is not left behind
  });

  await promise('going back and leaving the form loses nothing', async () => {
    await vscode.input.fill('http://127.0.0.1:1/v1');
    await page.locator('.quick-input-titlebar .codicon-quick-input-back').click();
    await vscode.step('id');
    assert.equal(await vscode.input.inputValue(), 'cart-coder');
    await press('Escape');
    await vscode.palette('BEAST MODE: Register Custom Model');
    await answer('id');
    await vscode.step('Endpoint');
    assert.equal(await vscode.input.inputValue(), 'http://127.0.0.1:1/v1');
    await press('Enter');
  });

  await promise('an endpoint that does not answer is reported before anything is saved', async () => {
    await vscode.step('Provider');
    await vscode.rows.first().click();
    await vscode.step('API key');
    assert.equal(await vscode.input.getAttribute('type'), 'password');
    await answer('API key', KEY);
    for (const title of ['Description', 'Context', 'tokens', 'Temperature']) await answer(title);
    await answer('Price', '0.5/1.5');
    await vscode.modal.waitFor({ timeout: 30000 });
    await vscode.modal.getByRole('button', { name: 'Save Anyway' }).waitFor();
    await vscode.shot('2-endpoint-refused');
    await vscode.modal.getByRole('button', { name: 'Edit' }).click();
  });

  await promise('a model is registered through the palette and selected', async () => {
    await answer('Name');
    await answer('id');
    await answer('Endpoint', `${endpoint.origin}/v1`);
    for (const title of ['Provider', 'API key', 'Description', 'Context', 'tokens', 'Temperature', 'Price']) await answer(title);
    const toast = await vscode.toast(/Cart Coder is registered/);
    await vscode.shot('3-registered');
    await toast.getByRole('button', { name: 'Use This Model' }).click();
    await vscode.statusSays(/Cart Coder/);
    await dismissToasts();
  });

  await promise('typing shows ghost text and Tab accepts it', async () => {
    await page.locator('.editor-instance .monaco-editor .view-lines').first().click();
    await vscode.freshLine();
    await type('    def total(');
    await vscode.ghostSays(/^self\) -> float:$/);
    await press('Tab', 'Enter');
    await vscode.ghostSays(/^amount = sum\(self\.prices\)\n\s+return round\(amount, 2\)$/);
    await vscode.shot('4-ghost-text');
    await press('Tab');
    await vscode.saved(/\n {4}def total\(self\) -> float:\n {8}amount = sum\(self\.prices\)\n {8}return round\(amount, 2\)$/);
  });

  await promise('Escape dismisses, an explicit trigger asks again, Ctrl+Right takes a word', async () => {
    await vscode.freshLine();
    await type('    def largest(');
    await vscode.ghostSays(/^self\)/);
    await press('Escape');
    await vscode.noGhost();
    await vscode.palette('Trigger Inline Suggestion');
    await vscode.ghostSays(/^self\) -> float:$/);
    await press('Control+ArrowRight');
    await vscode.ghostSays(/^\) -> float:$/);
    await press('Tab');
    await vscode.saved(/\n {4}def largest\(self\) -> float:$/);
  });

  await promise('typing through a multi-line suggestion asks the model nothing', async () => {
    await vscode.freshLine();
    await type('    def mean(self) -> float:');
    await press('Enter');
    await vscode.ghostSays(/^if not self\.prices:\n\s+return 0\.0\n\s+return sum\(self\.prices\) \/ len\(self\.prices\)$/);
    await vscode.shot('4-multi-line');
    const asked = await requests();
    await type('if not sel');
    await vscode.ghostSays(/^f\.prices:\n\s+return 0\.0\n\s+return sum/);
    await press('Control+ArrowRight');
    await vscode.ghostSays(/^\.prices:\n/);
    assert.equal(await requests(), asked);
  });

  await promise('one undo takes an accepted suggestion back', async () => {
    await press('Tab');
    await vscode.saved(/\n {8}if not self\.prices:\n {12}return 0\.0\n {8}return sum\(self\.prices\) \/ len\(self\.prices\)$/);
    await press('Control+z');
    await vscode.saved(/\n {8}if not self$/);
    await press('Control+y');
    await vscode.saved(/return sum\(self\.prices\) \/ len\(self\.prices\)$/);
  });

  await promise('a second cursor gets the suggestion too', async () => {
    await vscode.freshLine();
    await press('Enter', 'ArrowUp');
    await vscode.palette('Add Cursor Below');
    await type('same = ');
    await vscode.ghostSays(/^Cart\(\)\.prices/);
    await press('Tab');
    await vscode.saved(/\nsame = Cart\(\)\.prices\nsame = Cart\(\)\.prices$/);
    await press('Escape');
  });

  await promise('an empty answer tells its reason', async () => {
    await vscode.freshLine();
    await type('name');
    await press('ArrowLeft', 'ArrowLeft');
    await type('x');
    await sleep(1000); // the editor asks when it sees fit, and forgets about it when the palette opens
    await vscode.noGhost();
    await vscode.palette('BEAST MODE: Why This Suggestion?');
    await page.locator('.view-lines', { hasText: 'No suggestion: middle of a word' }).waitFor();
    await vscode.shot('4-why');
    await page.locator('.editor-instance .view-lines', { hasText: 'Shopping' }).first().click();
    await press('Control+z', 'Control+End');
    await vscode.palette('View: Close Editors in Other Groups');
  });

  await promise('the status bar shows health and its tooltip the day', async () => {
    await vscode.statusSays(/Cart Coder.*codicon-pass/);
    assert.match(await vscode.tooltip(), /request/i);
    await vscode.shot('5-status-tooltip');
    await page.mouse.move(400, 400);
    await vscode.status.click();
    await vscode.step('Model Status');
    await vscode.rows.filter({ hasText: 'Select Model' }).waitFor();
    await vscode.shot('6-status-view');
    await press('Escape');
  });

  await promise('Test Model shows what was tried and seen', async () => {
    await vscode.palette('BEAST MODE: Test Model');
    await vscode.rows.filter({ hasText: 'Cart Coder' }).waitFor();
    await press('Enter');
    await vscode.step('cart-coder');
    await vscode.rows.locator('.codicon-pass').nth(3).waitFor();
    await vscode.shot('7-test-model');
    await press('Escape');
  });

  await promise('a workspace that is trusted may provide the server', async () => {
    await vscode.palette('Workspaces: Manage Workspace Trust');
    await page.getByRole('button', { name: 'Trust', exact: true }).or(page.locator('.workspace-trust-editor .monaco-button', { hasText: /^Trust$/ })).first().click();
    await until('the workspace to be asked', () => fs.existsSync(RAN), 30);
    await vscode.statusSays(/Cart Coder/, 30);
    await vscode.palette('View: Close Editor');
  });

  await promise('the picture for the README is taken', async () => {
    write(path.join(workspace, 'store.py'), readme);
    await page.setViewportSize({ width: 1000, height: 520 });
    await vscode.palette('View: Close Primary Side Bar');
    await vscode.open('store.py', 'dataclass');
    await press('Control+End');
    await type('    def total(self) -> float:');
    await press('Enter');
    await vscode.ghostSays(/^amount = sum/);
    assert.match(await vscode.tooltip(), /Cart Coder/);
    await vscode.shot('9-readme');
    await press('Escape', 'Control+S');
    await vscode.open('cart.py', 'Shopping');
  });

  await promise('with the endpoint down typing goes on undisturbed and the status bar says so', async () => {
    await stopModel();
    await page.locator('.editor-instance .monaco-editor .view-lines').first().click();
    await vscode.freshLine();
    for (const word of ['def one(', 'def two(', 'def three(']) {
      await type(`    ${word}`);
      await sleep(700);
      await vscode.freshLine();
    }
    await vscode.statusSays(/codicon-(error|warning)/);
    assert.equal(await vscode.toasts.count(), 0);
    assert.equal(await vscode.modal.count(), 0);
    await vscode.saved(/ {4}def one\(\n {4}def two\(\n {4}def three\(\n$/);
    assert.match(await vscode.tooltip(), /refused the connection/);
    await vscode.shot('8-endpoint-down');
    await page.mouse.move(400, 400);
  });

  await promise('when the endpoint is back, so are suggestions, and the complaint is gone', async () => {
    await startModel(endpoint.port);
    await until('ghost text', async () => {
      await vscode.freshLine();
      await type('    def cheapest(');
      await sleep(1500);
      return /^self\) -> float:$/.test(await vscode.ghost());
    }, 60);
    await press('Tab');
    await vscode.saved(/def cheapest\(self\) -> float:$/);
    assert.doesNotMatch(await vscode.tooltip(), /refused the connection/);
    await page.mouse.move(400, 400);
  });

  await promise('a server that dies is started again, with the model still selected', async () => {
    const [before] = servers();
    process.kill(before, 'SIGKILL');
    await until('another server', () => servers().some((pid) => pid !== before), 30);
    await vscode.statusSays(/Cart Coder/, 30);
    assert.equal(await vscode.toasts.count(), 0);
  });

  await promise('a server that keeps dying is given up, and a command brings exactly one back', async () => {
    for (let seen = [], tries = 0; tries < 3; tries++) {
      seen = [...seen, ...await until('a server', () => servers().length === 1 && servers(), 30)];
      await vscode.statusSays(/Cart Coder/, 30);
      process.kill(seen.at(-1), 'SIGKILL');
      await until('its end', () => !servers().includes(seen.at(-1)));
    }
    await vscode.statusSays(/server stopped/);
    assert.equal(await vscode.toasts.count(), 0);
    for (let times = 0; times < 3; times++) await vscode.palette('BEAST MODE: Restart Language Server');
    await vscode.statusSays(/Cart Coder/, 30);
    await until('one server', () => servers().length === 1);
  });

  await promise('a workspace can turn suggestions off', async () => {
    const settings = path.join(workspace, '.vscode/settings.json');
    /** Written whole, and again where VS Code's file watcher did not notice: that is its affair, not ours. */
    const settingsSay = async (content, pattern) => {
      for (let tries = 4; ; tries--) {
        write(`${settings}.new`, content + ' '.repeat(tries));
        fs.renameSync(`${settings}.new`, settings);
        try { return await vscode.statusSays(pattern, 10); } catch (error) { if (tries === 1) throw error; }
      }
    };
    await settingsSay('{"beastmode.enabled": false}', /off/);
    await page.locator('.editor-instance .monaco-editor .view-lines').first().click();
    await vscode.freshLine();
    await type('    def cheapest(');
    await sleep(1000);
    assert.equal(await vscode.ghost(), '');
    await settingsSay('{}', /Cart Coder/);
  });

  await promise('Open Log opens the log file', async () => {
    await vscode.palette('BEAST MODE: Open Log');
    await page.locator('.tab.active', { hasText: /\.log/ }).waitFor({ timeout: 15000 });
    await vscode.palette('View: Close Editor');
  });

  await promise('Remove Model asks first, then forgets', async () => {
    await vscode.palette('BEAST MODE: Remove Model');
    await vscode.rows.filter({ hasText: 'Cart Coder' }).click();
    await vscode.modal.getByRole('button', { name: 'Remove' }).click();
    await vscode.statusSays(/no model/);
  });

  await promise('closing the editor ends the server', async () => {
    await vscode.stop();
    await until('no server', () => servers().length === 0, 15);
  });
} finally {
  fs.writeFileSync(path.join(OUT, 'results.json'), JSON.stringify(results, null, 2));
  await vscode.stop();
  model.kill('SIGKILL');
}
process.exit(broken ? 1 : 0);

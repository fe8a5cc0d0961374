// What a user does with chat and code tasks in VS Code, as one session: every promise builds on the one before.
// test_vscode_chat.py starts it and reads OUT/results.json. Environment: EDITORS, OUT, VSIX, PYTHON, BIN, KEY.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { sleep, start, until } from './editor.mjs';

const { EDITORS, OUT, VSIX, PYTHON, BIN, KEY } = process.env;
const here = import.meta.dirname;
const home = path.join(OUT, 'beastmode');
const workspace = path.join(OUT, 'workspace');
const file = path.join(workspace, 'cart.py');

const CART = `"""Shopping cart."""


class Cart:
    def __init__(self) -> None:
        self.prices: list[float] = []

    def total(self) -> float:
        amount = 0.0
        for price in self.prices:
            amount = amount + price
        return amount
`;
fs.mkdirSync(workspace, { recursive: true });
fs.writeFileSync(file, CART);
fs.writeFileSync(path.join(workspace, 'main.py'), 'from cart import Cart\n\nprint(Cart().total())\n');
fs.writeFileSync(path.join(workspace, 'prices.json'), '{"tea": 3,}\n'); // before the editor lists the files, which it remembers

// ---- what a hostile answer would call --------------------------------------------------------------------------------
const calls = [];
const beacon = http.createServer((request, response) => { calls.push(request.url); response.end(); }).listen(0, '127.0.0.1');
await new Promise((done) => beacon.once('listening', done));
const BEACON = `http://127.0.0.1:${beacon.address().port}`;

// ---- the user's model -------------------------------------------------------------------------------------------------
const args = [path.join(here, '../support/model_server.py'), '--key', KEY, '--models', 'cart-coder'];
const model = spawn(PYTHON, args, { stdio: ['ignore', 'pipe', fs.openSync(path.join(OUT, 'model-server.log'), 'a')] });
const endpoint = new URL((await new Promise((done) => createInterface({ input: model.stdout }).once('line', done))).trim());
const admin = async (what, body) => (await fetch(`${endpoint.origin}/admin/${what}`, body && { method: 'POST', body: JSON.stringify(body) })).json();
const stats = () => admin('stats');
/** What the model says from now on; `drip=20` makes it slow. */
const script = (text, spec = '') => admin('script', { text, spec });

const serverEnvironment = { BEASTMODE_HOME: home, BEASTMODE_BUILTIN__ENABLED: 'false', ENCRYPTION_KEY: 'a passphrase of the tests' };
fs.mkdirSync(path.join(OUT, 'home'), { recursive: true });
fs.writeFileSync(path.join(OUT, 'home/.bash_profile'), `export PATH="${BIN}:$PATH"\n`);
const registered = { model_name: 'Cart Coder', model_id: 'cart-coder', endpoint_url: `${endpoint.origin}/v1`, provider: 'openai-compatible', api_key: KEY, price: '0.5/1.5' };
const run = (words, input) => execFileSync(path.join(BIN, 'beastmode'), words, { env: { ...process.env, ...serverEnvironment }, input, stdio: ['pipe', 'pipe', 'inherit'] });
run(['models', 'add', '--stdin-json', '--json'], JSON.stringify(registered));
run(['models', 'select', 'cart-coder']);

const DARK = { 'security.workspace.trust.enabled': false, 'editor.inlineSuggest.enabled': false, 'editor.lightbulb.enabled': 'off' };
const vscode = await start({
  editors: EDITORS, out: OUT, vsix: VSIX, workspace, file, env: { SHELL: '/bin/bash', ...serverEnvironment }, settings: DARK, machineSettings: {},
});
const { page, press } = vscode;

// ---- the parts of the chat --------------------------------------------------------------------------------------------
/** The page of the chat: a frame in a frame, found anew after each reload. */
const chat = page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
const box = chat.locator('#question');
const articles = chat.locator('article');
const last = articles.last();
const facts = last.locator('.facts');
async function say(text) {
  await box.click();
  await box.fill(text);
  await box.press('Enter');
}
/** The answer is whole: the model and the cost stand below it. */
const answered = () => facts.waitFor({ timeout: 20000 });
async function theme(name) {
  await vscode.palette('Preferences: Color Theme');
  await vscode.input.fill(name);
  await vscode.rows.filter({ hasText: name }).first().click();
  await chat.locator(name.startsWith('Light') ? 'body.vscode-light' : 'body.vscode-dark').waitFor({ timeout: 15000 });
  await sleep(300);
}
const text = () => page.locator('.editor-instance .monaco-editor .view-lines').first().innerText().then((all) => all.replaceAll('\u00a0', ' '));

/** The editor's own preview of a change: nothing in it is ticked at first. */
const preview = {
  apply: page.locator('.bulk-edit-panel').getByRole('button', { name: 'Apply', exact: true }),
  async tick() {
    await preview.apply.waitFor({ timeout: 20000 });
    const files = page.locator('.bulk-edit-panel .monaco-list-row[aria-level="1"]');
    for (let at = 0; at < (await files.count()); at++) await files.nth(at).locator('input[type=checkbox], [role=checkbox]').first().click();
  },
};

// ---- the promises -----------------------------------------------------------------------------------------------------
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
    await vscode.palette('Notifications: Show Notifications').then(() => vscode.shot('failure-notifications')).catch(() => undefined);
    fs.writeFileSync(path.join(OUT, 'failure.html'), await chat.locator('body').innerHTML({ timeout: 2000 }).catch(() => ''));
  }
}

const ANSWER = `\`Cart.total\` adds the prices one by one (cart.py:8-12). The **built-in** \`sum\` says the same in one line:

\`\`\`python cart.py
    def total(self) -> float:
        """What everything costs, in dollars."""
        return round(sum(self.prices), 2)
\`\`\`

- It is used in main.py:3.
- An empty cart still costs \`0\`.
`;
const REFACTORED = `The loop is what sum does.

cart.py
<<<<<<< SEARCH
        amount = 0.0
        for price in self.prices:
            amount = amount + price
        return amount
=======
        return sum(self.prices)
>>>>>>> REPLACE
`;
const FEATURE = `create discount.py: the rule
change cart.py: totals use it

discount.py
<<<<<<< SEARCH
=======
def discounted(amount: float) -> float:
    return amount * 0.9 if amount > 100 else amount
>>>>>>> REPLACE

cart.py
<<<<<<< SEARCH
        return amount
=======
        return discounted(amount)
>>>>>>> REPLACE
<<<<<<< SEARCH
"""Shopping cart."""
=======
"""Shopping cart."""

from discount import discounted
>>>>>>> REPLACE
`;
/** Tests of the standard library's kind, which every Python can run. */
const tests = (name, ...extra) => `\`\`\`python
import unittest

from cart import Cart


class ${name}(unittest.TestCase):
    def test_it_adds_the_prices(self) -> None:
        cart = Cart()
        cart.prices = [1.0, 2.0]
        self.assertEqual(cart.total(), 3.0)
${extra.join('')}\`\`\`
`;
const WRONG = `
    def test_it_is_never_empty(self) -> None:
        self.assertEqual(Cart().total(), 1.0)
`;
const HOSTILE = `Look <img src="${BEACON}/raw.png"> and ![a picture](${BEACON}/markdown.png).

<script>fetch('${BEACON}/script')</script>

<div onclick="fetch('${BEACON}/click')" style="background: url(${BEACON}/style.png)">here</div>

[run](command:workbench.action.reloadWindow) [js](javascript:fetch('${BEACON}/js')) [page](${BEACON}/page)

\`\`\`html
<img src=x onerror="fetch('${BEACON}/fence')"></code></pre><img src="${BEACON}/broken-out.png">
\`\`\`

The end.`;

try {
  await promise('the chat opens in the side bar, ready to be typed in', async () => {
    await vscode.statusSays(/Cart Coder/, 60);
    await vscode.palette('BEAST MODE: Open Chat');
    await box.waitFor({ timeout: 30000 });
    await chat.locator('.welcome').waitFor();
    await until('the focus', () => box.evaluate((one) => one === document.activeElement));
    await vscode.shot('1-welcome');
  });

  await promise('an answer streams, its code is highlighted, its model and cost are shown', async () => {
    await script(ANSWER, 'drip=25');
    await say('What does total do?');
    await chat.locator('#stop').waitFor();
    await last.locator('.answer', { hasText: 'adds the prices' }).waitFor();
    assert.equal(await facts.count(), 0, 'the answer was shown only when it was whole');
    await vscode.shot('2-streaming');
    await answered();
    assert.match(await facts.innerText(), /^custom:cart-coder · \$[\d.e-]+ · ~?\d+ tokens · [\d.]+ s$/);
    assert.ok(await last.locator('.hljs-keyword').count() > 1);
    assert.equal(await last.locator('figcaption').first().innerText().then((all) => all.split('\n')[0]), 'cart.py');
    assert.match(await chat.locator('#told').textContent(), /It is used in main\.py:3/);
    await vscode.shot('3-answer-dark');
  });

  await promise('the light theme is followed', async () => {
    await theme('Light Modern');
    await vscode.shot('4-answer-light');
    await theme('Dark Modern');
  });

  await promise('a citation opens the file at its line', async () => {
    await last.getByRole('button', { name: 'main.py:3' }).click();
    await page.locator('.tab.active', { hasText: 'main.py' }).waitFor();
    await page.locator('.statusbar-item', { hasText: /Ln 3, Col/ }).waitFor();
    await vscode.shot('5-citation');
  });

  await promise('a block of code is inserted at the cursor, and one undo takes it back', async () => {
    await vscode.open('main.py', 'print');
    await press('Control+End');
    await last.locator('figure').getByRole('button', { name: 'Insert' }).click();
    await until('the code', async () => /print.*\n+ {4}def total[^]*round\(sum/.test(await text()));
    await press('Control+z');
    await until('its end', async () => !/def total/.test(await text()));
  });

  await promise('a block of code is compared with the lines that it would replace', async () => {
    await vscode.open('cart.py', 'amount = 0.0');
    await vscode.palette('Go to Line/Column');
    await page.keyboard.type('8:1');
    await press('Enter');
    for (let lines = 0; lines < 5; lines++) await press('Shift+ArrowDown');
    await last.locator('figure').getByRole('button', { name: 'Compare' }).click();
    await page.locator('.tab.active', { hasText: /lines 8 to 12 . the answer/ }).waitFor();
    await page.locator('.editor.modified .view-line', { hasText: /round\(sum/ }).first().waitFor();
    await vscode.shot('6-compare');
    await vscode.palette('View: Close Editor');
  });

  await promise('a block of code is applied after a preview, and one undo takes it back', async () => {
    await page.locator('.editor-instance .view-lines').first().click();
    await vscode.palette('Go to Line/Column');
    await page.keyboard.type('8:1');
    await press('Enter');
    for (let lines = 0; lines < 5; lines++) await press('Shift+ArrowDown');
    await last.locator('figure').getByRole('button', { name: 'Apply' }).click();
    await preview.apply.waitFor({ timeout: 15000 });
    await preview.apply.click();
    await (await vscode.toast(/Nothing was changed/)).getByRole('button', { name: 'Show Again' }).click();
    await preview.tick();
    await vscode.shot('7-preview');
    assert.match(await text(), /amount = 0\.0/, 'changed before it was confirmed');
    await preview.apply.click();
    await vscode.open('cart.py', 'round(sum');
    assert.doesNotMatch(await text(), /amount = 0\.0/);
    await press('Control+z');
    await until('the old text', async () => /amount = 0\.0/.test(await text()));
  });

  await promise('the stop button stops the model, and what came stays', async () => {
    await script('word '.repeat(2000), 'drip=20');
    const before = (await stats()).aborted;
    await say('Say a lot');
    await last.locator('.answer', { hasText: 'word word' }).waitFor();
    await chat.locator('#stop').click();
    await until('the upstream to be stopped', async () => (await stats()).aborted === before + 1, 5);
    await last.locator('.mark', { hasText: 'Stopped' }).waitFor();
    assert.match(await last.locator('.answer').innerText(), /word word/);
    assert.equal(await articles.count(), 2);
  });

  await promise('Escape stops too', async () => {
    const before = (await stats()).aborted;
    await say('Once more');
    await articles.nth(2).waitFor();
    await last.locator('.answer', { hasText: 'word word' }).waitFor();
    await press('Escape');
    await until('the upstream to be stopped', async () => (await stats()).aborted === before + 1, 5);
    await last.locator('.mark', { hasText: 'Stopped' }).waitFor();
  });

  await promise('nothing of a hostile answer is loaded, run or can be clicked', async () => {
    await script(HOSTILE);
    await say('Be hostile');
    await answered();
    await last.locator('.answer', { hasText: 'The end.' }).waitFor();
    for (const forbidden of ['img', 'script', 'a', 'iframe', '[onclick]', '[style]']) assert.equal(await last.locator(`.answer ${forbidden}`).count(), 0, forbidden);
    for (const word of ['here', 'run', 'page']) await last.locator('.answer', { hasText: word }).click();
    await last.scrollIntoViewIfNeeded();
    await vscode.shot('8-hostile');
    assert.deepEqual(calls, []);
  });

  await promise('the policy of the page stops a picture and a script that got into it', async () => {
    // The page itself is made to do what no answer could.
    const seen = await chat.locator('body').evaluate(async (body, beacon) => {
      const said = [];
      document.addEventListener('securitypolicyviolation', (event) => said.push(event.effectiveDirective));
      const image = document.createElement('img');
      image.src = `${beacon}/image`;
      body.append(image);
      for (const [act, name] of [[() => { body.insertAdjacentHTML('beforeend', '<b>x</b>'); }, 'html'], [() => { const script = document.createElement('script'); script.text = 'window.ran = 1'; body.append(script); }, 'script']]) {
        try { act(); } catch (error) { said.push(`${name}: ${error.name}`); }
      }
      await fetch(`${beacon}/fetch`, { mode: 'no-cors' }).catch(() => said.push('fetch refused'));
      await new Promise((done) => setTimeout(done, 300));
      image.remove();
      return { said, ran: window.ran };
    }, BEACON);
    assert.deepEqual(calls, []);
    assert.equal(seen.ran, undefined);
    for (const word of ['img-src', 'html: TypeError', 'fetch refused']) assert.ok(seen.said.includes(word), `${word} in ${seen.said}`);
  });

  await promise('the selection is attached and explained', async () => {
    await script('It adds up prices, see cart.py:9.');
    await vscode.open('cart.py', 'amount = 0.0');
    await press('Control+a');
    await vscode.palette('BEAST MODE: Explain Selection');
    await last.locator('.question', { hasText: 'Explain' }).waitFor();
    await answered();
    const asked = (await stats()).last.filter((one) => one.path === '/v1/chat/completions').at(-1);
    assert.match(JSON.stringify(asked.body.messages), /amount = amount \+ price/);
    await last.locator('.sources summary').click();
    await last.locator('.sources', { hasText: 'selected by the user' }).waitFor();
    await vscode.shot('9-explain');
  });

  /** Selects the method and starts the refactoring of it. */
  const refactor = async () => {
    await vscode.open('cart.py', 'amount = 0.0');
    await vscode.palette('Go to Line/Column');
    await page.keyboard.type('8:1');
    await press('Enter');
    for (let lines = 0; lines < 5; lines++) await press('Shift+ArrowDown');
    await vscode.palette('BEAST MODE: Refactor Selection');
    await vscode.step('Refactor');
    await vscode.input.fill('Shorter');
    await press('Enter');
  };

  await promise('a refactoring is shown in the preview, applied, and undone in one step', async () => {
    await script(REFACTORED);
    await refactor();
    await preview.tick();
    await vscode.toast(/custom:cart-coder · \$.*✓/);
    await vscode.shot('9-refactor-preview');
    await preview.apply.click();
    await vscode.open('cart.py', 'sum(self');
    assert.doesNotMatch(await text(), /amount/);
    await press('Control+z');
    await until('the old text', async () => /amount = 0\.0/.test(await text()));
    assert.equal(fs.readFileSync(file, 'utf8'), CART);
  });

  await promise('a file that is edited while the model works is left alone', async () => {
    await script(REFACTORED, 'ttft=2500');
    await refactor();
    await page.locator('.notification-toast', { hasText: 'Refactoring' }).waitFor();
    await page.locator('.editor-instance .view-lines').first().click();
    await press('Control+End');
    await vscode.type('# mine');
    await vscode.toast(/cart\.py was edited while the model worked/);
    await vscode.shot('9-edited-meanwhile');
    assert.match(await text(), /amount = 0\.0[^]*# mine/);
    await vscode.palette('Notifications: Clear All Notifications');
    await page.locator('.editor-instance .view-lines').first().click();
    await until('the old text', async () => { await press('Control+z'); return !/#/.test(await text()); });
  });

  await promise('cancelling a task stops the model', async () => {
    await script('word '.repeat(2000), 'drip=20');
    const before = (await stats()).aborted;
    await refactor();
    await until('the model to be asked', async () => (await stats()).open > 0, 10);
    const running = await vscode.toast(/Refactoring/);
    await running.hover();
    await running.getByRole('button', { name: 'Cancel' }).click();
    await until('the upstream to be stopped', async () => (await stats()).aborted === before + 1, 5);
    await until('no toast', async () => (await vscode.toasts.count()) === 0);
  });

  await promise('a problem offers to be fixed', async () => {
    await script('The comma goes.\n\nprices.json\n<<<<<<< SEARCH\n{"tea": 3,}\n=======\n{"tea": 3}\n>>>>>>> REPLACE\n');
    await vscode.open('prices.json', 'tea');
    await page.locator('.squiggly-error').first().waitFor({ timeout: 30000 });
    await press('Control+Home');
    await vscode.palette('Go to Line/Column');
    await page.keyboard.type('1:10');
    await press('Enter');
    await press('Control+.');
    await page.locator('.action-widget', { hasText: 'Fix with BEAST MODE' }).waitFor({ timeout: 10000 });
    await vscode.shot('9-fix');
    await page.locator('.action-widget .monaco-list-row', { hasText: 'Fix with BEAST MODE' }).first().click();
    await preview.tick();
    await preview.apply.click();
    await until('the fix', async () => /\{"tea": 3\}/.test(await text()));
    await press('Control+z');
    await vscode.palette('View: Close Editor');
  });

  await promise('a feature of two files is one preview, and nothing is there before it is taken', async () => {
    await script(FEATURE);
    await vscode.palette('BEAST MODE: Generate Feature');
    await vscode.input.fill('Ten percent off above 100');
    await press('Enter');
    await preview.tick();
    assert.equal(fs.existsSync(path.join(workspace, 'discount.py')), false);
    await vscode.shot('9-feature-preview');
    await preview.apply.click();
    await until('the new file', () => fs.existsSync(path.join(workspace, 'discount.py')));
    await vscode.open('cart.py', 'discounted(amount)');
    // The editor makes the file first and fills it in later: what is not changed yet would not be saved.
    for (const name of ['cart.py', 'discount.py']) await page.locator('.tab.dirty', { hasText: name }).waitFor();
    await vscode.palette('File: Save All');
    await until('both files on disk', () => /amount \* 0\.9/.test(fs.readFileSync(path.join(workspace, 'discount.py'), 'utf8')) && /from discount import/.test(fs.readFileSync(file, 'utf8')));
    await vscode.palette('Notifications: Clear All Notifications');
  });

  const TEST_FILE = path.join(workspace, 'tests/test_cart.py');
  /** By its tab: in the list of files its name would also choose that of its tests. */
  const toCart = async () => {
    await page.locator('.tab[data-resource-name="cart.py"]').click();
    await page.locator('.editor-instance .view-lines', { hasText: 'discounted(amount)' }).first().waitFor();
    await page.locator('.editor-instance .view-lines').first().click();
  };
  const toMethod = async () => {
    await toCart();
    await vscode.palette('Go to Line/Column');
    await page.keyboard.type('10:1');
    await press('Enter');
    for (let lines = 0; lines < 5; lines++) await press('Shift+ArrowDown');
  };

  await promise('tests are generated once the user has said that they may be run', async () => {
    await script(tests('Totals', WRONG));
    await toMethod();
    await vscode.palette('BEAST MODE: Generate Tests');
    await vscode.modal.filter({ hasText: 'May BEAST MODE run the tests of' }).waitFor();
    assert.match(await vscode.modal.innerText(), /throw-away copy[^]*memory/);
    await vscode.shot('9-consent');
    const asked = (await stats()).requests;
    await vscode.modal.getByRole('button', { name: 'Run Tests', exact: true }).click();
    await until('the model to be asked', async () => (await stats()).requests > asked, 20);
    await preview.apply.waitFor({ timeout: 90000 });
    await preview.tick();
    await vscode.toast(/1 of 2 generated tests are kept, \d of \d lines run/);
    await vscode.shot('9-tests-preview');
    assert.equal(fs.existsSync(TEST_FILE), false, 'written before it was taken');
    await preview.apply.click();
    await until('the new file', () => fs.existsSync(TEST_FILE));
    await page.locator('.tab.active', { hasText: 'test_cart.py' }).waitFor();
    await until('its text', async () => /test_it_adds_the_prices/.test(await text()));
    assert.doesNotMatch(await text(), /never_empty/);
    await vscode.palette('File: Save All');
    await vscode.palette('Notifications: Clear All Notifications');
  });

  await promise('a lens above the function adds more tests, and nobody is asked again', async () => {
    await script(tests('MoreTotals'));
    await toCart();
    const lens = page.locator('.codelens-decoration a', { hasText: 'Generate Tests' }).last();
    await lens.waitFor({ timeout: 20000 });
    await vscode.shot('9-lenses');
    await lens.click();
    await preview.apply.waitFor({ timeout: 90000 });
    assert.equal(await vscode.modal.count(), 0);
    await preview.tick();
    await preview.apply.click();
    await vscode.open('test_cart.py', 'class MoreTotals');
    assert.match(await text(), /class Totals/);
    await vscode.palette('File: Save All');
    await vscode.palette('Notifications: Clear All Notifications');
  });

  await promise('the permission is taken back, and tests are then shown as not run', async () => {
    await vscode.palette('BEAST MODE: Allow Running Tests');
    await vscode.modal.filter({ hasText: 'So far they are run' }).waitFor();
    await vscode.modal.getByRole('button', { name: 'Do Not Run' }).click();
    await script(tests('EvenMoreTotals'));
    await toMethod();
    await vscode.palette('BEAST MODE: Generate Tests');
    await preview.apply.waitFor({ timeout: 30000 });
    await vscode.toast(/its tests were not run[^]*you said no/);
    await vscode.shot('9-not-run');
    await page.locator('.bulk-edit-panel').getByRole('button', { name: 'Discard' }).click();
    await vscode.palette('Notifications: Clear All Notifications');
  });

  await promise('a chip shows what is attached, and can be removed by keyboard', async () => {
    await vscode.open('main.py', 'print');
    await vscode.palette('BEAST MODE: Attach to Chat');
    await chat.locator('#chips li', { hasText: 'main.py' }).waitFor();
    await chat.getByRole('button', { name: 'Remove main.py' }).press('Enter');
    await until('no chip', async () => (await chat.locator('#chips li').count()) === 0);
  });

  await promise('a hidden view loses neither draft nor conversation', async () => {
    await box.fill('half a quest');
    await vscode.palette('View: Show Explorer');
    await box.waitFor({ state: 'detached' });
    await vscode.palette('BEAST MODE: Open Chat');
    await articles.first().waitFor({ timeout: 15000 });
    assert.equal(await box.inputValue(), 'half a quest');
    assert.equal(await articles.count(), 5);
    await box.fill('');
  });

  await promise('the conversation survives a reload of the window', async () => {
    await page.reload();
    await vscode.statusSays(/Cart Coder/, 60);
    await vscode.palette('BEAST MODE: Open Chat');
    await articles.nth(4).waitFor({ timeout: 30000 });
    await articles.first().locator('.hljs-keyword').first().waitFor();
    await articles.first().getByRole('button', { name: 'main.py:3' }).waitFor();
    assert.match(await articles.first().locator('.facts').innerText(), /^custom:cart-coder · \$/);
    await articles.first().scrollIntoViewIfNeeded();
    await vscode.shot('10-reloaded');
  });

  await promise('sessions are begun, listed, renamed, switched and deleted', async () => {
    await vscode.palette('BEAST MODE: New Chat');
    await chat.locator('.welcome').waitFor();
    await script('Second.');
    await say('Another matter');
    await answered();
    await vscode.palette('BEAST MODE: Rename Chat');
    await vscode.input.fill('The second one');
    await press('Enter');
    await vscode.palette('BEAST MODE: Chat Sessions');
    await vscode.rows.filter({ hasText: 'The second one' }).waitFor();
    await vscode.shot('11-sessions');
    await vscode.rows.filter({ hasText: 'What does total do?' }).click();
    await articles.nth(4).waitFor();
    await vscode.palette('BEAST MODE: Delete Chat');
    await vscode.modal.getByRole('button', { name: 'Delete' }).click();
    await chat.locator('.welcome').waitFor();
    await vscode.palette('BEAST MODE: Chat Sessions');
    await vscode.rows.filter({ hasText: 'The second one' }).click();
    await last.locator('.answer', { hasText: 'Second.' }).waitFor();
  });

  await promise('an error says what to do, and the question is not lost', async () => {
    await script('', '500');
    await say('Will this fail?');
    await chat.locator('.error').last().waitFor({ timeout: 60000 });
    await vscode.shot('12-error');
    await script('Back again.');
    await say('And now?');
    await last.locator('.answer', { hasText: 'Back again.' }).waitFor({ timeout: 60000 });
  });
} finally {
  fs.writeFileSync(path.join(OUT, 'results.json'), JSON.stringify(results, null, 2));
  await vscode.stop();
  model.kill('SIGKILL');
  beacon.close();
}
process.exit(broken ? 1 : 0);

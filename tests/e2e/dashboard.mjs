// What its owner does with the dashboard in a real browser, as one session: every promise builds on the one before.
// test_dashboard.py starts it and reads OUT/results.json and OUT/seen.json.
// Environment: EDITORS, OUT, URL, CODE, TOKEN, SERVER, MODEL, KEY, AXE.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { until } from './editor.mjs';

const { EDITORS, OUT, URL: BASE, CODE, TOKEN, SERVER, MODEL, KEY, AXE } = process.env;
const { chromium } = createRequire(path.join(EDITORS, 'pw/index.js'))('playwright-core');
const axe = fs.readFileSync(AXE, 'utf8');
const [results, seen] = [{}, {}];
const ONE = 'custom:qwen-coder-7b';

const browser = await chromium.launchPersistentContext(path.join(OUT, 'chromium'), {
  executablePath: '/usr/bin/chromium',
  viewport: { width: 1400, height: 900 },
  timezoneId: 'Europe/Berlin',
  colorScheme: 'light',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
});
const page = browser.pages()[0] ?? await browser.newPage();
page.setDefaultTimeout(10_000);
const [asked, said] = [[], []];
page.on('request', (request) => asked.push(request.url()));
page.on('console', (message) => { if (message.type() === 'error') said.push(message.text()); });
page.on('pageerror', (error) => said.push(error.stack));

// ---- the parts of the page -------------------------------------------------------------------------------------------
const clean = (text) => text.replaceAll('\u00a0', ' ').trim();
const panel = (id) => page.locator(`#${id}`);
const note = (id) => panel(id).locator('.note').first().innerText().then(clean);
const key = async (id) => clean(await page.locator(`#key-${id} .value`).innerText());
const rows = (within) => within.locator('tbody tr:not(.result)').evaluateAll((all) =>
  all.map((row) => [...row.children].map((cell) => cell.textContent.replaceAll('\u00a0', ' ').trim())));
const rest = () => page.locator('main[aria-busy=false]').waitFor();
const loaded = async (act) => {
  const answer = page.waitForResponse((response) => response.url().includes('/overview') && response.status() === 200);
  await act();
  await answer;
  await rest();
};
const shot = (name) => page.screenshot({ path: path.join(OUT, `${name}.png`), fullPage: true });
/** Every rule of axe that is about correctness; what it found, in words. */
async function accessible(where) {
  if (!(await page.evaluate('typeof axe !== "undefined"'))) await page.evaluate(axe);
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ['violations'] })).violations
    .map(({ id, nodes }) => `${id}: ${nodes.map((one) => `${one.target} ${one.failureSummary}`).join(' | ')}`));
  assert.deepEqual(found, [], `axe, ${where}`);
}

async function promise(what, keep) {
  try {
    await keep();
    results[what] = 'kept';
  } catch (error) {
    results[what] = `broken: ${error.stack}`;
    await shot('broken').catch(() => undefined);
    throw error;
  }
}

async function session() {
  await promise('the editor opens it signed in, and the code leaves the address', async () => {
    await page.goto(`${BASE}/?range=30d#code=${CODE}`);
    await panel('usage').locator('canvas').waitFor();
    assert.equal(page.url(), `${BASE}/?range=30d`);
    const [cookie] = await browser.cookies();
    assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, 'Strict']);
    assert.equal(await page.evaluate(() => document.cookie + JSON.stringify([localStorage, sessionStorage])), '[{},{}]');
  });

  await promise('every panel shows its figures', async () => {
    await page.locator('.live[data-state=live]').waitFor();
    for (const id of ['requests', 'success', 'latency', 'cost', 'saved', 'accepted']) seen[id] = await key(id);
    for (const id of ['usage', 'latency', 'savings', 'costs', 'errors']) {
      const details = panel(id).locator('.chart details');
      await details.locator('summary').click();
      seen[`${id}Note`] = await note(id);
      seen[`${id}Table`] = await rows(details);
      await details.locator('summary').click();
    }
    seen.kinds = await rows(panel('errors').locator('> .scroll'));
    for (const id of ['models', 'acceptance', 'routing']) seen[`${id}Table`] = await rows(panel(id));
    seen.recent = await panel('recent').locator('li').allInnerTexts().then((all) => all.map(clean));
    seen.today = clean(await page.locator('#spend-today b').innerText());
    seen.month = clean(await page.locator('#spend-this-month b').innerText());
    await shot('light');
  });

  await promise('a chart says what is under the mouse', async () => {
    await panel('usage').locator('.u-over').hover();
    await panel('usage').locator('.legend .when').waitFor();
    assert.match(clean(await panel('usage').locator('.legend').innerText()), /Your models\s*[\d,]+/);
    await page.mouse.move(0, 0);
  });

  await promise('it has no accessibility violations in light, dark and narrow', async () => {
    await accessible('light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await accessible('dark');
    await shot('dark');
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme: 'light' });
    await until('nothing to be wider than the page', () => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), 5);
    await accessible('narrow');
    await shot('narrow');
    await page.setViewportSize({ width: 1400, height: 900 });
  });

  await promise('the keyboard reaches range and models, and both stand in the address', async () => {
    await page.locator('#range-30d').focus();
    await loaded(() => page.keyboard.press('ArrowLeft'));
    assert.match(page.url(), /\?range=7d$/);
    await loaded(() => page.keyboard.press('ArrowRight'));
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('checkbox', { name: ONE }).focus();
    await loaded(() => page.keyboard.press('Space'));
    assert.equal(page.url(), `${BASE}/?range=30d&model=${encodeURIComponent(ONE)}`);
    await accessible('menu');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SUMMARY');
    seen.oneRequests = await key('requests');
    await loaded(() => page.reload());
    assert.equal(await key('requests'), seen.oneRequests);
    await loaded(() => page.goBack());
    assert.equal(await key('requests'), seen.requests);
  });

  await promise('a span without requests says so, and one that fails says what to do', async () => {
    await loaded(() => page.goto(`${BASE}/?from=2020-01-01&to=2020-01-02`));
    for (const id of ['usage', 'latency', 'savings', 'errors', 'routing', 'recent']) assert.match(await note(id), /^No|^None|^Nothing/, id);
    await accessible('empty');
    await shot('empty');
    await page.route('**/overview*', (route) => route.abort());
    await page.locator('label[for=range-24h]').click();
    const trouble = page.locator('.trouble');
    await trouble.getByText('The gateway does not answer').waitFor();
    await accessible('trouble');
    await page.unroute('**/overview*');
    await loaded(() => trouble.getByRole('button', { name: 'Try again' }).click());
    assert.equal(await trouble.isVisible(), false);
  });

  const dialog = page.locator('dialog');
  const row = panel('models').locator('tr', { hasText: 'custom:live-coder' }).first();
  await promise('a model is registered, wrong fields are named at the field', async () => {
    await page.getByRole('button', { name: 'Register a model' }).click();
    const field = (name) => dialog.locator(`[name=${name}]`);
    await field('model_name').waitFor();
    await accessible('dialog');
    await field('model_name').fill('Live Coder');
    await field('model_id').fill('live-coder');
    await field('endpoint_url').fill('ftp://nowhere');
    await field('api_key').fill('sk-wrong');
    await field('price').fill('1/2');
    await dialog.getByRole('button', { name: 'Test and register' }).click();
    await dialog.locator('#field-endpoint_url[aria-invalid=true]').waitFor();
    assert.match(await dialog.locator('#field-endpoint_url-error').innerText(), /http/);
    await shot('register');
    await field('endpoint_url').fill(`${MODEL}/v1`);
    await dialog.getByRole('button', { name: 'Test and register' }).click();
    await dialog.getByRole('button', { name: 'Register without an answer' }).waitFor();
    assert.match(await dialog.locator('.told').innerText(), /401|key/i);
    await accessible('refused');
    await field('api_key').fill(KEY);
    await loaded(() => dialog.getByRole('button', { name: 'Test and register' }).click());
    await dialog.waitFor({ state: 'hidden' });
    await row.waitFor();
  });

  await promise('the model is tested', async () => {
    await row.getByRole('button', { name: 'Test Live Coder' }).click();
    const result = panel('models').locator('tr.result:visible');
    await result.getByText('It works.').waitFor();
    assert.ok(await result.locator('li.ok').count() > 2);
    await accessible('result');
    await result.getByRole('button', { name: 'Close' }).click();
  });

  await promise('what happens is seen without a reload', async () => {
    const before = await key('requests');
    const body = JSON.stringify({ model: 'custom:live-coder', messages: [{ role: 'user', content: 'hello' }] });
    const answer = await fetch(`${BASE}/v1/chat/completions`, { method: 'POST', body, headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' } });
    assert.equal(answer.status, 200, await answer.text());
    await until('the figure to move', async () => (await key('requests')) !== before); // by how much depends on the full hour
    await row.locator('.level.healthy').waitFor();
    await page.locator('#routing').getByText('live-coder').first().waitFor();
  });

  await promise('the model is removed, after a question', async () => {
    await row.getByRole('button', { name: 'Remove Live Coder' }).click();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await row.getByRole('button', { name: 'Remove Live Coder' }).click();
    await accessible('question');
    await loaded(() => dialog.getByRole('button', { name: 'Remove', exact: true }).click());
    await panel('models').getByText('custom:live-coder (removed)').waitFor();
    const answer = await fetch(`${BASE}/api/models/list`, { headers: { authorization: `Bearer ${TOKEN}` } });
    assert.doesNotMatch(await answer.text(), /live-coder/);
  });

  await promise('nobody sees it without the token, which is typed once', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.locator('#token').waitFor();
    assert.equal(await page.locator('.panel canvas').count(), 0);
    await accessible('sign-in');
    await page.locator('#token').fill('bm_wrong');
    await page.keyboard.press('Enter');
    await page.getByText('This token is not known here').waitFor();
    await page.locator('#token').fill(TOKEN);
    await page.keyboard.press('Enter');
    await panel('usage').locator('canvas').waitFor();
    await loaded(() => page.reload());
  });

  await promise('no other host was asked, no secret was part of an address, nothing broke a rule', async () => {
    assert.deepEqual(asked.filter((url) => !url.startsWith(`${BASE}/`)), []);
    for (const secret of [KEY, TOKEN, CODE, 'sk-wrong']) assert.deepEqual(asked.filter((url) => url.split('#')[0].includes(secret)), []);
    // What the browser itself notes about answers that a promise above wanted is no fault of the page.
    assert.deepEqual(said.filter((text) => !/^Failed to load resource/.test(text)), []);
  });

  await promise('an open page does not hold the gateway up when it ends', async () => {
    await page.locator('.live[data-state=live]').waitFor();
    process.kill(Number(SERVER), 'SIGTERM');
    // Its parent has not asked for its end yet, so it may stay in the table of processes, as what has ended.
    const ended = () => !fs.existsSync(`/proc/${SERVER}`) || /^State:\s+Z/m.test(fs.readFileSync(`/proc/${SERVER}/status`, 'utf8'));
    await until('the gateway to end', ended, 8);
    await page.locator('.live:not([data-state=live])').waitFor();
  });
}

try {
  await session();
} catch (error) {
  console.error(error.stack);
} finally {
  fs.writeFileSync(path.join(OUT, 'results.json'), JSON.stringify(results, null, 1));
  fs.writeFileSync(path.join(OUT, 'seen.json'), JSON.stringify(seen, null, 1));
  await browser.close();
}

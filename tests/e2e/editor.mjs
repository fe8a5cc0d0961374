// A real VS Code in a real browser: starts code-server and Chromium, and knows how its parts look in the page.
// Apart from vscode.mjs so that the promises there read as what a user does.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Tries until `look` answers something true; says what was last seen when it never does. */
export async function until(what, look, seconds = 15) {
  const end = Date.now() + seconds * 1000;
  for (let seen; ; await sleep(50)) {
    seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
  }
}

export function freePort() {
  return new Promise((done) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** An editor in which nothing but our extension speaks, and in which text stays as it is typed. */
const QUIET = {
  'workbench.startupEditor': 'none', 'workbench.secondarySideBar.defaultVisibility': 'hidden', 'workbench.reduceMotion': 'on',
  'workbench.colorTheme': 'Default Dark Modern', 'workbench.editor.useModal': 'off', 'window.commandCenter': false,
  'chat.disableAIFeatures': true, 'git.enabled': false, 'extensions.autoUpdate': false, 'telemetry.telemetryLevel': 'off',
  'files.autoSave': 'off', 'editor.minimap.enabled': false, 'editor.fontSize': 15, 'editor.inlineSuggest.showToolbar': 'never',
  // An open list of words takes Tab, and a bracket closed by the editor changes the text that is compared.
  'editor.quickSuggestions': { other: 'off', comments: 'off', strings: 'off' }, 'editor.wordBasedSuggestions': 'off',
  'editor.autoClosingBrackets': 'never',
};

/** Starts everything below `out`: home, settings, extensions and browser profile, so that all written files can be searched. */
export async function start({ editors, out, vsix, workspace, file, env, settings, machineSettings }) {
  const folder = (name) => {
    const made = path.join(out, name);
    fs.mkdirSync(made, { recursive: true });
    return made;
  };
  const user = folder('user');
  fs.writeFileSync(path.join(folder('user/User'), 'settings.json'), JSON.stringify({ ...QUIET, ...settings }));
  const machine = path.join(folder('user/Machine'), 'settings.json');
  fs.writeFileSync(machine, JSON.stringify(machineSettings));

  const home = folder('home');
  const codeServer = path.join(editors, 'cs/node_modules/code-server/out/node/entry.js');
  const node = path.join(editors, 'bin/node');
  const common = ['--user-data-dir', user, '--extensions-dir', folder('extensions'), '--config', path.join(out, 'config.yaml')];
  const whole = { ...process.env, HOME: home, TMPDIR: folder('tmp'), EXTENSIONS_GALLERY: '{"serviceUrl":""}', ...env };
  for (const name of ['XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME', 'VSCODE_IPC_HOOK_CLI', 'PORT', 'PASSWORD']) delete whole[name];
  execFileSync(node, [codeServer, ...common, '--install-extension', vsix], { env: whole, stdio: 'ignore' });

  const port = await freePort();
  const log = fs.openSync(path.join(out, 'code-server.log'), 'w');
  const args = ['--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-telemetry', '--disable-update-check', '--disable-getting-started-override', '--disable-proxy'];
  const server = spawn(node, [codeServer, ...common, ...args], { env: whole, stdio: ['ignore', log, log], detached: true });
  let browser;
  const stop = async () => {
    await browser?.close();
    const ended = new Promise((done) => server.once('exit', done));
    for (const signal of ['SIGTERM', 'SIGKILL']) {
      try { process.kill(-server.pid, signal); } catch { /* gone already */ }
      await Promise.race([ended, sleep(3000)]);
    }
  };
  try {
    await until('code-server', () => fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok, () => false), 30);
    const { chromium } = createRequire(path.join(editors, 'pw/index.js'))('playwright-core');
    browser = await chromium.launchPersistentContext(folder('chromium'), {
      executablePath: '/usr/bin/chromium',
      viewport: { width: 1280, height: 800 },
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
      env: { ...process.env, HOME: home },
    });
    await browser.route((url) => url.protocol.startsWith('http') && url.hostname !== '127.0.0.1', (route) => route.abort());
    const page = browser.pages()[0] ?? await browser.newPage();
    const consoleLog = fs.createWriteStream(path.join(out, 'browser.log'));
    page.on('console', (message) => consoleLog.write(`${message.type()}: ${message.text()}\n`));
    const payload = JSON.stringify([['openFile', `vscode-remote://127.0.0.1:${port}${file}`]]);
    await page.goto(`http://127.0.0.1:${port}/?folder=${encodeURIComponent(workspace)}&payload=${encodeURIComponent(payload)}`);
    await page.locator('.editor-instance .monaco-editor .view-lines').first().waitFor({ timeout: 60000 });
    return { page, stop, ...parts(page, file, out), setMachine: (value) => fs.writeFileSync(machine, JSON.stringify(value)) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The parts of the workbench that a user looks at, and the ways they use them. */
function parts(page, file, out) {
  const input = page.locator('.quick-input-widget input').first();
  const rows = page.locator('.quick-input-list .monaco-list-row');
  /** The list's chosen row holds these words, at once or a few rows down. */
  async function rowChosen(words) {
    const chosen = page.locator('.quick-input-list .monaco-list-row.focused', { hasText: words });
    if (!(await rows.filter({ hasText: words }).first().waitFor({ timeout: 5000 }).then(() => true, () => false))) return false;
    for (let tries = 0; tries < 8; tries++) {
      if (await chosen.waitFor({ timeout: tries ? 200 : 1000 }).then(() => true, () => false)) return true;
      await page.keyboard.press('ArrowDown');
    }
    return false;
  }
  const text = (found) => found.allTextContents().then((all) => all.map((one) => one.replaceAll('\u00a0', ' ')));
  const editor = {
    status: page.locator('[id="beastmode.beastmode.status"]'),
    toasts: page.locator('.notification-toast'),
    modal: page.locator('.monaco-dialog-box'),
    input,
    rows,
    message: page.locator('.quick-input-message'),
    title: page.locator('.quick-input-title'),
    shot: (name) => page.screenshot({ path: path.join(out, `${name}.png`) }),

    /** By keyboard, because the rows move while they are filtered; again where a view that was still opening took the focus. */
    async palette(title) {
      await until(`the command ${title}`, async () => {
        await page.keyboard.press('F1');
        const isChosen = await input.fill(`>${title}`, { timeout: 3000 }).then(() => rowChosen(title), () => false);
        if (isChosen) await page.keyboard.press('Enter');
        return isChosen;
      }, 40);
    },
    async open(name, holding) {
      const isOpen = page.locator('.tab.active', { hasText: name });
      await until(`the file ${name}`, async () => {
        await editor.palette('Go to File...');
        const list = until('the list of files', async () => !(await input.inputValue({ timeout: 1000 }).catch(() => '>')).startsWith('>'), 3);
        const isChosen = await list.then(() => input.fill(name, { timeout: 3000 })).then(() => rowChosen(name), () => false);
        if (isChosen) await page.keyboard.press('Enter');
        return isChosen && isOpen.waitFor({ timeout: 5000 }).then(() => true, () => false);
      }, 40);
      await page.locator('.editor-instance .view-lines', { hasText: holding }).first().waitFor();
      await page.locator('.editor-instance .view-lines').first().click();
      await page.locator('.editor-instance .monaco-editor.focused').waitFor();
    },
    /** The form's step with this title is open. */
    async step(title) {
      await page.locator('.quick-input-title', { hasText: title }).waitFor({ timeout: 15000 });
    },
    async toast(pattern) {
      const found = editor.toasts.filter({ hasText: pattern }).first();
      await found.waitFor({ timeout: 30000 });
      return found;
    },
    async statusSays(pattern, seconds = 20) {
      let seen = '';
      await until(`the status bar to say ${pattern}`, async () => {
        seen = (await text(editor.status)).join('') + (await editor.status.locator('.codicon').evaluateAll((all) => all.map((one) => ` ${one.className}`).join('')));
        return pattern.test(seen);
      }, seconds).catch((error) => { throw new Error(`${error.message}; it says ${JSON.stringify(seen)}`); });
      return seen;
    },
    /** What the status bar item shows under the mouse, which stays there. */
    async tooltip() {
      await editor.status.hover();
      return page.locator('.monaco-hover', { hasText: 'BEAST MODE' }).innerText();
    },
    /** Ghost text: the rest of the line is in the line itself, further lines stand in a zone of their own. */
    async ghost() {
      const first = (await text(page.locator('.monaco-editor .view-line [class*="ghost-text-decoration"]'))).join('');
      const rest = await text(page.locator('.monaco-editor .suggest-preview-text .view-line, .monaco-editor .ghost-text .view-line'));
      return [first, ...rest].join('\n').trimEnd();
    },
    async ghostSays(pattern) {
      let seen = '';
      await until(`ghost text ${pattern}`, async () => pattern.test(seen = await editor.ghost()))
        .catch((error) => { throw new Error(`${error.message}; it was ${JSON.stringify(seen)}`); });
      return seen;
    },
    noGhost: () => until('no ghost text', async () => (await editor.ghost()) === ''),
    /** An empty last line with the cursor in its first column, whatever the editor indents. */
    async freshLine() {
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+End');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Shift+Home');
      await page.keyboard.press('Delete');
    },
    type: (what) => page.keyboard.type(what, { delay: 25 }),
    press: (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve()),
    /** The file on disk, once it has been saved and looks like this. */
    async saved(pattern) {
      await page.keyboard.press('Control+S');
      return until(`the saved file to match ${pattern}`, () => {
        const now = fs.readFileSync(file, 'utf8');
        return pattern.test(now) && now;
      }).catch((error) => { throw new Error(`${error.message}; it is ${JSON.stringify(fs.readFileSync(file, 'utf8'))}`); });
    },
  };
  return editor;
}

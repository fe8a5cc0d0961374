// A user who has nothing but the extension: it offers to install its server, and then completes code.
// test_vscode_install.py starts it. Environment: EDITORS, OUT, VSIX, PIP_CACHE_DIR.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { sleep, start } from './editor.mjs';

const { EDITORS, OUT, VSIX, PIP_CACHE_DIR } = process.env;
const workspace = path.join(OUT, 'workspace');
const file = path.join(workspace, 'empty.py');
fs.mkdirSync(workspace, { recursive: true });
fs.writeFileSync(file, '# nothing yet\n');

const vscode = await start({
  editors: EDITORS, out: OUT, vsix: VSIX, workspace, file,
  env: { PIP_CACHE_DIR, BEASTMODE_HOME: path.join(OUT, 'beastmode'), BEASTMODE_BUILTIN__ENABLED: 'false' },
  settings: { 'security.workspace.trust.enabled': false },
  machineSettings: {},
});
let broken = false;
try {
  const offer = await vscode.toast(/not installed/);
  await vscode.statusSays(/install/);
  await vscode.shot('1-offered');
  await offer.getByRole('button', { name: 'Install' }).click();
  const progress = await vscode.toast(/Making a Python environment/);
  await progress.getByRole('button', { name: 'Cancel' }).click();
  await progress.waitFor({ state: 'hidden' });
  await sleep(500);
  assert.equal(await vscode.toasts.count(), 0); // somebody who cancels is told nothing that they know
  await vscode.statusSays(/install/);

  await vscode.status.click();
  await vscode.rows.filter({ hasText: 'Install Language Server' }).click();
  await vscode.toast(/Installing the server/);
  await vscode.shot('2-installing');
  await vscode.statusSays(/no model/, 240);
  await vscode.palette('BEAST MODE: Register Custom Model');
  await vscode.step('Name');
  await vscode.shot('3-installed');
  console.log('installed');
} catch (error) {
  broken = true;
  console.log(error.stack);
  await vscode.shot('failure').catch(() => undefined);
} finally {
  await vscode.stop();
}
process.exit(broken ? 1 : 0);

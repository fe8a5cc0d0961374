// Whether the workspace's tests may be run: asked once, kept by the server, never in a workspace that is not trusted.
import * as vscode from 'vscode';
import { ask, type Consent } from './protocol';
import type { Server } from './server';

const RUN = 'Run Tests';
const DO_NOT = 'Do Not Run';

/** Asks where a task would run tests and nobody has said anything yet; false where the user wants none of it now. */
export async function settleConsent(server: Server, task: string, uri: string | undefined): Promise<boolean> {
  if (!vscode.workspace.isTrusted) return true;
  const told = await server.ask<Consent>(ask.showConsent, { task, uri, isTrusted: true });
  return !told.isNeeded || decide(server, told, uri);
}

/** The command: gives the answer, changes it, takes it back. */
export async function changeConsent(server: Server): Promise<void> {
  const { isTrusted } = vscode.workspace;
  if (!isTrusted) throw new Error('This workspace is not trusted, so nothing of it is run. Trust it first.');
  const open = vscode.window.activeTextEditor?.document.uri;
  const uri = open?.scheme === 'file' ? open.toString() : undefined;
  await decide(server, await server.ask<Consent>(ask.showConsent, { uri, isTrusted }), uri);
}

async function decide(server: Server, { folder, allowed, isolated, notIsolated }: Consent, uri: string | undefined): Promise<boolean> {
  const listed = (facts: string[]): string => facts.map((fact) => `\n• ${fact}`).join('');
  const detail = [
    ...(allowed === null ? [] : [`So far they are ${allowed ? '' : 'not '}run.`]),
    `That checks what your model wrote.${listed(isolated)}`,
    ...(notIsolated.length ? [`NOT isolated:${listed(notIsolated)}`] : []),
  ].join('\n\n');
  const choice = await vscode.window.showWarningMessage(`May BEAST MODE run the tests of ${folder}?`, { modal: true, detail }, RUN, DO_NOT);
  if (!choice) return false;
  await server.ask(ask.decideConsent, { allowed: choice === RUN, uri, isTrusted: vscode.workspace.isTrusted });
  return true;
}

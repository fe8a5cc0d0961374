// The page of the chat: fixed markup, and a policy under which nothing but our own script and style can load.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

export function page(webview: vscode.Webview, extension: vscode.Uri): string {
  const nonce = randomBytes(18).toString('base64');
  const at = (name: string): vscode.Uri => webview.asWebviewUri(vscode.Uri.joinPath(extension, 'dist', name));
  const policy = [
    "default-src 'none'", `script-src 'nonce-${nonce}'`, `style-src 'nonce-${nonce}'`, "base-uri 'none'", "form-action 'none'",
    "require-trusted-types-for 'script'", 'trusted-types beastmode-markdown',
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>BEAST MODE Chat</title>
<link rel="stylesheet" nonce="${nonce}" href="${at('chat.css')}">
</head>
<body>
<main id="talk" tabindex="0" aria-label="Conversation"></main>
<p id="told" class="unseen" role="status" aria-live="polite"></p>
<form id="ask" aria-label="Your question">
<ul id="chips" aria-label="Attached"></ul>
<textarea id="question" rows="1" placeholder="Ask about your code" aria-label="Question. Enter sends, Shift+Enter starts a line, Escape stops the answer."></textarea>
<div class="row">
<button type="button" id="attach" class="plain" title="Attach a file, the selection or problems">Attach…</button>
<span class="room"></span>
<button type="button" id="stop" class="plain" hidden>Stop</button>
<button type="submit" id="send">Send</button>
</div>
</form>
<script nonce="${nonce}" src="${at('chat.js')}"></script>
</body>
</html>`;
}

"""What ours is measured against: pygls as it comes, one handler, one HTTP call. `bare_server.py BASE_URL`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

if TYPE_CHECKING:
    import aiohttp

LINES_BEFORE, LINES_AFTER = 50, 20

server = LanguageServer("bare", "1")
sessions: list[aiohttp.ClientSession] = []


@server.feature(lsp.TEXT_DOCUMENT_INLINE_COMPLETION, lsp.InlineCompletionOptions())
async def complete(ls: LanguageServer, params: lsp.InlineCompletionParams) -> lsp.InlineCompletionList:
    """Ask the model about the lines around the cursor."""
    if not sessions:
        import aiohttp  # noqa: PLC0415  # so that `initialize` does not wait for it: the fairest start it can have

        sessions.append(aiohttp.ClientSession())
    lines, position = ls.workspace.get_text_document(params.text_document.uri).lines, params.position
    before = "".join(lines[max(0, position.line - LINES_BEFORE) : position.line])
    question = {
        "model": "zero",
        "prompt": before + lines[position.line][: position.character],
        "suffix": "".join(lines[position.line + 1 : position.line + 1 + LINES_AFTER]),
        "max_tokens": 64,
    }
    async with sessions[0].post(f"{sys.argv[1]}/completions", json=question) as answer:
        text = (await answer.json())["choices"][0]["text"]
    return lsp.InlineCompletionList([lsp.InlineCompletionItem(insert_text=text)])


server.start_io()

"""`textDocument/codeLens`: what a model can do for a function, above it. No model is asked before one is chosen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from beastmode.context.syntax import definitions

if TYPE_CHECKING:
    from beastmode.faces.lsp.documents import Document

_OFFERED = {"tests": "Generate Tests", "refactor": "Refactor", "explain": "Explain", "document": "Document"}
_MOST_FUNCTIONS = 300
"""Of one document: nobody looks at more of them, and a generated file may have thousands."""


async def lenses(document: Document) -> list[lsp.CodeLens]:
    """Four lenses a function, each with the order that `beastmode.tasks.run` takes."""
    uri, text, language = document.uri, document.text, document.language
    found = await asyncio.to_thread(definitions, text, language)
    functions = [each for each in found if each.kind in ("function", "method")][:_MOST_FUNCTIONS]
    return [_lens(uri, task, title, each.line, each.end_line) for each in functions for task, title in _OFFERED.items()]


def _lens(uri: str, task: str, title: str, line: int, end_line: int) -> lsp.CodeLens:
    start, end = lsp.Position(line, 0), lsp.Position(end_line + 1, 0)
    place = {"start": {"line": line, "character": 0}, "end": {"line": end_line + 1, "character": 0}}
    order = {"task": task, "uri": uri, "range": place}
    return lsp.CodeLens(lsp.Range(start, end), lsp.Command(title, "beastmode.tasks.run", arguments=[order]))

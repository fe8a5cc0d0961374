"""Markdown around the code, as chat models like to write it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.completion.postprocess.literals import in_text

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

_PROSE = frozenset(("markdown", "mdx", "rmd", "quarto", "restructuredtext", "asciidoc", "plaintext"))
_OPEN_AT_START = re.compile(r"\s*```[\w+#.-]*[ \t]*(?:\n|\Z)")
_OPEN_WITH_NAME = re.compile(r"^```[A-Za-z][\w+#.-]*[ \t]*\n", re.MULTILINE)
_CLOSE = re.compile(r"^```[ \t]*$", re.MULTILINE)


def fences(text: str, cursor: Cursor) -> str:
    """What stands inside the first fence; a closing fence without an opening one ends the code.

    Documents in which fences are text keep them, and so do comments, strings of several lines, and indented fences.
    """
    if "```" not in text or cursor.language in _PROSE or in_text(cursor):
        return text
    while opened := _OPEN_AT_START.match(text) or _OPEN_WITH_NAME.search(text):
        text = _until_fence(text[opened.end() :])
    # An odd number of fences above the cursor: it stands in a fence of the document, which may be closed here.
    return text if len(_CLOSE.findall(cursor.before)) % 2 else _until_fence(text)


def _until_fence(text: str) -> str:
    closed = _CLOSE.search(text)
    return text[: closed.start()].removesuffix("\n") if closed else text

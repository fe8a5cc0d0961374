"""Thinking aloud that was sent as if it were the answer.

The wire formats already tell a leading block apart. What is left here are the spellings that they do not know, and a
block whose opening tag was part of the model's template, so that only the closing one is in the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

_LEADING = r"\s*(?:<\|[a-z_]+\|>(?:assistant)?\s*)*"
_OPEN = re.compile(_LEADING + r"(?:<(think|thinking|thought|reasoning|seed:think)>|(\[THINK\])|(◁think▷))")
_CLOSERS = ("</{}>", "[/THINK]", "◁/think▷")
_CHANNEL = re.compile(_LEADING + r"<\|channel\|>(?:analysis|commentary)\b")
_FINAL = re.compile(r"<\|channel\|>final<\|message\|>")
_CLOSE_ALONE = re.compile(r"^[ \t]*</(?:think|thinking|thought|reasoning)>[ \t]*(?:\n|\Z)", re.MULTILINE)


def reasoning(text: str, _cursor: Cursor) -> str:
    """The text behind the thinking; nothing where the thinking never ended."""
    while any(mark in text for mark in "<[◁"):
        opened = _OPEN.match(text)
        if opened:
            closer = _CLOSERS[(opened.lastindex or 1) - 1].format(opened.group(1))
            _, _, rest = text[opened.end() :].partition(closer)
        elif _CHANNEL.match(text):
            final = _FINAL.search(text)
            rest = text[final.end() :] if final else ""
        else:
            # A closing tag inside a line is code about such tags; one that has a line to itself is not.
            closings = list(_CLOSE_ALONE.finditer(text))
            if not closings:
                break
            rest = text[closings[-1].end() :]
        text = rest.lstrip("\n")
    return text

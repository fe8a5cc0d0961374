"""Sentences around the code, as chat models like to write them, where no fence tells them apart.

Takes only what is certain: a sentence known to open or to close such answers, on a line of its own, in a language
whose code reads otherwise, and never in a comment or a string.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.completion.postprocess.literals import in_text, literal_lines

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

_LANGUAGES = frozenset(
    "python typescript typescriptreact javascript javascriptreact go rust java c cpp csharp ruby shellscript kotlin "  # noqa: SIM905 - reads
    "swift scala dart lua perl r julia json jsonc css scss less toml makefile dockerfile".split()
)
_WORDS = r"[\w ,'’\"()/.-]|`[^`\n]+`"  # noqa: RUF001 - models write it so
_BEFORE = re.compile(
    rf"\s*(?:(?:Sure|Certainly|Of course|Absolutely|Okay|Ok)(?:[,!.]| thing)(?:{_WORDS}|!)*[:.!]"
    rf"|(?:Here(?:'s|’s| is| are)|The (?:completed|missing|full|following|code|next)|To complete) (?:{_WORDS})*:)"  # noqa: RUF001
    r"[ \t]*(?:\n|\Z)",
)
_AFTER = re.compile(
    r"^(?:\*{0,2}(?:Explanation|Notes?)(?:\*{0,2}:|:\*{2})|"
    r"(?:(?:This|The) (?:code|function|method|class|completion|line|implementation|snippet|loop)|I(?:'ve|’ve| have)|"  # noqa: RUF001
    r"Note that|In this|Here,|You can|Let me know|Hope this|Explanation of) )"
    rf"(?:{_WORDS}|[:;*])*$",
    re.MULTILINE,
)
_FEWEST_WORDS = 4


def prose(text: str, cursor: Cursor) -> str:
    """The text between a known opening and a known closing sentence."""
    if cursor.language not in _LANGUAGES:
        return text
    opened = _BEFORE.match(text)
    closed = _AFTER.search(text)
    if (not opened and not closed) or in_text(cursor):
        return text
    while opened:
        text = text[opened.end() :].lstrip("\n")
        opened = _BEFORE.match(text)
    return _without_ending(text, cursor)


def _without_ending(text: str, cursor: Cursor) -> str:
    inside: list[bool] = []
    for closed in _AFTER.finditer(text):
        start = closed.start()
        is_paragraph = text[:start].endswith("\n\n") or (start == 0 and not cursor.line_before.strip())
        is_sentence = closed.group().rstrip("*").endswith(":") or len(closed.group().split()) >= _FEWEST_WORDS
        if not is_paragraph or not is_sentence:
            continue
        inside = inside or literal_lines(text, cursor)
        if not inside[text.count("\n", 0, start)]:
            return text[:start].rstrip("\n")
    return text

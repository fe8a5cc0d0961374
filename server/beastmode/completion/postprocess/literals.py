"""Where a text stands inside of a string or a comment of several lines, whose lines mean nothing to syntax.

Not a filter. Tokens only, no grammar, so it serves every language and costs microseconds; interpolations count as part
of their string.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

_STRING = r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'"""
_SLASHES, _HASH, _DASHES = "//[^\n]*", "#[^\n]*", "--[^\n]*"
_BLOCK, _TICKS = ("/*", "*/"), ("`", "`")
_DOUBLE, _SINGLE = ('"""', '"""'), ("'''", "'''")
_HEREDOC = r"""<<[-~]?(?P<quote>["']?)(?P<word>[A-Za-z_]\w*)(?P=quote)"""

_ROWS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    # Languages; what is skipped; what goes over several lines, from and to.
    ("python", _HASH, (_DOUBLE, _SINGLE)),
    ("toml julia elixir", _HASH, (_DOUBLE, _SINGLE)),
    ("go javascript javascriptreact typescript typescriptreact vue svelte", _SLASHES, (_BLOCK, _TICKS)),
    ("java kotlin csharp swift scala dart groovy", _SLASHES, (_BLOCK, _DOUBLE)),
    ("c cpp objective-c cuda-cpp zig proto3", _SLASHES, (_BLOCK, ('R"(', ')"'))),
    ("rust", _SLASHES, (_BLOCK, ('r#"', '"#'))),
    ("css scss less", r"\Z", (_BLOCK,)),
    ("sql", _DASHES, (_BLOCK,)),
    ("lua", r"--(?!\[\[)[^\n]*", (("--[[", "]]"), ("[[", "]]"))),
    ("html xml markdown", r"\Z", (("<!--", "-->"),)),
    ("php", rf"{_SLASHES}|{_HASH}", (_BLOCK,)),
    ("ruby perl shellscript dockerfile", r"(?<![^\s;])#[^\n]*", ()),
)
_PAIRS = {language: pairs for names, _, pairs in _ROWS for language in names.split()}
_SKIPPED = {language: skipped for names, skipped, _ in _ROWS for language in names.split()}
_WITH_HEREDOCS = frozenset(("ruby", "perl", "shellscript", "php", "dockerfile"))
_BARE_STRINGS = frozenset(("html", "xml", "markdown"))
"""Languages of prose: an apostrophe begins no string."""


def open_literal(before: str, language: str) -> str:
    """What would close the literal that a text ends in; '' where it ends in code, or the language is unknown.

    The text must begin in code.
    """
    spans = _spans(before, language, "")
    return spans[-1][2] if spans and spans[-1][1] < 0 else ""


def literal_lines(text: str, cursor: Cursor) -> list[bool]:
    """For each line of a text at a cursor, whether it begins inside of such a literal."""
    opened = open_literal(cursor.before, cursor.language)
    lines = text.split("\n")
    spans = _spans(text, cursor.language, opened)
    inside, start, number = [], 0, 0
    for line in lines:
        while number < len(spans) and 0 <= spans[number][1] <= start:
            number += 1
        inside.append(number < len(spans) and (spans[number][0] < start or (start == 0 and bool(opened))))
        start += len(line) + 1
    return inside


def in_text(cursor: Cursor) -> bool:
    """Whether a cursor stands in a comment, or in a string of several lines."""
    line = cursor.line_before.lstrip()
    if line.startswith(_COMMENT_MARKS) or _COMMENT.search(line):
        return True
    return bool(open_literal(cursor.before, cursor.language))


_COMMENT_MARKS = ("//", "#", "*", "/*", "--", ";", "%", "<!--", '"""', "'''")
_COMMENT = re.compile(r"\s(?:#|//|--)\s")


@cache
def _pattern(language: str) -> re.Pattern[str] | None:
    if language not in _PAIRS:
        return None
    openers = [re.escape(opener) for opener, _ in _PAIRS[language]]
    heredoc = [_HEREDOC] if language in _WITH_HEREDOCS else []
    skipped = [_SKIPPED[language]] + ([] if language in _BARE_STRINGS else [_STRING])
    return re.compile("|".join([f"(?P<opener>{'|'.join(openers)})"] * bool(openers) + heredoc + skipped))


def _spans(text: str, language: str, opened: str) -> list[tuple[int, int, str]]:
    """The literals of a text: from, up to (-1: never), and what closes them."""
    pattern = _pattern(language)
    spans: list[tuple[int, int, str]] = []
    if pattern is None:
        return spans
    at = 0
    if opened:
        at = _end(text, 0, opened)
        spans.append((0, at, opened))
    while at >= 0 and (found := pattern.search(text, at)):
        at = found.end()
        closer = _closer(found, language)
        if closer:
            # A heredoc's text begins on the next line; what follows on its own line may open another one.
            at = _end(text, at, closer)
            spans.append((found.start(), at, closer))
        elif not found.group():
            break
    return spans


def _closer(found: re.Match[str], language: str) -> str:
    groups = found.groupdict()
    if groups.get("word"):
        return "\n" + groups["word"]
    return dict(_PAIRS[language]).get(groups.get("opener") or "", "")


def _end(text: str, at: int, closer: str) -> int:
    if closer[0] != "\n":
        found = text.find(closer, at)
        return found + len(closer) if found >= 0 else -1
    ended = re.compile(rf"\n[ \t]*{re.escape(closer[1:])}\b").search(text, at)
    return ended.end() if ended else -1

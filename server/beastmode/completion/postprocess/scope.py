"""The end of the block that the cursor stands in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.completion.brackets import balance, line_depths
from beastmode.completion.postprocess.columns import UNSEEN, width
from beastmode.completion.postprocess.literals import literal_lines
from beastmode.context.syntax import has_grammar, scope_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.text import Cursor

SEEN_BEFORE, SEEN_AFTER = 1200, 400
"""Characters around the cursor that are parsed."""
_CLOSED_BY_WORDS = frozenset(("ruby", "shellscript"))
_CLOSER = re.compile(r"[ \t]*(?:[)\]}]+[;,]?|end|fi|done|esac|</[\w:.-]+>)[ \t]*")
_CLAUSE = re.compile(r"[ \t]*(?:[)}\]]+ *)?(?:else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|case)\b")
_BEGINS_CLOSED = re.compile(r"[ \t]*(?:[)\]}]+|(?:end|fi|done|esac)\b)")
_CLOSERS = ("}", ")", "]", ";", ",", "end", "fi", "done", "esac")
_CLOSING_WORD = re.compile(r"^[ \t]*(?:end|fi|done|esac)\b", re.MULTILINE)


def scope(text: str, cursor: Cursor) -> str:
    """The text up to where it leaves the cursor's block; a line that only closes the block still belongs to it.

    In Python, and in languages without a grammar, the indentation says where that is. Elsewhere the syntax does, which
    is asked only where a line stands further out or something is closed: a parse costs more than all other filters.
    """
    if "\n" not in text:
        return text
    lines = text.split("\n")
    kept = _by_indentation(lines, cursor)
    if cursor.language == "python" or not has_grammar(cursor.language):
        return _cut(text, len(text) if kept is None else len("\n".join(lines[:kept])))
    if kept is None and not balance(text).closed and not _CLOSING_WORD.search(text):
        return text
    by_indentation = len(text) if kept is None else len("\n".join(lines[:kept]))
    end = _by_syntax(text, cursor)
    if end is None:
        end = by_indentation
    elif cursor.language in _CLOSED_BY_WORDS:
        # A parser is easily lost among half-written words: both must say so.
        end = max(end, by_indentation)
    return _cut(text, end)


def _cut(text: str, end: int) -> str:
    """The text up to there; all of it where nothing would be left, or where an `else` may still follow."""
    is_certain = text[end:].strip() != UNSEEN[-1]
    return text[:end] if is_certain and text[:end].strip() else text


def _by_syntax(text: str, cursor: Cursor) -> int | None:
    """Where in the text the block ends; None where nobody can tell."""
    before = cursor.before[-SEEN_BEFORE:]
    before = before if len(before) == len(cursor.before) else before.partition("\n")[2]
    # Who begins with a closing bracket is done with its block, and writes in the one around it.
    begins = None if cursor.line_before.strip() else _BEGINS_CLOSED.match(text)
    closed = begins.end() if begins else 0
    end = scope_end(before + text[:closed], text[closed:], cursor.after[:SEEN_AFTER], cursor.language)
    return None if end is None else _whole(text, end + closed)


def _whole(text: str, end: int) -> int:
    """A place to cut that breaks no line: behind a closer, or before the line."""
    while text[end : end + 1] in (";", ","):
        end += 1
    start = text.rfind("\n", 0, end) + 1
    is_whole = end == len(text) or text[end] == "\n" or not text[start:end].strip()
    return end if is_whole or text[:end].endswith(_CLOSERS) else start


def _by_indentation(lines: Sequence[str], cursor: Cursor) -> int | None:
    """How many lines belong to the block; None where all of them do.

    At the top level a block ends at a blank line that a line without indentation follows. A line inside of brackets
    that the cursor's line or the text has opened, or inside of a string, never ends anything, and behind a line that
    opens a block, that block counts.
    """
    depths: list[int] = []
    inside: list[bool] = []
    outer = level = width(cursor.line_before)
    begun = bool((cursor.line_before + lines[0]).strip())
    for number in range(1, len(lines)):
        line = lines[number]
        if not line.strip():
            continue
        if begun and number == 1 and not lines[0].strip():
            level = max(level, width(line))
        if begun and _leaves(line, lines[number - 1], level):
            depths = depths or line_depths(cursor.line_before + "\n".join(lines))
            inside = inside or literal_lines("\n".join(lines), cursor)
            if depths[number] == 0 and not inside[number] and not (level > outer and _continues(line, outer)):
                return _behind_closers(lines, number) if level > 0 and width(line) <= outer else number
        begun = True
    return None


def _behind_closers(lines: Sequence[str], number: int) -> int:
    """The first line from there on that closes nothing more."""
    level = width(lines[number]) + 1
    while number < len(lines) and _CLOSER.fullmatch(lines[number]) and width(lines[number]) < level:
        level = width(lines[number])
        number += 1
    return number


def _leaves(line: str, above: str, level: int) -> bool:
    return width(line) < level if level else not above.strip() and width(line) == 0


def _continues(line: str, outer: int) -> bool:
    return width(line) == outer and _CLAUSE.match(line) is not None

"""Whether a suggestion may run over several lines, or ends with the cursor's line. Pure.

Separate because two ask: the request, which sets the stop and the budget, and the filter that holds the model to it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from beastmode.context.syntax.blocks import BLOCKS, outermost
from beastmode.context.syntax.scanner import state_at_end

if TYPE_CHECKING:
    from beastmode.context.syntax.scanner import State
    from beastmode.domain.text import Cursor

_OPENERS = ("{", "=>", "->")
_NO_OPENER = {"=>": frozenset(("ruby", "php")), "->": frozenset(("c", "cpp", "php", "python", "rust"))}
"""Languages in which a line that ends so is in the middle of an expression or a type."""
_OPENING_WORDS = frozenset(("do", "then", "else", "begin", "try", "ensure", "rescue"))
_COLON_STARTS = frozenset(
    "async case class def default elif else except finally for if match try while with".split()  # noqa: SIM905 - reads
)
_ACCESS = frozenset(("public:", "private:", "protected:"))
_BARE_STARTS = frozenset(("begin", "case", "class", "def", "for", "if", "module", "unless", "until", "while"))
_BARE_LANGUAGES = frozenset(("ruby", "crystal", "julia"))
"""Languages whose blocks open without a mark at the line's end."""
_BLOCK_PARAMETERS = re.compile(r"(?:\bdo|\{)\s*\|[^|]*\|$")
_DOCSTRINGS = ('"""', "'''", "/*")
_LIST = re.compile(r"(?:[=,:({\[]|^|\b(?:const|import|return|type|var))\s*[(\[]$")
"""A list that begins at a line's end, unlike `print(`, whose arguments fit into the line as a rule."""

_LINES = 60
"""Above the cursor, to tell whether it stands in a string, a comment or a list."""


@lru_cache(maxsize=4)
def is_multiline(cursor: Cursor) -> bool:
    """Whether a block may be suggested here, with nothing to the right.

    On an empty line, behind a block opener or a docstring, in a docstring or a comment of several lines, and in a list
    whose last item is complete. Not in other comments and strings, and not in the middle of an expression.
    """
    if cursor.line_after.strip():
        return False
    recent = _recent(cursor)
    state = state_at_end(recent, cursor.language)
    line = cursor.line_before.strip()
    if state is None:
        return not line or line.endswith(_OPENERS) or _opens_by_word(line.split(), cursor.language)
    if not line:
        return state.place != "comment"
    if state.place != "code":
        return state.place in ("block comment", "long string")
    if state.ended is not None:
        return _is_docstring(recent, state.ended)
    return _opens(line, state, cursor.language)


def _recent(cursor: Cursor) -> str:
    """The last lines before the cursor, from one that starts in code where their indentation tells."""
    before, start = cursor.before, len(cursor.before)
    for _ in range(_LINES):
        start = before.rfind("\n", 0, start)
        if start < 0:
            break
    before = before[start + 1 :]
    row = BLOCKS.get(cursor.language)
    return before if row is None else before[outermost(before, row.starts) :]


def _is_docstring(text: str, start: int) -> bool:
    """Whether the string or comment that starts there documents something: it is alone on its line."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return not line.strip() and text.startswith(_DOCSTRINGS, start)


def _opens(line: str, state: State, language: str) -> bool:
    """Whether a line of code that ends so wants more lines."""
    if line[-1] in "([,":
        return bool(state.brackets) and (line[-1] == "," or _LIST.search(line) is not None)
    innermost = state.brackets[-1] if state.brackets else ""
    # In brackets, a colon belongs to a dict, a slice or a lambda.
    if line[-1] == ":" and (innermost in ("(", "[") or (innermost and language == "python")):
        return False
    opener = line[-2:]
    if line[-1] == "{" or opener in ("=>", "->"):
        return language not in _NO_OPENER.get(opener, ())
    return _BLOCK_PARAMETERS.search(line) is not None or _opens_by_word(line.split(), language)


def _opens_by_word(words: list[str], language: str) -> bool:
    if words[-1] in _OPENING_WORDS or (language == "shellscript" and words[0] == "case" and words[-1] == "in"):
        return True
    if words[-1].endswith(":"):
        # The header of a block may have begun some lines above.
        line = " ".join(words)
        if language == "python" and line.count(")") > line.count("("):
            return True
        return language == "yaml" or words[0].rstrip(":") in _COLON_STARTS or words[0] in _ACCESS
    return language in _BARE_LANGUAGES and len(words) > 1 and words[0] in _BARE_STARTS and words[-1][-1] not in "=,.&|("

"""The end of a block in languages whose blocks are what is indented."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.syntax.blocks import width
from beastmode.context.syntax.topmost import topmost_end

if TYPE_CHECKING:
    from beastmode.context.syntax.piece import Line, Piece

_HEADER = re.compile(r"\s*(?:async\s+)?(class|def|elif|else|except|finally|for|if|match|case|try|while|with)\b")
_STATEMENT = re.compile(r"\s*(?:(?:async\s+)?def\s|class\s|@\w|import\s|from\s+[\w.]+\s+import\b)")
_CONTINUES = {
    "elif": frozenset(("if", "elif")),
    "else": frozenset(("if", "elif", "for", "while", "try", "except")),
    "except": frozenset(("try", "except")),
    "finally": frozenset(("try", "except", "else")),
    "case": frozenset(("case",)),
}
"""Which clause may follow the block of which header."""

_LAST = frozenset(("else", "finally"))


def indented_end(piece: Piece) -> int:
    """See `scope_end`."""
    lines = [line for line in piece.lines() if line.said]
    statement = piece.line_of(piece.open[0].start) if piece.open else piece.line_before
    is_new = not statement.strip()
    if is_new:
        statement = next((line for line in (piece.first, *(line.text for line in lines)) if line.strip()), "")
        if not statement:
            return len(piece.text)
    level = width(statement)
    header = _HEADER.match(statement)
    is_body = not is_new and header is not None and not piece.open and piece.line_before.rstrip().endswith(":")
    if level == 0 and not is_body:
        return topmost_end(piece)
    comment: int | None = None
    above = piece.first
    for line in lines:
        continues = line.is_in_text or above.endswith("\\") or (line.depth > 0 and not _STATEMENT.match(line.text))
        above = line.text
        if continues:
            continue
        if line.width > level or (line.width == level and not is_body):
            comment = None
        elif line.said.startswith("#"):
            comment = line.start if comment is None else comment
        elif _is_clause(line, piece, level, header[1] if header and is_body else ""):
            # From here on the block is the clause's.
            level, is_body, comment, header = line.width, True, None, _HEADER.match(line.text)
        else:
            return line.start if comment is None else comment
    return len(piece.text)


def _is_clause(line: Line, piece: Piece, level: int, header: str) -> bool:
    """Whether a line outside of the block continues the statement whose block it was."""
    found = piece.row.clauses.match(line.text)
    if found is None:
        return False
    if line.width < level or not header:
        header = _header_above(piece, line.width, level)
    if header not in _CONTINUES[found[1]]:
        return False
    below = next((each for each in piece.after.partition("\n")[2].split("\n") if each.strip()), "")
    if not below.strip() or width(below) < line.width:
        return True
    # Above lines that belong to the block as it was, the clause would take them over.
    follows = _HEADER.match(below)
    is_clause = follows is not None and follows[1] in _CONTINUES
    return width(below) == line.width and not (is_clause and found[1] in _LAST)


def _header_above(piece: Piece, at: int, level: int) -> str:
    """The word that begins the statement around the cursor's block, where that is indented as deep as `at`; or ''."""
    lines = piece.before.split("\n")[:-1]
    for line in reversed(lines):
        if line.strip() and width(line) < level:
            found = _HEADER.match(line)
            return found[1] if found is not None and width(line) == at else ""
    return ""

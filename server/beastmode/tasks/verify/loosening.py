"""A test without the one expectation at which it failed, where it has others. Pure.

Small models put twenty expectations into one test, and one of them is wrong. What did not hold is told to the user: it
may as well be the code that is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from beastmode.context.syntax import parses
from beastmode.context.syntax.tree import parse, walk
from beastmode.tasks.verify.testcode import source_tests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tree_sitter import Node

_EXPECTS = re.compile(r"(?:await\s+)?(?:assert\b|self\.assert\w+\(|expect\(|assert\.\w+\()")
_STATEMENTS = frozenset(("assert_statement", "expression_statement"))
_LANGUAGES = frozenset(("python", "javascript", "javascriptreact", "typescript", "typescriptreact"))
_MOST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Loosened:
    """The text with fewer expectations, and those that were taken out, each on one line."""

    text: str
    taken_out: tuple[str, ...]


def loosened(text: str, path: str, language: str, failed: Mapping[str, str]) -> Loosened | None:
    """Take out of each failed test the expectation that did not hold; None where that is possible in none.

    Args:
        text: of the test file.
        path: of it; how the runner's messages name lines.
        language: the editor's id.
        failed: the runner's message by the name of each test.
    """
    tree = parse(text, language) if language in _LANGUAGES else None
    if tree is None:
        return None
    expectations = [node for node in walk(tree.root_node) if node.type in _STATEMENTS and _expects(node, text)]
    gone: list[Node] = []
    for test in source_tests(text, language):
        message = next((said for name, said in failed.items() if test.is_called(name)), None)
        own = [node for node in expectations if test.line <= node.start_point[0] <= test.end_line]
        lines = (
            [] if message is None else [line for line in _lines(message, path) if test.line <= line <= test.end_line]
        )
        at = [node for line in lines[-1:] for node in own if node.start_point[0] <= line <= node.end_point[0]]
        if at and len(own) > 1:
            gone.append(at[-1])
    rows = {row for node in gone for row in range(node.start_point[0], node.end_point[0] + 1)}
    left = "\n".join(line for row, line in enumerate(text.split("\n")) if row not in rows)
    if not gone or not parses(left, language):
        return None
    said = (" ".join(text[node.start_byte : node.end_byte].split())[:_MOST_SHOWN] for node in gone)
    return Loosened(left, tuple(said))


def _expects(node: Node, text: str) -> bool:
    return _EXPECTS.match(text[node.start_byte : node.end_byte]) is not None


def _lines(message: str, path: str) -> Iterator[int]:
    """The lines of the file that a message names, from zero: `a.py:5:`, `a.py", line 5`, `a.test.js:5:20`."""
    name = re.escape(PurePosixPath(path).name)
    for found in re.finditer(rf'(?<![\w.-]){name}"?(?::|, line )(\d{{1,6}})', message):
        yield int(found[1]) - 1

"""Which tests of a file expect nothing. Pure.

A test without an expectation still fails where a fault makes the code raise, and so would pass for a good one: it says
nothing of what the code does. That an error is raised is an expectation. Where in doubt, a test expects something.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.syntax.tree import parse
from beastmode.tasks.verify.testcode import source_tests

if TYPE_CHECKING:
    from tree_sitter import Node

_EXPECTS = re.compile(
    r"assert|Assert|\bexpect\w*\s*[(.=]|\bshould|\b(?:raises|throws|rejects|warns)\w*\b|\braise\b|\bthrow\b|\bpanic!"
    r"|\bfail\(|\bverify\(|\brequire\.\w+\(|\b\w+\.(?:Error|Fatal|Fail)\w*\(|\bunwrap_err\b"
)
"""What the runners' languages say where something is expected, of a value or of an error."""
_TRUE_ANYWAY = re.compile(
    r"\bassert\s+(?:True|1)\s*(?=,|;|$)"
    r"|\bassert\w*!?\(\s*(?:[Tt]rue|1)\s*\)"
    r"|\bexpect\(\s*(?:true|false|\d+)\s*\)\.\w+\(\s*(?:true|false|\d+)?\s*\)",
    re.MULTILINE,
)
"""An expectation of a constant."""
_DEFINED = re.compile(r"\b(?:def|function|fn|func|const|let|var|void)\s+(\w+)")


def expecting_nothing(text: str, language: str) -> list[str]:
    """The names of the tests that neither check a value nor that an error is raised.

    A call of a function of the same file that expects something counts.

    Args:
        text: of the test file.
        language: the editor's id.
    """
    tree = parse(text, language)
    if tree is None:
        return []
    lines = _code(tree.root_node, text).split("\n")
    tests = source_tests(text, language)
    own = {row for test in tests for row in range(test.line, test.end_line + 1)}
    outside = "\n".join(line for row, line in enumerate(lines) if row not in own)
    helpers = set(_DEFINED.findall(outside)) if _expects(outside) else set()
    return [
        test.name
        for test in tests
        if not _expects(code := "\n".join(lines[test.line : test.end_line + 1]))
        and helpers.isdisjoint(re.findall(r"\w+(?=\s*\()", code))
    ]


def _expects(code: str) -> bool:
    return _EXPECTS.search(_TRUE_ANYWAY.sub("", code)) is not None


def _code(root: Node, text: str) -> str:
    """The text with blanks for comments and strings."""
    letters = list(text)
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if "comment" in node.type or "string" in node.type:
            for at in range(node.start_byte, node.end_byte):
                letters[at] = "\n" if letters[at] == "\n" else " "
        else:
            waiting += node.children
    return "".join(letters)

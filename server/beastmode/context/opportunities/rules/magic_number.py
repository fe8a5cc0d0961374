"""The same unusual number in several conditions and formulas of a file, without a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code
    from beastmode.context.syntax.nodes import Node

_TIMES = 3
_MOST_NUMBERS = 300
"""Numbers in a file above which it is a table or mathematics."""
_PLAIN = re.compile(r"\d[\d_]*(\.\d+)?")
_KNOWN = frozenset(
    (
        *(100, 127, 128, 180, 255, 256, 270, 360, 365, 366, 400, 512, 999),
        *(1_000, 1_024, 2_048, 4_096, 8_192, 10_000, 65_535, 65_536, 100_000, 1_000_000, 1_000_000_000),
    )
)
"""Numbers that everyone knows."""
_LEAST = 100
_FORMULAS = frozenset(
    (
        "augmented_assignment",
        "augmented_assignment_expression",
        "binary",
        "binary_expression",
        "binary_operator",
        "comparison_operator",
    )
)


def _find(code: Code) -> Iterator[Finding]:
    syntax = code.syntax
    numbers = syntax.of(code.forms.numbers)
    if code.is_test or not numbers or len(numbers) > _MOST_NUMBERS:
        return
    found: dict[str, list[Node]] = {}
    for node in numbers:
        parent, text = syntax.parent(node), syntax.say(node)
        if parent is None or parent.kind not in _FORMULAS or not _PLAIN.fullmatch(text):
            continue
        value = float(text.replace("_", ""))
        if value >= _LEAST and value not in _KNOWN and code.function_around(node) is not None:
            found.setdefault(text, []).append(node)
    for text, nodes in found.items():
        if len(nodes) < _TIMES:
            continue
        rows = sorted({syntax.row(node) + 1 for node in nodes})
        yield Finding(
            Severity.LOW,
            syntax.row(nodes[0]),
            syntax.end_row(nodes[0]),
            code.around(nodes[0]),
            f"{text} stands in {len(nodes)} formulas and conditions, in lines {', '.join(map(str, rows[:8]))}",
            "Give it a name that says what it is",
            mark=text,
        )


RULE = Rule("magic-number", "the same unusual number in several formulas, without a name", _find)

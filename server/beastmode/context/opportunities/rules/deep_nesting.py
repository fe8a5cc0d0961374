"""Code that stands within too many conditions, loops and tries to keep in mind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.opportunities.nesting import nested
from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code

_DEPTH, _DEEP = 5, 7


def _find(code: Code) -> Iterator[Finding]:
    for function in code.functions:
        deepest, depth = max(nested(code, function), key=lambda found: found[1], default=(function.node, 0))
        if depth < _DEPTH or not code.syntax.is_sound(function.node):
            continue
        yield Finding(
            Severity.HIGH if depth >= _DEEP else Severity.MEDIUM,
            code.syntax.row(deepest),
            code.syntax.end_row(deepest),
            function.qualified,
            f"`{function.name}` nests {depth} levels deep here; more than {_DEPTH - 1} are hard to follow",
            "Return or continue early where a condition does not hold, or take the inner block out into a function",
        )


RULE = Rule("deep-nesting", "code within too many conditions, loops and tries", _find)

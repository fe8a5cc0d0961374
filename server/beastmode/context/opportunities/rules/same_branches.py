"""Branches that do the same whatever the condition says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.opportunities.chains import chain
from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code

_LEAST = 3
"""Rows of code that two neighbours among many branches have at least; for a whole `if` and `else` any will do."""


_BEGIN = re.compile(r"^(then|else)\b")
"""Words that belong to the block in some grammars."""


def _find(code: Code) -> Iterator[Finding]:
    syntax = code.syntax
    for node in syntax.of(code.forms.ifs):
        if code.is_else_if(node) or not syntax.is_sound(node):
            continue
        links = chain(code, node)
        bodies = [_BEGIN.sub("", code.squeezed(link.body)).strip("{} ") for link in links]
        # What a comment explains is meant.
        rows = range(syntax.row(node), syntax.end_row(node) + 1)
        if len(links) < 2 or not bodies[0] or not code.comment_rows.isdisjoint(rows):  # noqa: PLR2004 - two branches
            continue
        if links[-1].condition is None and len(set(bodies)) == 1:
            yield Finding(
                Severity.MEDIUM,
                rows.start,
                rows.stop - 1,
                code.around(node),
                f"All {len(links)} branches of this condition do the same",
                "Drop the condition; if one branch was meant to differ, this is a mistake",
                mark=bodies[0][:80],
            )
            continue
        for first, second, body, other in zip(links, links[1:], bodies, bodies[1:], strict=False):
            if body == other and second.condition is not None and code.rows_of(second.body) >= _LEAST:
                yield Finding(
                    Severity.LOW,
                    syntax.row(first.body),
                    syntax.end_row(second.body),
                    code.around(node),
                    f"Two branches one after the other have the same {code.rows_of(second.body)} lines",
                    "Join their conditions by `or`",
                    mark=body[:80],
                )


RULE = Rule("same-branches", "branches that do the same whatever the condition says", _find)

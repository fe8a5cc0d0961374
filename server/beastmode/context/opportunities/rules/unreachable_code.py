"""Statements behind a `return`, `raise` or their like in the same block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code
    from beastmode.context.syntax.nodes import Node

_LABELS = frozenset(("labeled_statement", "label_statement", "named_label_statement", "case_statement", "switch_label"))
_PREPROCESSOR = ("preproc", "#")
_BEHIND_A_CASE = frozenset(("break_statement",))


def _find(code: Code) -> Iterator[Finding]:
    syntax = code.syntax
    for block in syntax.of(code.forms.blocks):
        parts = syntax.parts(block)
        at = next((number for number, part in enumerate(parts) if _ends(code, part)), None)
        if at is None or not syntax.is_sound(block) or any(part.kind.startswith(_PREPROCESSOR) for part in parts):
            continue
        behind = [part for part in parts[at + 1 :] if part.kind not in code.forms.hoisted]
        labelled = next((number for number, part in enumerate(behind) if part.kind in _LABELS), len(behind))
        behind = behind[:labelled]
        if not behind or all(part.kind in _BEHIND_A_CASE for part in behind) or _makes_generator(code, behind):
            continue
        end = syntax.say(parts[at]).split(None, 1)[0].rstrip(";")
        line, end_line = syntax.row(behind[0]), syntax.end_row(behind[-1])
        if line == syntax.row(parts[at]):
            continue
        yield Finding(
            Severity.MEDIUM,
            line,
            end_line,
            code.around(block),
            f"Nothing here ever runs: `{end}` in line {syntax.row(parts[at]) + 1} leaves the block before",
            "Delete it; if it was meant to run, the line before it is a mistake",
            mark=code.squeezed(behind[0])[:80],
        )


def _ends(code: Code, part: Node) -> bool:
    if part.kind == "expression_statement":
        inner = code.syntax.parts(part)
        return len(inner) == 1 and inner[0].kind in code.forms.ends
    return part.kind in code.forms.ends


def _makes_generator(code: Code, behind: list[Node]) -> bool:
    """Whether it is there for its `yield`, which makes a generator of a function that yields nothing."""
    return code.language == "python" and any(
        each.kind == "yield" for part in behind for each in code.syntax.below(part)
    )


RULE = Rule("unreachable-code", "statements behind a return or its like", _find)

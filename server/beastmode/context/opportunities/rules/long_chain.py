"""Many questions about the same thing, one after the other: a table that is written as code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.opportunities.chains import chain
from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code

_LINKS, _MANY = 7, 12
_LONGEST = 200
"""Code points of a condition that are looked at: an expression must not take long on a hostile one."""
_LITERAL = r"(?:[\w.:]+|\"[^\"]*\"|'[^']*'|-?[\d.]+|[\[({][^\[\](){}]*[\])}])"
_EQUAL = re.compile(rf"(?P<subject>[\w.$\->\[\]()]+?)\s*(?:===?|\bis\b|\bin\b|\beq\b)\s*{_LITERAL}")
_INSTANCE = re.compile(r"(?:isinstance|issubclass)\(\s*(?P<subject>[\w.]+)\s*,[^()]*(?:\([^()]*\))?\s*\)")
_OF_TYPE = re.compile(r"(?P<subject>[\w.$]+)\s+(?:instanceof|is)\s+[\w.<>\\ ]+")
_EQUALS = re.compile(r"\"[^\"]*\"\.equals\((?P<subject>[\w.()]+)\)|(?P<other>[\w.()]+)\.equals\(\"[^\"]*\"\)")
_SHAPES = (_EQUAL, _INSTANCE, _OF_TYPE, _EQUALS)


def _find(code: Code) -> Iterator[Finding]:
    syntax = code.syntax
    for node in syntax.of(code.forms.ifs):
        if code.is_else_if(node):
            continue
        conditions = [link.condition for link in chain(code, node) if link.condition is not None]
        if len(conditions) < _LINKS or not syntax.is_sound(node):
            continue
        subjects = {_subject(code.squeezed(condition)) for condition in conditions}
        subject = subjects.pop()
        if subjects or not subject:
            continue
        yield Finding(
            Severity.MEDIUM if len(conditions) >= _MANY else Severity.LOW,
            syntax.row(node),
            syntax.end_row(node),
            code.around(node),
            f"{len(conditions)} conditions one after the other ask about `{subject}`",
            "Use a table from value to what is done, or the language's switch or match",
            mark=subject,
        )


def _subject(condition: str) -> str:
    """What a condition asks about, '' where it asks anything else than which value that has."""
    if len(condition) > _LONGEST:
        return ""
    while condition.startswith("(") and condition.endswith(")"):
        condition = condition[1:-1].strip()
    for shape in _SHAPES:
        found = shape.fullmatch(condition)
        if found is not None:
            return found["subject"] or found.groupdict().get("other") or ""
    return ""


RULE = Rule("long-chain", "many conditions one after the other about the same value", _find)

"""Errors that are caught and never heard of again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code
    from beastmode.context.syntax.nodes import Node

_NOTHING = frozenset(("pass_statement", "continue_statement", "ellipsis", "nil", "empty_statement"))
_EVERYTHING = re.compile(r"\b(Base)?Exception\b")
_LOOKED_AT = re.compile(r"\braise\b|exc_info|\btraceback\b|\bexception\(|_exit\b|\bexit\(")
_MEANT = re.compile(r"^_|ignore|expected|unused|swallow", re.IGNORECASE)


def _find(code: Code) -> Iterator[Finding]:
    syntax = code.syntax
    for node in syntax.of(code.forms.catches):
        if not node.named or not syntax.is_sound(node):
            continue
        line, end_line = syntax.row(node), syntax.end_row(node)
        if not code.comment_rows.isdisjoint(range(line, end_line + 1)):
            continue  # what a comment explains is meant
        said = _python(code, node) if code.language == "python" else _said(code, node)
        if said:
            yield Finding(
                Severity.LOW if code.is_test else Severity.MEDIUM,
                line,
                end_line,
                code.around(node),
                said,
                "Catch what is expected here by its name, and report or log the rest; say why if nothing is to be done",
                mark=code.squeezed(node)[:80],
            )


def _python(code: Code, node: Node) -> str:
    *caught, body = code.syntax.parts(node)
    does_nothing = _does_nothing(code, body)
    if not caught:
        if does_nothing:
            return "A bare `except` drops every error, even that the user wants to stop"
        if _LOOKED_AT.search(code.syntax.say(body)):
            return ""
        return "A bare `except` takes every error for the one that was expected, even that the user wants to stop"
    what = code.syntax.say(caught[0])
    if does_nothing and _EVERYTHING.search(what):
        return f"`except {what}` drops every error without a word"
    return ""


def _said(code: Code, node: Node) -> str:
    syntax = code.syntax
    body = code.body(node)
    if code.language == "ruby":
        caught = syntax.field(node, "exceptions")
        if caught is not None and not re.search(r"\b(StandardError|Exception)\b", syntax.say(caught)):
            return ""
        return "" if body is not None and not _does_nothing(code, body) else "This `rescue` drops every error"
    if body is None or not _does_nothing(code, body):
        return ""
    head = syntax.text[node.start : body.start]
    name = re.search(r"([\w$]+)\s*\)?\s*$", head)
    if name is not None and _MEANT.search(name[1].lstrip("$")):
        return ""
    return "This `catch` drops the error without a word"


def _does_nothing(code: Code, body: Node) -> bool:
    parts = [
        inner
        for part in code.syntax.parts(body)
        for inner in (code.syntax.parts(part) if part.kind == "expression_statement" else [part])
    ]
    return all(part.kind in _NOTHING for part in parts)


RULE = Rule("swallowed-error", "an error that is caught and never heard of again", _find)

"""Documentation: docstrings and comments for code that stays as it is, which its syntax tree proves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.context.syntax import language_of
from beastmode.context.syntax.tree import parse
from beastmode.domain.request import Task
from beastmode.tasks.proposal import Check, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from beastmode.tasks.edits import Change
    from beastmode.tasks.proposal import Order

_BODIES = ("block", "module")
_REMOVES = re.compile(r"\b(?:remov|delet|drop|short|trim|strip|fewer|clean)\w*", re.IGNORECASE)
"""Words by which a user asks for less of it."""


def _words(order: Order) -> str:
    return order.instruction.strip() or "Document this code."


def _examine(change: Change, order: Order) -> list[Check]:
    """Besides comments and docstrings nothing differs, and most of those that were there are not gone."""
    checks = []
    for edit in change.edits:
        language = language_of(edit.path)
        before, after = _code(edit.before or "", language), _code(edit.text or "", language)
        name = f"The code of {edit.path} is the same"
        if before is None or after is None:
            said = "not checked: there is no grammar for this language, so compare it yourself"
            checks.append(Check(name, ok=False, evidence=said, is_needed=False))
        elif before.tokens == after.tokens:
            checks.append(Check(name, ok=True, evidence="nothing but comments and docstrings differs"))
            if 2 * after.documented < before.documented and _REMOVES.search(order.instruction) is None:
                said = "most of the comments and docstrings that were there are gone"
                checks.append(Check(f"The documentation of {edit.path} stays", ok=False, evidence=said))
        else:
            lines = (edit.text or "").split("\n")
            at = next(
                (one[3] for one, other in zip(after.tokens, before.tokens, strict=False) if one[:3] != other[:3]),
                len(lines) - 1,
            )
            said = f"code differs, first near line {at + 1} of the new text; only comments and docstrings may"
            checks.append(Check(name, ok=False, evidence=said))
    return checks


class _Token(tuple[int, str, str, int]):
    """Depth, kind and text of a node, and its line, which does not count where two are compared."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Token) and self[:3] == other[:3]

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__


@dataclass(slots=True)
class _Code:
    """A text's tree without comments and docstrings, in the order of the text, and how many characters those have."""

    tokens: list[_Token]
    documented: int = 0


def _code(text: str, language: str) -> _Code | None:
    """None where the text cannot be read."""
    tree = parse(text, language)
    if tree is None:
        return None
    code = _Code([])
    code.tokens.extend(_tokens(tree.root_node, text, language, code))
    return code


def _tokens(root: Node, text: str, language: str, code: _Code) -> Iterator[_Token]:
    """Does not recurse, and asks no node for its parent: a hostile text nests 100,000 deep."""
    cursor = root.walk()
    above: list[_Body] = []
    while True:
        node = cursor.node
        descends = False
        if node is not None:
            is_first = bool(above) and above[-1].begins and above[-1].kind in _BODIES
            if "comment" in node.type or (language == "python" and is_first and _is_string(node)):
                code.documented += node.end_byte - node.start_byte
            else:
                said = "" if node.child_count else text[node.start_byte : node.end_byte]
                yield _Token((len(above), node.type, said, node.start_point[0]))
                if above and node.is_named:
                    above[-1].begins = False
                descends = cursor.goto_first_child()
            if descends:
                above.append(_Body(node.type))
                continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            above.pop()


@dataclass(slots=True)
class _Body:
    """A node whose children are walked; `begins` until one of them was code."""

    kind: str
    begins: bool = True


def _is_string(node: Node) -> bool:
    """A statement that is a string alone: at the start of a body, a docstring."""
    if node.type != "expression_statement" or node.named_child_count != 1:
        return False
    only = node.named_child(0)
    return only is not None and only.type == "string"


RECIPE = Recipe("document", "Documenting", Task.REFACTOR, _words, _examine, only_given=True)

"""What stands at a cursor: code, a comment or a string."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from beastmode.context.syntax.blocks import BLOCKS, outermost
from beastmode.context.syntax.scanner import state_at_end
from beastmode.context.syntax.tree import parse_part

if TYPE_CHECKING:
    from tree_sitter import Node

Place = Literal["code", "comment", "string", "unknown"]

_MOST_TEXT = 4_096
_STRINGS = ("string", "char", "heredoc", "regex", "rune")
_CODE_WITHIN = ("interpolation", "template_substitution", "expansion", "substitution")


def place(before: str, after: str, language: str) -> Place:
    """What a cursor between two texts stands in; `unknown` without a grammar. A window of the file is enough.

    The code inside of a string's interpolation is code.
    """
    row = BLOCKS.get(language)
    if row is None:
        return "unknown"
    before = before[-_MOST_TEXT:]
    before = before[outermost(before, row.starts) :]
    tree = parse_part(before + after[:_MOST_TEXT], language)
    if tree is None:
        return "unknown"
    here = len(before)
    node = tree.root_node.descendant_for_byte_range(max(0, here - 1), here)
    while node is not None and node.parent is not None:
        if node.is_error:
            break
        if (found := _holds(node, here)) is not None:
            return found
        node = node.parent
    if not tree.root_node.has_error:
        return "code"
    # What is half written is lost on the parser: an open quote, an open comment.
    state = state_at_end(before, language)
    if state is None or state.place == "code":
        return "code"
    return "comment" if "comment" in state.place else "string"


def _holds(node: Node, here: int) -> Place | None:
    if any(kind in node.type for kind in _CODE_WITHIN):
        return "code"
    if "comment" in node.type:
        text = node.text or b""
        is_open = node.start_byte < here < node.end_byte or not text.endswith((b"*/", b"=end"))
        return "comment" if is_open else "code"
    if any(kind in node.type for kind in _STRINGS) and node.start_byte < here < node.end_byte:
        return "string"
    return None

"""Small faults put into code, one at a time: a test that notices none of them tests nothing.

Pure and deterministic. Written over the syntax tree, so that nothing in a string or a comment is taken for code; what a
language calls its nodes is in `_LANGUAGES`.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.context.syntax import parses
from beastmode.context.syntax.tree import parse, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tree_sitter import Node

_SWAPS = {
    "==": "!=",
    "!=": "==",
    "===": "!==",
    "!==": "===",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "is": "is not",
    "is not": "is",
    "in": "not in",
    "not in": "in",
    "+": "-",
    "-": "+",
    "*": "+",
    "/": "*",
    "//": "*",
    "%": "*",
    "**": "*",
    "&": "|",
    "|": "&",
    "^": "&",
    "<<": ">>",
    ">>": "<<",
    "and": "or",
    "or": "and",
    "&&": "||",
    "||": "&&",
    "??": "&&",
    "+=": "-=",
    "-=": "+=",
    "*=": "+=",
    "/=": "*=",
    "//=": "*=",
    "%=": "*=",
    "++": "--",
    "--": "++",
}
_OPERATIONS = frozenset(
    (
        "assignment_expression",
        "augmented_assignment",
        "augmented_assignment_expression",
        "assignment_statement",
        "binary_expression",
        "binary_operator",
        "boolean_operator",
        "comparison_operator",
        "compound_assignment_expr",
        "inc_statement",
        "dec_statement",
        "update_expression",
    )
)
_NUMBERS = frozenset(
    (
        "integer",
        "float",
        "number",
        "int_literal",
        "float_literal",
        "integer_literal",
        "decimal_integer_literal",
        "decimal_floating_point_literal",
    )
)
_BOOLEANS = {"True": "False", "False": "True", "true": "false", "false": "true"}
_STRINGS = frozenset(("string", "string_literal", "interpreted_string_literal"))
_CONDITIONS = frozenset(("if_statement", "while_statement", "if_expression", "while_expression", "elif_clause"))
_BLOCKS = frozenset(("block", "statement_block", "statement_list", "constructor_body"))
_FUNCTIONS = frozenset(("function_definition", "function_declaration", "method_definition", "arrow_function"))
_DROPPED = frozenset(
    (
        "expression_statement",
        "return_statement",
        "raise_statement",
        "throw_statement",
        "assignment_statement",
        "break_statement",
        "continue_statement",
    )
)
_TALK = frozenset(
    "_log console debug info log logger logging print printf println warn warning warnings".split()  # noqa: SIM905
)
"""Whatever only talks: no test is to be expected for it."""
_NOTHING = frozenset(("...", "pass", "return", "return None", "return undefined"))
_MOST_DIGITS = 15
"""Of a number that is worth changing: no key, and no hash."""
_FAR, _HEAD = 12, 40
"""How many nodes upwards, and how many characters of one, are looked at to tell what it is."""
_TYPES = frozenset(("type", "type_annotation", "type_arguments", "type_parameters", "import_statement", "decorator"))


@dataclass(frozen=True, slots=True)
class _Language:
    """How a language says nothing, returns nothing, and negates."""

    empty: str
    leave: str
    negate: Callable[[str], str]


def _by_word(condition: str) -> str:
    return f"not ({condition})"


def _by_sign(condition: str) -> str:
    return f"(!{condition})" if condition.startswith("(") and condition.endswith(")") else f"!({condition})"


_SCRIPT = _Language(";", "return undefined;", _by_sign)
_COMPILED = _Language("", "", _by_sign)
_LANGUAGES = {
    "python": _Language("pass", "return None", _by_word),
    "javascript": _SCRIPT,
    "javascriptreact": _SCRIPT,
    "typescript": _SCRIPT,
    "typescriptreact": _SCRIPT,
    "go": _COMPILED,
    "rust": _COMPILED,
    "java": _Language(";", "", _by_sign),
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault.

    Attributes:
        kind: such as "comparison" or "dropped statement".
        line: from zero.
        before, after: the piece of code that was changed.
        text: the whole file with the fault.
    """

    kind: str
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        """For people: `line 3: a < b → a <= b`."""

        def short(code: str) -> str:
            line = " ".join(code.split())
            return line if len(line) <= 60 else f"{line[:59]}…"  # noqa: PLR2004  # as much as fits into a sentence

        if self.kind == "early return":
            return f"line {self.line + 1}: {short(self.after)} before it"
        return f"line {self.line + 1}: {short(self.before)} → {short(self.after) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class _Change:
    kind: str
    node: Node
    start: int
    end: int
    new: str


def mutations(
    text: str, language: str, lines: Collection[int] | None = None, *, seed: int = 0, most: int = 16
) -> list[Mutation]:
    """Faults for some lines of a file, a mixture at first: every line gets one before any gets a second.

    Args:
        text: the whole file.
        language: the editor's id; none without rules gives any.
        lines: where, from zero; everywhere if None.
        seed: the same one gives the same faults.
        most: how many at most.
    """
    rules = _LANGUAGES.get(language)
    tree = parse(text, language) if rules is not None else None
    if rules is None or tree is None:
        return []
    where = range(text.count("\n") + 1) if lines is None else lines
    found = [change for node in walk(tree.root_node) for change in _changes(node, text, rules)]
    found = [change for change in found if change.node.start_point[0] in where and not _is_idle(change.node, text)]
    chosen: list[Mutation] = []
    for change in _spread(found, random.Random(seed)):  # noqa: S311  # to be repeatable, not to be secret
        if len(chosen) == most:
            break
        mutant = text[: change.start] + change.new + text[change.end :]
        if mutant != text and _is_real(text, mutant, language):
            row = text.count("\n", 0, change.start)
            chosen.append(Mutation(change.kind, row, text[change.start : change.end], change.new, mutant))
    return chosen


def _spread(found: list[_Change], chance: random.Random) -> Iterator[_Change]:
    """Round by round: one of each line, in an order by chance."""
    by_line: dict[int, list[_Change]] = {}
    for change in found:
        by_line.setdefault(change.node.start_point[0], []).append(change)
    for changes in by_line.values():
        chance.shuffle(changes)
    while by_line:
        for line in chance.sample(sorted(by_line), len(by_line)):
            yield by_line[line].pop()
            if not by_line[line]:
                del by_line[line]


def _changes(node: Node, text: str, rules: _Language) -> Iterator[_Change]:
    """What can be changed about one node."""
    said = text[node.start_byte : node.end_byte]
    if new := _other_token(node, said, text):
        kind = "operator" if said in _SWAPS else "constant"
        yield _Change(kind, node, node.start_byte, node.end_byte, new)
    elif node.type in _CONDITIONS and (condition := node.child_by_field_name("condition")) is not None:
        asked = text[condition.start_byte : condition.end_byte]
        if not asked.startswith("let "):
            yield _Change("condition", condition, condition.start_byte, condition.end_byte, rules.negate(asked))
    elif node.type in _DROPPED and _is_missed(node, said, rules):
        yield _Change("dropped statement", node, node.start_byte, node.end_byte, rules.empty)
    if rules.leave and node.type in _FUNCTIONS and (first := _first_statement(node)) is not None:
        indent = text[text.rfind("\n", 0, first.start_byte) + 1 : first.start_byte]
        if not indent.strip() and text[first.start_byte : first.end_byte].rstrip(";") not in _NOTHING:
            yield _Change("early return", first, first.start_byte, first.start_byte, f"{rules.leave}\n{indent}")


def _other_token(node: Node, said: str, text: str) -> str:
    """Another operator or constant for one, '' where there is none."""
    parent = node.parent
    if node.child_count == 0 or node.type in ("is not", "not in"):
        if said in _SWAPS and parent is not None and parent.type in _OPERATIONS and _matters(node, parent, text):
            return _SWAPS[said]
        if said in _BOOLEANS and node.type.lower() in ("true", "false", "boolean_literal"):
            return _BOOLEANS[said]
    if node.type in _NUMBERS:
        return _other_number(said)
    if node.type in _STRINGS and len(said) > len('""') and said[0] in "\"'" and not _is_alone(node):
        return said[0] * 2
    return ""


def _matters(node: Node, parent: Node, text: str) -> bool:
    """Not what gives the same again: adding nothing, or multiplying by one."""
    right = parent.child_by_field_name("right")
    value = text[right.start_byte : right.end_byte].strip() if right is not None else ""
    sign = text[node.start_byte : node.end_byte].rstrip("=")
    return not (sign in ("+", "-", "<<", ">>", "|", "^") and value in ("0", "0.0")) and not (
        sign in ("*", "/", "//", "**") and value in ("1", "1.0")
    )


def _other_number(said: str) -> str:
    """Another number of the same form; '' for one that is written in a way of its own."""
    if said.isdigit():
        return "1" if said == "0" else str(int(said) + 1) if len(said) <= _MOST_DIGITS else ""
    whole, dot, rest = said.partition(".")
    return f"{int(whole) + 1}.{rest}" if dot and whole.isdigit() and rest.isdigit() else ""


def _is_alone(node: Node) -> bool:
    """A string that is a statement of its own, a key, or a part of a longer one."""
    parent = node.parent
    return parent is None or parent.type in (
        "expression_statement",
        "concatenated_string",
        "import_statement",
        "import_spec",
        "export_statement",
        "literal_type",
    )


def _is_missed(node: Node, said: str, rules: _Language) -> bool:
    """Without the statement something is different, and it still compiles."""
    if node.parent is None or node.parent.type not in _BLOCKS:
        return False
    if _is_docstring(node) or said.rstrip(";") in _NOTHING or _names(node):
        return False
    return bool(rules.leave) or "return" not in said


def _names(node: Node) -> bool:
    """Python's way to make a variable: without it even a test that expects nothing stumbles over the missing name."""
    first = node.named_children[0] if node.named_child_count else None
    left = first.child_by_field_name("left") if first is not None and first.type == "assignment" else None
    return left is not None and left.type not in ("attribute", "subscript")


def _is_docstring(node: Node) -> bool:
    return node.named_child_count == 1 and node.named_children[0].type in ("string", "ellipsis")


def _first_statement(node: Node) -> Node | None:
    body = node.child_by_field_name("body")
    if body is None or body.type not in _BLOCKS:
        return None
    statements = [each for each in body.named_children if each.type != "comment" and not _is_docstring(each)]
    return statements[0] if statements else None


def _is_idle(node: Node, text: str) -> bool:
    """In a type, an import, or a call that only talks."""
    at: Node | None = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
    for _ in range(_FAR):
        if at is None or at.type in _FUNCTIONS:
            return False
        if at.type in _TYPES:
            return True
        if at.type in ("call", "call_expression", "method_invocation", "macro_invocation"):
            name = text[at.start_byte : at.start_byte + _HEAD].split("(", maxsplit=1)[0].replace("!", "")
            if any(part.strip().lower() in _TALK for part in name.split(".")):
                return True
        if at.type == "if_statement" and "__name__" in text[at.start_byte : at.start_byte + _HEAD].partition(":")[0]:
            return True
        at = at.parent
    return False


def _is_real(text: str, mutant: str, language: str) -> bool:
    """It can be read, and says something else."""
    if language == "python":
        try:
            return ast.dump(ast.parse(mutant)) != ast.dump(ast.parse(text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return parses(mutant, language) is not False

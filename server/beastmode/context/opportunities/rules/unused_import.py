"""Names that are imported and never mentioned again in the file, not even in a comment."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from beastmode.context.opportunities.code import Code
    from beastmode.context.syntax.nodes import Node

_GIVES_ON = re.compile(r"(^|/)(__init__|conftest|compat|_compat|index)\.\w+$|\.pyi$|\.d\.ts$|compat\w*\.py$|(^|/)six")
"""Files whose imports are for others."""
_MARKED = re.compile(
    r"noqa|type:\s*ignore|pylint|pyright|pragma|eslint|@ts-|nosec|isort|side.effect|re-?export", re.IGNORECASE
)
_BY_ITSELF = frozenset(("React", "readline", "h", "annotations", "jsx", "preact"))
"""Names whose import does something, or that the compiler uses."""
_CONDITIONAL = frozenset(("try_statement", "if_statement", "with_statement", "except_clause"))

Bound: TypeAlias = "Iterator[tuple[Node, str]]"
"""The nodes of the names that an import gives, and what says in another file that they are for that one."""
_Reader: TypeAlias = "tuple[tuple[str, ...], Callable[[Code, Node], Bound]]"


def _find(code: Code) -> Iterator[Finding]:
    reader = _READERS.get(code.language)
    if reader is None or _GIVES_ON.search(code.path) or not code.is_sound:
        return
    syntax, (kinds, names_of) = code.syntax, reader
    for node in syntax.of(kinds):
        rows = range(max(0, syntax.row(node) - 1), syntax.end_row(node) + 1)
        if any(_MARKED.search(code.lines[row]) for row in rows):
            continue
        if any(above.kind in _CONDITIONAL for above in syntax.above(node)):
            continue
        bound = list(names_of(code, node))
        times = Counter(syntax.say(named) for named, _ in bound)
        for named, key in bound:
            name = syntax.say(named).partition(".")[0]
            if name in _BY_ITSELF or not name.isidentifier() or code.mentions[name] > max(1, times[name]):
                continue
            yield Finding(
                Severity.LOW,
                syntax.row(named),
                syntax.end_row(named),
                "",
                f"`{name}` is imported and mentioned nowhere else in this file",
                "Delete the import" if len(bound) == 1 else f"Delete `{name}` from the import",
                mark=name,
                unless=key,
            )


def _python(code: Code, node: Node) -> Bound:
    syntax = code.syntax
    module = syntax.field(node, "module_name")
    for child in syntax.children(node):
        if child.field != "name":
            continue
        alias = syntax.field(child, "alias")
        named = syntax.field(child, "name") or child
        if module is None:
            yield alias or named, ""
        elif alias is None or syntax.say(alias) != syntax.say(named):  # `x as x` says that it is given on
            yield alias or named, f"{code.path.rpartition('/')[2].partition('.')[0]}.{syntax.say(alias or named)}"


def _javascript(code: Code, node: Node) -> Bound:
    syntax = code.syntax
    clauses = [clause for clause in syntax.parts(node) if clause.kind == "import_clause"]
    for part in (part for clause in clauses for part in syntax.parts(clause)):
        if part.kind == "named_imports":
            names = [syntax.field(each, "alias") or syntax.field(each, "name") for each in syntax.parts(part)]
            yield from ((named, "") for named in names if named is not None)
        else:
            yield (part if part.kind == "identifier" else syntax.parts(part)[-1]), ""


def _java(code: Code, node: Node) -> Bound:
    parts = code.syntax.parts(node)
    if parts and parts[-1].kind != "asterisk":
        yield code.syntax.field(parts[-1], "name") or parts[-1], ""


def _php(code: Code, node: Node) -> Bound:
    syntax = code.syntax
    for clause in syntax.below(node):
        if clause.kind == "namespace_use_clause":
            alias, names = syntax.field(clause, "alias"), [each for each in syntax.below(clause) if each.kind == "name"]
            if names:
                yield alias or names[-1], ""


_JAVASCRIPT: _Reader = ("import_statement",), _javascript
_READERS: dict[str, _Reader] = {
    "python": (("import_statement", "import_from_statement"), _python),
    "javascript": _JAVASCRIPT,
    "javascriptreact": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
    "typescriptreact": _JAVASCRIPT,
    "java": (("import_declaration",), _java),
    "php": (("namespace_use_declaration",), _php),
}

RULE = Rule("unused-import", "a name that is imported and not used", _find)

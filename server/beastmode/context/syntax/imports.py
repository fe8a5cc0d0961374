"""What a file imports.

The tree says where an import stands, so that none is found in a string or a comment; a small pattern takes the
statement's own text apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.context.syntax.tree import parse, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST = 20_000
"""Code points of one statement that is taken apart."""


@dataclass(frozen=True, slots=True)
class Import:
    """One module that a file names.

    Attributes:
        module: as written, without quotes: `a.b`, `./x`, `..y`, `crate::a`, `<vector>`, `util.h`. Ruby's
            `require_relative "x"` is `./x`, Rust's `mod x;` is `self::x`.
        names: what is imported from it; () is the module itself or everything. `default` is JavaScript's.
        line: of the statement, from zero.
        alias: what the module, or the one name, is called here; '' where it keeps its name.
    """

    module: str
    names: tuple[str, ...]
    line: int
    alias: str = ""


_Parts = tuple[str, tuple[str, ...], str]
"""Module, names, alias."""


def imports(text: str, language: str) -> list[Import]:
    """What a file imports, in the order of the text, also inside of functions; empty without a grammar."""
    row = _ROWS.get(language)
    tree = parse(text, language) if row is not None else None
    if row is None or tree is None:
        return []
    kinds, read = row
    return [
        Import(module, names, node.start_point[0], alias)
        for node in walk(tree.root_node)
        if node.type in kinds and node.end_byte - node.start_byte <= _LONGEST
        for module, names, alias in read(text[node.start_byte : node.end_byte])
        if module
    ]


def _named(module: str, listed: str, separator: str = r"\s+as\s+") -> Iterator[_Parts]:
    """The import of a list of names: those that keep their names together, each of the others by itself."""
    plain = []
    for item in listed.split(","):
        name, *alias = re.split(separator, item.strip(), maxsplit=1)
        name = name.removeprefix("type ").strip()
        if alias:
            yield module, (name,), alias[0].strip()
        elif name:
            plain.append(name)
    if plain:
        yield module, tuple(plain), ""


def _python(statement: str) -> Iterator[_Parts]:
    text = re.sub(r"#[^\n]*|\\\n", " ", statement)
    if found := re.match(r"from\s*([.\w\s]+?)\s*\bimport\b\s*(.*)", text, re.DOTALL):
        module, listed = re.sub(r"\s", "", found[1]), found[2].strip(" \t\n()")
        if listed == "*":
            yield module, (), ""
        else:
            yield from _named(module, listed)
        return
    for item in text.removeprefix("import").split(","):
        name, _, alias = item.strip().partition(" as ")
        yield name.strip(), (), alias.strip()


_FROM = re.compile(
    r"""(?:import\b(.*?)(?:\bfrom\b)?|export\s*((?:type\s*)?(?:\*(?:\s*as\s+\w+)?|\{[^{}]*\}))\s*from)"""
    r"""\s*(["'])([^"'\n]+)\3""",
    re.DOTALL,
)
_REQUIRE = re.compile(r"""([\w$]+|\{[^{}]*\})\s*=\s*(?:await\s+)?(?:require|import)\s*\(\s*(["'])([^"'\n]+)\2""")


def _javascript(statement: str) -> Iterator[_Parts]:
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", statement, flags=re.DOTALL) if "/*" in statement else statement
    if found := _REQUIRE.match(text):
        if found[1].startswith("{"):
            yield from _named(found[3], found[1].strip("{} \n\t"), r"\s*:\s*")
        else:
            yield found[3], (), found[1]
        return
    if not (found := _FROM.match(text)):
        return
    clause, module = (found[1] or found[2] or "").strip(), found[4]
    clause = re.sub(r"^type\b(?!\s*(?:,|$))", "", clause).strip()
    before, brace, inside = clause.partition("{")
    for part in (part.strip() for part in before.split(",")):
        if part.startswith("*"):
            yield module, (), part[1:].strip().removeprefix("as").strip()
        elif part:
            yield module, ("default",), part
    if brace:
        yield from _named(module, re.sub(r"//[^\n]*", "", inside).rpartition("}")[0])
    elif not clause:
        yield module, (), ""


def _go(statement: str) -> Iterator[_Parts]:
    if found := re.match(r"""(?:([\w.]+)\s+)?["`]([^"`\n]+)["`]""", statement):
        yield found[2], (), found[1] or ""


def _rust(statement: str) -> Iterator[_Parts]:
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", statement, flags=re.DOTALL)
    if found := re.search(r"\bmod\s+(\w+)\s*;\s*$", text):
        yield f"self::{found[1]}", (), ""
    elif found := re.search(r"\buse\s+(.*?);?\s*$", text, re.DOTALL):
        groups: dict[str, list[str]] = {}
        for path, alias in _use_tree(re.sub(r"\s+", " ", found[1])):
            module, _, name = path.rpartition("::")
            if alias or not module or name in ("*", "self"):
                yield module or name, () if name in ("*", "self") or not module else (name,), alias
            else:
                groups.setdefault(module, []).append(name)
        for module, names in groups.items():
            yield module, tuple(names), ""


def _use_tree(text: str) -> Iterator[tuple[str, str]]:
    """Every path of `a::{b, c::{d, e as f}}`, with its alias. Does not recurse."""
    prefixes = [""]
    path = ""
    for part in re.findall(r"[{},]|[^{},]+", text):
        if part == "{":
            prefixes.append(prefixes[-1] + path.strip() if len(prefixes) < _DEEPEST_USE else prefixes[-1])
            path = ""
        elif part in (",", "}"):
            if path.strip():
                yield _aliased(prefixes[-1] + path.strip())
            path = ""
            if part == "}" and len(prefixes) > 1:
                prefixes.pop()
        else:
            path = part
    if path.strip():
        yield _aliased(prefixes[-1] + path.strip())


_DEEPEST_USE = 20


def _aliased(path: str) -> tuple[str, str]:
    path, _, alias = path.partition(" as ")
    return path.strip().removeprefix("::"), alias.strip()


def _java(statement: str) -> Iterator[_Parts]:
    if found := re.match(r"import\s+(?:static\s+)?([\w.\s]+?)(\.\s*\*)?\s*;?\s*$", statement):
        path = re.sub(r"\s", "", found[1])
        module, _, name = path.rpartition(".")
        yield (path, (), "") if found[2] or not module else (module, (name,), "")


def _c(statement: str) -> Iterator[_Parts]:
    if found := re.match(r'#\s*(?:include|import)\s*(?:"([^"\n]+)"|(<[^>\n]+>))', statement):
        yield found[1] or found[2], (), ""


def _csharp(statement: str) -> Iterator[_Parts]:
    if found := re.match(
        r"(?:global\s+)?using\s+(?:static\s+|unsafe\s+)*(?:(\w+)\s*=\s*)?([\w.:<>,\s]+?)\s*;?\s*$", statement
    ):
        yield found[2], (), found[1] or ""


def _ruby(statement: str) -> Iterator[_Parts]:
    if found := re.match(r"""(require|require_relative|load)[\s(]+(["'])([^"'\n]+)\2""", statement):
        near = found[1] == "require_relative" and not found[3].startswith((".", "/"))
        yield f"./{found[3]}" if near else found[3], (), ""


def _php(statement: str) -> Iterator[_Parts]:
    if found := re.match(r"""(?:require|include)(?:_once)?\b[^"'\n]*(["'])([^"'\n]+)\1""", statement):
        yield found[2], (), ""
        return
    text = re.sub(r"^use\s+(?:function\s+|const\s+)?", "", statement).strip("; \n\t")
    group, brace, inside = text.partition("{")
    if brace:
        yield from _named(group.strip(" \\\n"), inside.rstrip("} \n\t"))
        return
    for item in text.split(","):
        path, _, alias = item.strip().partition(" as ")
        module, _, name = path.strip().strip("\\").rpartition("\\")
        yield (module, (name,), alias.strip()) if module else (name, (), alias.strip())


def _shell(statement: str) -> Iterator[_Parts]:
    if found := re.match(r"""(?:source|\.)\s+(["']?)([^"'\s;]+)\1""", statement):
        yield found[2], (), ""


_ECMA = frozenset(("import_statement", "export_statement", "variable_declarator"))
_INCLUDE = (frozenset(("preproc_include",)), _c)
_ROWS: dict[str, tuple[frozenset[str], Callable[[str], Iterator[_Parts]]]] = {
    "python": (frozenset(("import_statement", "import_from_statement")), _python),
    "javascript": (_ECMA, _javascript),
    "javascriptreact": (_ECMA, _javascript),
    "typescript": (_ECMA, _javascript),
    "typescriptreact": (_ECMA, _javascript),
    "go": (frozenset(("import_spec",)), _go),
    "rust": (frozenset(("use_declaration", "mod_item")), _rust),
    "java": (frozenset(("import_declaration",)), _java),
    "c": _INCLUDE,
    "cpp": _INCLUDE,
    "csharp": (frozenset(("using_directive",)), _csharp),
    "ruby": (frozenset(("call",)), _ruby),
    "php": (
        frozenset(
            (
                "namespace_use_declaration",
                "require_expression",
                "require_once_expression",
                "include_expression",
                "include_once_expression",
            )
        ),
        _php,
    ),
    "shellscript": (frozenset(("command",)), _shell),
}

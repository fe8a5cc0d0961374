"""What a change is looked at for before anybody sees it. Pure; each check says what was seen, in one sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.context.syntax import definitions, errors_added, imports, language_of, parses
from beastmode.context.syntax.tree import parse, walk
from beastmode.tasks.proposal import Check, moved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beastmode.context.syntax import Definition
    from beastmode.tasks.edits import Change, FileEdit
    from beastmode.tasks.proposal import Order

_MOST_SHOWN = 5
_ASKED = re.compile(r"\b(?:renam|remov|delet|drop|replac|inlin|merg|mov|extract|split|priva|hid)\w*", re.IGNORECASE)
"""Words by which a user asks for a public name to go."""
_SCRIPTS = frozenset(("javascript", "javascriptreact", "typescript", "typescriptreact"))
_LISTED = re.compile(r"\bexport\s*(?:type\s*)?\{([^}]*)\}")


def parsing(change: Change) -> list[Check]:
    """Every changed file parses, or at least no worse than before."""
    checks = []
    for edit in change.edits:
        path = moved(edit)
        language = language_of(path)
        if edit.text is None or (now := parses(edit.text, language)) is None:
            continue
        name = f"{path} parses"
        if now:
            checks.append(Check(name, ok=True, evidence="no syntax errors"))
            continue
        before = errors_added("", edit.before or "", "", language) or 0
        after = errors_added("", edit.text, "", language) or 1
        where = _first_error(edit.text, language)
        if edit.before is not None and before > 0 and after <= before:
            checks.append(Check(name, ok=True, evidence=f"{after} syntax errors, and {before} before", is_needed=False))
        else:
            line = f", the first of them near line {where + 1}" if where is not None else ""
            said = _line(edit.text, where)
            checks.append(Check(name, ok=False, evidence=f"{max(after, 1)} syntax errors{line}{said}"))
    return checks


def _first_error(text: str, language: str) -> int | None:
    tree = parse(text, language)
    if tree is None:
        return None
    return next((node.start_point[0] for node in walk(tree.root_node) if node.is_error or node.is_missing), None)


def _line(text: str, number: int | None) -> str:
    lines = text.split("\n")
    if number is None or number >= len(lines) or not lines[number].strip():
        return ""
    shown = "".join(letter if letter.isprintable() else " " for letter in lines[number].strip()[:80])
    return f" ({shown})"


def keeping_names(change: Change, order: Order, *, is_needed: bool = True) -> list[Check]:
    """What other files could use of the changed ones is still there, unless the user asked for it to go."""
    gone, looked_at = [], 0
    for edit in change.edits:
        if edit.before is None or edit.kind == "create":
            continue
        names = public_names(edit.before, language_of(edit.path))
        if not names:
            continue
        looked_at += len(names)
        left = _available(edit)
        gone += [f"{name} of {edit.path}" for name in names if name not in left and not _is_asked(name, order)]
    if not looked_at:
        return []
    if not gone:
        return [Check("Public names", ok=True, evidence=f"all {looked_at} are still there", is_needed=is_needed)]
    more = f" and {len(gone) - _MOST_SHOWN} more" if len(gone) > _MOST_SHOWN else ""
    said = f"gone: {', '.join(gone[:_MOST_SHOWN])}{more}; other code may use them"
    return [Check("Public names", ok=False, evidence=said, is_needed=is_needed)]


def _available(edit: FileEdit) -> frozenset[str]:
    """All names that the file has afterwards, public or not, defined or imported."""
    if edit.text is None:
        return frozenset()
    language = language_of(moved(edit))
    found = {_name(each) for each in definitions(edit.text, language)}
    for each in imports(edit.text, language):
        found.update(each.names)
        if each.alias:
            found.add(each.alias)
    return frozenset(found | set(_exported(edit.text)))


def _is_asked(name: str, order: Order) -> bool:
    """Whether the user's own words name it and ask for its going; what a diagnostic or a file says does not count."""
    last = name.rpartition(".")[2]
    is_named = re.search(rf"(?<!\w){re.escape(last)}(?!\w)", order.instruction) is not None
    return is_named and _ASKED.search(order.instruction) is not None


def public_names(text: str, language: str) -> list[str]:
    """What other files could use: `name` and `Class.name`, as far as the language's habits tell."""
    found = definitions(text, language)
    lines = text.split("\n")
    exported = set(_exported(text)) if language in _SCRIPTS else set()
    has_exports = language in _SCRIPTS and (bool(exported) or any(line.startswith("export ") for line in lines))
    names: dict[str, None] = {}
    for each in found:
        if each.kind in ("method", "variable") and each.parent and each.parent.startswith("_"):
            continue
        if not _is_public(each, language, lines):
            continue
        if has_exports and not each.parent and each.name not in exported and not _exports(each, lines):
            continue
        names[_name(each)] = None
    return list(names)


def _name(each: Definition) -> str:
    return f"{each.parent}.{each.name}" if each.parent else each.name


def _exports(each: Definition, lines: list[str]) -> bool:
    return any(line.lstrip().startswith("export") for line in lines[each.line : each.end_line + 1][:20])


def _exported(text: str) -> Iterable[str]:
    """Names in lists such as `export { a, b as c }`."""
    for found in _LISTED.finditer(text):
        for part in found[1].split(","):
            yield from (word for word in part.split() if word not in ("as", "type", "default"))


def _is_public(each: Definition, language: str, lines: list[str]) -> bool:
    if language == "go":
        return each.name[:1].isupper()
    is_dunder = each.name.startswith("__") and each.name.endswith("__")
    if each.name.startswith(("_", "#")) and not is_dunder:
        return False
    if language in ("java", "csharp", "php", "cpp", *_SCRIPTS):
        signature = each.text.split("\n", 1)[0]
        return re.search(r"\bprivate\b", signature) is None
    if language == "rust":
        return any(re.match(r"\s*pub\b", line) for line in lines[each.line : each.end_line + 1][:20])
    return True

"""From text to opportunities: one file by itself, or many together, where duplicates and what is unused show."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from beastmode.context.opportunities.clones import blocks, clones
from beastmode.context.opportunities.code import Code
from beastmode.context.opportunities.forms import FORMS
from beastmode.context.opportunities.opportunity import Opportunity
from beastmode.context.opportunities.rules import RULES
from beastmode.context.syntax.nodes import TooMuch, syntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from beastmode.context.opportunities.clones import Block, Clone
    from beastmode.context.opportunities.opportunity import Finding

MOST_BYTES = 512_000
"""Of a file that is looked at."""
DUPLICATE = "duplicate-code"
KINDS = {rule.kind: rule.says for rule in RULES} | {DUPLICATE: "the same statements in several places"}
"""What there is to be found, and what it is."""

_COVERED = {"complex-function": ("long-function", "deep-nesting")}
"""What says less of the same function than another kind does."""
_PRIVATE = re.compile(r"\b_\w+")
_GIVEN_ON = re.compile(r"^\s*from\s+([\w.]+)\s+import\s+(\([^)]*\)|[^\n#]*)", re.MULTILINE)
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one file says of itself, and what it says to the others."""

    path: str
    found: tuple[tuple[Opportunity, Finding], ...]
    blocks: tuple[Block, ...]
    facts: frozenset[str]


def look(text: str, path: str, language: str) -> Seen | None:
    """Look at one file; None without a grammar, and for a text that is too long or takes too long.

    Args:
        text: the whole of it.
        path: relative to the workspace, with `/`.
        language: the editor's id.
    """
    if language not in FORMS or len(text) > MOST_BYTES:
        return None
    nodes = syntax(text, language)
    if nodes is None:
        return None
    code = Code(nodes, path)
    try:
        found = [(rule.kind, finding) for rule in RULES for finding in rule.find(code)]
        return Seen(path, tuple(_named(path, _uncovered(found))), tuple(blocks(code)), frozenset(_facts(code)))
    except TooMuch:
        return None


def find(text: str, path: str, language: str) -> list[Opportunity]:
    """What one text by itself shows, in the order of its lines."""
    seen = look(text, path, language)
    if seen is None:
        return []
    found = [opportunity for opportunity, finding in seen.found if finding.is_local]
    return _sorted([*found, *_duplicates(seen.blocks)])


def gather(seen: Iterable[Seen]) -> list[Opportunity]:
    """What the files of a workspace show together, by path and line."""
    every = list(seen)
    facts = Counter(fact for each in every for fact in each.facts)
    beginnings = tuple(fact for fact in facts if fact.endswith("_") and len(fact.strip("_")) > 1)
    found: list[Opportunity] = []
    for each in every:
        for opportunity, finding in each.found:
            key = finding.unless
            is_said = bool(key) and facts[key] > (key in each.facts)
            # `getattr(self, f"_on_{name}")` mentions every name that begins so.
            if not is_said and not (key.startswith("_") and key.startswith(beginnings)):
                found.append(opportunity)
    return _sorted([*found, *_duplicates([block for each in every for block in each.blocks])])


def _uncovered(found: list[tuple[str, Finding]]) -> Iterator[tuple[str, Finding]]:
    told = {(kind, finding.name) for kind, finding in found}
    for kind, finding in found:
        if not any((other, finding.name) in told for other in _COVERED.get(kind, ())):
            yield kind, finding


def _named(path: str, found: Iterable[tuple[str, Finding]]) -> Iterator[tuple[Opportunity, Finding]]:
    """With ids: of those that are alike in all but their place, the number among them tells them apart."""
    alike: Counter[tuple[str, str, str]] = Counter()
    for kind, finding in found:
        told = (kind, finding.name, finding.mark)
        alike[told] += 1
        yield (
            Opportunity(
                _id(path, *told, str(alike[told])),
                kind,
                finding.severity,
                path,
                finding.line,
                finding.end_line,
                finding.name,
                finding.reason,
                finding.suggestion,
            ),
            finding,
        )


def _duplicates(found: Sequence[Block]) -> Iterator[Opportunity]:
    alike: Counter[tuple[str, str]] = Counter()
    for clone in clones(found):
        first, *others = clone.places
        told = (first.path, f"{clone.mark:x}")
        alike[told] += 1
        yield Opportunity(
            _id(first.path, DUPLICATE, told[1], str(alike[told])),
            DUPLICATE,
            clone.severity,
            first.path,
            first.line,
            first.end_line,
            clone.name,
            _same(clone),
            "Take it out into one function that all of them call",
            tuple(others),
        )


def _same(clone: Clone) -> str:
    first, *others = clone.places
    where = ", ".join(
        f"line {other.line + 1}" if other.path == first.path else f"{other.path}:{other.line + 1}"
        for other in others[:3]
    )
    more = f" and {len(others) - 3} more places" if len(others) > 3 else ""  # noqa: PLR2004 - as many as are named
    return f"{clone.rows} lines of code ({clone.tokens} tokens) stand word for word also in {where}{more}"


def _facts(code: Code) -> Iterator[str]:
    """What a file of Python says that decides about another: private names, and what it imports from where."""
    if code.language != "python":
        return
    text = code.syntax.text
    yield from _PRIVATE.findall(text)
    for module, names in _GIVEN_ON.findall(text):
        last = module.rpartition(".")[2]
        for name in _NAME.findall(names):
            yield f"{last}.{name}"


def _id(*told: str) -> str:
    return sha256("\n".join(told).encode("utf-8", "replace")).hexdigest()[:16]


def _sorted(found: Iterable[Opportunity]) -> list[Opportunity]:
    return sorted(found, key=lambda each: (each.path, each.line, each.end_line, each.kind, each.id))

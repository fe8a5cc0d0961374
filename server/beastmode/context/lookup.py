"""Looks up names in the files that one file can use: those it imports, those beside it, and itself.

An import leads to a file of the workspace (modules.py), that file's own imports to where it has the name from. Reads
the disk and parses, each file once a state of it: for a thread, with copies of what the event loop may change.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from beastmode.context import syntax
from beastmode.context.exclude import is_sensitive
from beastmode.context.files import Files
from beastmode.context.modules import BY_CLASS, Importer, files_beside, files_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from beastmode.context.syntax import Definition, Import

MOST_FILES = 40
"""Files looked into for one cursor."""
MOST_HOPS = 2
"""Files between an import and the definition: packages that pass names on."""
MOST_KEPT, MOST_LED = 64, 1000
"""Files whose definitions are remembered, and imports of which it is remembered where they lead."""
LED_S = 10.0
"""How long that is believed: a file that was just made is found so much later."""
LEAST_NAME = 3
IMPORTED, BESIDE, OWN, FADES = 0.95, 0.8, 0.75, 0.985
"""The score of the name nearest to the cursor, and what is left of it with each name further away."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file defines and imports; `outer` are the definitions that another file can name, `inner` their parts."""

    definitions: Sequence[Definition]
    imports: Sequence[Import]
    outer: Mapping[str, Definition]
    inner: Mapping[str, Definition]


@dataclass(frozen=True, slots=True)
class Tab:
    """A copy of an open document; `key` tells its states apart."""

    key: tuple[str, int]
    language: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Question:
    """Whose names to look up.

    Attributes:
        path: the file's; nothing is imported where it is in none of the folders `roots`.
        names: the nearest first.
        tabs: the open documents by their normal paths, for they are newer than the disk.
        memory: what earlier questions found out; added to.
        now: seconds, monotonic.
    """

    path: str
    language: str
    roots: tuple[str, ...]
    names: tuple[str, ...]
    tabs: Mapping[str, Tab]
    memory: Memory
    now: float


@dataclass(slots=True)
class Memory:
    """What is known of the disk. For one thread at a time.

    Attributes:
        facts: of files by their paths, with a state that tells whether they still hold; the one used last comes last.
        led: where imports lead, and when that was found out: nearly all of it is looking for what is not there.
    """

    facts: dict[str, tuple[object, Facts]]
    led: dict[object, tuple[float, Sequence[str]]]

    def trim(self) -> None:
        """Forget what was used longest ago."""
        while len(self.facts) > MOST_KEPT:
            del self.facts[next(iter(self.facts))]
        if len(self.led) > MOST_LED:
            self.led.clear()


@dataclass(frozen=True, slots=True)
class Found:
    """A definition in a file: what to show of it, and why."""

    path: str
    name: str
    line: int
    text: str
    why: str
    score: float


class Lookup:
    """The answers to one question."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._path = os.path.normpath(question.path)
        roots = [os.path.normpath(root) for root in question.roots]
        self._root = max((root for root in roots if is_within(self._path, root)), key=len, default="")
        self._files = Files(roots)
        self._rank = {name: number for number, name in reversed(list(enumerate(question.names)))}
        # One or two letters may be what an import is called here, and are a local variable's name otherwise.
        self._names = [name for name in question.names if len(name) >= LEAST_NAME]
        self._seen: dict[str, Facts] = {}

    @property
    def names_seen(self) -> Iterator[str]:
        """Every name that another file can use, of the files that were looked into."""
        return (name for facts in self._seen.values() for name in facts.outer)

    def imported(self, imports: Sequence[Import], above: int = 0) -> Iterator[Found]:
        """The definitions of names that are imported; the first `above` lines are not the file's own."""
        for each in imports if self._root else ():
            line = each.line - above
            where = f"imported in line {line + 1}" if line >= 0 else "imported in a cell above"
            # Headers include headers; elsewhere a module without names gives its own ones only.
            hops = MOST_HOPS if each.names else int(kin_of(self._question.language) == "c")
            wanted = self._wanted(each)
            paths = self._leads_to(self._path, each) if wanted else ()
            for name, here in wanted.items():
                if (found := self._find(name, paths, hops, members=bool(each.names))) is not None:
                    yield _found(*found, f"{here}, {where}", IMPORTED * FADES ** self._rank[here])
            # A name may be a module itself: then any of its names may be meant.
            modules = [path for path in paths if PurePath(path).stem in wanted and each.names]
            for name in self._names if modules else ():
                if (found := self._find(name, modules, 0)) is not None:
                    yield _found(*found, f"{name}, {where}", IMPORTED * FADES ** self._rank[name])

    def beside(self) -> Iterator[Found]:
        """The definitions of names of the same package, which need no import."""
        paths = files_beside(self._importer(self._path), self._question.language) if self._root else ()
        for name in self._names if paths else ():
            if (found := self._find(name, paths, 0)) is not None:
                yield _found(*found, f"{name}, of the same package", BESIDE * FADES ** self._rank[name])

    def own(self, facts: Facts, first: int, shown: range) -> Iterator[Found]:
        """The file's own definitions, counted from line `first`, that stand in none of the lines that are shown."""
        for each in facts.definitions:
            line = first + each.line
            if each.name in self._rank and len(each.name) >= LEAST_NAME and line not in shown:
                score = OWN * FADES ** self._rank[each.name]
                yield Found(self._path, each.name, line, each.text, f"{each.name}, in line {line + 1}", score)

    def _wanted(self, imported: Import) -> dict[str, str]:
        """What to look for in an imported file: the names there, and what they are called here."""
        if not imported.names:
            return {name: name for name in self._names}
        called = {name: imported.alias or name for name in imported.names}
        if imported.names == ("default",):
            called = {imported.alias: imported.alias}
        return {name: here for name, here in called.items() if here in self._rank}

    def _find(
        self, name: str, paths: Sequence[str], hops: int, *, members: bool = False
    ) -> tuple[str, Definition] | None:
        """A name's definition, in some files or in those that they have it from."""
        for path in paths:
            facts = self._facts(path)
            definition = facts.outer.get(name) or (facts.inner.get(name) if members else None)
            if definition is not None:
                return path, definition
            for imported in facts.imports if hops else ():
                if not imported.names or name in imported.names or name == imported.alias:
                    is_renamed = name == imported.alias and imported.names not in ((), ("default",))
                    there = imported.names[0] if is_renamed else name
                    found = self._find(there, self._leads_to(path, imported), hops - 1)
                    if found is not None:
                        return found
        return None

    def _leads_to(self, path: str, imported: Import) -> Sequence[str]:
        importer = self._importer(path)
        language = self._language(path)
        # The line of an import changes with every line above it.
        named = importer.classes if language in BY_CLASS else ()
        key = path, self._root, language, imported.module, imported.names, named
        found_at, paths = self._question.memory.led.get(key, (-LED_S, ()))
        if self._question.now - found_at >= LED_S:
            paths = files_of(importer, imported, language)
            self._question.memory.led[key] = self._question.now, paths
        return paths

    def _importer(self, path: str) -> Importer:
        return Importer(path, self._root, self._files, self._question.names)

    def _language(self, path: str) -> str:
        """A file's language by its name; a header's is that of the file that includes it."""
        language = syntax.language_of(path)
        own = self._question.language
        return own if path == self._path or (kin_of(language) == kin_of(own) == "c") else language

    def _facts(self, path: str) -> Facts:
        if path not in self._seen:
            if len(self._seen) >= MOST_FILES:
                return NO_FACTS
            self._seen[path] = self._read(path)
        return self._seen[path]

    def _read(self, path: str) -> Facts:
        """What a file says: as it is in the editor, otherwise as it is on the disk."""
        real = self._files.real(path)
        if real is None:
            return NO_FACTS
        tab = self._question.tabs.get(path) or self._question.tabs.get(real)
        if tab is not None and is_sensitive(path, tab.language):
            return NO_FACTS
        stamp: object = tab.key if tab is not None else self._files.stamp(real)
        if stamp is None:
            return NO_FACTS
        language = self._language(path)
        state = stamp, language
        # Taken out and put back: the one used last is the last to be forgotten.
        kept = self._question.memory.facts.pop(real, None)
        if kept is None or kept[0] != state:
            text = "\n".join(tab.lines) if tab is not None else self._files.text(real)
            kept = state, facts_of(text, language)
        self._question.memory.facts[real] = kept
        return kept[1]


def facts_of(text: str, language: str) -> Facts:
    """What a text defines and imports."""
    definitions = syntax.definitions(text, language)
    outer: dict[str, Definition] = {}
    inner: dict[str, Definition] = {}
    for each in definitions:
        # A class within a module or a namespace has it for a parent, and is used from elsewhere all the same.
        is_outer = not each.parent or each.kind in {"class", "type"}
        (outer if is_outer else inner).setdefault(each.name, each)
    return Facts(definitions, syntax.imports(text, language), outer, inner)


NO_FACTS = Facts((), (), {}, {})


def _found(path: str, definition: Definition, why: str, score: float) -> Found:
    return Found(path, definition.name, definition.line, definition.text, why, score)


def kin_of(language: str) -> str:
    """The same for languages that can use one another's code."""
    return {
        "cpp": "c",
        "javascript": "typescript",
        "javascriptreact": "typescript",
        "typescriptreact": "typescript",
    }.get(language, language)


def is_within(path: str, root: str) -> bool:
    """Whether a normal path is below a folder, by its name."""
    return path.startswith(root.rstrip(os.sep) + os.sep)

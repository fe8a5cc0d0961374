"""What the names around the cursor mean: definitions in imported files, in files beside, and in far parts of this one.

Where none of them knows a name, the search index may. Disk and parser are used in a thread.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from beastmode.context import syntax
from beastmode.context.exclude import is_sensitive
from beastmode.context.lookup import FADES, NO_FACTS, Lookup, Memory, Question, Tab, facts_of, kin_of
from beastmode.domain.context import Snippet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from beastmode.context.gather import Here
    from beastmode.context.lookup import Facts, Found
    from beastmode.context.session import OpenDocument, Session
    from beastmode.context.syntax import Import

MOST = 12
MOST_TABS = 40
HEAD_LINES = 300
"""Lines of a document in which its imports are looked for."""
OWN_LINES = 1500
"""Lines on each side of the cursor in which the document's own definitions are looked for."""
OWN_EVERY_S = 3.0
"""The document's own definitions are read again so often at most: it changes at every keystroke."""
INDEXED = 0.45
"""The score of what only the index knows: it may be another thing of the same name."""

_SPECIAL = re.compile(r"__\w+__")
_TELLING = re.compile(r".*[A-Z_].{3}|.{3}.*[A-Z_]|.{7}")
"""A name that is not everybody's: `OrderBook`, `total_of`, not `name`."""


class Symbol(Protocol):
    """A definition that the index knows; `path` relative to the index's folder, `parent` '' outside of classes."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the class says it
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def parent(self) -> str: ...  # noqa: D102


class SymbolIndex(Protocol):
    """What this source needs of `context.index.Index`."""

    async def definitions(self, names: Sequence[str], *, limit: int) -> Sequence[Symbol]:
        """The definitions of these names anywhere in the folder."""
        ...


class Definitions:
    """Finds what is imported, what lies beside, what stands elsewhere in the document, and what the index knows.

    Args:
        indexes: by workspace folder; the caller may change it at any time.
    """

    name = "definitions"

    def __init__(self, indexes: Mapping[str, SymbolIndex]) -> None:
        self._indexes = indexes
        self._lock = threading.Lock()
        self._memory = Memory({}, {})
        self._head: tuple[str, str, list[Import]] = ("", "", [])
        self._own = _Own(_Text(("", 0), "", 0, 0, (), range(0)), 0.0, NO_FACTS)
        self._usable: frozenset[str] = frozenset()

    def notices(self, word: str) -> bool:
        """Whether a word that was just typed is a name that the document can use, so that it is worth asking again."""
        return word in self._usable

    async def find(self, here: Here) -> list[Snippet]:
        """Definitions of the names around the cursor, the nearest name's first."""
        names = tuple(name for name in here.names if not _SPECIAL.fullmatch(name))
        if not names:
            return []
        cursor, session = here.cursor, here.session
        document = session.document(cursor.uri)
        tabs = _tabs(session, cursor.uri)
        question = Question(cursor.path, cursor.language, session.roots, names, tabs, self._memory, session.now)
        found, unknown = await asyncio.to_thread(self._look, question, _text(here, document))
        relative = session.relative
        snippets = [Snippet(relative(at.path), at.text, at.line, self.name, at.why, at.score) for at in found]
        snippets += await self._indexed(here, unknown)
        snippets.sort(key=lambda each: -each.score)
        return snippets[:MOST]

    async def _indexed(self, here: Here, names: Sequence[str]) -> list[Snippet]:
        found = []
        own = here.session.relative(here.cursor.path)
        for root, index in list(self._indexes.items()) if names else ():
            symbols = [each for each in await index.definitions(names, limit=MOST) if not each.parent]
            for each in symbols:
                path = here.session.prefix(root) + each.path
                is_one = sum(other.name == each.name for other in symbols) == 1
                is_kin = kin_of(syntax.language_of(each.path)) == kin_of(here.cursor.language)
                if is_one and is_kin and path != own and not is_sensitive(path):
                    score = INDEXED * FADES ** names.index(each.name)
                    why = f"{each.name}, in the workspace's index"
                    found.append(Snippet(path, each.text, each.line, self.name, why, score))
        return found

    def _look(self, question: Question, text: _Text) -> tuple[list[Found], list[str]]:
        """What the files say, and the names that none of them knows. Runs in a thread, one question at a time."""
        with self._lock:
            imports = self._imports(text.head, question.language)
            own = self._own_facts(text, question.language, question.now)
            lookup = Lookup(question)
            # An imported name is what the import says, whatever else is called so.
            found = {each.name: each for each in lookup.own(own.facts, own.text.first, text.shown)}
            found.update((each.name, each) for each in lookup.beside())
            found.update((each.name, each) for each in lookup.imported(imports, text.above))
            self._memory.trim()
            called = {name for each in imports for name in _called(each)}
            self._usable = frozenset((*called, *lookup.names_seen))
        known = called | set(found) | {each.name for each in own.facts.definitions}
        unknown = [name for name in question.names if name not in known and _TELLING.match(name)]
        return list(found.values()), unknown

    def _imports(self, head: str, language: str) -> Sequence[Import]:
        if self._head[:2] != (head, language):
            self._head = (head, language, syntax.imports(head, language))
        return self._head[2]

    def _own_facts(self, text: _Text, language: str, now: float) -> _Own:
        """The document's own definitions; some seconds old while it is typed in."""
        own = self._own
        is_same = own.text.key == text.key
        is_recent = own.text.key[0] == text.key[0] and now - own.read_at < OWN_EVERY_S
        if not (is_same or is_recent) or abs(own.text.first - text.first) > OWN_LINES // 2:
            self._own = own = _Own(text, now, facts_of("\n".join(text.lines), language))
        return own


@dataclass(frozen=True, slots=True)
class _Text:
    """A copy of what matters of the document: of a long one a part.

    Attributes:
        key: tells its states apart; the URI first.
        head: where its imports are; the first `above` lines belong to a notebook's cells above.
        first: the number of the first of `lines`.
        shown: the numbers of the lines in the window.
    """

    key: tuple[str, int]
    head: str
    above: int
    first: int
    lines: Sequence[str]
    shown: range


@dataclass(frozen=True, slots=True)
class _Own:
    """What the document itself defines, as of `read_at`."""

    text: _Text
    read_at: float
    facts: Facts


def _text(here: Here, document: OpenDocument | None) -> _Text:
    cursor = here.cursor
    start, lines = 0, document.lines if document is not None else (cursor.before + cursor.after).split("\n")
    if document is None:
        start = cursor.line - cursor.before.count("\n")
    first = max(0, cursor.line - start - OWN_LINES)
    return _Text(
        (cursor.uri, cursor.version),
        cursor.preamble + "\n".join(lines[:HEAD_LINES]),
        cursor.preamble.count("\n"),
        start + first,
        lines[first : first + 2 * OWN_LINES],
        range(here.first_line, here.last_line + 1),
    )


def _tabs(session: Session, uri: str) -> dict[str, Tab]:
    """Copies of the other open documents, by their normal paths."""
    return {
        os.path.normpath(each.path): Tab((each.uri, each.version), each.language, each.lines[: 2 * OWN_LINES])
        for each in session.documents[:MOST_TABS]
        if each.uri != uri
    }


def _called(imported: Import) -> Sequence[str]:
    """What an import is called in the file that has it."""
    if imported.alias:
        return (imported.alias,)
    return imported.names or re.split(r"\W+", imported.module)[-1:]

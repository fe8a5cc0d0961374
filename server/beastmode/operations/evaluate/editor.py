"""An editor as it could look while somebody types where a hole was cut: the cursor, the tabs, what was done lately.

Nothing of it is chosen by what belongs into the hole: imports are read from the file with its hole, and where there is
a choice a random number decides, seeded by the hole. Real edits and visits have more to do with what is typed next than
ones drawn like this, so what they are worth is rather more than a run can show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from random import Random
from time import monotonic
from typing import TYPE_CHECKING

from beastmode.context.session import Session
from beastmode.context.syntax import definitions, imports
from beastmode.domain.text import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.context.syntax import Import
    from beastmode.operations.evaluate.files import SourceFile
    from beastmode.operations.evaluate.holes import Hole

LINES_BEFORE, LINES_AFTER = 200, 100
CHARACTERS = 16_000
"""What a cursor sees on each side, at most: as much as the language server hands to the engine."""

TABS, IMPORTED_TABS = 4, 3
"""Open besides the file with the hole, and how many of these are files that it imports, where it imports any."""
EDITED_LINES = (1, 3)
KEEP_OFF = 3
"""Lines around the hole in which nothing was edited."""
SECONDS_APART = 20.0

_PARTS = re.compile(r"[\w-]+")
_PACKAGE_FILES = frozenset(("__init__", "index", "mod", "lib"))


@dataclass(frozen=True, slots=True)
class Tab:
    """An open document; see `beastmode.context.session.OpenDocument`."""

    uri: str
    path: str
    language: str
    lines: Sequence[str]
    version: int = 1


@dataclass(slots=True)
class _Clock:
    """Time that can be some seconds back."""

    ago: float = 0.0

    def __call__(self) -> float:
        return monotonic() - self.ago


@dataclass(frozen=True, slots=True)
class Editor:
    """What the engine is asked with: a place to complete, and what is open around it."""

    cursor: Cursor
    session: Session


def editor(hole: Hole, file: SourceFile, files: Sequence[SourceFile]) -> Editor:
    """The editor with a file open that has a hole where its cursor is.

    Args:
        hole: of the file.
        file: the whole one.
        files: of the same repository, among them this one.
    """
    before, _, after = hole.cut(file.text)
    here = tab(file, before + after)
    cursor = cursor_at(here, before, after)
    random = Random(hole.id)  # noqa: S311 - the point is that it can be repeated
    imported = list(imports("\n".join(here.lines), file.language))
    others = [each for each in files if each.path != file.path]
    tabs = open_tabs(file, imported, others, random)
    clock = _Clock(SECONDS_APART * (2 * len(tabs) + 2))
    session = Session(clock, (str(file.root),))
    for each in tabs:
        session.opened(tab(each, each.text))
    session.opened(here)
    for each in tabs:
        clock.ago -= SECONDS_APART
        line = _imported_definition(each, imported, random)
        if line is not None:
            session.visited(tab(each, each.text).uri, line)
    for document in (*(tab(each, each.text) for each in tabs[:1]), here):
        clock.ago -= SECONDS_APART
        edit = _edit(document.lines, cursor.line if document is here else None, random)
        if edit is not None:
            first, end = edit
            session.changed(document.uri, first, end - first, document.lines[first:end])
    clock.ago = 0.0
    session.visited(here.uri, cursor.line)
    return Editor(cursor, session)


def tab(file: SourceFile, text: str) -> Tab:
    """A file as an open document with this text."""
    path = file.root / file.path
    return Tab(path.as_uri(), str(path), file.language, text.split("\n"))


def cursor_at(document: Tab, before: str, after: str) -> Cursor:
    """The cursor between two texts that make up a document, seeing as far as the language server lets it."""
    above, line_before = before.split("\n")[:-1], before[before.rfind("\n") + 1 :]
    line_after, *below = after.split("\n")
    return Cursor(
        uri=document.uri,
        path=document.path,
        language=document.language,
        version=document.version,
        line=len(above),
        column=len(line_before),
        before="\n".join((*_fitting(above[: -LINES_BEFORE - 1 : -1])[::-1], line_before[-CHARACTERS:])),
        after="\n".join((line_after[:CHARACTERS], *_fitting(below[:LINES_AFTER]))),
    )


def _fitting(lines: Sequence[str]) -> list[str]:
    taken, room = [], CHARACTERS
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        taken.append(line)
    return taken


def open_tabs(
    file: SourceFile, imported: Sequence[Import], others: Sequence[SourceFile], random: Random
) -> list[SourceFile]:
    """Files that are likely to be open, too: some of those that it imports, then some of its folder."""
    known = [each for each in others if any(_leads_to(one, file, each) for one in imported)]
    tabs = random.sample(known, min(IMPORTED_TABS, len(known)))
    folder = PurePosixPath(file.path).parent
    beside = [each for each in others if PurePosixPath(each.path).parent == folder and each not in tabs]
    return tabs + random.sample(beside, min(TABS - len(tabs), len(beside)))


def _leads_to(one: Import, importer: SourceFile, file: SourceFile) -> bool:
    """Whether an import means a file: the last parts of the file's path are what it says."""
    path = PurePosixPath(importer.root.name) / PurePosixPath(file.path).with_suffix("")
    parts = [part for part in path.parts if part not in _PACKAGE_FILES]
    said = _PARTS.findall(one.module)
    wanted = [said, *([*said, name] for name in one.names)]
    return any(each and parts[-len(each) :] == each for each in wanted) and _is_near(one, importer, file)


def _is_near(one: Import, importer: SourceFile, file: SourceFile) -> bool:
    """A relative import of one name could mean many files; it means one of the importer's own folder or above it."""
    if not one.module.startswith("."):
        return True
    folder = PurePosixPath(importer.path).parent
    up = 1 if "/" not in one.module else 0
    dots = len(one.module) - len(one.module.lstrip("."))
    for _ in range(dots - 1 if up else one.module.count("../")):
        folder = folder.parent
    return PurePosixPath(file.path).is_relative_to(folder)


def _imported_definition(file: SourceFile, imported: Sequence[Import], random: Random) -> int | None:
    """The line of something in a file that an import names; None where nothing of it is named."""
    names = {name for one in imported for name in one.names}
    lines = [each.line for each in definitions(file.text, file.language) if each.name in names]
    return random.choice(lines) if lines else None


def _edit(lines: Sequence[str], hole: int | None, random: Random) -> tuple[int, int] | None:
    """Some lines, from and up to, that were typed lately; away from the hole where it is in the same document."""
    starts = list(_starts(lines, hole))
    if not starts:
        return None
    start = random.choice(starts)
    end = min(start + random.randint(*EDITED_LINES), len(lines))
    if hole is not None and start < hole:
        end = min(end, hole - KEEP_OFF)
    return start, end


def _starts(lines: Sequence[str], hole: int | None) -> Iterator[int]:
    return (
        line
        for line, text in enumerate(lines)
        if text.strip() and (hole is None or not -KEEP_OFF <= line - hole <= KEEP_OFF)
    )

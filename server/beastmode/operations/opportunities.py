"""Where code could be better: of one text at once, of a whole workspace in a process of its own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from beastmode.context.exclude import is_sensitive
from beastmode.context.index.life import Life
from beastmode.context.opportunities import KINDS, MOST_BYTES, Opportunity, Place, Severity, find
from beastmode.context.opportunities.order import Order
from beastmode.context.syntax import has_grammar, language_of
from beastmode.domain.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

_MODULE = "beastmode.context.opportunities"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which opportunities are asked for.

    Attributes:
        kinds: their names, empty for all.
        least: the lowest severity.
        under: a folder or file of the workspace, with `/`; '' for all of it.
    """

    kinds: Collection[str] = ()
    least: Severity = Severity.LOW
    under: str = ""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - KINDS.keys())
        if unknown:
            raise UserError(f"No such kind of opportunity: {', '.join(unknown)}", f"Use some of {', '.join(KINDS)}")

    def fits(self, opportunity: Opportunity) -> bool:
        """Whether it is one of them; a duplicate counts where any of its places is asked for."""
        if (self.kinds and opportunity.kind not in self.kinds) or opportunity.severity.rank < self.least.rank:
            return False
        paths = (opportunity.path, *(place.path for place in opportunity.others))
        return not self.under or any(f"{path}/".startswith(f"{self.under}/") for path in paths)


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found, the gravest first; how many files were looked at, and left out, by reason."""

    opportunities: tuple[Opportunity, ...]
    files: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


def ranked(found: Iterable[Opportunity]) -> list[Opportunity]:
    """The gravest first, among their like the longest."""
    return sorted(found, key=lambda each: (-each.severity.rank, each.line - each.end_line, each.path, each.line))


async def survey(
    root: Path, folder: Path, wanted: Wanted = EVERYTHING, tell: Callable[[int, int], None] = lambda _done, _total: None
) -> Survey:
    """Look at a whole workspace; cancelling ends the process that does it.

    Args:
        root: the workspace.
        folder: a folder of ours where the process works; made where there is none.
        wanted: which opportunities.
        tell: called with the number of files that are done, and of all.

    Raises:
        UserError: there is no such folder, or it cannot be looked at.
    """
    root = await asyncio.to_thread(_ready, root, folder)
    said: dict[str, Any] = {}

    def hear(line: bytes) -> None:
        try:
            news = json.loads(line)
            if "opportunities" in news:
                said.update(news)
            else:
                tell(int(news["done"]), int(news["total"]))
        except (ValueError, KeyError, TypeError):
            return  # printed by a library

    try:
        life = Life(Order(str(root)), folder, hear, _MODULE)
    except OSError as error:
        raise UserError(f"The process that looks at {root} cannot be started: {error}") from error
    try:
        code = await asyncio.shield(life.ended)
    finally:
        await life.end()
    if not said:
        raise UserError(f"Looking at {root} ended with code {code}", "Leave the file that it dies of out of it")
    found = (_read(row) for row in said["opportunities"])
    return Survey(tuple(ranked(filter(wanted.fits, found))), said["files"], said["left_out"])


async def in_text(text: str, path: str, language: str, wanted: Wanted = EVERYTHING) -> Survey:
    """Look at one text by itself: what only other files could show is left out.

    Args:
        text: the whole of it, as the user sees it.
        path: relative to the workspace, with `/`.
        language: the editor's id.
        wanted: which opportunities.
    """
    if is_sensitive(path, language):
        return Survey((), left_out={"secret": 1})
    if not has_grammar(language):
        return Survey((), left_out={"no grammar": 1})
    if len(text) > MOST_BYTES:
        return Survey((), left_out={"too large": 1})
    found = await asyncio.to_thread(find, text, path, language)
    return Survey(tuple(ranked(filter(wanted.fits, found))), 1)


async def in_file(path: Path, wanted: Wanted = EVERYTHING) -> Survey:
    """Look at one file by itself; its path is told by its name alone.

    Raises:
        UserError: it cannot be read.
    """
    try:
        data = await asyncio.to_thread(_data, path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return await in_text(text, path.name, language_of(path.name), wanted)


def by_file(found: Iterable[Opportunity]) -> list[tuple[str, Sequence[Opportunity]]]:
    """By file: the one with the gravest first, its own in the order of its lines."""
    groups: dict[str, list[Opportunity]] = {}
    for each in ranked(found):
        groups.setdefault(each.path, []).append(each)
    return [(path, sorted(group, key=lambda each: each.line)) for path, group in groups.items()]


def _ready(root: Path, folder: Path) -> Path:
    """The workspace by its real path; the folder where the process works is made."""
    root = root.expanduser().resolve()
    if not root.is_dir():
        raise UserError(f"{root} is not a folder", "Name the folder that the editor has open")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root


def _data(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _read(row: dict[str, Any]) -> Opportunity:
    others = tuple(Place(**place) for place in row["others"])
    return Opportunity(**row | {"severity": Severity(row["severity"]), "others": others})

"""Good completions of real code come through: holes in the standard library, filled with what stood there."""

from __future__ import annotations

import importlib
import inspect
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.completion.pictures import cursor_at

from beastmode.completion.multiline import is_multiline
from beastmode.completion.postprocess import CURSOR_PIPELINE, from_model, run
from beastmode.completion.retyped import retyped

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = ("argparse", "dataclasses", "json.decoder", "json.encoder", "textwrap", "functools", "shutil", "configparser")
HOLES = 40
"""In each module, of each kind."""
LEAST_WHOLE, LEAST_STOPPED = 0.995, 0.98
"""Parts of the answers, 0 to 1. With 600 holes a module and kind it is all of 5,522, and all but one of 1,439."""
LONGEST_HOLE, SEEN = 12, 4000


@dataclass(frozen=True)
class Hole:
    """A part of a file, from and up to."""

    source: str
    start: int
    end: int

    @property
    def text(self) -> str:
        """What stood there."""
        return self.source[self.start : self.end]

    def comes_through(self, said: str) -> bool:
        """Whether the file is whole again where the model says this."""
        before, after = self.source[: self.start], self.source[self.end :]
        cursor = cursor_at(f"{before}║{after[:SEEN]}")
        if "\n" in self.text and not is_multiline(cursor):
            return True
        text, _ = run(CURSOR_PIPELINE, from_model(said, cursor, cut=False)[0], cursor)
        return before + text + after[retyped(text, cursor) :] == self.source


def sources() -> Iterator[str]:
    for name in MODULES:
        yield inspect.getsource(importlib.import_module(name)).replace("║", "")


def indent(line: str) -> int:
    return len(line) - len(line.lstrip()) if line.strip() else 10**6


def holes(source: str) -> Iterator[Hole]:
    """The ends of lines, and whole blocks: from a statement to the end of the block that it stands in."""
    chance = random.Random(source[:100])  # noqa: S311 - the same holes each time
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    for number in chance.sample(range(len(lines)), min(HOLES, len(lines))):
        line, column = lines[number].rstrip(), indent(lines[number])
        spots = [at for at in range(column + 1, len(line)) if line[at - 1] in " (=." and line[at] != " "]
        if spots:
            yield Hole(source, starts[number] + chance.choice(spots), starts[number] + len(line))
        if column in (0, 10**6):
            continue
        last = number
        while last + 1 < len(lines) and indent(lines[last + 1]) >= column:
            last += 1
        while not lines[last].strip():
            last -= 1
        if last - number < LONGEST_HOLE:
            yield Hole(source, starts[number] + column, starts[last] + len(lines[last].rstrip()))


def test_what_stood_there_comes_through() -> None:
    """The filters leave a good answer alone."""
    whole = [hole.comes_through(hole.text) for source in sources() for hole in holes(source)]
    assert len(whole) > len(MODULES) * HOLES
    assert sum(whole) >= LEAST_WHOLE * len(whole)


def test_an_answer_that_runs_on_is_stopped() -> None:
    """A model that goes on through what already stands below is cut where its answer was over."""
    stopped = [
        hole.comes_through(hole.text + hole.source[hole.end : hole.end + 500].rpartition("\n")[0])
        for source in sources()
        for hole in holes(source)
        if "\n" in hole.text
    ]
    assert sum(stopped) >= LEAST_STOPPED * len(stopped)

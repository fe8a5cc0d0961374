"""An editor as a feedback tracker sees it: a text, edits as changed lines, undo; and time that a test lets pass."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field
from itertools import count

from beastmode.completion.feedback import Feedback
from beastmode.domain.text import Cursor, Suggestion
from beastmode.ledger.feedback import Showing

URI = "file:///src/example.py"


@dataclass
class Hours:
    """A clock, and a sleep that lasts until `pass_by` was told of enough seconds."""

    now: float = 1_790_000_000.0
    _sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Until then."""
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), woken))
        await woken

    async def pass_by(self, seconds: float) -> None:
        """Let time pass, and everybody do what is due on the way."""
        until = self.now + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, woken = heapq.heappop(self._sleepers)
            self.now = max(self.now, due)
            if not woken.done():
                woken.set_result(None)
            await _settle()
        self.now = until


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@dataclass
class Log:
    """The latest of every showing, in the order in which they came up."""

    showings: dict[str, Showing] = field(default_factory=dict)

    def put(self, showing: Showing) -> None:
        """Keep it."""
        self.showings[showing.id] = showing

    @property
    def last(self) -> Showing:
        """The one that came up last."""
        return list(self.showings.values())[-1]


class Editor:
    """One document with its cursor, and a tracker that is told of it as a language server would.

    Args:
        picture: the text, with `║` for the cursor.
    """

    def __init__(self, picture: str) -> None:
        before, _, after = picture.partition("║")
        self.text, self.offset = before + after, len(before)
        self.hours, self.log = Hours(), Log()
        self.is_open = True
        self._undo: list[tuple[str, int]] = []
        self.feedback = Feedback(self.log, self.hours, lambda _uri: self.lines, sleep=self.hours.sleep)

    @property
    def lines(self) -> list[str] | None:
        """As the server keeps them."""
        return self.text.split("\n") if self.is_open else None

    @property
    def cursor(self) -> Cursor:
        """The cursor, all of the text around it."""
        before = self.text[: self.offset]
        column = len(before) - before.rfind("\n") - 1
        line, after = before.count("\n"), self.text[self.offset :]
        return Cursor(URI, "/src/example.py", "python", 1, line, column, before, after)

    def show(self, text: str, *, request: str = "r", replace_after: int = 0, explicit: bool = False) -> None:
        """Suggest something at the cursor."""
        self.feedback.shown(self.cursor, [Suggestion(request, text, "custom:m", replace_after)], explicit=explicit)

    def insert(self, text: str, *, replace_after: int = 0) -> None:
        """Put text in at the cursor, as one edit."""
        self.edit(self.offset, self.offset + replace_after, text)

    def delete(self, length: int = 1) -> None:
        """Take out what is left of the cursor."""
        self.edit(self.offset - length, self.offset, "")

    def edit(self, start: int, end: int, text: str, *, moves: bool = True) -> None:
        """Replace a part of the text; `moves`: the cursor goes behind it, else it stays where it is in its line."""
        self._undo.append((self.text, self.offset))
        self._apply(start, end, text)
        if moves:
            self.offset = start + len(text)
        elif end <= self.offset:
            self.offset += len(text) - (end - start)

    def undo(self) -> None:
        """Take back the last edit."""
        text, offset = self._undo.pop()
        start = next((n for n, (a, b) in enumerate(zip(text, self.text, strict=False)) if a != b), None)
        start = min(len(text), len(self.text)) if start is None else start
        same = 0
        while same < min(len(text), len(self.text)) - start and text[-1 - same] == self.text[-1 - same]:
            same += 1
        self._apply(start, len(self.text) - same, text[start : len(text) - same])
        self.offset = offset

    def _apply(self, start: int, end: int, text: str) -> None:
        first, last = self.text.count("\n", 0, start), self.text.count("\n", 0, end)
        self.text = self.text[:start] + text + self.text[end:]
        lines = self.text.split("\n")
        self.feedback.changed(URI, first, last - first + 1, lines[first : first + text.count("\n") + 1])

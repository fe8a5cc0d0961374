"""Many orders, a few at a time: what was done is remembered, so that a batch that was stopped goes on where it was.

Orders are carried out side by side and written one after the other. Two orders of one file are not: the second one is
begun when the first one is written, so that it sees what became of the file.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from beastmode.domain.errors import BeastModeError, UserError
from beastmode.tasks.chat import Attachment, attachment_of
from beastmode.tasks.edits import write
from beastmode.tasks.proposal import Failed, Proposed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from decimal import Decimal
    from pathlib import Path

    from beastmode.tasks.proposal import Order, Proposal
    from beastmode.tasks.work import Work

MOST_ORDERS = 10_000
LONGEST_LINE = 100_000
_FIELDS = {"task", "instruction", "featureRequest", "file", "files", "model"}

State = Literal["written", "shown", "text", "failed", "done before"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a batch: its number from one, what marks it as done, and the order or what is wrong with it."""

    line: int
    key: str
    order: Order | None
    error: BeastModeError | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an entry; `cost` is in US dollars, None where no price is known."""

    entry: Entry
    state: State
    proposal: Proposal | None = None
    error: BeastModeError | None = None
    model: str = ""
    cost: Decimal | None = None

    @property
    def request_ids(self) -> tuple[str, ...]:
        """Of the questions that it took, where it came to a result."""
        return self.proposal.request_ids if self.proposal else ()


def read_batch(path: Path, usual: Order, root: Path) -> list[Entry]:
    """The orders of a file with one JSON object a line: task, instruction, file or files (PATH[:A-B]), model.

    Args:
        path: the file.
        usual: what holds where a line does not say.
        root: the workspace: relative files are below it.

    Raises:
        UserError: the file cannot be read, or has too many lines.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}", "Name a file with one JSON object a line") from None
    told = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(told) > MOST_ORDERS:
        raise UserError(f"{path} has more than {MOST_ORDERS:,} orders", "Split it into several files")
    return [_entry(number, line, usual, root) for number, line in told]


def _entry(number: int, line: str, usual: Order, root: Path) -> Entry:
    told = f"{root}\0{usual.task}\0{usual.instruction}\0{usual.model}\0{line.strip()}"
    key = hashlib.sha256(told.encode()).hexdigest()
    try:
        return Entry(number, key, _order(line, usual, root))
    except BeastModeError as error:
        return Entry(number, key, None, error)


def _order(line: str, usual: Order, root: Path) -> Order:
    try:
        fields: Any = json.loads(line) if len(line) <= LONGEST_LINE else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise UserError("The line is not one JSON object", 'Write {"file": "src/login.js", "instruction": "…"}')
    unknown = sorted(fields.keys() - _FIELDS)
    if unknown:
        raise UserError(f"Unknown field {unknown[0][:40]!r}", f"The fields are {', '.join(sorted(_FIELDS))}")
    words = [fields.get(name, "") for name in ("task", "instruction", "featureRequest", "model")]
    given = fields.get("files", []) if "file" not in fields else [fields["file"]]
    if not all(isinstance(each, str) for each in words):
        raise UserError("A field is not text", "Write task, instruction and model as text")
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise UserError("`files` is not a list of paths", 'Write "file": "a.py" or "files": ["a.py", "b.py:3-9"]')
    task, instruction, feature, model = words
    return replace(
        usual,
        task=task or usual.task,
        instruction=instruction or feature or usual.instruction,
        model=model or usual.model,
        files=tuple(_attachment(each, root) for each in given),
    )


def _attachment(written: str, root: Path) -> Attachment:
    found = Attachment(written) if (root / written).exists() else attachment_of(written)
    return replace(found, path=str(root / found.path))


class Done:
    """Remembers which entries were done, a line each, written when they are.

    Args:
        folder: of all batches.
        path: of this batch's file.
    """

    def __init__(self, folder: Path, path: Path) -> None:
        name = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._file = folder / f"{name}.done"

    def read(self) -> frozenset[str]:
        """The keys of what was done."""
        try:
            return frozenset(self._file.read_text(encoding="ascii").split())
        except (OSError, UnicodeDecodeError):
            return frozenset()

    def add(self, key: str) -> None:
        """Remember one. Raises UserError where that cannot be written."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._file.open("a", encoding="ascii") as file:
                file.write(f"{key}\n")
        except OSError as error:
            raise UserError(f"{self._file} cannot be written: {error.strerror}", "Make room on the disk") from None


class Batch:
    """Carries out a batch.

    Args:
        work: carries out one order.
        root: the workspace.
        journals: where changes are written down before they are made.
        done: what was done before.
        concurrency: orders at once.
        writes: whether changes are written; otherwise they are only shown, and not remembered as done.
    """

    def __init__(self, work: Work, root: Path, journals: Path, done: Done, *, concurrency: int, writes: bool) -> None:
        self._work = work
        self._root = root
        self._journals = journals
        self._done = done
        self._writes = writes
        self._places = asyncio.Semaphore(concurrency)
        self._files: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._writing = asyncio.Lock()

    async def run(self, entries: Sequence[Entry]) -> AsyncGenerator[Result]:
        """Each result as it comes. Closing it early, or cancelling, stops what runs; what was written stays whole."""
        known = await asyncio.to_thread(self._done.read)
        waiting = []
        for entry in entries:
            if entry.key in known:
                yield Result(entry, "done before")
            elif entry.error is not None:
                yield Result(entry, "failed", error=entry.error)
            else:
                waiting.append(entry)
        tasks = [asyncio.ensure_future(self._one(entry)) for entry in waiting]
        try:
            for each in asyncio.as_completed(tasks):
                yield await each
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, entry: Entry) -> Result:
        order = entry.order
        assert order is not None, "only orders come here"  # noqa: S101 - for the type checker
        async with AsyncExitStack() as stack:
            for path in sorted({each.path for each in order.files}):
                await stack.enter_async_context(self._files[path])
            await stack.enter_async_context(self._places)
            last: Proposed | Failed | None = None
            async with aclosing(self._work.run(order, self._root)) as events:
                async for event in events:
                    if isinstance(event, Proposed | Failed):
                        last = event
            if not isinstance(last, Proposed):
                error = last.error if last else None
                return Result(entry, "failed", None, error, last.model if last else "", last.cost if last else None)
            return await self._kept(entry, last.proposal)

    async def _kept(self, entry: Entry, proposal: Proposal) -> Result:
        """Write the change of a proposal, and remember that it was."""
        state: State = "text" if proposal.change is None else "shown"
        try:
            if proposal.change is not None and self._writes:
                async with self._writing:
                    await write(proposal.change, self._root, self._journals)
                state = "written"
            if self._writes:
                await asyncio.to_thread(self._done.add, entry.key)
        except BeastModeError as error:
            return Result(entry, "failed", proposal, error, proposal.model, proposal.cost)
        return Result(entry, state, proposal, None, proposal.model, proposal.cost)

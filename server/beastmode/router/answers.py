"""Whole answers to deterministic requests, remembered exactly: in memory, and on disk only where the user asks for it.

What is kept is the user's code. On disk it lies in the database, which only the user can read; where the setting is
off, `tidy` takes away what was kept before.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import OrderedDict
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, NamedTuple

from beastmode import __version__
from beastmode.domain.request import EmbedRequest, FimRequest, Task
from beastmode.domain.response import (
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from beastmode.domain.usage import Usage
from beastmode.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.settings import CacheSettings
    from beastmode.store import Database

MEBIBYTE = 1024 * 1024
MEMORY_BYTES = 16 * MEBIBYTE
"""At most, however much the disk may hold."""

_SHARE = 8  # no answer takes more than this part of the room, and the disk is cleared by this part at a time
_COMPLETE = {FinishReason.STOP, FinishReason.TOOL_CALLS}
_KINDS = {"text": TextDelta, "reasoning": ReasoningDelta, "call": ToolCallDelta, "usage": UsageReport, "end": Finished}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_FIND = "SELECT events, kept_at FROM answers WHERE key = ?"
_KEEP = """INSERT INTO answers (key, events, bytes, kept_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET events = excluded.events, bytes = excluded.bytes, kept_at = excluded.kept_at"""
_CLEAR = """DELETE FROM answers WHERE kept_at < :oldest OR kept_at > :newest OR key IN (
    SELECT key FROM (SELECT key, SUM(bytes) OVER (ORDER BY kept_at DESC, key) AS running FROM answers) AS newest_first
    WHERE running > :most)"""

log = logging.getLogger(__name__)


class _Kept(NamedTuple):
    """An answer as bytes, and when it was given (Unix time)."""

    events: bytes
    at: float


class Answers:
    """The response cache.

    Args:
        settings: whether, where, how much and for how long.
        database: holds the table.
        owner: what tells the key that a model is asked with from any other, without telling the key; None where that
            is not known, and nothing may be remembered.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        settings: CacheSettings,
        database: Database,
        owner: Callable[[ModelSpec], str | None],
        clock: Callable[[], float],
    ) -> None:
        self._enabled = settings.enabled
        self._disk = settings.enabled and settings.disk
        self._disk_bytes = settings.max_mb * MEBIBYTE
        self._max_age_s = settings.max_age_hours * 3600.0
        self._memory = _Memory(min(self._disk_bytes, MEMORY_BYTES))
        self._database = database
        self._owner = owner
        self._clock = clock
        self._room = 0

    def key(self, request: Request, model: ModelSpec) -> str | None:
        """Under what the answer of a model is kept: a hash over everything that shapes it, and over whose key it is.

        None where it must not be kept: it may come out differently the next time, or asks whether the model works.
        """
        if isinstance(request, EmbedRequest):
            return None
        temperature = model.temperature if request.temperature is None else request.temperature
        if not self._enabled or temperature != 0 or request.task is Task.PROBE:
            return None
        owner = self._owner(model)
        if owner is None:
            return None
        # Everything counts but what is known to shape nothing: a field that is added later counts too.
        asked = replace(request, task=Task.CHAT, model=None, local_only=False)
        of = replace(model, name="", description="", price=None, has_key=False, local_only=False, max_concurrent=None)
        texts: tuple[str, ...] = ()
        if isinstance(asked, FimRequest):  # the repr of a long text is slow, and this is asked at every keystroke
            shown = (text for snippet in asked.snippets for text in (snippet.path, snippet.text))
            texts = asked.prefix, asked.suffix, *shown
            asked = replace(asked, prefix="", suffix="", snippets=())
        head = repr((__version__, asked, of, owner, [len(text) for text in texts]))
        return hashlib.sha256("".join((head, *texts)).encode("utf-8", "surrogatepass")).hexdigest()

    async def find(self, key: str) -> tuple[StreamEvent, ...] | None:
        """The events of a whole answer, without Started; None where there is none, or it is too old."""
        kept = self._memory.get(key)
        if kept is None and self._disk:
            kept = await self._on_disk(key)
            if kept is not None:
                self._memory.put(key, kept)
        if kept is None:
            return None
        if not 0 <= self._clock() - kept.at <= self._max_age_s:
            self._memory.drop(key)
            return None
        try:
            return tuple(_decoded(kept.events))
        except (ValueError, LookupError, TypeError):
            log.warning("A kept answer is damaged, and asked for anew")
            return None

    async def keep(self, key: str, events: Sequence[StreamEvent]) -> None:
        """Remember an answer, if it is a whole one and says something. Never fails."""
        if not _is_whole(events):
            return
        kept = _Kept(_encoded(events), self._clock())
        self._memory.put(key, kept)
        if self._disk and len(kept.events) <= self._disk_bytes // _SHARE:
            await self._to_disk(key, kept)

    async def tidy(self) -> None:
        """Take what is too old or too much off the disk, or everything where nothing may be there. Never fails."""
        try:
            if self._disk:
                await self._database.write(_CLEAR, self._limits())
                self._room = self._disk_bytes // _SHARE
            elif await self._database.read("SELECT 1 FROM answers LIMIT 1"):
                await self._database.write("DELETE FROM answers")
        except StoreError as error:
            log.warning("Old answers could not be removed: %s", error)

    async def forget(self) -> None:
        """Forget every answer, in memory and on disk.

        Raises:
            StoreError: those on disk are still there.
        """
        self._memory.clear()
        await self._database.write("DELETE FROM answers")

    async def _on_disk(self, key: str) -> _Kept | None:
        try:
            rows = await self._database.read(_FIND, (key,))
        except StoreError as error:
            log.warning("A kept answer could not be read: %s", error)
            return None
        return _Kept(rows[0]["events"], rows[0]["kept_at"]) if rows else None

    async def _to_disk(self, key: str, kept: _Kept) -> None:
        size = len(kept.events) + len(key)
        try:
            if size > self._room:
                await self.tidy()
            self._room -= size
            await self._database.write(_KEEP, (key, kept.events, size, kept.at))
        except StoreError as error:
            log.warning("An answer could not be kept: %s", error)

    def _limits(self) -> dict[str, float]:
        now = self._clock()
        most = self._disk_bytes - self._disk_bytes // _SHARE
        return {"oldest": now - self._max_age_s, "newest": now, "most": most}


class _Memory:
    """Answers by key, the ones used longest ago given up first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def get(self, key: str) -> _Kept | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: str, kept: _Kept) -> None:
        self.drop(key)
        if len(kept.events) > self._max_bytes // _SHARE:
            return
        self._kept[key] = kept
        self._bytes += len(kept.events) + len(key)
        while self._bytes > self._max_bytes:
            self.drop(next(iter(self._kept)))

    def drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= len(kept.events) + len(key)

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = 0


def _is_whole(events: Sequence[StreamEvent]) -> bool:
    """Whether an answer said that it is complete; an empty one is not worth being sure of."""
    ends = [event.reason for event in events if isinstance(event, Finished)]
    return len(ends) == 1 and ends[0] in _COMPLETE and any(isinstance(e, TextDelta | ToolCallDelta) for e in events)


def _encoded(events: Sequence[StreamEvent]) -> bytes:
    """JSON; pieces of text that follow each other become one. Started is left out: it says who answers this time."""
    rows: list[tuple[object, ...]] = []
    text: list[str] = []
    for event, following in zip(events, (*events[1:], None), strict=True):
        if isinstance(event, TextDelta | ReasoningDelta):
            text.append(event.text)
            if type(following) is not type(event):
                rows.append((_NAMES[type(event)], "".join(text)))
                text = []
        elif isinstance(event, UsageReport):
            rows.append((_NAMES[UsageReport], *astuple(event.usage)))
        elif not isinstance(event, Started):
            rows.append((_NAMES[type(event)], *astuple(event)))
    return json.dumps(rows, separators=(",", ":")).encode()


def _decoded(data: bytes) -> Iterable[StreamEvent]:
    for name, *values in json.loads(data):
        if name == "usage":
            yield UsageReport(Usage(*values))
        elif name == "end":
            yield Finished(FinishReason(values[0]))
        else:
            yield _KINDS[name](*values)

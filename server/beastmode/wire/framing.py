"""The two ways in which a body is cut into pieces: server-sent events (WHATWG HTML, section 9.2), and JSON by lines.

On bytes, as HTTP clients that split text into lines get them wrong: only CR LF, CR and LF end a line, while JSON may
carry U+2028 raw, which `str.splitlines` would split at. Whatever a server sends, memory stays bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from beastmode.domain.errors import InvalidFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_EVENT = 1 << 20
"""Bytes of one line, and of all data lines of one event."""

LONGEST_PLAIN = 1 << 16
"""Bytes of a packet whose events may all be held at once."""

LINE_COST = 32
"""Bytes that even an empty line takes in memory."""

BOM = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """One event: its name ("" where it has none) and its data lines joined by LF."""

    name: str
    data: bytes


class Framing(Protocol):
    """Cuts a body into events, however the bytes were packed."""

    saw_other_text: bool
    """A line came that belongs to no event: this is some other text."""

    def feed(self, chunk: bytes) -> Iterable[ServerSentEvent]:
        """The events that these bytes complete; to be read to the end.

        Raises:
            InvalidFormat: a line or an event is longer than `LONGEST_EVENT`.
        """
        ...

    def close(self) -> Iterable[ServerSentEvent]:
        """The last event, where the body ended without what belongs after it."""
        ...


class JsonLines:
    """Cuts a body into lines, each an event; blank lines are none. Ollama's native answers come so."""

    saw_other_text = False

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """See `Framing.feed`."""
        first, *more = chunk.split(b"\n")
        self._line += first
        for rest in more:
            yield from self.close()
            self._line += rest
        _check(len(self._line))

    def close(self) -> list[ServerSentEvent]:
        """See `Framing.close`."""
        _check(len(self._line))
        line = bytes(self._line).strip()
        self._line.clear()
        return [ServerSentEvent("", line)] if line else []


class SseFraming:
    """Cuts a body into events, however the bytes were packed.

    A field called `error` counts as the data of an event of that name: llama.cpp has sent errors so.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._first_line = True
        self._skip_lf = False
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0
        self.saw_other_text = False

    def feed(self, chunk: bytes) -> Iterable[ServerSentEvent]:
        """See `Framing.feed`."""
        # The usual packet, at a quarter of the cost: whole events of one data line each.
        if chunk[:6] == b"data: " and chunk[-2:] == b"\n\n" and len(chunk) <= LONGEST_PLAIN and self._is_between():
            lines = chunk[6:-2].split(b"\n\ndata: ")
            if chunk.count(b"\n") == 2 * len(lines) and b"\r" not in chunk:
                self._first_line = False
                return [ServerSentEvent("", line) for line in lines]
        return self._feed_lines(chunk)

    def _is_between(self) -> bool:
        return not (self._line or self._data or self._name or self._skip_lf)

    def _feed_lines(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        if self._skip_lf and chunk:
            self._skip_lf = False
            chunk = chunk.removeprefix(b"\n")
        if not chunk:
            return
        self._skip_lf = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            if self._line:
                line = bytes(self._line) + line  # noqa: PLW2901  # the line is only now whole
                self._line.clear()
            if (event := self._take(line)) is not None:
                yield event
        self._line += rest
        _check(len(self._line))

    def close(self) -> list[ServerSentEvent]:
        """See `Framing.close`."""
        last = [self._take(bytes(self._line)), self._take(b"")]
        self._line.clear()
        return [event for event in last if event is not None]

    def _take(self, line: bytes) -> ServerSentEvent | None:
        _check(len(line))
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(BOM)
        if not line:
            return self._dispatch() if self._data or self._name else None
        field, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if field == b"data":
            self._add(value)
        elif field == b"error":
            self._add(value)
            self._name = "error"
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field not in (b"", b"id", b"retry"):
            self.saw_other_text = True
        return None

    def _add(self, value: bytes) -> None:
        self._size += len(value) + LINE_COST
        _check(self._size)
        self._data.append(value)

    def _dispatch(self) -> ServerSentEvent | None:
        event = ServerSentEvent(self._name, b"\n".join(self._data)) if self._data else None
        self._name, self._data, self._size = "", [], 0
        return event


def _check(size: int) -> None:
    if size > LONGEST_EVENT:
        raise InvalidFormat("an event of more than 1 MiB")

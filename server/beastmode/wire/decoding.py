"""Reading an answer whose parts are JSON objects: what every format of this package shares.

A format brings one function from a JSON object to events, which serves the pieces of a stream and a whole body alike,
and the filters its text goes through. Everything here is wary: the bytes come from wherever the user pointed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import AttemptFailed, InvalidFormat, StreamCut
from beastmode.domain.response import Finished, FinishReason, TextDelta, ToolCallDelta, UsageReport
from beastmode.wire.filters import WholeCharacters
from beastmode.wire.framing import BOM, JsonLines, SseFraming
from beastmode.wire.shapes import BROKEN_JSON, HTML_PAGE, OLLAMA, failure, loads, looks_like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from beastmode.domain.response import StreamEvent
    from beastmode.wire.filters import Filter
    from beastmode.wire.framing import Framing, ServerSentEvent

    Parse = Callable[[dict[str, Any]], Iterable[StreamEvent]]

LARGEST_BODY = 8 << 20
"""Bytes of an answer that comes as one JSON body."""
LONGEST_SENTINEL = 16
"""Bytes of `[DONE]` with blanks around it."""


class JsonDecoder:
    """A `Decoder` for event streams, JSON by lines and JSON bodies; which of them it is, the first bytes say.

    The content type is not to be trusted: servers stream as text/plain, and answer errors as text/event-stream.
    An error waits until the events before it have been handed out, so that packets make no difference. After
    `Finished` only usage counts.

    Args:
        parse: the events in one JSON object.
        filters: what those events pass through, in order.
        content_type: of the answer; only used to tell a web page.
        whole: the events in a JSON body, where that is not the same as one piece of a stream.
        by_lines: JSON by lines is one of the format's ways to stream.
    """

    def __init__(
        self,
        parse: Parse,
        filters: Iterable[Filter],
        content_type: str,
        *,
        whole: Parse | None = None,
        by_lines: bool = False,
    ) -> None:
        self._parse = parse
        self._parse_whole = whole or parse
        self._by_lines = by_lines
        self._whole_characters = WholeCharacters()
        self._filters: tuple[Filter, ...] = (self._whole_characters, *filters)
        self._is_page = "html" in content_type.lower()
        self._framing: Framing | None = None
        self._body = bytearray()
        self._first_line_seen = False
        self._saw_event = False
        self._finished = False
        self._done = False
        self._failure: AttemptFailed | None = None
        self._usage: UsageReport | None = None

    def through(self, *filters: Filter) -> JsonDecoder:
        """This decoder, with more filters at the end; for formats that ride on another one."""
        self._filters += filters
        return self

    def feed(self, chunk: bytes) -> Sequence[StreamEvent]:
        """See `Decoder.feed`."""
        self._raise_failure()
        if self._done:
            return ()
        try:
            if self._framing is None:
                chunk = self._sniff(chunk)
            return self._read(self._framing.feed(chunk)) if self._framing is not None else ()
        except AttemptFailed as error:
            self._done, self._failure = True, error
            raise

    def close(self) -> Sequence[StreamEvent]:
        """See `Decoder.close`."""
        self._raise_failure()
        if self._done:
            return ()
        said: Sequence[StreamEvent] = ()
        if self._framing is None:
            said = self._read_body(bytes(self._body))
        elif not self._finished:
            said = self._read_end(self._framing)
        self._done = True
        self._raise_failure()
        if not self._finished:
            raise _cut()
        return said

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _sniff(self, chunk: bytes) -> bytes:
        """The bytes to frame, once the body has shown itself to be a stream."""
        self._body += chunk if self._body else chunk.lstrip()
        if len(self._body) > LARGEST_BODY:
            raise InvalidFormat("a body of more than 8 MiB")
        start = bytes(self._body[:8]).removeprefix(BOM).lstrip()[:1]
        if start == b"<" or (self._is_page and start):
            raise InvalidFormat(HTML_PAGE)
        if start in (b"{", b"["):
            return self._look_at_first_line()
        if not start or (BOM.startswith(start) and len(self._body) < len(BOM)):
            return b""
        self._framing = SseFraming()
        return bytes(self._body)

    def _look_at_first_line(self) -> bytes:
        """Ollama streams JSON by lines, and the first line tells; saying so then beats waiting for the last."""
        if self._first_line_seen or b"\n" not in self._body:
            return b""
        self._first_line_seen = True
        line = bytes(self._body.partition(b"\n")[0]).removeprefix(BOM)
        try:
            value = loads(line)
        except InvalidFormat:
            return b""
        if looks_like(value) != OLLAMA:
            return b""
        if not self._by_lines:
            raise InvalidFormat(OLLAMA)
        self._framing = JsonLines()
        return bytes(self._body).removeprefix(BOM)

    def _read(self, events: Iterable[ServerSentEvent]) -> list[StreamEvent]:
        """The events in these frames, up to the first that is wrong."""
        said: list[StreamEvent] = []
        try:
            for name, data in events:
                if len(data) < LONGEST_SENTINEL and data.strip() == b"[DONE]":
                    self._done = True
                    break
                self._take(self._load(data), self._parse, said, is_error=name == "error")
        except AttemptFailed as error:
            self._done, self._failure = True, error
        if self._done:
            if self._finished:
                self._failure = None
            elif self._failure is None:
                self._failure = _cut()
        if not said:
            self._raise_failure()
        return said

    def _read_end(self, framing: Framing) -> list[StreamEvent]:
        """What a stream held when it ended: an event without the blank line after it, or half of one."""
        try:
            said = self._read(framing.close())
        except InvalidFormat as error:
            if error.looks_like == BROKEN_JSON:
                raise _cut() from None
            raise
        if not self._saw_event and framing.saw_other_text:
            raise InvalidFormat("plain text")
        return said

    def _read_body(self, body: bytes) -> list[StreamEvent]:
        body = body.removeprefix(BOM).strip()
        if not body:
            raise InvalidFormat(HTML_PAGE if self._is_page else "an empty body")
        try:
            value = self._load(body)
        except InvalidFormat:
            if body[-1:] not in b"}]":
                raise _cut() from None
            raise
        said: list[StreamEvent] = []
        self._take(value, self._parse_whole, said)
        return said

    def _load(self, data: bytes) -> Any:
        if b"\\u" in data:
            # Nothing but an escape can spell half a character.
            self._whole_characters.over = False
        return loads(data)

    def _take(self, value: Any, parse: Parse, said: list[StreamEvent], *, is_error: bool = False) -> None:
        """Add the events in one JSON value, as the caller shall see them."""
        self._saw_event = True
        if not isinstance(value, dict):
            raise InvalidFormat(looks_like(value))
        if is_error or value.get("error"):
            raise failure(value)
        passing: Iterable[StreamEvent] = parse(value)
        for step in self._filters:
            if not step.over:
                passing = [out for event in passing for out in step(event)]
        for event in passing:
            if isinstance(event, UsageReport):
                if event == self._usage:
                    continue
                self._usage = event
            elif self._finished:
                continue
            elif isinstance(event, Finished):
                self._finished = True
            said.append(event)


def complete(events: Iterable[StreamEvent]) -> list[StreamEvent]:
    """The events of a whole JSON body that need not say why it ends: it has come to its end, and it parses.

    So the specification's own examples of answers. Without any text or call it says nothing, and is not complete.
    """
    said = list(events)
    if not any(isinstance(event, Finished) for event in said):
        called = any(isinstance(event, ToolCallDelta) for event in said)
        if called or any(isinstance(event, TextDelta) for event in said):
            said.append(Finished(FinishReason.TOOL_CALLS if called else FinishReason.STOP))
    return said


def _cut() -> StreamCut:
    return StreamCut(
        "The answer ended without saying that it was finished",
        "Try again; if it stays so, see the endpoint's own log",
    )

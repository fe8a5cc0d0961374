"""One try at one model: encode, send, decode, within the limits. Knows nothing of other models or of bookkeeping."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from beastmode.domain.errors import AttemptFailed
from beastmode.domain.request import ChatRequest, EmbedRequest
from beastmode.domain.response import Finished, TextDelta, UsageReport
from beastmode.domain.usage import Usage
from beastmode.router.limits import Patience
from beastmode.wire import EMBEDDINGS, FORMATS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from beastmode.domain.model import Auth, ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.router.limits import Limits
    from beastmode.wire.base import HttpCall, WireFormat


class Answer(Protocol):
    """The head of an HTTP answer, and its body as it comes."""

    @property
    def content_type(self) -> str:
        """As the server said."""
        ...

    @property
    def connect_s(self) -> float:
        """Seconds that connecting took; 0 on a connection that was kept."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces of any size."""
        ...


class Poster(Protocol):
    """What a try needs of the transport."""

    def post(
        self, call: HttpCall, secret_headers: Mapping[str, str], *, connect_timeout: float
    ) -> AbstractAsyncContextManager[Answer]:
        """Send one POST; leaving the context closes the connection if the body was not read to its end."""
        ...


@dataclass(slots=True)
class Trace:
    """What one try is seen to do, filled in while it runs; seconds since the try began."""

    connect_s: float | None = None
    first_token_s: float | None = None
    text_length: int = 0
    usage: Usage = field(default_factory=Usage)
    finished: Finished | None = None

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing more to wait for: the answer is complete, and its tokens are counted."""
        return self.finished is not None and self.usage.output_tokens is not None

    def see(self, event: StreamEvent, elapsed: float) -> None:
        """Take note of an event."""
        match event:
            case TextDelta(text):
                if self.first_token_s is None:
                    self.first_token_s = elapsed
                self.text_length += len(text)
            case UsageReport(usage):
                self.usage = self.usage.merge(usage)
            case Finished():
                self.finished = event
            case _:
                pass


def auth_headers(auth: Auth, key: str | None) -> dict[str, str]:
    """The headers that carry a key; the only way a key travels."""
    if key is None or auth == "none":
        return {}
    return {"authorization": f"Bearer {key}"} if auth == "bearer" else {"x-api-key": key}


async def attempt(
    request: Request,
    model: ModelSpec,
    poster: Poster,
    *,
    secret_headers: Mapping[str, str],
    limits: Limits,
    trace: Trace,
) -> AsyncGenerator[StreamEvent]:
    """Ask one model; yields its events, the last of them Finished.

    Closing the generator, or cancelling the task that reads it, closes the connection to the model.

    Args:
        request: what is asked.
        model: who is asked; `endpoint_url` must be the real one.
        poster: the transport.
        secret_headers: see `auth_headers`.
        limits: in seconds.
        trace: filled in while the try runs, also when it fails.

    Raises:
        AttemptFailed: any of the family; StreamCut where the answer ended without saying why.
    """
    wire = _format_for(request, model)
    call = wire.encode(request, model)
    if not call.streams:
        # The first byte of such an answer comes with its last.
        limits = replace(limits, first_token=limits.total)
    started, patience = monotonic(), Patience(limits, model.endpoint_url)
    async with AsyncExitStack() as stack:
        posted = poster.post(call, secret_headers, connect_timeout=limits.connect)
        answer = await patience.wait(stack.enter_async_context(posted))
        trace.connect_s = answer.connect_s
        decoder = wire.decoder(request, model, answer.content_type)
        chunks = answer.chunks()
        chunk: bytes | None = b""
        while chunk is not None and not trace.is_whole:
            chunk = await _next_chunk(chunks, patience, trace)
            if chunk is None and trace.finished is not None:
                break
            events = decoder.close() if chunk is None else decoder.feed(chunk)
            now = monotonic() - started
            for event in events:
                trace.see(event, now)
                if not isinstance(event, Finished):
                    yield event
            if trace.finished is not None:
                patience.finished()
            elif events:
                patience.heard()
    if trace.finished is not None:
        yield trace.finished


def _format_for(request: Request, model: ModelSpec) -> WireFormat:
    """How this model is asked for this."""
    if isinstance(request, EmbedRequest):
        return EMBEDDINGS
    return FORMATS[(model.chat_format if isinstance(request, ChatRequest) else model.fim_format) or ""]


async def _next_chunk(chunks: AsyncIterator[bytes], patience: Patience, trace: Trace) -> bytes | None:
    """The next piece of the body; None at its end, or where a complete answer is not waited on any longer."""
    try:
        return await patience.wait(anext(chunks, None))
    except AttemptFailed:
        if trace.finished is None:
            raise
        return None

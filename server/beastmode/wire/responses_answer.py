"""OpenAI's Responses as we serve them: our events to a client's stream or its JSON; responses_ingress.py is the way in.

Protocol: https://platform.openai.com/docs/api-reference/responses-streaming.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from beastmode.domain.request import ToolCall
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
from beastmode.wire.base import to_json
from beastmode.wire.whole import gather, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.response import StreamEvent

INCOMPLETE = {FinishReason.LENGTH: "max_output_tokens", FinishReason.CONTENT_FILTER: "content_filter"}
ID_PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc"}


class _Item:
    """One item of the output: a message, thoughts, or a call."""

    def __init__(self, kind: str, number: int, request_id: str, call: ToolCall | None = None) -> None:
        self.kind = kind
        self.number = number
        self.id = f"{ID_PREFIXES[kind]}_{request_id}_{number}"
        self.call = call or ToolCall("", "", "")
        self.text = ""
        self.status = "in_progress"

    @property
    def part(self) -> dict[str, Any]:
        """The one part of a message's or of thoughts' content."""
        if self.kind == "message":
            return {"type": "output_text", "text": self.text, "annotations": [], "logprobs": []}
        return {"type": "reasoning_text", "text": self.text}

    def body(self, *, is_new: bool = False) -> dict[str, Any]:
        """The item as the API has it."""
        top: dict[str, Any] = {"id": self.id, "type": self.kind, "status": self.status}
        if self.kind == "function_call":
            arguments = "" if is_new else self.call.arguments
            return {**top, "call_id": self.call.id, "name": self.call.name, "arguments": arguments}
        content = [] if is_new else [self.part]
        more: dict[str, Any] = {"role": "assistant"} if self.kind == "message" else {"summary": []}
        return {**top, **more, "content": content}


class ResponsesEncoder:
    """Writes one answer as a stream. An answer that fails is never given the end that a whole one has.

    Text and thoughts are items that end where the other kind begins; calls stay open side by side until the end, as
    their pieces may come mixed. A call is opened once it has a name.

    Args:
        created: Unix time in seconds.
    """

    def __init__(self, created: int) -> None:
        self._created = created
        self._started = Started("", "")
        self._begun = False
        self._sequence = 0
        self._items: list[_Item] = []
        self._open: _Item | None = None
        self._calls: dict[int, _Item] = {}
        self._waiting: dict[int, ToolCall] = {}
        self._usage = Usage()
        self._finish: FinishReason | None = None

    def encode_event(self, event: StreamEvent) -> bytes:
        """The bytes for an event; none where the API has nothing for it, or not yet."""
        match event:
            case TextDelta(text):
                return self._begin() + self._say("message", text)
            case ReasoningDelta(text):
                return self._begin() + self._say("reasoning", text)
            case ToolCallDelta():
                return self._begin() + self._call(event)
            case UsageReport(usage):
                self._usage = self._usage.merge(usage)
            case Finished(reason):
                self._finish = reason
            case Started():
                self._started, self._usage = event, Usage()
        return b""

    def close(self) -> bytes:
        """The bytes after the last event, usage in them; none where the answer is not complete."""
        if self._finish is None:
            return b""
        said = self._begin()
        for index, call in self._waiting.items():
            said += self._open_call(index, call)
        said += self._end_open()
        for item in self._calls.values():
            said += self._end_call(item)
        status = _status(self._finish)
        return said + self._event(f"response.{status}", response=self._response(status))

    def fail(self, error: BeastModeError) -> bytes:
        """The bytes instead of an end."""
        for item in self._items:
            item.status = "completed" if item.status == "completed" else "incomplete"
        failed = {**self._response("failed"), "error": {"code": error.kind, "message": str(error)}}
        return self._begin() + self._event("response.failed", response=failed)

    @property
    def _over_as(self) -> str:
        """What an item is called that ends now: one that the end of the answer finds open may have been cut."""
        return "completed" if self._finish is None else _status(self._finish)

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        response = self._response("in_progress")
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def _say(self, kind: str, text: str) -> bytes:
        said = b""
        if self._open is None or self._open.kind != kind:
            said = self._end_open()
            self._open, added = self._add(_Item(kind, len(self._items), self._started.request_id))
            said += added + self._event("response.content_part.added", **self._at(self._open, part=self._open.part))
        self._open.text += text
        more: dict[str, Any] = {"logprobs": []} if kind == "message" else {}
        return said + self._event(f"{_text_event(kind)}.delta", **self._at(self._open, delta=text, **more))

    def _end_open(self) -> bytes:
        item, self._open = self._open, None
        if item is None:
            return b""
        item.status = self._over_as
        more: dict[str, Any] = {"logprobs": []} if item.kind == "message" else {}
        return (
            self._event(f"{_text_event(item.kind)}.done", **self._at(item, text=item.text, **more))
            + self._event("response.content_part.done", **self._at(item, part=item.part))
            + self._event("response.output_item.done", output_index=item.number, item=item.body())
        )

    def _call(self, piece: ToolCallDelta) -> bytes:
        item = self._calls.get(piece.index)
        if item is not None:
            item.call = joined(item.call, piece)
            return self._arguments(item, piece.arguments)
        call = joined(self._waiting.pop(piece.index, None), piece)
        if not (call.id and call.name):
            self._waiting[piece.index] = call
            return b""
        return self._open_call(piece.index, call)

    def _open_call(self, index: int, call: ToolCall) -> bytes:
        known = ToolCall(call.id or f"call_{index}", call.name, call.arguments)
        item, added = self._add(_Item("function_call", len(self._items), self._started.request_id, known))
        self._calls[index] = item
        return added + self._arguments(item, call.arguments)

    def _arguments(self, item: _Item, part: str) -> bytes:
        if not part:
            return b""
        kind = "response.function_call_arguments.delta"
        return self._event(kind, item_id=item.id, output_index=item.number, delta=part)

    def _end_call(self, item: _Item) -> bytes:
        where = {"item_id": item.id, "output_index": item.number}
        call, item.status = item.call, self._over_as
        return self._event(
            "response.function_call_arguments.done", **where, name=call.name, arguments=call.arguments
        ) + self._event("response.output_item.done", output_index=item.number, item=item.body())

    def _add(self, item: _Item) -> tuple[_Item, bytes]:
        self._items.append(item)
        body = item.body(is_new=True)
        return item, self._event("response.output_item.added", output_index=item.number, item=body)

    def _at(self, item: _Item, **more: Any) -> dict[str, Any]:
        return {"item_id": item.id, "output_index": item.number, "content_index": 0, **more}

    def _response(self, status: str) -> dict[str, Any]:
        over = self._finish if status != "in_progress" else None
        output = [item.body() for item in self._items]
        return {**_head(self._started, self._created), **_state(status, output, over, self._usage)}

    def _event(self, kind: str, **fields: Any) -> bytes:
        body = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), to_json(body))


def encode_whole(events: Iterable[StreamEvent], created: int) -> dict[str, Any]:
    """The JSON body for the events of one answer.

    Raises:
        StreamCut: the answer is not complete.
    """
    answer = gather(events)
    items: list[_Item] = []
    for kind, text in (("reasoning", answer.reasoning), ("message", answer.text)):
        if text:
            items.append(_Item(kind, len(items), answer.request_id))
            items[-1].text = text
    for index, call in enumerate(answer.calls):
        known = ToolCall(call.id or f"call_{index}", call.name, call.arguments)
        items.append(_Item("function_call", len(items), answer.request_id, known))
    for item in items:
        item.status = _status(answer.finish)
    output = [item.body() for item in items]
    state = _state(_status(answer.finish), output, answer.finish, answer.usage)
    return {**_head(Started(answer.model, answer.request_id), created), **state}


def usage_body(usage: Usage) -> dict[str, Any] | None:
    """The API's counts; None where not both are known, for the API has no unknown number."""
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cache_read_tokens or 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def _head(started: Started, created: int) -> dict[str, Any]:
    """What does not change while a response comes in; clients ask for every field."""
    return {
        "id": f"resp_{started.request_id}",
        "object": "response",
        "created_at": created,
        "model": started.model,
        "error": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "store": False,
    }


def _state(status: str, output: Sequence[dict[str, Any]], finish: FinishReason | None, usage: Usage) -> dict[str, Any]:
    """How far a response has come; `finish` is None as long as it is not over."""
    reason = INCOMPLETE.get(finish) if finish is not None else None
    return {
        "status": status,
        "output": output,
        "incomplete_details": {"reason": reason} if reason else None,
        "usage": None if finish is None else usage_body(usage),
    }


def _status(finish: FinishReason) -> str:
    return "incomplete" if finish in INCOMPLETE else "completed"


def _text_event(kind: str) -> str:
    return "response.output_text" if kind == "message" else "response.reasoning_text"

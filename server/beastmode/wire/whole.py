"""A stream of events as the whole that they add up to, for callers who did not ask for a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.errors import StreamCut
from beastmode.domain.request import ToolCall
from beastmode.domain.response import Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta, UsageReport
from beastmode.domain.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from beastmode.domain.response import FinishReason, StreamEvent


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer in one piece; `model` and `request_id` are "" where no router said who is answering."""

    text: str
    reasoning: str
    calls: tuple[ToolCall, ...]
    finish: FinishReason
    usage: Usage
    model: str = ""
    request_id: str = ""


def gather(events: Iterable[StreamEvent]) -> WholeAnswer:
    """Add up the events of one answer. A call's first id and first name count, as some servers repeat them.

    Raises:
        StreamCut: no event says why the answer ended.
    """
    text: list[str] = []
    reasoning: list[str] = []
    calls: dict[int, ToolCall] = {}
    finish, usage, started = None, Usage(), Started("", "")
    for event in events:
        match event:
            case TextDelta(said):
                text.append(said)
            case ReasoningDelta(said):
                reasoning.append(said)
            case ToolCallDelta(index):
                calls[index] = joined(calls.get(index), event)
            case UsageReport(counts):
                usage = usage.merge(counts)
            case Finished(reason):
                finish = reason
            case Started():
                started, usage = event, Usage()
    if finish is None:
        raise StreamCut("The answer ended without saying that it was finished")
    in_order = tuple(calls[index] for index in sorted(calls))
    return WholeAnswer("".join(text), "".join(reasoning), in_order, finish, usage, started.model, started.request_id)


def joined(call: ToolCall | None, piece: ToolCallDelta) -> ToolCall:
    """A call with one more piece of it."""
    if call is None:
        return ToolCall(piece.id, piece.name, piece.arguments)
    return ToolCall(call.id or piece.id, call.name or piece.name, call.arguments + piece.arguments)

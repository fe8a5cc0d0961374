"""Reading an answer until the rest of it would be thrown away; then the model is hung up on."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.completion.postprocess import is_settled
from beastmode.domain.response import Finished, FinishReason, Started, TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from beastmode.domain.response import StreamEvent
    from beastmode.domain.text import Cursor

LONGEST_ANSWER = 4000
"""Characters, for endpoints that ignore `max_tokens`."""
MOST_LINES = 200
"""Of them, for models that count; nobody reads a suggestion that is longer."""
MOST_BLANK_LINES = 8
"""In a row: a model that has nothing more to say may say so line by line for ever."""


@dataclass(slots=True)
class Heard:
    """An answer while it comes in; `is_cut`: it would have gone on."""

    text: str = ""
    model: str = ""
    id: str = ""
    is_cut: bool = False


async def listen(
    events: AsyncGenerator[StreamEvent], heard: Heard, cursor: Cursor, out_of_patience: Callable[[], bool]
) -> None:
    """Fill `heard` from a router's events, and close them.

    Args:
        events: the answer as it comes.
        heard: where it goes; can be read meanwhile.
        cursor: what was asked about.
        out_of_patience: whether to make do with the whole lines that have come.
    """
    async with aclosing(events):
        async for event in events:
            match event:
                case Started():
                    heard.model, heard.id = event.model, event.request_id
                case TextDelta():
                    heard.text += event.text
                    if "\n" in event.text and (_trails_off(heard.text) or is_settled(heard.text, cursor)):
                        return
                    late = out_of_patience() and _has_line(heard.text)
                    heard.is_cut = late or _is_endless(heard.text)
                    if heard.is_cut:
                        return
                case Finished():
                    heard.is_cut = event.reason is FinishReason.LENGTH
                    return
                case _:
                    pass


def _is_endless(text: str) -> bool:
    return len(text) > LONGEST_ANSWER or text.count("\n") > MOST_LINES


def _trails_off(text: str) -> bool:
    return text.count("\n", len(text.rstrip())) > MOST_BLANK_LINES


def _has_line(text: str) -> bool:
    return bool(text[: text.rfind("\n") + 1].strip())

"""Goes on with an answer that broke off after its text had been shown: only where it fits to the letter. Pure.

Another model is asked the same. One that accepts the beginning of its own answer (a prefill) is given what was shown
and goes on from there; any other must repeat what was shown exactly, or its answer is not used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from beastmode.domain.errors import StreamCut
from beastmode.domain.request import ChatRequest, FimRequest, Message
from beastmode.domain.response import Finished, TextDelta, ToolCallDelta

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent


def resumed(request: Request, shown: str) -> Request:
    """The request to a model that accepts a prefill: the answer begins with what was shown."""
    if isinstance(request, FimRequest):
        return replace(request, prefix=request.prefix + shown)
    if not isinstance(request, ChatRequest):
        raise StreamCut("The answer broke off", "Ask again")
    # Providers refuse a prefill that ends in white space, and would then not know where they are.
    return replace(request, messages=(*request.messages, Message("assistant", shown)))


class Continuation:
    """Takes what was shown off the beginning of a second answer.

    Args:
        shown: the text that the caller has already.
    """

    def __init__(self, shown: str) -> None:
        self._missing = shown

    def take(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """The events that are new to the caller.

        Raises:
            StreamCut: the second answer says something else.
        """
        if not self._missing:
            return (event,)
        if isinstance(event, TextDelta):
            common = min(len(event.text), len(self._missing))
            if event.text[:common] != self._missing[:common]:
                raise StreamCut("A second model answered differently", "Ask again")
            self._missing = self._missing[common:]
            return (TextDelta(event.text[common:]),) if event.text[common:] else ()
        if isinstance(event, ToolCallDelta):
            raise StreamCut("A second model answered differently", "Ask again")
        if isinstance(event, Finished):
            raise StreamCut("A second model answered with less", "Ask again")
        return (event,)

"""A hole in a file, put as a question to a chat model: for endpoints that offer nothing but chat.

It goes out in whatever format the model chats. The prompt goes from what changes least to what changes most (rules,
other files, lines before, text after, the cursor's line), so that while one line is typed all but its end is in the
server's prompt cache.

Where the model goes on with an answer that is begun (a prefill), the answer is begun for it with the cursor's line:
what comes is code from its first character, and may be stopped where the line ends. Other models, and any on an empty
line, wrap code in fences, say what they are going to do, and repeat the line; that is taken off while the answer
streams (see chat_answer.py). Models that think are asked not to, where their format has a switch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from beastmode.domain.request import ChatRequest, Message
from beastmode.wire.base import fim_request
from beastmode.wire.chat_answer import FENCE, Unfenced, Unprefaced, Unrepeated
from beastmode.wire.comments import one_line
from beastmode.wire.control_tokens import defused
from beastmode.wire.filters import HeldBlank, Stops

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import FimRequest, Request
    from beastmode.wire.base import Decoder, HttpCall
    from beastmode.wire.decoding import JsonDecoder

RULES = """\
You complete code inside an editor. You get the lines of a file before the cursor's line, the text that follows the \
cursor, and the cursor's line up to the cursor. Answer with exactly the text to insert at the cursor and nothing else: \
no explanation, no code fence, no repetition of what stands before or after the cursor. Insert as little as completes \
the thought; if nothing is missing, answer with nothing."""

PREFILLED_RULES = """\
You complete code inside an editor. You get a file in two parts: its beginning, and the text that follows the cursor. \
Write the code that stands between them. Answer with code and nothing else: no explanation, no code fence. Write as \
little as completes the thought, and nothing of what follows the cursor."""

DEFAULT_CHAT = "openai-chat"
"""The format to ride on where the model's row names none."""

WRAPPING_TOKENS = 16
"""Room for a fence and a repeated line, on top of the tokens asked for."""

TAGS = ("<file", "</file>", "<before>", "</before>", "<after>", "</after>")
"""What divides the question; no file may hold it as it is."""


class ChatFormat(Protocol):
    """What is needed of a chat format: that its decoder takes more filters."""

    @property
    def name(self) -> str:
        """See `WireFormat.name`."""
        ...

    @property
    def continues(self) -> bool:
        """Whether an answer that is begun is gone on with, where nobody has tried."""
        ...

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        ...

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> JsonDecoder:
        """See `WireFormat.decoder`."""
        ...


@dataclass(frozen=True, slots=True)
class _Place:
    """A prefix, cut for a question.

    `above` is whole lines, `line` the cursor's line up to the cursor, without the white space at its end, which no
    answer may be begun with; that is `blank`.
    """

    above: str
    line: str
    blank: str = ""


class ChatInfill:
    """The format `chat-infill`: takes a `FimRequest`, and asks it in the format in which the model chats.

    Args:
        chats: the formats that it may ride on, by name.
    """

    name = "chat-infill"

    def __init__(self, chats: Mapping[str, ChatFormat]) -> None:
        self._chats = chats

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        return self._chat(model).encode(self._question(fim_request(request, self.name), model), model)

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> Decoder:
        """See `WireFormat.decoder`."""
        request = fim_request(request, self.name)
        answer = self._chat(model).decoder(self._question(request, model), model, content_type)
        if (begun := self._begun(request, model)) is not None:
            return answer.through(HeldBlank(begun.blank), Stops((*request.stop, f"\n{FENCE}")))
        place = _place(request.prefix)
        repeated = Unrepeated(place.line + place.blank)
        return answer.through(Unprefaced(request.language), Unfenced(), repeated, Stops(request.stop))

    def _chat(self, model: ModelSpec) -> ChatFormat:
        return self._chats[model.chat_format or DEFAULT_CHAT]

    def _begun(self, request: FimRequest, model: ModelSpec) -> _Place | None:
        """Where the answer is begun; None where it cannot be."""
        prefill = self._chat(model).continues if model.prefill is None else model.prefill
        place = _place(request.prefix)
        return place if prefill and place.line else None

    def _question(self, request: FimRequest, model: ModelSpec) -> ChatRequest:
        begun = self._begun(request, model)
        if begun is None:
            place = _place(request.prefix)
            ask = f"Go on with this line, right where it ends:\n{defused(place.line + place.blank, TAGS)}"
            # The stops are not sent: one at a line's end would stop the answer at its fence.
            return _asked(request, RULES, _file(request, place) + ask, more=WRAPPING_TOKENS)
        line = Message("assistant", defused(begun.line, TAGS))
        return _asked(request, PREFILLED_RULES, _file(request, begun), line, stop=request.stop)


def _asked(
    request: FimRequest, rules: str, question: str, *begun: Message, more: int = 0, stop: tuple[str, ...] = ()
) -> ChatRequest:
    return ChatRequest(
        (Message("system", rules), Message("user", question), *begun),
        max_tokens=request.max_tokens + more,
        temperature=request.temperature,
        stop=stop,
        thinking=False,
    )


def _file(request: FimRequest, place: _Place) -> str:
    others = "".join(
        f'<file path="{defused(one_line(snippet.path), TAGS)}">\n{defused(snippet.text, TAGS)}</file>\n'
        for snippet in request.snippets
    )
    others = f"Other code of the project:\n{others}" if others else ""
    return (
        f"{others}File: {defused(one_line(request.path or 'untitled'), TAGS)} ({request.language or 'plain text'})\n"
        f"<before>\n{defused(place.above, TAGS)}</before>\n<after>{defused(request.suffix, TAGS)}</after>\n"
    )


def _place(prefix: str) -> _Place:
    start = prefix.rfind("\n") + 1
    line = prefix[start:].rstrip()
    return _Place(prefix[:start], line, prefix[start + len(line) :])

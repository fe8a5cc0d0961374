"""A hole in a file, put as a question to a chat model: for endpoints that offer nothing but chat.

It goes out in whatever format the model chats. The prompt goes from what changes least to what changes most (rules,
lines before, text after, the cursor's line), so that while one line is typed all but its end is in the server's prompt
cache. Chat models wrap code in fences and repeat the line they were asked to go on with; the decoder takes both off
while the answer streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from beastmode.domain.request import ChatRequest, Message
from beastmode.wire.base import fim_request
from beastmode.wire.filters import Stops, TextFilter, overlap

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

DEFAULT_CHAT = "openai-chat"
"""The format to ride on where the model's row names none."""

WRAPPING_TOKENS = 16
"""Room for a fence and a repeated line, on top of the tokens asked for."""

FENCE = "```"
LONGEST_START = 256
"""Characters that may be held back until the answer shows whether it begins with a fence."""
SHORTEST_REPEATED = 3
"""Characters of a line that ends in punctuation, before starting with them counts as repeating it."""


class ChatFormat(Protocol):
    """What is needed of a chat format: that its decoder takes more filters."""

    @property
    def name(self) -> str:
        """See `WireFormat.name`."""
        ...

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`."""
        ...

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> JsonDecoder:
        """See `WireFormat.decoder`."""
        ...


class ChatInfill:
    """The format `chat-infill`: takes a `FimRequest`, and asks it in the format in which the model chats.

    Args:
        chats: the formats that it may ride on, by name.
    """

    name = "chat-infill"

    def __init__(self, chats: Mapping[str, ChatFormat]) -> None:
        self._chats = chats

    def encode(self, request: Request, model: ModelSpec) -> HttpCall:
        """See `WireFormat.encode`. The stops are not sent: one at a line's end would stop the answer at its fence."""
        return self._chat(model).encode(_question(fim_request(request, self.name)), model)

    def decoder(self, request: Request, model: ModelSpec, content_type: str) -> Decoder:
        """See `WireFormat.decoder`."""
        request = fim_request(request, self.name)
        _, line = _split(request.prefix)
        answer = self._chat(model).decoder(_question(request), model, content_type)
        return answer.through(Unfenced(), Unrepeated(line), Stops(request.stop))

    def _chat(self, model: ModelSpec) -> ChatFormat:
        return self._chats[model.chat_format or DEFAULT_CHAT]


def _question(request: FimRequest) -> ChatRequest:
    lines, line = _split(request.prefix)
    question = (
        f"File: {request.path or 'untitled'} ({request.language or 'plain text'})\n"
        f"<before>\n{lines}</before>\n<after>{request.suffix}</after>\n"
        f"Go on with this line, right where it ends:\n{line}"
    )
    return ChatRequest(
        (Message("system", RULES), Message("user", question)),
        max_tokens=request.max_tokens + WRAPPING_TOKENS,
        temperature=request.temperature,
    )


class Unfenced(TextFilter):
    """Takes off the code fence around an answer, with its language and whatever is said after it."""

    def __init__(self) -> None:
        self._state = "start"
        self._held = ""
        self._header_newline = "\n"

    def text(self, text: str) -> str:
        """The code."""
        text, self._held = self._held + text, ""
        if self._state == "start":
            start = text.lstrip()
            undecided = FENCE.startswith(start[: len(FENCE)]) and "\n" not in start
            if undecided and len(text) <= LONGEST_START:
                self._held = text
                return ""
            fenced = start.startswith(FENCE) and "\n" in start
            self._state = "fenced" if fenced else "bare"
            text = start[start.index("\n") :] if fenced else text
        if self._state != "fenced":
            return text if self._state == "bare" else ""
        code, end, _ = text.partition("\n" + FENCE)
        shown = len(code) - (0 if end else overlap(code, "\n" + FENCE))
        self._state, self._held = ("over", "") if end else ("fenced", code[shown:])
        code = code[:shown]
        if code:
            # The newline that ends the opening fence has to stand in the text, as the closing one is found by its own.
            code, self._header_newline = code.removeprefix(self._header_newline), ""
        return code

    def rest(self) -> str:
        """The blanks or the one line in backticks that may have become a fence; half a closing fence is dropped."""
        if self._state != "start":
            return ""
        return self._held.strip().strip("`") if "`" in self._held else self._held


class Unrepeated(TextFilter):
    """Takes the cursor's line off the start of an answer that repeats it, with or without its indentation."""

    def __init__(self, line: str) -> None:
        said = line.strip()
        telling = not said or len(said) >= SHORTEST_REPEATED or said[-1].isalnum()
        self._repeats = tuple(repeat for repeat in (line, line.lstrip()) if repeat and telling)
        # A cursor after `return ` needs no second blank; one in the indentation may well get more of it.
        self._blank = line[-1:] if said and line[-1].isspace() else ""
        self._held = ""
        self._over = False

    def text(self, text: str) -> str:
        """What is new."""
        if self._over:
            return text
        text, self._held = self._held + text, ""
        repeated = next((repeat for repeat in self._repeats if text.startswith(repeat)), None)
        if repeated is None and any(repeat.startswith(text) for repeat in self._repeats):
            self._held = text
            return ""
        self._over = True
        return text.removeprefix(self._blank if repeated is None else repeated)

    def rest(self) -> str:
        """What looked like a repetition and was none."""
        return self._held


def _split(prefix: str) -> tuple[str, str]:
    """The whole lines of a prefix, and the part of the cursor's line after them."""
    start = prefix.rfind("\n") + 1
    return prefix[:start], prefix[start:]

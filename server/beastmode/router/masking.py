"""Secrets replaced by placeholders before a request leaves this machine; pure, given a detector.

What is replaced never holds a line break or a quote, so the code keeps its lines and still parses. The same secret has
the same placeholder throughout a request, numbered in the order in which they appear: what was sent before looks the
same when the conversation goes on.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from beastmode.domain.request import ChatRequest, EmbedRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from beastmode.domain.request import Message, Request

Place = tuple[int, int]
"""From one code point up to and not including another."""

LONG = 12
"""Characters from which a secret is told from an ordinary word, and is masked wherever else it stands."""

_PLACEHOLDER = re.compile(r"MASKED_SECRET_\d+")
_QUOTED = re.compile(r"[^\"'`\s]{4,}")
# In a key that is more than one literal: what to step over, or (in the group) a run. Base64 comes in fours.
_RUN = re.compile(r"-----[^-\n]{1,60}-----|MASKED_SECRET_\d+|\\[nrt]|([A-Za-z0-9+/=]{4,})")
_SURELY = 20
_KEY_LINE = re.compile(r"[A-Za-z0-9+/=]{40}")


class Detector(Protocol):
    """Knows a secret when it sees one."""

    @property
    def loaded(self) -> bool:
        """Whether `find` answers at once."""
        ...

    def load(self) -> None:
        """Make it so; blocks."""
        ...

    def find(self, text: str) -> Sequence[Place]:
        """Where the secrets stand, in any order; they may overlap."""
        ...


class Masker:
    """Masks requests.

    Args:
        detector: finds the secrets.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    async def prepare(self) -> None:
        """Load the detector off the event loop, so that `mask` takes no time; costs nothing once it is loaded.

        Raises:
            NotAllowed: there is no detector.
        """
        if not self._detector.loaded:
            await asyncio.to_thread(self._detector.load)

    def mask(self, request: Request) -> tuple[Request, int]:
        """The request without its secrets, and how many different ones there were.

        Raises:
            NotAllowed: there is no detector, so that nothing may be sent.
        """
        if isinstance(request, EmbedRequest):
            masks = self._masks(request.texts)
            masked_texts = tuple("".join(masks.apply(index)) for index in range(len(request.texts)))
            return replace(request, texts=masked_texts), len(masks.names)
        if not isinstance(request, ChatRequest):
            cursor = len(request.prefix)
            # One text, as it is in the file: a secret may stand on both sides of the cursor.
            masks = self._masks([request.prefix + request.suffix, *(snippet.text for snippet in request.snippets)])
            if not masks.names:
                return request, 0
            prefix, suffix = masks.apply(0, cut=cursor)
            snippets = tuple(
                replace(snippet, text="".join(masks.apply(index)))
                for index, snippet in enumerate(request.snippets, start=1)
            )
            return replace(request, prefix=prefix, suffix=suffix, snippets=snippets), len(masks.names)
        texts = list(_texts(request))
        masks = self._masks(texts)
        if not masks.names:
            return request, 0
        masked = iter(["".join(masks.apply(index)) for index in range(len(texts))])
        return _with(request, masked), len(masks.names)

    def _masks(self, texts: Sequence[str]) -> _Masks:
        masks = _Masks(texts)
        for index, text in enumerate(texts):
            for start, end in _merged(self._detector.find(text)):
                masks.add(index, start, end)
        masks.spread()
        return masks


class _Masks:
    """What is to be replaced in some texts: places, and the name of the secret at each."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._places: list[list[tuple[int, int, str]]] = [[] for _ in texts]
        self.names: dict[str, str] = {}

    def add(self, index: int, start: int, end: int) -> None:
        """Take note of a secret; what is masked already is none."""
        text = self._texts[index]
        secret = text[start:end]
        if any(name.start() <= start and end <= name.end() for name in _PLACEHOLDER.finditer(text)):
            return
        pieces = list(_pieces(secret))
        if pieces:
            name = self.names.setdefault(secret, f"MASKED_SECRET_{len(self.names) + 1}")
            self._places[index] += [(start + first, start + last, name) for first, last in pieces]

    def spread(self) -> None:
        """Mask what was found wherever it stands, also where its surroundings do not give it away."""
        known = [secret for secret in self.names if len(secret) >= LONG and "\n" not in secret and "\r" not in secret]
        if not known:
            return
        pattern = re.compile("|".join(re.escape(secret) for secret in sorted(known, key=len, reverse=True)))
        for index, text in enumerate(self._texts):
            places = self._places[index]
            for match in pattern.finditer(text):
                if all(match.end() <= first or last <= match.start() for first, last, _ in places):
                    places.append((match.start(), match.end(), self.names[match[0]]))

    def apply(self, index: int, cut: int = 0) -> tuple[str, str]:
        """A text with its secrets replaced, in two parts: up to `cut` and from there on.

        A secret that the cut goes through is replaced once, in the first part.
        """
        text, at = self._texts[index], 0
        parts: tuple[list[str], list[str]] = ([], [])
        for start, end, name in sorted(self._places[index]):
            if at <= cut <= start:
                parts[0].append(text[at:cut])
                at = cut
            side = parts[0] if start < cut else parts[1]
            side += text[at:start], name
            at = end
        parts[0].append(text[at:cut])
        parts[1].append(text[max(at, cut) :])
        return "".join(parts[0]), "".join(parts[1])


def _merged(places: Iterable[Place]) -> Iterator[Place]:
    """In order, those that overlap as one."""
    open_start, open_end = 0, 0
    for start, end in sorted(places):
        if start < open_end:
            open_end = max(open_end, end)
            continue
        if open_end:
            yield open_start, open_end
        open_start, open_end = start, end
    if open_end:
        yield open_start, open_end


def _pieces(secret: str) -> Iterator[Place]:
    """What of a secret is to be replaced: all of it, unless it goes over quotes or line breaks."""
    if not any(mark in secret for mark in "\n\r\"'`"):
        yield 0, len(secret)
    elif _KEY_LINE.search(secret):
        at = 0
        for line in secret.splitlines(keepends=True):
            runs = [match for match in _RUN.finditer(line) if match[1]]
            others = sum(character.isalnum() for character in _RUN.sub("", line))
            for run in runs:
                # A short run is the last line of a key where it is alone but for the `b` of a literal; else it is code.
                if run.end() - run.start() >= _SURELY or (len(runs) == 1 and others <= 1):
                    yield at + run.start(), at + run.end()
            at += len(line)
    elif "\n" not in secret and "\r" not in secret:
        yield from (match.span() for match in _QUOTED.finditer(secret))


def _texts(request: ChatRequest) -> Iterator[str]:
    for message in request.messages:
        yield message.text
        for call in message.tool_calls:
            yield call.arguments
    for tool in request.tools:
        yield tool.description
        yield tool.parameters
    if request.json_schema is not None:
        yield request.json_schema


def _with(request: ChatRequest, texts: Iterator[str]) -> ChatRequest:
    """The request with the texts that `_texts` gave, in the same order."""
    messages = tuple(_message_with(message, texts) for message in request.messages)
    tools = tuple(replace(tool, description=next(texts), parameters=next(texts)) for tool in request.tools)
    schema = None if request.json_schema is None else next(texts)
    return replace(request, messages=messages, tools=tools, json_schema=schema)


def _message_with(message: Message, texts: Iterator[str]) -> Message:
    text = next(texts)
    calls = tuple(replace(call, arguments=next(texts)) for call in message.tool_calls)
    return replace(message, text=text, tool_calls=calls)

"""Answers that were given, and when one of them is the answer again.

The key of an answer is everything that shaped it: the document, its language, the model, the text before and after the
cursor that the model was shown, and the state of the context that its snippets came from. An answer also serves every
place further on that the user reaches by typing what it says, and, because it stays, the way back by deleting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from beastmode.completion.brackets import CLOSER_OF, QUOTES

if TYPE_CHECKING:
    from beastmode.completion.why import Asked
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.text import Cursor

CAPACITY = 64
"""Answers; each holds what the model was shown, so about a quarter of a megabyte in all."""
_MOST_CLOSERS = 4


@dataclass(frozen=True, slots=True)
class Place:
    """What an answer depends on.

    Attributes:
        asked: the model that the request was meant for.
        prefix: what it was shown of the text before the cursor.
        after: the text after the cursor, as far as it could have been shown.
        preamble: the code of the notebook cells above.
        context: the number of the context's state, see `Context.state` in engine.py.
    """

    uri: str
    language: str
    asked: ModelSpec
    line: int
    column: int
    prefix: str
    after: str
    preamble: str = ""
    context: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: the text after `MODEL_PIPELINE`, or why there is none.

    `model` is who answered, not always who was asked; `asked` is the question, for those who wonder.
    """

    place: Place
    text: str
    reason: str
    id: str
    model: str
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An answer that serves a cursor.

    Attributes:
        answered: the answer.
        anchor: today's cursor, moved back over what was typed since the answer was asked for.
        typed: that much of the answer's text; '' at the very place.
        closers: brackets and quotes that the editor has put behind what was typed.
    """

    answered: Answered
    anchor: Cursor
    typed: str = ""
    closers: str = ""


class Cache:
    """The latest answers, the least recently used dropped first.

    Args:
        reach: characters after the cursor that can shape a prompt.
        capacity: answers to keep.
    """

    def __init__(self, reach: int, capacity: int = CAPACITY) -> None:
        self._reach = reach
        self._capacity = capacity
        # Newest last. An OrderedDict would hash every key while it is walked.
        self._answers: dict[Place, Answered] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def place(self, cursor: Cursor, asked: ModelSpec, prefix: str, context: int = 0) -> Place:
        """The key of an answer here, to a model that was shown this prefix, the context being in this state."""
        return Place(
            cursor.uri,
            cursor.language,
            asked,
            cursor.line,
            cursor.column,
            prefix,
            cursor.after[: self._reach],
            cursor.preamble,
            context,
        )

    def put(self, answered: Answered) -> None:
        """Remember an answer."""
        self._answers.pop(answered.place, None)
        self._answers[answered.place] = answered
        if len(self._answers) > self._capacity:
            del self._answers[next(iter(self._answers))]

    def find(self, cursor: Cursor, asked: ModelSpec, context: int = 0) -> Hit | None:
        """The newest answer that was asked for here, or whose text led here."""
        for answered in reversed(self._answers.values()):
            place = answered.place
            # Most are left behind on this line; the rest of the comparison is not worth making for them.
            if place.line == cursor.line and not 0 <= cursor.column - place.column <= len(answered.text):
                continue
            hit = self.hit(answered, cursor, asked, context)
            if hit is not None:
                self.put(answered)
                return hit
        return None

    def forget(self, uri: str) -> None:
        """Drop the answers of a document."""
        for place in [place for place in self._answers if place.uri == uri]:
            del self._answers[place]

    def hit(self, answered: Answered, cursor: Cursor, asked: ModelSpec, context: int = 0) -> Hit | None:
        """The answer at this cursor; None where it was an answer to something else."""
        place = answered.place
        if place.uri != cursor.uri or place.language != cursor.language:
            return None
        typed = _typed(answered, cursor)
        if typed is None or place.asked != asked:
            return None
        if place.context != context or place.preamble != cursor.preamble:
            return None
        closers = self._closers(place, typed, cursor)
        if closers is None:
            return None
        if not typed:
            return Hit(answered, cursor)
        before, after = cursor.before[: -len(typed)], cursor.after[len(closers) :]
        anchor = replace(cursor, line=place.line, column=place.column, before=before, after=after)
        return Hit(answered, anchor, typed, closers)

    def _closers(self, place: Place, typed: str, cursor: Cursor) -> str | None:
        """The closers that came to stand after the cursor since; None where something else has changed there."""
        allowed = [CLOSER_OF.get(character, character) for character in typed if character in _PAIRED]
        for length in range(min(len(allowed), _MOST_CLOSERS) + 1):
            closers = cursor.after[:length]
            if all(character in allowed for character in closers) and (
                cursor.after[length : length + self._reach] == place.after
            ):
                return closers
        return None


_PAIRED = frozenset(CLOSER_OF) | QUOTES


def _typed(answered: Answered, cursor: Cursor) -> str | None:
    """The part of an answer's text that was typed since; None where the way from there to here was another."""
    place, text = answered.place, answered.text
    length = cursor.column - place.column
    if cursor.line != place.line:
        length = _line_start(text, cursor.line - place.line) + cursor.column
    if not 0 <= length <= len(text):
        return None
    typed, before = text[:length], cursor.before
    agrees = before.endswith(typed) and before.endswith(place.prefix, 0, len(before) - length)
    return typed if agrees else None


def _line_start(text: str, number: int) -> int:
    """Where the line of that number begins in a text; further off than any length where it has no such line."""
    if number <= 0:
        return len(text) + 1
    at = -1
    for _ in range(number):
        at = text.find("\n", at + 1)
        if at < 0:
            return len(text) + 1
    return at + 1

"""Filters between a format's raw events and the caller: each keeps just enough text back to decide, and no more.

A filter is called with every event and gives the events to pass on. Text it still holds comes out before `Finished`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from beastmode.domain.response import Finished, FinishReason, ReasoningDelta, TextDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beastmode.domain.response import StreamEvent

THINK, THINK_END = "<think>", "</think>"
LONGEST_BLANK_START = 256


class Filter(Protocol):
    """One step of a chain."""

    @property
    def over(self) -> bool:
        """Whether everything is decided: whatever comes now would pass as it is, and the step may be left out."""
        ...

    def __call__(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """What becomes of this event."""
        ...


class TextFilter:
    """A filter that looks at the answer's text only: override `text` and, where something is held, `rest`."""

    over = False

    def __call__(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """Pass text through `text`, and let `rest` out before the end."""
        if isinstance(event, TextDelta):
            text = self.text(event.text)
            return (event,) if text is event.text else text_deltas(text)
        if isinstance(event, Finished):
            return (*text_deltas(self.rest()), event)
        return (event,)

    def text(self, text: str) -> str:
        """What of the held and the new text can be shown now."""
        raise NotImplementedError

    def rest(self) -> str:
        """What is still held when the answer ends."""
        return ""


class WholeCharacters(TextFilter):
    """Joins surrogate pairs that were cut between two pieces; half a pair becomes U+FFFD.

    JSON can spell half a pair, and a Python string holding that cannot be written to anything. Whoever sees the bytes
    sets `over` to False once they may.
    """

    def __init__(self) -> None:
        self.over = True
        self._held = ""

    def text(self, text: str) -> str:
        """Well-formed text."""
        if text.isascii() and not self._held:
            return text
        text, self._held = self._held + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def rest(self) -> str:
        """A high surrogate whose other half never came."""
        return "\ufffd" if self._held else ""


class HeldBlank(TextFilter):
    """Takes the blank that was held back from the prompt off the start of the answer."""

    def __init__(self, blank: str) -> None:
        self._blank = blank
        self.over = not blank

    def text(self, text: str) -> str:
        """Without the blank, or as much of its start as the answer repeats."""
        while text and self._blank and text[0] == self._blank[0]:
            text, self._blank = text[1:], self._blank[1:]
        self.over = bool(text) or not self._blank
        return text


class Echo(TextFilter):
    """Takes the beginning of an answer that was given to the server off its start, where the server sends it along.

    llama.cpp does so since 2026, as does a model that begins anew with the same words; other servers send what is new.

    Args:
        begun: the text that was given.
    """

    def __init__(self, begun: str) -> None:
        self._begun = begun
        self._held = ""
        self.over = not begun

    def text(self, text: str) -> str:
        """What is new."""
        text, self._held = self._held + text, ""
        if len(text) < len(self._begun) and self._begun.startswith(text):
            self._held = text
            return ""
        self.over = True
        return text.removeprefix(self._begun)

    def rest(self) -> str:
        """What looked like an echo and was none, or one without anything new."""
        return self._held


class Thinking:
    """Tells a `<think>` block at the start of the answer from the answer (servers that do not do it themselves)."""

    def __init__(self) -> None:
        self._state = "start"
        self._held = ""

    @property
    def over(self) -> bool:
        """See `Filter.over`."""
        return self._state == "answer"

    def __call__(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """Text becomes reasoning while the block lasts."""
        if isinstance(event, TextDelta):
            return (event,) if self.over else self._read(event.text)
        if isinstance(event, Finished) and self._held:
            held = ReasoningDelta(self._held) if self._state == "thinking" else TextDelta(self._held)
            return (held, event)
        return (event,)

    def _read(self, text: str) -> list[StreamEvent]:
        text, self._held = self._held + text, ""
        said: list[StreamEvent] = []
        if self._state == "start":
            start = text.lstrip()
            if start.startswith(THINK):
                self._state, text = "thinking", start.removeprefix(THINK)
            elif THINK.startswith(start) and len(text) <= LONGEST_BLANK_START:
                self._held = text
                return said
            else:
                self._state = "answer"
        if self._state == "thinking":
            thought, end, text = text.partition(THINK_END)
            shown = len(thought) - (0 if end else overlap(thought, THINK_END))
            self._held = thought[shown:]
            said += [ReasoningDelta(thought[:shown])] if shown else []
            self._state = "gap" if end else self._state
        if self._state == "gap":
            # The blank lines between the block and the answer come from the chat template.
            text = text.lstrip("\r\n")
            self._state = "answer" if text else self._state
        return said + text_deltas(text)


class Stops:
    """Ends the answer where one of these begins, for stops that the endpoint was not or could not be told of."""

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(filter(None, stops))
        self._held = ""
        self.over = not self._stops

    def __call__(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """Text before the first stop, then `Finished`; the decoder ignores what follows that."""
        if isinstance(event, Finished):
            return (*text_deltas(self._held), event)
        if not isinstance(event, TextDelta):
            return (event,)
        text, self._held = self._held + event.text, ""
        if cuts := [at for stop in self._stops if (at := text.find(stop)) >= 0]:
            return (*text_deltas(text[: min(cuts)]), Finished(FinishReason.STOP))
        shown = len(text) - max((overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[shown:]
        return text_deltas(text[:shown])


def text_deltas(text: str) -> list[StreamEvent]:
    """One delta, or none where there is no text."""
    return [TextDelta(text)] if text else []


def overlap(text: str, marker: str) -> int:
    """How many characters at the end of `text` may turn out to be the start of `marker`."""
    longest = min(len(text), len(marker) - 1)
    return next((n for n in range(longest, 0, -1) if marker.startswith(text[-n:])), 0)

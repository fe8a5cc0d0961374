"""What an answer looks like: rendered while it comes where a person reads, plain text in a pipe, lines of JSON.

The answer goes to standard output, all about it to standard error.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Protocol, Self

import typer
from rich.live import Live
from rich.style import Style
from rich.text import Text

from beastmode.faces.cli.render import complain, err, out
from beastmode.operations.status import dollars
from beastmode.tasks.chat import Answering, Ended, Part, Shown, Thought
from beastmode.tasks.chat.clean import clean
from beastmode.tasks.chat.export import ending, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.markdown import Markdown as Rendered

    from beastmode.domain.errors import BeastModeError
    from beastmode.tasks.chat import Attachment, Event, Source, Turn
    from beastmode.tasks.chat.answer import Citation

DRAWN_EVERY = 0.1
"""Seconds between two pictures of an answer that is coming."""
EDGE = 3
"""Lines of the screen that stay free below it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and all that goes with it; see `Chat.ask`."""

    session_id: str
    message: str
    attachments: tuple[Attachment, ...]
    model: str | None
    local_only: bool


class Output(Protocol):
    """Shows the events of one answer after the other; entered for each of them.

    Attributes:
        is_whole: whether the last answer ended by itself.
    """

    is_whole: bool

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def show(self, event: Event) -> None:
        """One event."""
        ...

    def fail(self, error: BeastModeError) -> None:
        """There is no answer; whoever asked says the error to a person."""
        ...


class Lines:
    """Every event as a line of JSON, with the name of its kind."""

    def __init__(self) -> None:
        self.is_whole = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        """One event."""
        fields = asdict(event) if not isinstance(event, Ended) else _ended(event)
        self._print({"event": type(event).__name__.lower(), **fields})
        self.is_whole = isinstance(event, Ended) and event.error is None

    def fail(self, error: BeastModeError) -> None:
        """There is no answer."""
        self._print({"event": "error", "text": error.message, "fix": error.fix})

    def _print(self, line: dict[str, object]) -> None:
        typer.echo(json.dumps(line, default=str))


class Plain:
    """The answer as it comes."""

    def __init__(self) -> None:
        self.is_whole = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        """One event."""
        match event:
            case Part():
                typer.echo(event.text, nl=False)
            case Ended():
                typer.echo()
                self.is_whole = tell_ended(event)
            case Shown():
                tell_left_out(event)
            case _:
                pass

    def fail(self, error: BeastModeError) -> None:
        """There is no answer."""


class Markdown:
    """The answer as a person likes to read it: what is complete stays, what is coming is drawn again and again."""

    def __init__(self) -> None:
        self.is_whole = False
        self._pending = ""
        self._drawn = 0.0
        self._live = self._new_live()

    def __enter__(self) -> Self:
        self._pending = ""
        self._live = self._new_live()
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave what came on the screen, also where it broke off."""
        self._finish()

    def show(self, event: Event) -> None:
        """One event."""
        match event:
            case Shown():
                tell_left_out(event)
                self._say("Reading …")
            case Answering():
                self._say(f"{event.model} …")
            case Thought() if not self._pending:
                self._say("Thinking …")
            case Part():
                self._pending += event.text
                if monotonic() - self._drawn >= DRAWN_EVERY:
                    self._draw()
            case Ended():
                self._finish()
                self.is_whole = tell_ended(event)
            case _:
                pass

    def fail(self, error: BeastModeError) -> None:
        """There is no answer."""

    def _new_live(self) -> Live:
        return Live(console=out(), auto_refresh=False, transient=True)

    def _say(self, what: str) -> None:
        self._live.update(Text(what, "dim"), refresh=True)

    def _draw(self) -> None:
        start = last_block(self._pending)
        if start:
            self._live.console.print(rendered(self._pending[:start]))
            self._live.console.print()
            self._pending = self._pending[start:]
        height = max(4, self._live.console.height - EDGE)
        self._live.update(rendered(tail(self._pending, height)), refresh=True)
        self._drawn = monotonic()

    def _finish(self) -> None:
        self._live.stop()
        if self._pending.strip():
            self._live.console.print(rendered(self._pending))
        self._pending = ""


def rendered(text: str) -> Rendered:
    """Markdown for a terminal; a link shows where it leads."""
    from rich.markdown import Markdown as Rendered  # noqa: PLC0415 - a tenth of a second, where somebody looks

    return Rendered(text, code_theme="ansi_dark", hyperlinks=False)


def last_block(text: str) -> int:
    """Where the last block of some Markdown begins: what stands before it does not change any more."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only where somebody looks

    starts = [token.map[0] for token in MarkdownIt().enable("table").parse(text) if token.level == 0 and token.map]
    if not starts:
        return 0
    return sum(len(line) for line in text.splitlines(keepends=True)[: starts[-1]])


def tail(text: str, height: int) -> str:
    """The last lines of a block, with the fence that makes them code: what fits on a screen."""
    lines = text.split("\n")
    if len(lines) <= height:
        return text
    first = lines[0] if lines[0].lstrip().startswith(("```", "~~~")) else ""
    return "\n".join((first, *lines[-height:]))


def tell_left_out(event: Shown) -> None:
    """What the model does not see though the user might think so."""
    for sentence in event.left_out:
        complain(f"Left out: {clean(sentence)}", "Attach less, or ask a model with a larger window")
    if event.dropped_turns:
        err().print(f"The first {event.dropped_turns} turns have no room and are left out", style="dim")


def tell_ended(event: Ended) -> bool:
    """All about an answer, for a person; whether it ended by itself."""
    turn = event.turn
    if event.error is not None:
        complain(f"The answer {clean(ending(turn)).split(':')[0]}: {event.error.message}", event.error.fix)
    elif turn.ended == "length":
        complain(f"{turn.model} was cut off by its token limit", "Raise max_tokens of the model")
    elif ending(turn):
        complain(f"The answer was {ending(turn)}")
    about(turn, event.citations)
    return event.error is None


def about(turn: Turn, citations: Sequence[Citation] = ()) -> None:
    """Sources, model and cost, each on a line."""
    if citations:
        line = Text("cites  ", "dim")
        for number, each in enumerate(citations):
            line.append(", " if number else "")
            line.append(clean(each.written), Style(link=Path(each.real).as_uri(), underline=True))
        err().print(line)
    if turn.sources:
        err().print(Text("shown  " + ", ".join(map(_source, turn.sources)), "dim"))
    err().print(Text(" · ".join(_facts(turn)), "dim"))


def shown_turn(turn: Turn) -> None:
    """A turn of the past."""
    out().print(Text(f"> {clean(turn.question)}", "bold"))
    out().print(rendered(clean(turn.answer)))
    if ending(turn):
        complain(clean(ending(turn)))
    about(turn)
    out().print()


def _source(source: Source) -> str:
    return f"{clean(place(source))} ({source.why}{', cut' if source.is_cut else ''})"


def _facts(turn: Turn) -> list[str]:
    spent, facts = turn.spent, [turn.model]
    if spent.input_tokens is not None and spent.output_tokens is not None:
        about = "about " if spent.estimated else ""
        facts.append(f"{about}{spent.input_tokens} tokens in, {spent.output_tokens} out")
    facts.append(dollars(spent.cost) or "cost unknown")
    first = f"first word after {turn.first_s:.1f} s, " if turn.first_s is not None else ""
    return [*facts, f"{first}{turn.total_s:.1f} s in all"]


def _ended(event: Ended) -> dict[str, object]:
    error = event.error
    return {
        **asdict(event.turn),
        "citations": [asdict(each) for each in event.citations],
        "code": [asdict(each) for each in event.code],
        "error": {"text": error.message, "fix": error.fix} if error else None,
        "is_kept": event.is_kept,
    }

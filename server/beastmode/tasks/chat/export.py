"""A session as Markdown, to be read or passed on. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from beastmode.tasks.chat.clean import clean
from beastmode.tasks.chat.turns import FAILED, STOPPED, TOO_LONG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.tasks.chat.turns import Session, Source, Turn

_BROKEN = {
    STOPPED: "stopped by the user",
    FAILED: "broke off",
    TOO_LONG: "too long, and cut",
    "length": "cut off by the model's token limit",
    "content_filter": "refused by the provider",
}


def to_markdown(session: Session, turns: Sequence[Turn]) -> str:
    """The whole conversation: questions as quotations, answers as they are, and under each what it rests on."""
    return "\n".join(_parts(session, turns)).rstrip("\n") + "\n"


def _parts(session: Session, turns: Sequence[Turn]) -> Iterator[str]:
    yield f"# {clean(session.title)}\n"
    for turn in turns:
        yield "\n".join(f"> {line}".rstrip() for line in clean(turn.question).split("\n")) + "\n"
        if turn.answer:
            yield _closed(clean(turn.answer).rstrip("\n")) + "\n"
        yield f"*{_about(turn)}*\n"
        if turn.sources:
            yield "Shown to the model: " + ", ".join(f"`{place(source)}`" for source in turn.sources) + "\n"


def place(source: Source) -> str:
    """`path:first-last`, counted from one."""
    first, last = source.line + 1, source.end_line + 1
    return f"{source.path or 'selection'}:{first}" + (f"-{last}" if last > first else "")


def ending(turn: Turn) -> str:
    """Why an answer is not whole; '' where it is."""
    said = _BROKEN.get(turn.ended, "")
    return f"{said}: {turn.error}" if said and turn.error else said


def _about(turn: Turn) -> str:
    asked = datetime.fromtimestamp(turn.asked_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return ", ".join(filter(None, (turn.model, asked, clean(ending(turn)).replace("*", ""))))


def _closed(answer: str) -> str:
    """The answer with its last fence closed, so that the rest of the page is no code."""
    fence = ""
    for line in answer.split("\n"):
        mark = line.strip()
        ticks = mark[: len(mark) - len(mark.lstrip("`"))] or mark[: len(mark) - len(mark.lstrip("~"))]
        if len(ticks) < 3:  # noqa: PLR2004 - as Markdown has it
            continue
        if not fence:
            fence = ticks
        elif mark.startswith(fence) and not mark.strip(fence[0]):
            fence = ""
    return f"{answer}\n{fence}" if fence else answer

"""Why this suggestion, or why none: what was asked, what was shown to the model, what it said and what was left of it.

Everything is kept as it was and put into words only when somebody asks, so that it costs a keystroke nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.completion.postprocess import CURSOR_PIPELINE, MODEL_PIPELINE
from beastmode.completion.postprocess.half_line import half_line
from beastmode.context.window import BYTES_PER_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.completion.gate import Trigger
    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.request import FimRequest
    from beastmode.domain.text import Cursor, Suggestion

LONGEST_QUOTE = 60
"""Characters of a text that is quoted in one line."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to a model.

    Attributes:
        cursor: where it was asked.
        request: what was sent.
        left_out: the sources of context that gave nothing, and why.
        delay_s, answer_s: seconds waited for the next key, and for the answer.
        said: what the model said, before any filter.
        is_cut: it would have said more.
    """

    cursor: Cursor
    request: FimRequest
    left_out: tuple[tuple[str, str], ...]
    delay_s: float
    answer_s: float
    said: str = ""
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller of the engine was told at a cursor."""

    cursor: Cursor
    trigger: Trigger
    suggestions: tuple[Suggestion, ...]
    reason: str
    error: BeastModeError | None
    from_memory: bool
    asked: Asked | None


def explain(told: Told) -> list[str]:
    """The story of an answer in Markdown, line by line."""
    cursor = told.cursor
    place = f"line {cursor.line + 1}, column {cursor.column + 1}"
    why = "you asked" if told.trigger.explicit else "you paused"
    lines = [f"# {_headline(told)}", "", f"At {place}, because {why}."]
    if told.error is not None:
        lines += ["", f"{told.error.message}. {told.error.fix}"]
    for number, suggestion in enumerate(told.suggestions, start=1):
        title = "Suggestion" if len(told.suggestions) == 1 else f"Suggestion {number}"
        lines += ["", f"**{title}** by `{suggestion.model}`, request `{suggestion.id}`:", "", *_code(suggestion.text)]
    if told.asked is not None:
        lines += ["", *_question(told.asked, from_memory=told.from_memory)]
    return lines


def _headline(told: Told) -> str:
    if not told.suggestions:
        return f"No suggestion: {told.reason}"
    if told.from_memory:
        return "From memory: what you typed agrees with an earlier answer"
    return f"{told.suggestions[0].model} suggests"


def _question(asked: Asked, *, from_memory: bool) -> Iterator[str]:
    request = asked.request
    yield "## What the model was shown"
    yield ""
    for snippet in request.snippets:
        size = _tokens(snippet.text)
        yield f"- `{snippet.path}` from line {snippet.line + 1}, {size} ({snippet.source}: {snippet.why})"
    for source, why in asked.left_out:
        yield f"- nothing from {source}: {why}"
    after = _tokens(request.suffix) if request.suffix else "nothing"
    yield f"- `{request.path or 'the document'}`: {_tokens(request.prefix)} before the cursor, {after} after it"
    kind = "one line" if request.stop else "a block"
    yield f"- the wish: {kind}, {request.max_tokens} tokens at most"
    yield ""
    yield "## What it said" + (" (earlier)" if from_memory else "")
    yield ""
    yield f"After {asked.delay_s * 1000:.0f} ms of waiting for the next key and {asked.answer_s * 1000:.0f} ms:"
    yield ""
    yield from _code(asked.said)
    yield ""
    changes = list(_changes(asked))
    yield "Filters: " + ("; ".join(changes) if changes else "none had anything to do") + "."


def _changes(asked: Asked) -> Iterator[str]:
    """What each filter took, found by running them again, one after the other."""
    text = asked.said
    if asked.is_cut and (whole := half_line(text, asked.cursor)) != text:
        yield f"half_line took {_quoted(text, whole)}"
        text = whole
    for each in (*MODEL_PIPELINE, *CURSOR_PIPELINE):
        left = each(text, asked.cursor)
        if left != text:
            yield f"{each.__name__} took {_quoted(text, left)}"
        text = left


def _quoted(before: str, after: str) -> str:
    """What is missing afterwards, shortened; a change that is not a cut is told by its length."""
    if before.startswith(after):
        gone = before[len(after) :]
    elif before.endswith(after):
        gone = before[: len(before) - len(after)]
    else:
        return f"or changed part of {len(before)} characters"
    shown = gone if len(gone) <= LONGEST_QUOTE else gone[:LONGEST_QUOTE] + "…"
    return "`" + shown.replace("\n", "⏎").replace("`", "'") + "`"


def _code(text: str) -> list[str]:
    """A fenced block; the fence is longer than any in the text, which a model wrote."""
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence, *text.split("\n"), fence]


def _tokens(text: str) -> str:
    return f"about {max(1, len(text.encode('utf-8', 'replace')) // BYTES_PER_TOKEN)} tokens"

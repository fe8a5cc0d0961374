"""What the engine told is passed on to those who keep books."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from tests.completion.editors import Editor

from beastmode.completion.audience import NOT_LOOKED_UP, Audience
from beastmode.completion.gate import Trigger
from beastmode.completion.reasons import Reason
from beastmode.completion.why import Told
from beastmode.domain.text import Suggestion


@dataclass
class Counts:
    """A tally that a test can read."""

    silent_because: list[tuple[str, str, str, bool]] = field(default_factory=list)
    looks: list[bool] = field(default_factory=list)

    def silent(self, reason: str, model: str, language: str, *, explicit: bool) -> None:
        """Keep it."""
        self.silent_because.append((reason, model, language, explicit))

    def cached(self, *, hit: bool, model: str, language: str, explicit: bool) -> None:
        """Keep whether it was one."""
        del model, language, explicit
        self.looks.append(hit)


async def test_what_is_shown_is_followed() -> None:
    """And counted as a look into memory."""
    editor, counts = Editor("x = ║\n"), Counts()
    audience = Audience(editor.feedback, counts)
    suggestion = Suggestion("r", "1", "custom:m")
    told = Told(editor.cursor, Trigger(explicit=True), (suggestion,), "", None, from_memory=True, asked=None)
    audience.told(told, "custom:m")
    assert (editor.log.last.request_id, editor.log.last.trigger) == ("r", "explicit")
    assert (counts.looks, counts.silent_because) == ([True], [])
    editor.feedback.rejected("r")
    assert audience.rejected_here(editor.cursor)
    await editor.feedback.aclose()


@pytest.mark.parametrize("reason", [*Reason, "filter: scope", "failed: timed_out"])
async def test_silence_has_a_reason(reason: str) -> None:
    """Whatever it is; what the gate refused was not looked for in memory."""
    editor, counts = Editor("x = ║\n"), Counts()
    told = Told(editor.cursor, Trigger(), (), reason, None, from_memory=False, asked=None)
    Audience(editor.feedback, counts).told(told, "custom:m")
    assert counts.silent_because == [(reason, "custom:m", "python", False)]
    assert counts.looks == ([] if reason in NOT_LOOKED_UP else [False])
    assert not editor.log.showings

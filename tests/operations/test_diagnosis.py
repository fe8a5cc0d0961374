"""From what was seen to what is proposed: a row changes for what an endpoint showed, not for a bad minute."""

from __future__ import annotations

import pytest

from beastmode.domain.errors import AttemptFailed, EndpointNotFound, ServerFailed, TimedOut
from beastmode.domain.model import ModelSpec
from beastmode.operations.diagnosis import Dialect, Seen, conclude
from beastmode.operations.endpoint_facts import Facts
from beastmode.operations.fim_trial import Outcome, Trial, Way
from beastmode.operations.holes import Verdict
from beastmode.registry.providers import load_providers

MODEL = ModelSpec("custom:m", "M", "llama.cpp", "http://127.0.0.1:9/v1", "m", "openai-chat", "llama-infill")
CHAT = Dialect("llama.cpp", "openai-chat", "bearer")
BUSY = TimedOut("total", 1, "http://127.0.0.1:9")
GONE = EndpointNotFound("no such path", status=404)
NOT_THERE = ServerFailed("this model cannot infill", status=501)


def trial(fim_format: str, filled: int, ran_on: int = 0, error: AttemptFailed | None = None) -> Trial:
    verdicts = [Verdict.FILLED] * filled + [Verdict.RAN_ON] * ran_on
    return Trial(Way(fim_format), verdicts + [Verdict.WRONG] * (10 - len(verdicts)), error=error)


def changes(seen: Seen) -> dict[str, object]:
    diagnosis = conclude(MODEL, load_providers()["llama.cpp"], seen, requests=1, spent=1)
    return {change.field: change.proposed for change in diagnosis.changes}


@pytest.mark.parametrize(
    ("stored", "other", "proposed"),
    [
        (trial("llama-infill", 4), trial("mistral-fim", 4, ran_on=1), None),
        (trial("llama-infill", 4), trial("mistral-fim", 5), "mistral-fim"),
        (trial("llama-infill", 0, error=BUSY), trial("mistral-fim", 9), None),
        (trial("llama-infill", 0, error=GONE), trial("mistral-fim", 1), "mistral-fim"),
        (trial("llama-infill", 0, error=NOT_THERE), trial("mistral-fim", 1), "mistral-fim"),
    ],
)
def test_the_way_to_fill_holes(stored: Trial, other: Trial, proposed: str | None) -> None:
    """Another way needs a whole hole more than one that works, and any where the stored one does not exist."""
    ranked = sorted((stored, other), key=lambda trial: (not trial.is_impossible, trial.points), reverse=True)
    assert changes(Seen("m", CHAT, fim=Outcome(tuple(ranked)))).get("fim_format") == proposed


@pytest.mark.parametrize(("error", "proposed"), [(GONE, {"chat_format": None}), (BUSY, {})])
def test_chat_is_given_up_only_where_it_does_not_exist(error: AttemptFailed, proposed: dict[str, object]) -> None:
    """An endpoint that completes code and was too busy to chat may chat tomorrow."""
    fim = Outcome((trial("llama-infill", 9),))
    assert changes(Seen("m", None, error, fim=fim)) == proposed


def test_an_endpoint_where_nothing_works_leaves_the_row_alone() -> None:
    """There is nothing better to propose, and the user may have a reason for what stands there."""
    fim = Outcome((trial("llama-infill", 0, error=BUSY), trial("chat-infill", 0)))
    assert changes(Seen("m", None, GONE, fim=fim)) == {}


def test_an_answer_limit_that_no_longer_fits_its_window() -> None:
    """It is proposed together with the window, as the form would refuse the two."""
    seen = Seen("m", CHAT, facts=Facts(window=2000, window_source="/props"))
    assert changes(seen) == {"context_window": 2000, "max_tokens": 1000}

"""The status as a person reads it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from beastmode.domain.routing import Health, HealthLevel
from beastmode.ledger.feedback import Acceptance
from beastmode.ledger.summary import Summary
from beastmode.ledger.tally import Silence
from beastmode.operations.status import Status, dollars, lines

QUIET = Status("idle", None, Health(HealthLevel.UNKNOWN), Summary(), None, "a key file")


def test_nothing_is_said_of_suggestions_before_the_first() -> None:
    """A status bar is no place for zeros."""
    assert not [line for line in lines(QUIET) if "uggestion" in line]


def test_suggestions_and_silence_in_a_line_each() -> None:
    """What was used and what stayed of it; reasons by their number, and what every key does apart from them."""
    status = replace(
        QUIET,
        acceptance=Acceptance(shown=120, accepted=30, partial=7, kept_5min=0.84),
        silence=Silence({"superseded": 40, "filter: scope": 12, "no model": 3}, hits=62, misses=38),
    )
    assert [line for line in lines(status) if "uggestion" in line] == [
        "Suggestions today: 120 shown, 31 % used, of which 84 % still there after 5 min",
        "No suggestion: 12 filter: scope, 3 no model; 40 superseded while typing",
        "Suggestions from memory, no model asked: 62 % of 100",
    ]


def test_a_long_list_of_reasons_is_cut() -> None:
    """The most frequent are named; what is only superseded is no list."""
    reasons = {f"reason {number}": 10 - number for number in range(6)}
    assert "No suggestion: 10 reason 0, 9 reason 1, 8 reason 2, 7 reason 3, 11 for other reasons" in lines(
        replace(QUIET, silence=Silence(reasons))
    )
    assert "No suggestion: 2 superseded while typing" in lines(replace(QUIET, silence=Silence({"superseded": 2})))


def test_what_is_not_known_yet_is_not_said() -> None:
    """Nobody has looked after five minutes."""
    assert "Suggestions today: 1 shown, 0 % used" in lines(replace(QUIET, acceptance=Acceptance(shown=1)))


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("0", "$0.00"),
        ("1234.5", "$1234.50"),
        ("0.0316", "$0.0316"),
        ("0.99996", "$1.00"),
        ("-0.99994", "-$0.9999"),
        ("0.00001", "$0.00001"),
        ("-0.000000026", "-$0.00000003"),
    ],
)
def test_no_amount_is_told_as_nothing(amount: str, said: str) -> None:
    """Only nothing is: what a small model's answer costs is far below a cent."""
    assert dollars(Decimal(amount)) == said

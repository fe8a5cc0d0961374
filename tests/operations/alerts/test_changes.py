"""When something is told: for-duration, cool-down, recovery."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from beastmode.operations.alerts.changes import GAP_S, State, step
from beastmode.operations.alerts.readings import Reading
from beastmode.operations.alerts.rules import Rule

RULE = Rule("r", "success-rate", 0.9, for_s=60, cooldown_s=600)
BAD, GOOD = Reading("all", is_bad=True, text="bad"), Reading("all", is_bad=False, text="good")


def told(rule: Rule, *readings: tuple[float, Reading]) -> list[tuple[float, str]]:
    """What was told, and when."""
    state, said = State(), []
    for now, reading in readings:
        state, turn = step(state, reading, rule, now)
        if turn is not None:
            said.append((now, str(turn)))
    return said


def test_it_must_last() -> None:
    """A dip that is over before `for_s` tells nobody anything; one that lasts is told once."""
    assert told(RULE, (0, BAD), (30, BAD), (59, GOOD), (60, BAD), (119, BAD)) == []
    assert told(RULE, (0, BAD), (59, BAD), (60, BAD), (90, BAD)) == [(60, "alert")]


def test_without_a_duration_it_is_told_at_once() -> None:
    """`for_s` 0."""
    assert told(replace(RULE, for_s=0), (5, BAD)) == [(5, "alert")]


def test_the_end_is_told_where_the_beginning_was() -> None:
    """And only where the rule wants it."""
    life = ((0, BAD), (60, BAD), (90, GOOD), (120, GOOD))
    assert told(RULE, *life) == [(60, "alert"), (90, "recovered")]
    assert told(replace(RULE, recovery=False), *life) == [(60, "alert")]


def test_what_comes_and_goes_is_told_once_in_a_while() -> None:
    """Within the cool-down there is no second alert, and no end of one that was not told; after it there is."""
    rule = replace(RULE, for_s=0)
    flicker = [(number * 100.0, GOOD if number % 2 else BAD) for number in range(9)]
    assert told(rule, *flicker) == [(0, "alert"), (100, "recovered"), (600, "alert"), (700, "recovered")]


def test_what_nobody_looked_at_did_not_last() -> None:
    """Bad yesterday and bad now, with nobody awake in between, is bad since now."""
    assert told(RULE, (0, BAD), (GAP_S + 100, BAD), (GAP_S + 159, BAD)) == []
    assert told(RULE, (0, BAD), (GAP_S + 100, BAD), (GAP_S + 160, BAD)) == [(GAP_S + 160, "alert")]


@given(st.lists(st.tuples(st.floats(0, 5000), st.sampled_from([BAD, GOOD])), max_size=30))
def test_alerts_and_ends_take_turns(readings: list[tuple[float, Reading]]) -> None:
    """However processes report what they saw, an end follows an alert, and two alerts are a cool-down apart."""
    said = told(replace(RULE, for_s=0), *readings)
    assert [turn for _, turn in said] == [("alert", "recovered")[n % 2] for n in range(len(said))]
    alerts = [moment for moment, turn in said if turn == "alert"]
    assert all(later - earlier >= 600 for earlier, later in itertools.pairwise(alerts))
    assert [moment for moment, _ in said] == sorted(moment for moment, _ in said)

"""Levenshtein's distance, beside the table that everybody writes first."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.operations.evaluate.similarity import distance, similarity

TEXTS = st.text("ab\nü🦁", max_size=70)


def by_table(one: str, other: str) -> int:
    row = list(range(len(one) + 1))
    for line, character in enumerate(other, 1):
        above, row = row, [line]
        for place, mine in enumerate(one):
            row.append(min(above[place + 1] + 1, row[place] + 1, above[place] + (mine != character)))
    return row[-1]


@settings(max_examples=50, deadline=None)
@given(TEXTS, TEXTS)
def test_it_is_the_table(one: str, other: str) -> None:
    """Longer than a machine word, empty, equal: always what the table says."""
    assert distance(one, other) == by_table(one, other)


@pytest.mark.parametrize(
    ("one", "other", "edits"), [("kitten", "sitting", 3), ("flaw", "lawn", 2), ("", "abc", 3), ("same", "same", 0)]
)
def test_known_distances(one: str, other: str, edits: int) -> None:
    """The examples of the textbooks."""
    assert distance(one, other) == edits


def test_similarity_is_by_the_longer_text() -> None:
    """From 0 for nothing in common to 1 for the same."""
    assert similarity("", "") == similarity("a", "a") == 1.0
    assert similarity("abcd", "") == similarity("ab", "cd") == 0.0
    assert similarity("return a", "return b") == 0.875

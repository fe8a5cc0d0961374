"""What a suggestion is worth, by example: `|` in a case's text stands for the hole."""

from __future__ import annotations

import pytest

from beastmode.operations.evaluate.score import added, repeats, score

HOLE = ("def f():\n    ", "return 1", "\n\n\ndef g():\n    return 2\n")


@pytest.mark.parametrize(
    ("text", "exact", "first_line"),
    [
        ("return 1", True, True),
        ("return 1  \n", True, True),
        ("return 1\n    return 3", False, True),
        ("return 2", False, False),
        ("", False, False),
        ("  \n", False, False),
    ],
)
def test_exact_match(text: str, *, exact: bool, first_line: bool) -> None:
    """Blanks at line ends do not count, a line too many does, except for the first line."""
    found = score(HOLE, text, 0)
    assert (found.exact, found.first_line, found.shown) == (exact, first_line, bool(text.strip()))
    assert found.similarity == 1.0 if exact else found.similarity < 1.0


def test_what_was_retyped_is_taken_off_again() -> None:
    """A suggestion that brings the bracket after the cursor, and replaces it, adds what stands before it."""
    hole = ("print(", "value", ")\n")
    assert score(hole, "value)", 1).exact
    assert not score(hole, "value)", 0).exact
    assert added("value)", 1, ")\n") == "value"
    assert added("value", 0, ")\n") == "value"


@pytest.mark.parametrize(
    ("text", "after", "defect"),
    [
        ("a = 1\nresult = a", "\nresult = a\n", True),
        ("a = 1", "\nresult = a\n", False),
        ("x = 1\n    y = two", "\n    y = two\n    return x\n", True),
        ("value)", ")\n", False),  # one bracket says nothing
        ("first, second)", ", second)\n", True),  # the rest of the line again
        ("a\nresult = compute(", "\nresult = compute(a)\n", True),  # cut off by a limit in the middle of it
        ("}\n}", "\n}\n", False),
        ("", "\nresult = a\n", False),
        ("fir", "st = 1\n", False),
        ("a = 1\n\nresult = a\nprint(a)", "\n\nresult = a\n\nprint(a)\n", True),  # blank lines do not hide it
    ],
)
def test_repeating_what_follows(text: str, after: str, *, defect: bool) -> None:
    """The end of a suggestion is compared with the start of what follows it."""
    assert repeats(text, after) is defect


def test_what_the_truth_repeats_may_be_repeated() -> None:
    """Code that says the same twice is no defect of the model's."""
    hole = ("", "log(start)", "\nlog(start)\n")
    assert score(hole, "log(start)", 0).duplicates is False
    assert score(("", "log(end)", "\nlog(start)\n"), "log(start)", 0).duplicates is True


def test_parsing_counts_only_where_the_original_parses() -> None:
    """A grammar that does not understand the file says nothing about the suggestion."""

    def has_no_bang(text: str) -> bool:
        return "!" not in text

    assert score(HOLE, "return 1", 0, has_no_bang).parses is True
    assert score(HOLE, "return !", 0, has_no_bang).parses is False
    assert score(("!", "return 1", ""), "return 1", 0, has_no_bang).parses is None
    assert score(HOLE, "", 0, has_no_bang).parses is None
    assert score(HOLE, "return !", 0, lambda _: None).parses is None

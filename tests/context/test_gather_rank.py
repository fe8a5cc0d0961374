"""Ranking: within the budget, nothing twice, nothing secret, whole lines, and steady."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.context.rank import MOST_OF_A_SOURCE, OVERLAP, cost_of, holds_secrets, rank, significant
from beastmode.domain.context import Snippet

SOURCES = ("definitions", "search", "open_tabs", "visited", "recent_edits")

lines = st.integers(0, 40).map(lambda number: f"    value_{number} = compute({number})")
texts = st.lists(lines, min_size=1, max_size=12).map(lambda each: "".join(f"{line}\n" for line in each))
paths = st.sampled_from(["a.py", "b.py", "src/deep/c.py", ".env", "keys/id_rsa", "größe.py"])


@st.composite
def snippets(draw: st.DrawFn) -> Snippet:
    source = draw(st.sampled_from(SOURCES))
    return Snippet(draw(paths), draw(texts), draw(st.integers(0, 99)), source, "", draw(st.floats(0, 1)))


def by_source(found: list[Snippet]) -> dict[str, list[Snippet]]:
    return {name: [each for each in found if each.source == name] for name in SOURCES}


def overlap(one: str, other: str) -> float:
    small, large = sorted((significant(one), significant(other)), key=len)
    return len(small & large) / len(small)


@settings(max_examples=30, deadline=None)
@given(st.lists(snippets(), max_size=25), texts, st.integers(0, 400))
def test_what_is_shown(found: list[Snippet], window: str, tokens: int) -> None:
    """Fits the budget, is cut at whole lines, repeats neither the window nor itself, and holds no secrets."""
    ranked = rank(by_source(found), (window,), tokens).snippets
    assert sum(map(cost_of, ranked)) <= tokens
    for number, each in enumerate(ranked):
        assert any(
            (whole.path, whole.line, whole.source) == (each.path, each.line, each.source)
            and whole.text.startswith(each.text)
            for whole in found
        )
        assert each.text.endswith("\n")
        assert each.path not in {".env", "keys/id_rsa"}
        said = significant(each.text)
        assert len(said & significant(window)) <= OVERLAP * len(said)
        assert all(overlap(each.text, other.text) <= OVERLAP for other in ranked[:number])
    for name in SOURCES:
        assert sum(each.source == name for each in ranked) <= MOST_OF_A_SOURCE


@settings(max_examples=30, deadline=None)
@given(st.lists(snippets(), max_size=15), st.randoms(), st.integers(50, 400))
def test_the_order_of_finding_does_not_matter(found: list[Snippet], random: object, tokens: int) -> None:
    """The same snippets give the same prompt, whichever source was faster."""
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis' own Random
    assert rank(by_source(found), (), tokens).snippets == rank(by_source(shuffled), (), tokens).snippets


@settings(max_examples=30, deadline=None)
@given(st.lists(snippets(), max_size=15), st.lists(snippets(), max_size=3), st.integers(100, 400))
def test_what_was_shown_stays_in_front(found: list[Snippet], more: list[Snippet], tokens: int) -> None:
    """Of what is shown again, the order is as before, and nothing new comes between or before it."""
    before = rank(by_source(found), (), tokens).snippets
    after = list(map(seen, rank(by_source(found + more), (), tokens, before).snippets))
    kept = [each for each in map(seen, before) if each in after]
    assert after[: len(kept)] == kept


def seen(snippet: Snippet) -> tuple[str, str, str]:
    """What a prompt holds of a snippet."""
    return snippet.source, snippet.path, snippet.text


def test_the_same_again_changes_nothing() -> None:
    """Ranked once more, the same candidates give the same snippets."""
    found = {"open_tabs": [snippet("a.py", f"def function_{n}(): ...\n", n / 10) for n in range(9)]}
    before = rank(found, (), 100).snippets
    assert rank(found, (), 100, before).snippets == before


def snippet(path: str, text: str, score: float = 0.5, source: str = "open_tabs") -> Snippet:
    return Snippet(path, text, 0, source, "", score)


def test_a_new_snippet_must_be_clearly_better() -> None:
    """A little better does not push out what a server has in its cache; much better does."""
    old = snippet("a.py", "def old_function(): ...\n", 0.5)
    room = cost_of(old) + 3
    before = (old,)
    for score, shown in ((0.55, "a.py"), (0.8, "b.py")):
        new = snippet("b.py", "def new_function(): ...\n", score)
        assert [each.path for each in rank({"open_tabs": [old, new]}, (), room, before).snippets] == [shown]


def test_no_source_takes_all_while_others_have_something() -> None:
    """Half of the budget is for the others; what they leave is taken."""
    many = [snippet("a.py", f"def long_function_name_{n}(): ...\n" * 12, 0.9) for n in range(6)]
    other = snippet("b.py", "def something(): ...\n", 0.1, "visited")
    tokens = 4 * cost_of(many[0])
    both = rank({"open_tabs": many, "visited": [other]}, (), tokens).snippets
    assert other in both
    assert len(rank({"open_tabs": many}, (), tokens).snippets) == 4


def test_left_out_says_why() -> None:
    """Every snippet that is not shown has its reason."""
    window = "def shown_in_the_window(): ...\n"
    found = {
        "open_tabs": [
            snippet("a.py", window),
            snippet("b.py", "def good_one(): ...\n", 0.9),
            snippet("c.py", "def good_one(): ...\n", 0.1),
            snippet(".env", "def x_in_env(): ...\n"),
            snippet("d.js", "x" * 600 + "\n"),
            snippet("e.py", "}\n\n)\n"),
        ]
    }
    ranked = rank(found, (window,), 1000)
    assert [each.path for each in ranked.snippets] == ["b.py"]
    assert set(ranked.left_out) == {
        ("open_tabs", "a.py:1: overlaps the window"),
        ("open_tabs", "c.py:1: overlaps a better one"),
        ("open_tabs", ".env:1: may hold secrets"),
        ("open_tabs", "d.js:1: has very long lines"),
        ("open_tabs", "e.py:1: says nothing"),
    }


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        ("API_KEY=sk-123\nDATABASE_URL=postgres://u:p@h/d\n", True),
        ("# settings\nexport TOKEN=abc\n\nPORT=80\n", True),
        ("key = '''-----BEGIN RSA PRIVATE KEY-----\nMIIE\n'''\n", True),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", True),
        ("MAX_SIZE = 10\nMIN_SIZE = 1\n", False),
        ("if (A==1) {\n  B=2;\n}\n", False),
        ("CC=gcc\nall:\n\t$(CC) x.c\n\tstrip x\n", False),
        ("", False),
    ],
)
def test_secrets_by_their_look(text: str, is_secret: bool) -> None:  # noqa: FBT001 - a column of the table
    """An unsaved `.env` has no name that tells; a private key may be pasted anywhere."""
    assert holds_secrets(text) is is_secret

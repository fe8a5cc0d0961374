"""Cutting a conversation to a window."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.context.window import BYTES_PER_TOKEN
from beastmode.tasks.chat.fitting import MESSAGE, Fitted, fit
from beastmode.tasks.chat.pieces import Piece, cut, render, size
from beastmode.tasks.chat.prompt import FRAME, messages, overhead

TEXT = st.text(alphabet=st.sampled_from("ab \n\t漢🦀</>`:|"), max_size=60)
TURNS = st.lists(st.tuples(TEXT, TEXT), max_size=8)
PIECES = st.lists(
    st.builds(
        Piece,
        path=st.sampled_from(("a.py", 'x" lines="1', "ü/b.py", "")),
        line=st.integers(0, 999),
        lines=st.lists(TEXT, max_size=12).map(tuple),
        kind=st.just("file"),
        why=st.just("attached"),
        note=TEXT,
    ),
    max_size=5,
)
ROOM = st.integers(-200, 3_000)


@settings(max_examples=50)
@given(st.text(max_size=200), TURNS, PIECES, PIECES, st.integers(50, 4_000))
def test_the_question_is_whole_and_the_window_is_kept(
    question: str, turns: list[tuple[str, str]], attached: list[Piece], found: list[Piece], window: int
) -> None:
    """The question ends the prompt to the letter; all else fits beside it, or is not there."""
    room = window * BYTES_PER_TOKEN - overhead("Be brief.", question)
    fitted = fit(room, turns, attached, found, FRAME)
    told = messages("Be brief.", turns, fitted, question, len(turns) - fitted.turns)
    assert told[-1].role == "user"
    assert told[-1].text.endswith(question)
    used = sum(size(each.text) + MESSAGE for each in told)
    is_bare = len(told) == 2 and told[-1].text == question
    assert used <= window * BYTES_PER_TOKEN or is_bare


@settings(max_examples=50)
@given(TURNS, PIECES, PIECES, ROOM)
def test_order_is_kept_and_turns_are_dropped_whole_and_oldest_first(
    turns: list[tuple[str, str]], attached: list[Piece], found: list[Piece], room: int
) -> None:
    """What is told of the conversation is its end without a gap, and the roles take turns."""
    fitted = fit(room, turns, attached, found, FRAME)
    told = messages("", turns, fitted, "why?", len(turns) - fitted.turns)
    assert [each.role for each in told[1:]] == ["user", "assistant"] * fitted.turns + ["user"]
    assert [each.text for each in told[1:-1:2]] == [asked for asked, _ in turns[len(turns) - fitted.turns :]]
    assert ("left out" in told[0].text) == (fitted.turns < len(turns))
    # Each attachment is there from its first line on, or named as missing; none changes its place.
    places = [(each.path, each.line) for each in attached]
    assert sorted([*((p.path, p.line) for p in fitted.attached), *((p.path, p.line) for p in fitted.left_out)]) == (
        sorted(places)
    )
    for piece in (*fitted.attached, *fitted.found):
        whole = next(
            p
            for p in (*attached, *found)
            if (p.path, p.line) == (piece.path, piece.line) and (p.lines[: len(piece.lines)] == piece.lines)
        )
        assert piece.is_cut == (len(piece.lines) < len(whole.lines))


@settings(max_examples=50)
@given(PIECES, st.integers(0, 800))
def test_a_cut_piece_fits(pieces: list[Piece], room: int) -> None:
    """However many bytes there are."""
    for piece in pieces:
        part = cut(piece, room)
        assert part is None or size(render(part)) <= room


def piece(path: str, lines: int) -> Piece:
    return Piece(path, 0, tuple(f"line {n}" for n in range(lines)), "file", "attached")


def test_newest_turns_go_before_attachments_and_those_before_what_was_found() -> None:
    """In a window that cannot hold all of it, each kind gets its share in this order."""
    turns = [(f"question {n}", "answer " * 10) for n in range(20)]
    room = 2_000
    fitted = fit(room, turns, [piece("attached.py", 500)], [piece("found.py", 500)])
    assert 0 < fitted.turns < 20
    assert fitted.attached[0].is_cut
    assert fitted.found == ()
    assert fit(room, turns[:2], [], [piece("found.py", 500)]).found[0].is_cut


def test_what_was_found_has_an_eighth_of_the_room() -> None:
    """The user asked for none of it; a piece of which next to nothing fits gives way to the next."""
    fitted = fit(8_000, [], [], [piece("wide.py", 1)] * 3 + [piece("long.py", 500), piece("short.py", 4)])
    assert sum(size(render(each)) for each in fitted.found) <= 1_000
    assert [each.path for each in fit(2_000, [], [], [piece("long.py", 500), piece("short.py", 4)]).found] == [
        "long.py"
    ]
    assert [each.path for each in fit(1_000, [], [], [piece("long.py", 500), piece("short.py", 2)]).found] == [
        "short.py"
    ]


def test_older_turns_fill_the_room_that_nobody_else_needs() -> None:
    """Half of the window is not left empty for the sake of a rule."""
    turns = [("question", "answer " * 10)] * 20
    cost = size("question") + size("answer " * 10) + 2 * MESSAGE
    assert fit(20 * cost, turns, [], []) == Fitted(20, (), (), ())
    assert fit(20 * cost - 1, turns, [], []).turns == 19

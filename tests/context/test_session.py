"""What the session remembers: where ranges are after edits, and not more than it must."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.open_documents import Desk, Tab

from beastmode.context import session as session_module
from beastmode.context.session import Range, Session, shifted


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_ranges_follow_their_lines(data: st.DataObject) -> None:
    """Whatever is edited around it, a range holds exactly the lines of its own that are left, and what came among them.

    The model: every line is an object of its own, and an edit replaces objects.
    """
    fresh = iter(range(10_000))
    lines = [next(fresh) for _ in range(data.draw(st.integers(5, 30)))]
    first = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(first + 1, len(lines)))
    place = Range("u", "p", "python", first, end, first, 0.0)
    own = lines[first:end]
    for _ in range(data.draw(st.integers(1, 8))):
        line = data.draw(st.integers(0, len(lines)))
        removed = data.draw(st.integers(0, len(lines) - line))
        added = [next(fresh) for _ in range(data.draw(st.integers(0, 4)))]
        lines[line : line + removed] = added
        place.shift(line, removed, len(added))
        left = [each for each in own if each in lines]
        held = lines[place.line : place.end]
        assert 0 <= place.line <= place.end <= len(lines)
        assert [each for each in held if each in own] == left
        if place.line < place.end:
            assert place.line <= place.focus < place.end


@pytest.mark.parametrize(
    ("place", "change", "after"),
    [
        (9, (10, 2, 5), 9),
        (10, (10, 2, 5), 10),
        (11, (10, 2, 5), 11),
        (12, (10, 2, 5), 15),
        (12, (10, 4, 1), 11),
        (14, (10, 4, 1), 11),
        (12, (10, 4, 4), 12),
    ],
)
def test_a_line_follows_its_place(place: int, change: tuple[int, int, int], after: int) -> None:
    """Behind a change a line moves with it; within one it stays on the line that took its place, if there is one."""
    assert shifted(place, *change) == after


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5), st.integers(0, 5)), max_size=40))
def test_edits_are_where_they_were_made(changes: list[tuple[int, int, int]]) -> None:
    """After any edits, the last one is remembered first, and covers the lines that it wrote."""
    desk = Desk()
    tab = desk.open("/w/a.py", "\n".join(f"line {number}" for number in range(80)))
    for number, (line, removed, added) in enumerate(changes):
        written = [f"edit {number}.{each}" for each in range(added)]
        if line + removed > len(tab.lines):
            continue
        desk.edit(tab, line, removed, written)
        if written:
            last = desk.session.edits[0]
            assert tab.lines[last.line : last.end][line - last.line :][: len(written)] == written
    edits = desk.session.edits
    assert len(edits) <= session_module.MOST_EDITS
    assert all(0 <= each.line < each.end <= len(tab.lines) for each in edits)


def test_edits_of_neighbouring_lines_are_one() -> None:
    """Typing a function is one recent edit and not ten."""
    desk = Desk()
    tab = desk.open("/w/a.py", "\n" * 100)
    for line in range(10, 20):
        desk.edit(tab, line, 1, [f"    step_{line}()", ""])
    assert [(each.line, each.end) for each in desk.session.edits] == [(10, 21)]
    desk.edit(tab, 60, 1, ["elsewhere()"])
    assert [each.line for each in desk.session.edits] == [60, 10]


def test_an_edit_that_grows_becomes_several() -> None:
    """An hour of typing downwards is remembered by its last part, not as one endless range."""
    desk = Desk()
    tab = desk.open("/w/a.py", "")
    for line in range(200):
        desk.edit(tab, line, 1, [f"step_{line}()", ""])
    edits = desk.session.edits
    assert len(edits) > 3
    assert all(each.end - each.line <= session_module.LONGEST_EDIT + 1 for each in edits)


def test_a_formatter_is_no_edit() -> None:
    """A change of the whole file says nothing about what the user is at."""
    desk = Desk()
    tab = desk.open("/w/a.py", "x = 1\n" * 500)
    desk.edit(tab, 0, 500, ["x = 2"] * 500)
    assert not desk.session.edits


def test_what_was_deleted_is_forgotten() -> None:
    """A range without lines is none."""
    desk = Desk()
    tab = desk.open("/w/a.py", "\n" * 50)
    desk.edit(tab, 10, 1, ["written()"])
    desk.session.visited(tab.uri, 30)
    desk.edit(tab, 5, 40, [])
    assert not desk.session.edits
    assert not desk.session.visits


def test_a_visit_is_where_the_cursor_stayed() -> None:
    """Moving about within a screen is one visit; the place last visited comes first."""
    desk = Desk()
    tab = desk.open("/w/a.py", "\n" * 500)
    for line in (100, 103, 99, 300, 305):
        desk.session.visited(tab.uri, line)
    assert [each.focus for each in desk.session.visits] == [305, 99]


def test_memory_is_bounded() -> None:
    """However long the day, so many ranges are remembered and no more."""
    desk = Desk()
    tab = desk.open("/w/a.py", "\n" * 100_000)
    for line in range(0, 50_000, 50):
        desk.edit(tab, line, 1, ["x"])
        desk.session.visited(tab.uri, line)
    assert len(desk.session.edits) == session_module.MOST_EDITS
    assert len(desk.session.visits) == session_module.MOST_VISITS


class _Untouchable(Tab):
    """A document whose lines must not be read."""

    @property
    def lines(self) -> list[str]:  # type: ignore[override] # a stand-in that fails where the real one answers
        raise AssertionError

    @lines.setter
    def lines(self, lines: list[str]) -> None:
        pass


def test_a_keystroke_does_not_read_the_document() -> None:
    """What a keystroke costs does not depend on the length of the file, for no line of it is looked at."""
    session = Session(lambda: 0.0)
    tab = _Untouchable("/w/a.py", "")
    session.opened(tab)
    session.changed(tab.uri, 5, 1, ["a", "b"])
    session.visited(tab.uri, 6)
    assert session.edits


def test_a_closed_tab_leaves_what_was_seen_in_it() -> None:
    """A file that was looked at and closed again still counts, as it was; opened again, only what is there counts."""
    desk = Desk()
    tab = desk.open("/w/a.py", "\n".join(f"line {number}" for number in range(100)))
    desk.session.visited(tab.uri, 50)
    desk.edit(tab, 20, 1, ["edited"])
    desk.session.closed(tab.uri)
    tab.lines[:] = ["gone"]
    assert "line 50" in desk.session.excerpt(desk.session.visits[0])[1]
    first, lines = desk.session.excerpt(desk.session.edits[0])
    assert lines[20 - first] == "edited"
    desk.session.opened(tab)
    assert not desk.session.visits
    assert not desk.session.edits


def test_little_is_kept_of_a_closed_minified_file() -> None:
    """A line of a megabyte does not stay in memory."""
    desk = Desk()
    tab = desk.open("/w/a.js", "x" * 1_000_000)
    desk.session.visited(tab.uri, 0)
    desk.session.closed(tab.uri)
    assert not desk.session.excerpt(desk.session.visits[0])[1]


def test_documents_by_their_last_use() -> None:
    """Opened, changed or looked at: the last one first."""
    desk = Desk()
    a, b, c = (desk.open(f"/w/{name}.py", "\n\n") for name in "abc")
    desk.session.visited(b.uri, 1)
    desk.edit(a, 0, 1, ["x"])
    assert [each.uri for each in desk.session.documents] == [a.uri, b.uri, c.uri]


def test_unknown_documents_are_ignored() -> None:
    """Changes of a document that was never opened, or was closed, are none of ours."""
    desk = Desk()
    desk.session.changed("file:///w/a.py", 0, 1, ["x"])
    desk.session.visited("file:///w/a.py", 0)
    desk.session.closed("file:///w/a.py")
    assert not desk.session.edits
    assert not desk.session.visits
    assert not desk.session.documents


def test_typing_on_a_line_keeps_the_revision() -> None:
    """From the second key on a line, nothing that a source answers has changed; a new line, or another place, has."""
    desk = Desk()
    tab, other = desk.open("/w/a.py", "\n" * 50), desk.open("/w/b.py", "\n" * 50)
    desk.session.visited(tab.uri, 7)
    desk.edit(tab, 7, 1, ["a"])
    revision = desk.session.revision
    for text in ("ab", "abc", "ab"):
        desk.session.visited(tab.uri, 7)
        desk.edit(tab, 7, 1, [text])
    assert desk.session.revision == revision
    revisions = [revision]
    desk.edit(tab, 7, 1, ["ab", ""])
    revisions.append(desk.session.revision)
    desk.session.visited(tab.uri, 8)
    revisions.append(desk.session.revision)
    desk.edit(other, 3, 1, ["x"])
    revisions.append(desk.session.revision)
    desk.edit(other, 3, 1, ["xy"])
    revisions.append(desk.session.revision)
    desk.session.closed(other.uri)
    revisions.append(desk.session.revision)
    assert len(set(revisions)) == len(revisions)


def test_elsewhere_ignores_the_document_itself() -> None:
    """Whether anything changed around a document can be told from its own changes."""
    desk = Desk()
    tab, other = desk.open("/w/a.py", "\n"), desk.open("/w/b.py", "\n")
    state = desk.session.elsewhere(tab.uri)
    desk.edit(tab, 0, 1, ["x"])
    desk.session.visited(other.uri, 0)
    assert desk.session.elsewhere(tab.uri) == state
    desk.edit(other, 0, 1, ["x"])
    assert desk.session.elsewhere(tab.uri) != state


@pytest.mark.parametrize(
    ("roots", "path", "seen"),
    [
        (("/home/me/shop",), "/home/me/shop/src/a.py", "src/a.py"),
        (("/home/me/shop/",), "/home/me/shop/src/a.py", "src/a.py"),
        (("/home/me/shop",), "/home/me/shopping/a.py", "a.py"),
        (("/home/me/shop",), "/home/me/shop/../secret/a.py", "a.py"),
        ((), "/home/me/a.py", "a.py"),
        (("/home/me/shop",), "Untitled-1", "Untitled-1"),
        (("/home/me/shop", "/home/me/web"), "/home/me/web/src/a.ts", "web/src/a.ts"),
        (("/home/me/shop", "/home/me/shop/web"), "/home/me/shop/web/a.ts", "web/a.ts"),
    ],
)
def test_a_model_never_sees_where_the_workspace_is(roots: tuple[str, ...], path: str, seen: str) -> None:
    """Paths begin at the workspace folder; outside of it there is but a name."""
    assert Session(lambda: 0.0, roots).relative(path) == seen

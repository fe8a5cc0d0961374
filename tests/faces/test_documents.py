"""The document store against the plainest model of a document: one string."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types as lsp

from beastmode.faces.lsp.documents import CHARACTERS, Document, Documents, path_of, utf16_length

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT = st.text(alphabet=st.sampled_from("ab \n\r🦀é中\u2028\x0c"), max_size=40)
PLACE = st.tuples(st.integers(0, 8), st.integers(0, 12))


def open_document(text: str) -> Document:
    return Document(lsp.TextDocumentItem("file:///a.py", lsp.LanguageKind.Python, 1, text))


def plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def offset(text: str, place: tuple[int, int]) -> int:
    """A position of the protocol as an index into a string with plain line ends."""
    lines = text.split("\n")
    if place[0] >= len(lines):
        return len(text)
    columns = [utf16_length(lines[place[0]][:end]) for end in range(len(lines[place[0]]) + 1)]
    index = max(end for end, column in enumerate(columns) if column <= place[1])
    return sum(len(line) + 1 for line in lines[: place[0]]) + index


@given(TEXT, st.lists(st.tuples(PLACE, PLACE, TEXT), max_size=6))
def test_edits_give_the_text_that_a_string_would_give(
    text: str, edits: list[tuple[tuple[int, int], tuple[int, int], str]]
) -> None:
    """Any series of incremental changes, in UTF-16 columns, behind the end or inside a surrogate pair."""
    document, expected = open_document(text), plain(text)
    for one, other, inserted in edits:
        start, end = sorted((one, other))
        span = lsp.Range(lsp.Position(*start), lsp.Position(*end))
        # A carriage return at the edge of an edit could join one next to it; editors send whole line ends.
        new = plain(inserted)
        document.apply(lsp.TextDocumentContentChangePartial(range=span, text=new))
        expected = expected[: offset(expected, start)] + new + expected[offset(expected, end) :]
    assert document.text == expected


@given(TEXT, PLACE)
def test_a_cursor_sees_what_stands_on_both_sides(text: str, place: tuple[int, int]) -> None:
    """In a document smaller than the window, before and after are all of it."""
    cursor = open_document(text).cursor(lsp.Position(*place))
    assert cursor.before + cursor.after == plain(text)
    assert len(cursor.before) == offset(plain(text), place)


def test_a_cursor_in_a_huge_document_sees_a_window() -> None:
    """What is copied at a keystroke is bounded, in lines and in characters."""
    cursor = open_document("x = 1\n" * 100_000).cursor(lsp.Position(50_000, 3))
    assert cursor.before.count("\n") == 200
    assert cursor.after.count("\n") == 100
    cursor = open_document("y" * 1_000_000).cursor(lsp.Position(0, 500_000))
    assert (len(cursor.before), len(cursor.after)) == (CHARACTERS, CHARACTERS)


def test_a_change_without_a_range_replaces_everything() -> None:
    """Editors that cannot send increments send the whole text."""
    document = open_document("old\ntext")
    document.apply(lsp.TextDocumentContentChangeWholeDocument(text="new"))
    assert document.text == "new"


class Mirror:
    """A watcher that keeps its own copy of every document from what it is told."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}

    def opened(self, document: Document) -> None:
        self.lines[document.uri] = list(document.lines)

    def changed(self, uri: str, line: int, removed: int, added: Sequence[str]) -> None:
        self.lines[uri][line : line + removed] = added

    def closed(self, uri: str) -> None:
        del self.lines[uri]


def test_a_document_that_was_never_opened_is_ignored() -> None:
    """A confused editor does not stop the server."""
    documents = Documents(Mirror())
    documents.change("file:///x", 2, [])
    documents.close("file:///x")
    assert documents.get("file:///x") is None


@given(TEXT, st.lists(st.tuples(PLACE, PLACE, TEXT), max_size=6), TEXT)
def test_a_watcher_hears_enough_to_follow(
    text: str, edits: list[tuple[tuple[int, int], tuple[int, int], str]], whole: str
) -> None:
    """Whoever applies what is told has the document's text, whether an editor sends edits or the whole text."""
    mirror = Mirror()
    documents = Documents(mirror)
    documents.open(lsp.TextDocumentItem("file:///a.py", lsp.LanguageKind.Python, 1, text))
    for version, (one, other, inserted) in enumerate(edits, start=2):
        start, end = sorted((one, other))
        span = lsp.Range(lsp.Position(*start), lsp.Position(*end))
        change = lsp.TextDocumentContentChangePartial(range=span, text=inserted)
        documents.change("file:///a.py", version, [change])
    document = documents.get("file:///a.py")
    assert document is not None
    assert mirror.lines["file:///a.py"] == list(document.lines)
    documents.change("file:///a.py", 99, [lsp.TextDocumentContentChangeWholeDocument(text=whole)])
    assert mirror.lines["file:///a.py"] == list(document.lines)
    documents.close("file:///a.py")
    assert mirror.lines == {}


def test_paths_of_uris() -> None:
    """Percent signs are decoded and a Windows drive loses its slash."""
    assert path_of("file:///home/me/a%20b.py") == "/home/me/a b.py"
    assert path_of("file:///c%3A/x.py") == "c:/x.py"
    assert path_of("untitled:Untitled-1") == "Untitled-1"


def test_halves_of_a_character() -> None:
    """Some editors send a surrogate pair half by half, some texts hold half of one: columns are right all the same."""
    document = open_document('x = "\ud83d" \n')
    assert document.cursor(lsp.Position(0, 8)).column == 8
    document = open_document('x = ""\n')
    for column, text in ((5, "\ud83d"), (6, "\ude00"), (7, "y")):
        place = lsp.Position(0, column)
        document.apply(lsp.TextDocumentContentChangePartial(range=lsp.Range(place, place), text=text))
    assert document.text == 'x = "😀y"\n'
    assert document.cursor(lsp.Position(0, 6)).column == 5

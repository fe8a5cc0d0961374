"""Pieces of files."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.context.index.chunks import LINES, LONGEST_LINE, cut, lines_of, secret_lines
from beastmode.context.syntax import definitions

CODE = '''import os


def first(a):
    """Say."""
    return a


class Basket:
    """Holds."""

''' + "".join(f"    def method_{n}(self):\n" + "        self.x += 1\n" * 14 + "\n" for n in range(6))


def test_cuts_fall_between_definitions() -> None:
    """No method is cut in two, and each piece is named after what it shows."""
    lines = lines_of(CODE.encode())
    pieces = cut(lines, definitions(CODE, "python"))
    for n in range(6):
        (piece,) = [piece for piece in pieces if f"def method_{n}(" in piece.text]
        assert piece.text.count("self.x += 1") % 14 == 0
        assert f"method_{n}" in piece.names
        assert "Basket" in piece.names


def test_prose_is_cut_at_headings() -> None:
    """A section of a text stays together."""
    text = "".join(f"# Part {n}\n\n" + "word\n" * 25 for n in range(3))
    pieces = cut(lines_of(text.encode()), ())
    assert [piece.text.count("# Part") for piece in pieces] == [1, 1, 1]
    assert [piece.line for piece in pieces] == [0, 27, 54]


def test_lines_are_counted_as_an_editor_does() -> None:
    """CRLF, CR and LF end a line; a form feed and U+2028 do not; a byte order mark is no text."""
    assert lines_of(b"\xef\xbb\xbfa\r\nb\rc\nd\x0ce\xe2\x80\xa8f\n") == ["a", "b", "c", "d\x0ce\u2028f"]


def test_no_piece_shows_a_private_key() -> None:
    """Neither its first line nor the rest of it, wherever the pieces are cut; what stands elsewhere stays."""
    key = ["KEY = '''-----BEGIN RSA PRIVATE KEY-----", *["MIIEsecret"] * 60, "-----END RSA PRIVATE KEY-----'''"]
    lines = ["before = 1"] * 50 + key + ["after = 1"] * 50
    text = "".join(piece.text for piece in cut(lines, (), secret_lines(lines)))
    assert "MIIE" not in text
    assert "PRIVATE" not in text
    assert "before" in text
    assert "after" in text


@given(st.lists(st.sampled_from(("", "x", "# Head", "    y", "z" * (LONGEST_LINE + 1))), max_size=200))
@settings(max_examples=50)
def test_pieces_are_whole_lines_of_the_file(lines: list[str]) -> None:
    """Every line that says something and is no data is in exactly one piece, at its place, and no piece is long."""
    covered: list[int] = []
    for piece in cut(lines, ()):
        assert piece.text == "".join(f"{line}\n" for line in lines[piece.line : piece.end_line + 1])
        assert piece.end_line - piece.line < LINES
        covered.extend(range(piece.line, piece.end_line + 1))
    assert len(covered) == len(set(covered))
    wanted = {number for number, line in enumerate(lines) if line.strip() and len(line) <= LONGEST_LINE}
    assert wanted <= set(covered)
    assert not [number for number in covered if len(lines[number]) > LONGEST_LINE]

"""What holds for every text and every edit of it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tasks.edits.spoken import SPOKEN
from tests.tasks.edits.trees import made, picture

from beastmode.domain.errors import BeastModeError
from beastmode.tasks.edits import (
    FORMATS,
    CannotApply,
    Change,
    FileEdit,
    Guard,
    Limits,
    WorkspaceFiles,
    diff,
    preview,
    read_change,
)
from beastmode.tasks.edits.apply import looks_like_edit
from beastmode.tasks.edits.change import join, split
from beastmode.tasks.edits.difference import opcodes
from beastmode.tasks.edits.encoding import decode, encode
from beastmode.tasks.edits.write import write_now

EXAMPLES = 25
"""A test; set it to thousands after changing a format."""
LINES = st.sampled_from(
    [
        "",
        " ",
        "x = 1",
        "    return x",
        "\treturn x",
        "x = 1  ",
        "}",
        "emoji 🎉 ü \u2028 \x0c x",
        "<<<<<<< SEARCH",
        "=======",
        ">>>>>>> REPLACE",
        "```",
        "```python",
        "````",
        "~~~",
        "--- a/f.txt",
        "+++ b/f.txt",
        "@@ -1 +1 @@",
        "@@ -1,2 +1,2 @@ def f():",
        "-- comment",
        "++ more",
        "- item",
        "+ item",
        "\\ No newline at end of file",
        "diff --git a/f.txt b/f.txt",
        "DELETE FILE f.txt",
        "f.txt",
        "src/other.py:",
        "unique line one",
        "unique line two",
    ]
)
WHOLES = st.builds(
    lambda lines, ends: join(lines, ends_in_newline=ends), st.lists(LINES, min_size=1, max_size=14), st.booleans()
)


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, str]:
    """A text, and the same after a few edits of lines; the end of the last line stays as it was."""
    old = draw(WHOLES | st.just(""))
    lines = split(old)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines)))
        lines[at : at + draw(st.integers(0, 3))] = draw(st.lists(LINES, max_size=3))
    ends = old.endswith("\n") or not old
    return old, join(lines, ends_in_newline=ends)


NEWLINES = st.sampled_from([b"\n", b"\r\n"])
MARKS = st.sampled_from([b"", b"\xef\xbb\xbf"])


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(texts=edited(), newline=NEWLINES, mark=MARKS)
def test_an_exact_answer_gives_exactly_the_new_text(
    name: str, texts: tuple[str, str], newline: bytes, mark: bytes
) -> None:
    """Byte for byte, whatever the line ends, the mark, the last line and the look of the lines."""
    old, new = texts
    meaningful = [line for line in split(new) if line.strip()]
    if name == "whole-file" and meaningful and looks_like_edit(meaningful[0], meaningful[-1]):
        return  # a whole file that reads like an edit is taken for one, and refused where it does not fit
    if name == "search-replace" and old and not old.strip() and old != "\n" * len(split(old)):
        return  # lines of blanks only are found as they are, or not at all
    with tempfile.TemporaryDirectory() as folder:
        root = made(Path(folder), {})
        before = mark + old.encode().replace(b"\n", newline)
        (root / "f.txt").write_bytes(before)
        files, guard = WorkspaceFiles(root), Guard(root.resolve(), limits=Limits(lost=1.0))
        answer = SPOKEN[name]("f.txt", old, new)
        if old == new or (old.strip() and not new.strip()):
            with pytest.raises(CannotApply, match=r"changes nothing|holds no edit|would delete 100 %"):
                read_change(answer, name, files, guard)
            return
        change = read_change(answer, name, files, guard)
        write_now(change, root, Path(folder) / "journal")
        newline = newline if b"\n" in before else b"\n"
        assert (root / "f.txt").read_bytes() == mark + new.encode().replace(b"\n", newline)


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(texts=edited())
def test_a_preview_makes_the_new_text(texts: tuple[str, str]) -> None:
    """The edits that an editor is given, applied from the last to the first, are the change."""
    old, new = texts
    (seen,) = preview(Change((FileEdit("f.txt", "change", new, before=old, checksum=""),), ""))
    text = old
    starts = [0]
    for line in old.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    for edit in reversed(seen.edits):
        start = starts[edit.span.line] + edit.span.column
        end = starts[edit.span.end_line] + edit.span.end_column
        text = text[:start] + edit.text + text[end:]
    assert text == new


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge")
@settings(max_examples=12, deadline=None)
@given(texts=edited())
def test_git_understands_our_diffs(texts: tuple[str, str]) -> None:
    """`git apply` makes the same of a diff as we do."""
    old, new = texts
    if old == new or not old or not new:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "f.txt"
        file.write_bytes(old.encode())
        told = diff(Change((FileEdit("f.txt", "change", new, before=old, checksum=""),), ""))
        subprocess.run(
            ["git", "apply", "--whitespace=nowarn", "-"],
            input=told.encode(),
            cwd=folder,
            check=True,
            timeout=20,
            env={"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(Path(folder).parent)},
        )
        assert file.read_bytes() == new.encode()


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(old=st.lists(LINES, max_size=30), new=st.lists(LINES, max_size=30))
def test_differences_cover_both_sides(old: list[str], new: list[str]) -> None:
    """Every line is in one step, and equal steps are equal."""
    codes = opcodes(old, new)
    assert [line for tag, i, i_end, _, _ in codes for line in old[i:i_end]] == old
    assert [line for tag, _, _, j, j_end in codes for line in new[j:j_end]] == new
    assert all(old[i:i_end] == new[j:j_end] for tag, i, i_end, j, j_end in codes if tag == "equal")
    assert all(one[0] != other[0] for one, other in pairwise(codes))


@settings(max_examples=EXAMPLES * 2, deadline=None)
@given(content=st.lists(st.sampled_from([b"a", b"\r\n", b"\n", b"b", b"\xc3\xbc"]), max_size=12).map(b"".join))
def test_bytes_survive_a_change_of_nothing(content: bytes) -> None:
    """Reading and writing back is nothing, however the line ends are mixed."""
    assert encode(decode(content, "f"), content) == content


PIECES = st.lists(
    LINES
    | st.sampled_from(
        ["../outside/precious.txt", "/etc/passwd", "way_out/precious.txt", "g.txt", "<think>", "</think>"]
    ),
    max_size=30,
).map("\n".join)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(answer=PIECES)
def test_no_answer_does_harm(name: str, answer: str) -> None:
    """Any text is a change or an error of our own; nothing outside is touched."""
    with tempfile.TemporaryDirectory() as folder:
        root = made(Path(folder), {"f.txt": "x = 1\n\nx = 1\n}\n", "src/other.py": "unique line one\n"})
        outside = picture(Path(folder) / "outside")
        with suppress(BeastModeError):
            change = read_change(answer, name, WorkspaceFiles(root), Guard.of(root))
            write_now(change, root, Path(folder) / "journal")
        assert picture(Path(folder) / "outside") == outside
        assert (root / ".git" / "config").read_text() == "[core]\n"

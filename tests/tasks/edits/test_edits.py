"""What the doors and the tasks rely on, beyond the cases."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from tests.tasks.edits.trees import made

from beastmode.domain.text import Edit, Span
from beastmode.tasks.edits import (
    FORMATS,
    CannotApply,
    Guard,
    Limits,
    StaleFile,
    WorkspaceFiles,
    diff,
    preview,
    read_change,
    write,
)

ANSWER = "a.py\n<<<<<<< SEARCH\nb = 2\n=======\nb = 3\n>>>>>>> REPLACE\n"


@pytest.mark.parametrize("name", FORMATS)
def test_the_words_of_a_prompt_are_understood(name: str, tmp_path: Path) -> None:
    """The example that a format's instructions give is an answer in that format."""
    root = made(tmp_path, {"src/example.py": "def add(a, b):\n    return a - b\n\n"})
    example, _, _ = FORMATS[name].instructions.partition("\n\n- ")
    change = read_change(example, name, WorkspaceFiles(root), Guard.of(root))
    assert [(edit.path, edit.kind) for edit in change.edits] == [("src/example.py", "change")]
    assert "return a + b" in (change.edits[0].text or "")


def test_a_preview_has_places(tmp_path: Path) -> None:
    """Each hunk says which lines it replaces, and the diff shows them as git does."""
    root = made(tmp_path, {"a.py": "a = 1\nb = 2\nc = 3"})
    change = read_change(ANSWER, "search-replace", WorkspaceFiles(root), Guard.of(root))
    (seen,) = preview(change)
    assert seen.edits == (Edit(Span(1, 0, 2, 0), "b = 3\n"),)
    assert (seen.added, seen.removed) == (1, 1)
    assert diff(change) == (
        "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n a = 1\n-b = 2\n+b = 3\n c = 3\n"
        "\\ No newline at end of file\n"
    )
    assert change.summary == "Changes a.py"


async def test_an_unsaved_buffer_counts_and_is_not_written_over(tmp_path: Path) -> None:
    """The edit is made for what the user sees; the file on disk, which is another text, is left alone."""
    root = made(tmp_path, {"a.py": "a = 1\n"})
    files = WorkspaceFiles(root, {"a.py": "a = 1\r\nb = 2\r\n"})
    change = read_change(ANSWER, "search-replace", files, Guard.of(root))
    assert change.edits[0].text == "a = 1\nb = 3\n"
    with pytest.raises(StaleFile):
        await write(change, root, tmp_path / "journal")
    assert (root / "a.py").read_text() == "a = 1\n"


async def test_a_buffer_like_the_disk_can_be_written(tmp_path: Path) -> None:
    """A document that is open and saved is its file."""
    root = made(tmp_path, {"a.py": "b = 2\r\n"})
    change = read_change(ANSWER, "search-replace", WorkspaceFiles(root, {"a.py": "b = 2\n"}), Guard.of(root))
    await write(change, root, tmp_path / "journal")
    assert (root / "a.py").read_bytes() == b"b = 3\r\n"


SHAPES = {
    "prose": "The quick brown fox.\n",
    "spaces": "``` " + " " * 100_000 + "x\n",
    "fences": "```\n",
    "named fences": "```python\n",
    "think": "<think></think>\n",
    "think inline": "<think></think>",
    "equal signs": "=======\n",
    "openers": "<<<<<<< SEARCH\n",
    "headers": "--- a/f\n+++ b/f\n",
    "hunks": "@@ -1 +1 @@\n",
    "signs": "+x\n-y\n",
    "one line": "a/",
    "backticks": "`",
    "commands": "DELETE FILE " + " " * 1000 + "\n",
    "tokens": "<|im_end|>\n",
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("shape", SHAPES)
def test_long_answers_end(name: str, shape: str) -> None:
    """Nothing that a model can repeat for megabytes takes more than one walk; a square of it would hang."""
    piece = SHAPES[shape]
    start = "--- a/f\n+++ b/f\n@@\n" if shape == "signs" else ""
    with suppress(CannotApply):
        FORMATS[name].parse(start + piece * (100_000 // len(piece) + 1))


def test_many_edits_of_a_large_file_end(tmp_path: Path) -> None:
    """As many edits as are allowed, none of them to be found, in as large a file as is allowed."""
    root = made(tmp_path, {"a.py": "x = 1\n" * 160_000})
    block = "<<<<<<< SEARCH\n" + "x = 1\n" * 300 + "y\n=======\nz\n>>>>>>> REPLACE\n"
    with pytest.raises(CannotApply, match="are not in a"):
        read_change("a.py\n" + block * 200, "search-replace", WorkspaceFiles(root), Guard.of(root))


def test_limits_are_the_callers(tmp_path: Path) -> None:
    """A task may allow less than the usual."""
    root = made(tmp_path, {"a.py": "b = 2\n"})
    with pytest.raises(CannotApply, match="more than the 0 files"):
        read_change(ANSWER, "search-replace", WorkspaceFiles(root), Guard.of(root, Limits(files=0)))

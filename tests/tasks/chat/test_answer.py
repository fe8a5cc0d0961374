"""References and code blocks in an answer that nobody vouches for."""

from __future__ import annotations

from pathlib import Path

import pytest

from beastmode.context.session import Session
from beastmode.tasks.chat.answer import CodeBlock, citations, code_blocks, normalised
from beastmode.tasks.chat.reading import Desk
from beastmode.tasks.chat.turns import Source


def places(answer: str, desk: Desk, *shown: str) -> list[tuple[str, int, int]]:
    sources = [Source(path, 0, 0, "search", "") for path in shown]
    return [(each.path, each.line, each.end_line) for each in citations(answer, sources, desk)]


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("src/stock.py:2", (1, 1)),
        ("(see `src/stock.py:1-2`)", (0, 1)),
        ("./src/stock.py:1\u20132.", (0, 1)),
        ("src\\stock.py:5", (4, 4)),
        ("[here](src/stock.py#L5-L6)", (4, 5)),
        ("src/stock.py, lines 1-2", (0, 1)),
        ("src/stock.py (line 5)", (4, 4)),
        ("src/stock.py:5-900", (4, 5)),
        ("src/stock.py:5-2", (4, 4)),
        ("src/stock.py:5:9", (4, 4)),
    ],
)
def test_a_reference_becomes_a_link(written: str, lines: tuple[int, int], desk: Desk) -> None:
    """However a model writes it; an end behind the file's is the file's."""
    assert places(f"It is {written} indeed", desk) == [("src/stock.py", *lines)]


@pytest.mark.parametrize(
    "written",
    [
        "src/nothing.py:1",
        "src/stock.py:99",
        "src/stock.py:0",
        "src/stock.py",
        "../outside.py:1",
        "/etc/passwd:1",
        "src/../../outside.py:1",
        ".env:1",
        "keys/id_rsa:1",
        "blob.bin:1",
        "http://localhost:8080",
        "12:30",
        "src:1",
        "C:\\src\\stock.py:1",
        "src/stock.py:99999999",
    ],
)
def test_a_reference_that_leads_nowhere_is_no_link(written: str, desk: Desk) -> None:
    """No such file, no such line, outside of the workspace, or a file that no model may see."""
    assert places(f"It is {written} indeed", desk) == []


def test_a_link_out_of_the_workspace_is_none(root: Path, desk: Desk) -> None:
    """A symbolic link that leads out leads nowhere."""
    (root / "link.py").symlink_to(root.parent / "outside.py")
    assert places("link.py:1", desk) == []


def test_a_files_name_is_enough_where_one_was_shown(root: Path, desk: Desk) -> None:
    """Small models leave the folders out; two files of that name make it no link."""
    assert places("cart.py:2", desk) == []
    assert places("cart.py:2", desk, "src/shop/cart.py") == [("src/shop/cart.py", 1, 1)]
    (root / "old").mkdir()
    (root / "old" / "cart.py").write_text("a\nb\n", encoding="utf-8")
    assert places("cart.py:2", desk, "src/shop/cart.py", "old/cart.py") == []


def test_odd_names_are_known_where_they_were_shown(root: Path, workspace: Session) -> None:
    """Blanks and brackets are parts of names too."""
    (root / "app [id].tsx").write_text("a\nb\n", encoding="utf-8")
    assert places("see app [id].tsx:2", Desk(workspace), "app [id].tsx") == [("app [id].tsx", 1, 1)]


def test_several_folders_have_their_names_before_the_path(root: Path, tmp_path: Path) -> None:
    """As the model was shown them."""
    (tmp_path / "other").mkdir()
    desk = Desk(Session(lambda: 0.0, [str(root), str(tmp_path / "other")]))
    assert places("work/src/stock.py:1", desk) == [("work/src/stock.py", 0, 0)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("```python\nx = 1\n```", CodeBlock("python", "", "x = 1\n")),
        ("```python src/a.py\nx\n```", CodeBlock("python", "src/a.py", "x\n")),
        ("```python:src/a.py\nx\n```", CodeBlock("python", "src/a.py", "x\n")),
        ('```ts title="src/a.ts"\nx\n```', CodeBlock("ts", "src/a.ts", "x\n")),
        ("```src/a.py\nx\n```", CodeBlock("py", "src/a.py", "x\n")),
        ("```python\n# src/a.py\nx\n```", CodeBlock("python", "src/a.py", "# src/a.py\nx\n")),
        ("```js\n// file: src/a.js\n```", CodeBlock("js", "src/a.js", "// file: src/a.js\n")),
        ("**`src/a.py`**:\n\n```python\nx\n```", CodeBlock("python", "src/a.py", "x\n")),
        ("- so:\n  ~~~~\n  a\n    b\n  ~~~~", CodeBlock("", "", "a\n  b\n")),
        ("````\n```\nx\n```\n````", CodeBlock("", "", "```\nx\n```\n")),
        ("```\nunfinished", CodeBlock("", "", "unfinished\n", is_whole=False)),
        ("```python ../../.ssh/authorized_keys\nx\n```", CodeBlock("python", "", "x\n")),
        ("```sh title=/etc/cron.d/x.sh\nx\n```", CodeBlock("sh", "", "x\n")),
        ("```\n# .env\nx\n```", CodeBlock("", "", "# .env\nx\n")),
        ("```python\n# compute e.g. this\n```", CodeBlock("python", "", "# compute e.g. this\n")),
    ],
)
def test_a_block_has_its_language_and_its_path(answer: str, expected: CodeBlock) -> None:
    """Where the answer says one, and only one that may lie in a workspace."""
    assert code_blocks(answer) == (expected,)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "../a",
        "a/../b",
        "a//b",
        "~/a",
        "C:/a",
        "a\0b",
        "a\nb",
        ".git/config",
        "a/.git/hooks/x",
        "id_rsa",
        "x?",
    ],
)
def test_a_path_that_leads_out_is_none(path: str) -> None:
    """It is not even shown as one."""
    assert normalised(path) == ""


def test_a_huge_answer_is_read_to_its_end(desk: Desk) -> None:
    """In time in proportion to it: what grew with its square would take this test many minutes."""
    size = 500_000
    parts = ("a" * size, "a/" * (size // 2), "a:1 " * (size // 4), "```x " * (size // 5), "```\n" * (size // 4))
    for text in parts:
        assert citations(text, [], desk) == ()
        code_blocks(text)

"""Search and definitions, as sources of context and a chat use them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.index.conftest import Workspace

from beastmode.context.index import Index
from beastmode.context.index.reading import _definitions, _search
from beastmode.context.index.words import asked

if TYPE_CHECKING:
    from pathlib import Path

SHOP = '''import decimal

class Basket:
    """What a customer is about to buy."""

    def add_item(self, item):
        self.items.append(item)

    def total_price(self):
        return sum(item.price for item in self.items)
'''


async def test_by_whole_names_by_parts_and_by_plain_words(workspace: Workspace) -> None:
    """`total_price`, `totalPrice`, "the price in total" and a stem of a word find the same place."""
    workspace.write("shop/basket.py", SHOP)
    workspace.write("other.py", "def unrelated():\n    return 1\n")
    workspace.update()
    for words in (["total_price"], ["totalPrice"], ["the price in total"], ["customers"], ["basket"]):
        (chunk,) = await workspace.index.search(words, limit=5)
        assert chunk.path == "shop/basket.py"
        assert chunk.text in SHOP
        assert 0 < chunk.score <= 1


async def test_the_best_comes_first(workspace: Workspace) -> None:
    """A place that has every word goes before one that has one of them many times; scores fall."""
    workspace.write("noise.py", "zebra zebra zebra zebra\n")
    workspace.write("best.py", "zebra = retry(header)\n" + "something = other(thing)\n" * 20)
    for number in range(5):
        workspace.write(f"half{number}.py", "header = retry\n")
    workspace.update()
    found = await workspace.index.search(["zebra", "retry", "header"], limit=5)
    assert found[0].path == "best.py"
    assert [chunk.score for chunk in found] == sorted((chunk.score for chunk in found), reverse=True)


async def test_where_something_is_defined_goes_before_where_it_is_used(workspace: Workspace) -> None:
    """The names of definitions weigh more than the words of a body."""
    workspace.write("a_use.py", "import parse\n\nresult = parse_header(line) + parse_header(other)\n")
    workspace.write("b_definition.py", "def parse_header(line):\n    return line.split(':')\n")
    workspace.update()
    found = await workspace.index.search(["parse_header"], limit=5)
    assert [chunk.path for chunk in found] == ["b_definition.py", "a_use.py"]


async def test_files_can_be_left_out_and_none_takes_all_places(workspace: Workspace) -> None:
    """What the model sees anyway is no news, and one long file does not hide the others."""
    workspace.write("long.py", "".join(f"def needle_{n}():\n" + "    needle()\n" * 30 + "\n" for n in range(30)))
    workspace.write("short.py", "needle = 1\n")
    workspace.update()
    assert {chunk.path for chunk in await workspace.index.search(["needle"], limit=4)} == {"long.py", "short.py"}
    (left,) = await workspace.index.search(["needle"], limit=4, leave_out={"long.py"})
    assert left.path == "short.py"


async def test_definitions_by_name(workspace: Workspace) -> None:
    """Exactly that name, with the place and what a caller needs; every name gets its turn before a second comes."""
    workspace.write("shop/basket.py", SHOP)
    for number in range(5):
        workspace.write(f"many{number}.py", "def add_item():\n    pass\n")
    workspace.update()
    (basket,) = await workspace.index.definitions(["Basket"], limit=5)
    assert (basket.kind, basket.path, basket.line) == ("class", "shop/basket.py", 2)
    assert "def total_price(self)" in basket.text
    found = await workspace.index.definitions(["add_item", "total_price", "nothing"], limit=3)
    assert [symbol.name for symbol in found] == ["add_item", "total_price", "add_item"]
    assert found[1].parent == "Basket"
    assert await workspace.index.definitions(["basket"], limit=5) == []


async def test_no_question_is_an_error(workspace: Workspace) -> None:
    """Quotes, operators, NULs and lone surrogates in what is asked are words or nothing."""
    workspace.write("a.py", "def needle(): pass\n")
    workspace.update()

    @given(st.lists(st.text(max_size=20), max_size=5))
    @settings(max_examples=50, deadline=None)
    def ask(texts: list[str]) -> None:
        with closing(sqlite3.connect(workspace.file)) as database:
            terms = asked([*texts, "needle"])
            assert [chunk.path for chunk in _search(database, terms, 5, frozenset(texts), {})] == ["a.py"]
            assert _definitions(database, texts, 5) == []

    ask()
    hostile = ['x" OR nothing', "NEAR(needle)", "needle*", "path:needle", "\ud800", "a\0b"]
    assert await workspace.paths(*hostile) == {"a.py"}
    assert await workspace.index.definitions(["\ud800", "needle'"], limit=5) == []


async def test_nothing_there_is_nothing_found(tmp_path: Path) -> None:
    """No index, no folder, closed: empty answers, and no file made."""
    index = Index(tmp_path / "work", tmp_path / "none")
    assert await index.search(["x"], limit=5) == []
    assert (await index.figures()).files == 0
    await index.aclose()
    await index.aclose()
    assert await index.search(["x"], limit=5) == []
    assert list(tmp_path.iterdir()) == []


async def test_it_only_reads(workspace: Workspace) -> None:
    """No query can change the file."""
    workspace.write("a.py")
    workspace.update()

    def write(database: sqlite3.Connection) -> str:
        try:
            database.execute("DELETE FROM files")
        except sqlite3.OperationalError:
            return "refused"
        return "done"

    assert await workspace.index._ask(write, "") == "refused"


async def test_a_query_that_is_cancelled_or_takes_too_long_stops(workspace: Workspace) -> None:
    """Its thread is free for the next one at once: a keystroke never waits for the search of the one before."""
    workspace.write("a.py", "def needle(): pass\n")
    workspace.update()

    def endless(database: sqlite3.Connection) -> str:
        query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        return str(database.execute(query).fetchone())

    asking = asyncio.create_task(workspace.index._ask(endless, "nothing"))
    await asyncio.sleep(0)
    asking.cancel()
    assert {chunk.path for chunk in await workspace.index.search(["needle"], limit=5)} == {"a.py"}
    hasty = Index(workspace.root, workspace.folder, limit_s=0.0)
    assert await hasty._ask(endless, "nothing") == "nothing"
    await hasty.aclose()


async def test_a_new_file_in_the_place_of_the_old_one_is_noticed(workspace: Workspace) -> None:
    """A reader that has the index open sees the one that was built again."""
    workspace.write("a.py", "apple = 1\n")
    workspace.update()
    assert await workspace.paths("apple") == {"a.py"}
    for path in workspace.folder.iterdir():
        path.unlink()
    assert await workspace.paths("apple") == set()
    workspace.write("a.py", "apricot = 1\n")
    workspace.update()
    assert await workspace.paths("apple", "apricot") == {"a.py"}
    assert await workspace.paths("apple") == set()

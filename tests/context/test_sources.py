"""The sources that look at what is open and was done, and the one that asks the index; and all of them together."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.open_documents import Desk, Tab

from beastmode.context.gather import Gathered, Gatherer, Here
from beastmode.context.session import OpenDocument
from beastmode.context.sources import sources
from beastmode.context.sources.open_tabs import CHUNK_LINES, OpenTabs, cuts
from beastmode.context.sources.recent_edits import RecentEdits
from beastmode.context.sources.search import Search
from beastmode.context.sources.visited import Visited

BASKET = """\
class Basket:
    def __init__(self, customer, discount_rate):
        self.customer = customer
        self.discount_rate = discount_rate

    def add_product(self, product, quantity):
        self.products.append((product, quantity))
"""
WEATHER = "".join(f"def measure_{n}(sensor_{n}):\n    return sensor_{n}.read_celsius()\n\n\n" for n in range(30))
TYPED = "basket = Basket(customer, discount_rate)\nbasket.add_product(product, "


def typed_in(desk: Desk, text: str = TYPED, path: str = "/w/shop/api.py") -> Here:
    tab = desk.open(path, text)
    return desk.here(tab, len(tab.lines) - 1)


async def test_the_tab_that_speaks_of_the_same() -> None:
    """Of the open tabs the chunk with the names of the code at the cursor is found, and none that shares nothing."""
    desk = Desk("/w")
    desk.open("/w/weather.py", WEATHER)
    desk.open("/w/shop/basket.py", WEATHER + BASKET + "\n\n" + WEATHER)
    found = await OpenTabs().find(typed_in(desk))
    assert found[0].path == "shop/basket.py"
    assert "class Basket" in found[0].text
    assert all("Basket" in each.text for each in found)
    assert found[0].why.endswith("names in common")


async def test_a_tab_is_read_once_a_version() -> None:
    """What did not change is not read again; what changed is, and what was closed is forgotten."""
    desk, source = Desk("/w"), OpenTabs()
    tab = desk.open("/w/basket.py", BASKET)
    here = typed_in(desk)
    await source.find(here)
    (_, chunks) = source._read[tab.uri]
    await source.find(here)
    assert source._read[tab.uri][1] is chunks
    desk.edit(tab, 0, len(tab.lines), ["def nothing(): ..."])
    assert await source.find(here) == []
    desk.edit(tab, 0, 1, ["class Basket(customer, product): ..."])
    assert len(await source.find(here)) == 1
    desk.session.closed(tab.uri)
    assert await source.find(here) == []
    assert not source._read


async def test_a_huge_tab_is_read_where_the_user_was() -> None:
    """Of 100,000 lines a thousand are read: those around the place last visited."""
    desk, source = Desk("/w"), OpenTabs()
    tab = desk.open("/w/huge.py", "x = 1\n" * 50_000 + BASKET + "x = 1\n" * 50_000)
    desk.session.visited(tab.uri, 50_020)
    found = await source.find(typed_in(desk))
    assert any("class Basket" in each.text for each in found)
    (_, chunks) = source._read[tab.uri]
    assert sum(each.end - each.line for each in chunks) <= 1000


async def test_reading_many_tabs_lets_keystrokes_in() -> None:
    """Between two tabs the event loop has its turn."""
    desk = Desk("/w")
    for number in range(5):
        desk.open(f"/w/{number}.py", BASKET)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await OpenTabs().find(typed_in(desk))
    counting.cancel()
    assert turns >= 5


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["", "def f():", "    x = 1", "        y", "}"]), max_size=150))
def test_chunks_are_the_whole_text(lines: list[str]) -> None:
    """No line is lost or shown twice, and no chunk is too long."""
    ranges = cuts(lines)
    assert [line for start, end in ranges for line in range(start, end)] == list(range(len(lines)))
    assert all(0 < end - start <= CHUNK_LINES for start, end in ranges)


def test_chunks_end_before_a_definition() -> None:
    """A chunk does not end in the middle of a function that would have fitted."""
    lines = ("def f():\n" + "    x = 1\n" * 15 + "\n\n").split("\n")[:-1] * 6
    assert all(lines[end] == "def f():" for _, end in cuts(lines)[:-1])


@pytest.mark.parametrize("source", [RecentEdits(), Visited(), OpenTabs()], ids=lambda each: each.name)
async def test_no_secrets_from_open_tabs(source: RecentEdits | Visited | OpenTabs) -> None:
    """What is open, edited and looked at may be a file with secrets, by its name or by its language."""
    desk = Desk("/w")
    text = "customer = 1\ndiscount_rate = 2\nproduct = hunter2\n" * 5
    for path, language, scheme in (
        ("/w/.env", "plaintext", "file"),
        ("/w/prod.env", "properties", "file"),
        (".env", "plaintext", "untitled"),
        ("Untitled-1", "dotenv", "untitled"),
        ("/home/me/.ssh/id_rsa", "plaintext", "file"),
    ):
        tab = desk.open(path, text, language, scheme)
        desk.edit(tab, 1, 1, ["customer = discount_rate"])
        desk.session.visited(tab.uri, 2)
        if path == "/w/prod.env":
            desk.session.closed(tab.uri)
    assert await source.find(typed_in(desk)) == []


async def test_recent_edits_as_they_look_now() -> None:
    """An edit is shown with the lines around it, as the document is now, the last one first."""
    desk = Desk("/w")
    tab = desk.open("/w/basket.py", BASKET + WEATHER)
    desk.edit(tab, 3, 1, ["        self.rate = discount_rate"])
    desk.edit(tab, 60, 1, ["# later"])
    desk.edit(tab, 0, 0, ["import os", ""])
    desk.now += 200
    found = await RecentEdits().find(typed_in(desk))
    assert [tab.lines[each.line] for each in found] == [each.text.split("\n")[0] for each in found]
    assert "self.rate = discount_rate" in found[0].text
    assert found[0].why == "edited 3 min ago"
    assert "# later" in found[1].text


async def test_edits_in_far_parts_of_the_same_file() -> None:
    """An edit that the window does not show counts; one that it shows does not."""
    desk = Desk("/w")
    tab = desk.open("/w/api.py", "".join(f"value_{n} = {n}\n" for n in range(2000)))
    desk.edit(tab, 1990, 1, ["near = 1"])
    desk.edit(tab, 10, 1, ["far = 1"])
    here = desk.here(tab, 1995)
    assert here.first_line <= 1990
    (found,) = await RecentEdits().find(here)
    assert "far = 1" in found.text
    assert found.line == 7


async def test_nothing_of_the_window_is_found() -> None:
    """A range that crosses the window's edge is shown without the lines that the window has."""
    desk = Desk("/w")
    tab = desk.open("/w/api.py", "".join(f"value_{n} = {n}\n" for n in range(2000)))
    first = desk.here(tab, 1000).first_line
    desk.session.visited(tab.uri, first - 3)
    here = desk.here(tab, 1000)
    (found,) = await Visited().find(here)
    assert found.text.splitlines()[-1] == tab.lines[here.first_line - 1]
    assert not set(found.text.splitlines()) & set(here.window.prefix.splitlines())


async def test_another_state_of_the_same_file_is_not_shown() -> None:
    """The left side of a comparison has the document's path and old code in it; notebook cells share a path rightly."""
    desk = Desk("/w")
    desk.open("/w/shop/api.py", BASKET, scheme="git")
    assert await OpenTabs().find(typed_in(desk)) == []
    desk = Desk("/w")
    desk.open("/w/a.ipynb", BASKET, scheme="vscode-notebook-cell")
    cell = Tab("/w/a.ipynb", TYPED, scheme="vscode-notebook-cell", cell="#2")
    desk.session.opened(cell)
    assert [each.path for each in await OpenTabs().find(desk.here(cell, 1))] == ["a.ipynb"]


@dataclass(frozen=True)
class Chunk:
    path: str
    text: str
    line: int = 0
    score: float = 1.0

    @property
    def end_line(self) -> int:
        return self.line + self.text.count("\n") - 1


class Chunks:
    def __init__(self, *chunks: Chunk) -> None:
        self.chunks = chunks
        self.words: Sequence[str] = ()
        self.leave_out: Collection[str] = ()

    async def search(self, words: Sequence[str], *, limit: int, leave_out: Collection[str] = ()) -> list[Chunk]:
        self.words, self.leave_out = words, leave_out
        return [each for each in self.chunks if each.path not in leave_out]


async def test_search_of_closed_files() -> None:
    """The index is asked for the names at the cursor, and not for what is open in other tabs."""
    index = Chunks(Chunk("shop/basket.py", BASKET), Chunk("open.py", "x = 1\n"), Chunk(".env", "x=1\n"))
    desk = Desk("/w")
    desk.open("/w/open.py", "x = 1\n")
    found = await Search({"/w": index}).find(typed_in(desk))
    assert [(each.path, each.text, each.source) for each in found] == [("shop/basket.py", BASKET, "search")]
    assert index.words[0] == "product"
    assert index.leave_out == {"open.py"}


async def test_search_in_several_folders() -> None:
    """With two workspace folders the paths say which one, and each index gets its own."""
    desk = Desk("/w/shop", "/w/web")
    desk.open("/w/web/open.py", "x = 1\n")
    web = Chunks(Chunk("open.py", "x = 1\n"), Chunk("a.py", "y = 1\n"))
    shop = Chunks(Chunk("open.py", "z = 1\n"))
    found = await Search({"/w/web": web, "/w/shop": shop}).find(typed_in(desk))
    assert {each.path for each in found} == {"web/a.py", "shop/open.py"}


async def test_search_in_the_document_itself() -> None:
    """A far part of the document is shown as it is now, and not where it changed or the window has it."""
    desk = Desk("/w")
    tab = desk.open("/w/api.py", "".join(f"value_{n} = {n}\n" for n in range(2000)))
    desk.edit(tab, 101, 1, ["changed = 1"])
    index = Chunks(
        Chunk("api.py", "value_100 = 100\nvalue_101 = 101\n", 100),
        Chunk("api.py", "value_301 = 301\n", 300),
        Chunk("api.py", "value_1000 = 1000\n", 1000),
    )
    found = await Search({"/w": index}).find(desk.here(tab, 1005))
    assert [each.text for each in found] == ["value_100 = 100\nchanged = 1\n"]


async def gathered(desk: Desk, tab: OpenDocument, line: int, tokens: int = 2000) -> Gathered:
    assert isinstance(tab, Tab)
    gatherer = Gatherer(sources({}), desk.session, lambda: desk.now, limit_s=30)
    here = desk.here(tab, line)
    found = await gatherer.gather(here.cursor, here.window, tokens)
    await gatherer.aclose()
    return found


async def test_everything_together(tmp_path: Path) -> None:
    """A day's work in a small workspace: definitions first, then open tabs, then visits and edits; nothing secret."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "basket.py").write_text(BASKET, "utf-8")
    (tmp_path / ".env").write_text("customer=hunter2\n", "utf-8")
    desk = Desk(tmp_path)
    weather = desk.open(tmp_path / "weather.py", "# customer discount_rate product add_product\n" + WEATHER)
    desk.session.visited(weather.uri, 100)
    edited = desk.open(tmp_path / "notes.md", "# Notes\n\nHere is something.\n", "markdown")
    desk.edit(edited, 2, 1, ["Here is something new."])
    unsaved = desk.open("Untitled-1", "API_KEY=hunter2\nCUSTOMER_PRODUCT=add_product\n", "plaintext", "untitled")
    desk.edit(unsaved, 0, 1, ["API_KEY=hunter22"])
    desk.open(tmp_path / ".env")
    tab = desk.open(tmp_path / "shop" / "api.py", f"from shop.basket import Basket\n\n{TYPED}")
    found = await gathered(desk, tab, 3)
    assert [(each.source, each.path) for each in found.snippets] == [
        ("definitions", "shop/basket.py"),
        ("open_tabs", "weather.py"),
        ("visited", "weather.py"),
        ("recent_edits", "notes.md"),
    ]
    assert "hunter2" not in "".join(each.text for each in found.snippets)
    assert str(tmp_path) not in "".join(each.path + each.why for each in found.snippets)


async def test_a_chunk_that_the_window_has_is_left_out() -> None:
    """A copy of the code at the cursor in another tab is no help: a model would repeat it."""
    desk = Desk("/w")
    desk.open("/w/copy.py", f"{BASKET}\n{TYPED}1)\n")
    tab = desk.open("/w/api.py", f"{BASKET}\n{TYPED}")
    found = await gathered(desk, tab, len(tab.lines) - 1)
    assert found.snippets == ()
    assert ("open_tabs", "copy.py:1: overlaps the window") in found.left_out


@pytest.mark.parametrize(
    "text",
    ["", "\n", "\ud83d", "x" * 100_000, "你好 = 世界\n" * 300, "\x00\x01\n", "a\tb\n" * 3, "((((" * 5000],
    ids=["empty", "newline", "half a character", "one line", "cjk", "control", "tabs", "brackets"],
)
@pytest.mark.parametrize("language", ["python", "typescript", ""])
async def test_odd_documents(text: str, language: str, tmp_path: Path) -> None:
    """Whatever is open, at the cursor or beside it, nothing fails."""
    desk = Desk(tmp_path)
    other = desk.open(tmp_path / "other.py", text, language)
    desk.session.visited(other.uri, 0)
    desk.edit(other, 0, 1, [text.split("\n", maxsplit=1)[0]])
    tab = desk.open(tmp_path / "api.py", text, language)
    found = await gathered(desk, tab, 0)
    assert not [why for why in found.left_out if "failed" in why[1]]

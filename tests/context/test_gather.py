"""Gathering: within its time, from whoever answers, and not again while nothing changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import pytest
from tests.support.open_documents import Desk, Tab

from beastmode.context.gather import Gathered, Gatherer, Here
from beastmode.domain.context import Snippet

LIMIT_S = 0.05


def snippet(source: str, text: str, path: str = "other.py", score: float = 0.5) -> Snippet:
    return Snippet(path, f"{text}\n", 0, source, "because", score)


class Prompt:
    """Answers at once."""

    def __init__(self, name: str, answer: Callable[[Here], Sequence[Snippet]] | None = None) -> None:
        self.name = name
        self.asked = 0
        self.answer = answer or (lambda here: [snippet(name, f"{name}_says(line={here.cursor.line})")])

    async def find(self, here: Here) -> Sequence[Snippet]:
        self.asked += 1
        return self.answer(here)


class Slow(Prompt):
    """Answers when it is told to."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.go = asyncio.Event()
        self.is_cancelled = False
        self.has_answered = 0

    async def find(self, here: Here) -> Sequence[Snippet]:
        self.asked += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise
        self.has_answered += 1
        return self.answer(here)


class World:
    """A gatherer whose time passes when the test says so."""

    def __init__(self, *sources: Prompt) -> None:
        self.desk = Desk("/w")
        self.tab = self.desk.open("/w/a.py", "\n".join(f"value_{number} = {number}" for number in range(300)))
        self.slept: list[float] = []
        self.gatherer = Gatherer(sources, self.desk.session, lambda: self.desk.now, LIMIT_S, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        """The limit is over as soon as nobody else has anything to do."""
        self.slept.append(seconds)
        for _ in range(20):
            await asyncio.sleep(0)
        self.desk.now += seconds

    async def gather(self, line: int, tokens: int = 1000, tab: Tab | None = None) -> Gathered:
        cursor = self.desk.cursor(tab or self.tab, line)
        self.desk.session.visited(cursor.uri, line)
        return await self.gatherer.gather(cursor, self.desk.window(cursor), tokens)


def texts(gathered: Gathered) -> list[str]:
    return [each.text.strip() for each in gathered.snippets]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_every_source_in_the_order_given() -> None:
    """Each source is asked, and the one given first, whose answers change least, is shown first."""
    world = World(
        Prompt("definitions", lambda _: [snippet("definitions", "def one(): ...", score=0.1)]),
        Prompt("recent_edits", lambda _: [snippet("recent_edits", "two = 2", score=0.9)]),
    )
    assert texts(await world.gather(5)) == ["def one(): ...", "two = 2"]
    assert world.slept == pytest.approx([LIMIT_S])


async def test_typing_on_the_line_asks_nobody() -> None:
    """On the same line the same snippets come back, the very same object, without a turn of the event loop."""
    source = Prompt("definitions")
    world = World(source)
    first = await world.gather(5)
    for text in ("value_5 = 5 +", "value_5 = 5 + v"):
        world.desk.edit(world.tab, 5, 1, [text])
        # The first key makes the line a recent edit, which may change an answer; the second does not.
        first = await world.gather(5) if source.asked == 1 else first
    asked = source.asked
    world.desk.edit(world.tab, 5, 1, ["value_5 = 5 + va"])
    cursor = world.desk.cursor(world.tab, 5)
    step = world.gatherer.gather(cursor, world.desk.window(cursor), 1000)
    with pytest.raises(StopIteration) as done:
        step.send(None)
    assert done.value.value.snippets is first.snippets
    assert source.asked == asked


@pytest.mark.parametrize("change", ["line", "tab", "edit elsewhere", "tokens"])
async def test_what_changes_asks_again(change: str) -> None:
    """Another line, another tab opened, an edit in another document, another budget."""
    source = Prompt("definitions")
    world = World(source)
    other = world.desk.open("/w/b.py", "\n\n")
    await world.gather(5)
    match change:
        case "tab":
            world.desk.open("/w/c.py", "x = 1")
        case "edit elsewhere":
            world.desk.edit(other, 0, 1, ["x = 1"])
        case _:
            pass
    await world.gather(6 if change == "line" else 5, 500 if change == "tokens" else 1000)
    assert source.asked == 2


async def test_a_name_that_a_source_listens_for_asks_again() -> None:
    """A word completed on the line that a source knows makes it worth asking; half a word and others do not."""

    class Attentive(Prompt):
        def notices(self, word: str) -> bool:
            return word == "Order"

    source = Attentive("definitions")
    world = World(source)
    world.desk.edit(world.tab, 5, 1, ["total = "])
    await world.gather(5)
    asked = []
    for text in ("total = O", "total = Order", "total = Order(", "total = Order(x", "total = Order(x)"):
        world.desk.edit(world.tab, 5, 1, [text])
        await world.gather(5)
        asked.append(source.asked)
    assert asked == [1, 1, 2, 2, 2]


async def test_a_late_source_is_used_next_time() -> None:
    """The keystroke goes on without it, says so, and has its answer at the next key, with nobody asked again."""
    slow, prompt = Slow("search"), Prompt("definitions")
    world = World(prompt, slow)
    first = await world.gather(5)
    assert texts(first) == ["definitions_says(line=5)"]
    assert ("search", "took longer than 50 ms") in first.left_out
    assert first.took_s == pytest.approx(LIMIT_S)
    again = await world.gather(5)
    assert again.took_s == 0
    slow.go.set()
    await settle()
    then = await world.gather(5)
    assert texts(then) == ["definitions_says(line=5)", "search_says(line=5)"]
    assert not then.left_out
    assert (slow.asked, prompt.asked) == (1, 1)
    assert world.slept == pytest.approx([LIMIT_S])


async def test_a_slow_source_is_waited_for_once() -> None:
    """While it is busy, other lines do not wait for it either, and it is not asked a second time meanwhile."""
    slow, prompt = Slow("search"), Prompt("definitions")
    world = World(prompt, slow)
    for line in (5, 6, 7, 8):
        await world.gather(line)
    assert slow.asked == 1
    assert prompt.asked == 4
    assert world.desk.now - 1000 == pytest.approx(LIMIT_S)
    slow.go.set()
    await settle()
    slow.go.clear()
    # What it found for line 5 helps in line 8 until it has been asked about that.
    assert texts(await world.gather(8))[-1] == "search_says(line=5)"
    slow.go.set()
    await settle()
    assert texts(await world.gather(8))[-1] == "search_says(line=8)"


async def test_a_slow_source_forgets_another_document() -> None:
    """What it looks for in the document that the user left is stopped, and never shown in the next."""
    slow = Slow("search")
    world = World(slow)
    other = world.desk.open("/w/b.py", "x = 1\ny = 2")
    await world.gather(5)
    await world.gather(0, tab=other)
    assert slow.is_cancelled
    assert slow.asked == 2
    slow.go.set()
    await settle()
    assert texts(await world.gather(0, tab=other)) == ["search_says(line=0)"]


async def test_a_failing_source_hurts_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Its failure is a reason, and in the log once, without the words of the error, which may quote code."""

    def fail(here: Here) -> Sequence[Snippet]:
        raise ValueError(here.cursor.line_before)

    world = World(Prompt("search", fail), Prompt("visited"))
    with caplog.at_level(logging.WARNING):
        for line in (5, 6):
            gathered = await world.gather(line)
            assert texts(gathered) == [f"visited_says(line={line})"]
            assert gathered.left_out == (("search", "failed: ValueError"),)
    assert len(caplog.records) == 1
    assert "search" in caplog.text
    assert "value_5" not in caplog.text


async def test_a_superseded_keystroke_loses_no_work() -> None:
    """The next key cancels the one before; the sources it asked go on, and are not asked again."""
    slow = Slow("search")
    world = World(slow)
    cursor = world.desk.cursor(world.tab, 5)
    window = world.desk.window(cursor)
    first = asyncio.create_task(world.gatherer.gather(cursor, window, 1000))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait((first,))
    slow.go.set()
    assert texts(await world.gatherer.gather(cursor, window, 1000)) == ["search_says(line=5)"]
    assert slow.asked == 1
    assert not slow.is_cancelled


async def test_closing_stops_what_runs() -> None:
    """Afterwards nothing is running, and nothing is gathered."""
    slow = Slow("search")
    world = World(slow)
    await world.gather(5)
    await world.gatherer.aclose()
    assert slow.is_cancelled
    assert await world.gather(6) == Gathered((), ())
    assert slow.asked == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_nothing_runs_on_after_an_answer() -> None:
    """No timer stays behind."""
    world = World(Prompt("definitions"))
    await world.gather(5)
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_stays_keeps_its_place() -> None:
    """From line to line, what is still found stays where it was; what is new comes behind it."""
    one, two, three = (snippet("definitions", f"def {name}(): ...", f"{name}.py") for name in ("b", "c", "a"))
    by_line = {5: [one, two], 6: [three, two, one], 7: [three, one]}
    world = World(Prompt("definitions", lambda here: by_line[here.cursor.line]))
    orders = [texts(await world.gather(line)) for line in (5, 6, 7)]
    assert orders == [
        ["def b(): ...", "def c(): ..."],
        ["def b(): ...", "def c(): ...", "def a(): ..."],
        ["def b(): ...", "def a(): ..."],
    ]


async def test_no_room_asks_nobody() -> None:
    """Without a budget nothing is looked for."""
    source = Prompt("definitions")
    assert (await World(source).gather(5, tokens=0)).snippets == ()
    assert source.asked == 0

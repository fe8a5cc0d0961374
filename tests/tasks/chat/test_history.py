"""Sessions in a real database."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from beastmode.domain.errors import UserError
from beastmode.ledger.spent import Spent
from beastmode.store import Database, StoreError
from beastmode.tasks.chat import History, SessionNotFound, Source, Turn, to_markdown

TURN = Turn(
    question="How does `total` work?",
    answer="It adds, see src/stock.py:2.",
    ended="stop",
    model="custom:mine",
    request_id="r",
    asked_at=1_800_000_000.0,
    total_s=2.0,
    first_s=0.5,
    sources=(Source("src/stock.py", 0, 5, "file", "attached"),),
    spent=Spent(),
)

OTHER_PROCESS = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from beastmode.store import Database, StoreError
from beastmode.tasks.chat import History, Turn

async def main():
    database = await Database.open(Path(sys.argv[1]))
    history = History(database, lambda: 2_000_000_000.0)
    for number in range(20):
        turn = Turn(f"theirs {number}", "x" * 2000, "stop", "m", "r", 1.0, 1.0)
        await history.add("shared", turn, workspace="", is_new=True)
    await database.close()

asyncio.run(main())
"""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "b.db")
    yield opened
    await opened.close()


@pytest.fixture
def history(database: Database) -> History:
    return History(database, lambda: 1_900_000_000.0)


async def add(history: History, session_id: str, turn: Turn = TURN, *, is_new: bool = True) -> bool:
    return (await history.add(session_id, turn, workspace="/w", is_new=is_new))[1]


async def test_a_session_survives_a_restart(tmp_path: Path) -> None:
    """Question, answer, sources and ending, as they were."""
    broken = replace(TURN, answer="It ad", ended="failed", error="The answer broke off", first_s=None)
    for turn in (TURN, broken):
        database = await Database.open(tmp_path / "b.db")
        await add(History(database, lambda: 1_900_000_000.0), "mine", turn)
        await database.close()
    database = await Database.open(tmp_path / "b.db")
    history = History(database, lambda: 0.0)
    assert await history.turns("mine") == [TURN, broken]
    (session,) = await history.sessions()
    assert (session.id, session.title, session.turns, session.workspace) == ("mine", TURN.question, 2, "/w")
    await database.close()


async def test_create_list_rename_and_delete(history: History, database: Database) -> None:
    """A session is found by its id or its title; deleting it takes every turn with it."""
    made = await history.create("Plans", session_id="p")
    assert await history.create("Other words", session_id="p") == made
    await add(history, "q")
    assert [each.id for each in await history.sessions()] == ["q", "p"]
    assert (await history.rename("q", "  A \x1b[31mname\nof two lines ")).title == "A [31mname of two lines"
    assert (await history.get("Plans")).id == (await history.get("p")).id == "p"
    await history.delete("q")
    assert await database.read("SELECT * FROM chat_turns") == []
    for work in (history.get("q"), history.delete("q"), history.rename("q", "x")):
        with pytest.raises(SessionNotFound, match="Chat session not found: q"):
            await work
    for wrong in ("", " ", "a\nb", "x" * 300):
        with pytest.raises(UserError):
            await history.create(session_id=wrong)


async def test_what_is_deleted_is_in_no_file(tmp_path: Path) -> None:
    """Once the database is closed."""
    database = await Database.open(tmp_path / "b.db")
    history = History(database, lambda: 1.0)
    await add(history, "s", replace(TURN, question="A very private question?"))
    await history.delete("s")
    await database.close()
    for file in tmp_path.iterdir():
        assert b"very private" not in file.read_bytes(), file


async def test_a_deleted_session_stays_deleted(history: History) -> None:
    """Though an answer for it was still coming."""
    await history.create(session_id="gone")
    await history.delete("gone")
    assert not await add(history, "gone", is_new=False)
    assert await history.find("gone") is None


async def test_the_last_turns_come_in_their_order(history: History) -> None:
    """The newest ones, oldest of them first."""
    for number in range(5):
        await add(history, "s", replace(TURN, question=str(number)))
    assert [turn.question for turn in await history.turns("s", 2)] == ["3", "4"]


async def test_two_processes_share_a_session(history: History, database: Database) -> None:
    """Every turn of both is there once, whole, and in the order in which it ended."""
    arguments = (sys.executable, "-c", OTHER_PROCESS, database.name)
    other = await asyncio.create_subprocess_exec(*arguments, cwd=Path(__file__).parents[3] / "server")
    for number in range(20):
        await add(history, "shared", replace(TURN, question=f"ours {number}"))
        await asyncio.sleep(0)
    assert await asyncio.wait_for(other.wait(), 30) == 0
    said = [turn.question for turn in await history.turns("shared")]
    for whose in ("ours", "theirs"):
        assert [each for each in said if each.startswith(whose)] == [f"{whose} {n}" for n in range(20)]
    (session,) = await history.sessions()
    assert (session.turns, session.used_at) == (40, 2_000_000_000.0)


async def test_half_a_turn_is_never_written(history: History, database: Database) -> None:
    """What cannot be written whole leaves neither a turn nor a session."""
    with pytest.raises(StoreError):
        await add(history, "s", replace(TURN, total_s=None))  # type: ignore[arg-type]  # a row that the table refuses
    assert await history.sessions() == []


async def test_markdown_holds_what_was_said(history: History) -> None:
    """Also an answer that broke off inside a block of code, which must not swallow the rest."""
    await add(history, "s", replace(TURN, answer="So:\n```python\nx = 1", ended="stopped"))
    await add(history, "s", replace(TURN, question="and\nthen?", answer="\x1b[2JDone.", sources=()))
    session = await history.get("s")
    assert to_markdown(session, await history.turns("s")) == (
        "# How does `total` work?\n\n"
        "> How does `total` work?\n\n"
        "So:\n```python\nx = 1\n```\n\n"
        "*custom:mine, 2027-01-15 08:00 UTC, stopped by the user*\n\n"
        "Shown to the model: `src/stock.py:1-6`\n\n"
        "> and\n> then?\n\n"
        "[2JDone.\n\n"
        "*custom:mine, 2027-01-15 08:00 UTC*\n"
    )

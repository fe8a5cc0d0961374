"""Chat sessions in the database: what the user asks to be kept. And the same in memory, for who wants nothing kept.

A turn is one row, written in one transaction when its answer has ended or broken off; several processes may use one
session at the same time, and each sees what the others have finished.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from beastmode.domain.errors import UserError
from beastmode.domain.usage import from_nano, to_nano
from beastmode.ledger.spent import Spent, spent_on
from beastmode.tasks.chat.clean import one_line, whole
from beastmode.tasks.chat.turns import Session, Source, Turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from beastmode.store import Database
    from beastmode.store.connection import Connection, Row

LONGEST_ID = 200
LONGEST_TITLE = 80
_ALL = 2**62
_SESSIONS = """SELECT chat_sessions.*, (SELECT COUNT(*) FROM chat_turns WHERE session_id = chat_sessions.id) AS turns
    FROM chat_sessions"""
_NEW = "INSERT INTO chat_sessions VALUES (:id, :title, :workspace, :now, :now) ON CONFLICT DO NOTHING"
_TURN = """INSERT INTO chat_turns (session_id, asked_at, question, answer, ended, error, model, request_id, sources,
        total_s, first_s, input_tokens, output_tokens, estimated, cost_nano)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


class SessionNotFound(UserError):
    """No session of that name."""

    kind = "session_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"Chat session not found: {name}", "Run `beastmode chat sessions` to see them")


class Keeper(Protocol):
    """Where turns are kept."""

    async def find(self, session_id: str) -> Session | None:
        """The session, None where there is none yet."""
        ...

    async def turns(self, session_id: str, last: int | None = None) -> list[Turn]:
        """The last turns of a session, oldest first; all of them where no number is given."""
        ...

    async def add(self, session_id: str, turn: Turn, *, workspace: str, is_new: bool) -> tuple[Turn, bool]:
        """Keep a turn; it comes back with what it cost, and with whether it was kept."""
        ...


class History:
    """The sessions of the database.

    Args:
        database: where they are.
        clock: Unix time in seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def create(self, title: str = "New chat", *, session_id: str | None = None, workspace: str = "") -> Session:
        """A new session without turns; one that is there already stays as it is.

        Raises:
            UserError: the id or the title cannot be one.
        """
        session_id = valid_id(uuid4().hex[:8] if session_id is None else session_id)
        values = {"id": session_id, "title": valid_title(title), "workspace": whole(workspace), "now": self._clock()}
        await self._database.write(_NEW, values)
        return await self.get(session_id)

    async def sessions(self) -> list[Session]:
        """All of them, the one used last first."""
        return [_session(row) for row in await self._database.read(f"{_SESSIONS} ORDER BY used_at DESC, rowid DESC")]

    async def find(self, session_id: str) -> Session | None:
        """The session of that id, None where there is none."""
        rows = await self._database.read(f"{_SESSIONS} WHERE id = ?", (whole(session_id),))
        return _session(rows[0]) if rows else None

    async def get(self, name: str) -> Session:
        """The session of that id, or else the last used one of that title.

        Raises:
            SessionNotFound: there is none.
        """
        query = f"{_SESSIONS} WHERE id = ?1 OR title = ?1 ORDER BY id = ?1 DESC, used_at DESC LIMIT 1"
        rows = await self._database.read(query, (whole(name),))
        if not rows:
            raise SessionNotFound(name)
        return _session(rows[0])

    async def turns(self, session_id: str, last: int | None = None) -> list[Turn]:
        """See `Keeper.turns`."""
        query = "SELECT * FROM chat_turns WHERE session_id = ? ORDER BY id DESC LIMIT ?"
        rows = await self._database.read(query, (whole(session_id), _ALL if last is None else last))
        return [_turn(row) for row in reversed(rows)]

    async def rename(self, session_id: str, title: str) -> Session:
        """Give a session another title; its id stays.

        Raises:
            SessionNotFound: there is none of that id.
            UserError: the title cannot be one.
        """
        values = (valid_title(title), whole(session_id))
        await self._database.write("UPDATE chat_sessions SET title = ? WHERE id = ?", values)
        return await self.get(session_id)

    async def delete(self, session_id: str) -> None:
        """Delete a session with its turns; nothing of them stays in the file once the last process has closed it.

        Raises:
            SessionNotFound: there is none of that id.
        """

        def work(connection: Connection) -> int:
            connection.execute("DELETE FROM chat_turns WHERE session_id = ?", (whole(session_id),))
            return connection.execute("DELETE FROM chat_sessions WHERE id = ?", (whole(session_id),)).rowcount

        if not await self._database.transact(work):
            raise SessionNotFound(session_id)

    async def add(self, session_id: str, turn: Turn, *, workspace: str, is_new: bool) -> tuple[Turn, bool]:
        """See `Keeper.add`. A session that was there (`is_new` False) and was deleted meanwhile stays deleted."""
        title, began = title_of(turn.question), turn.asked_at
        session = {"id": session_id, "title": title, "workspace": whole(workspace), "now": began}
        used_at = self._clock()

        def work(connection: Connection) -> tuple[Turn, bool]:
            paid = replace(turn, spent=spent_on(connection, turn.request_id))
            if is_new:
                connection.execute(_NEW, session)
            used = "UPDATE chat_sessions SET used_at = CASE WHEN used_at < ?1 THEN ?1 ELSE used_at END WHERE id = ?2"
            if not connection.execute(used, (used_at, session_id)).rowcount:
                return paid, False
            connection.execute(_TURN, (session_id, *_row(paid)))
            return paid, True

        # Nothing is awaited before the row is on its way: an answer that was stopped may be stopped twice.
        return await self._database.transact(work)


class MemoryHistory:
    """Turns that are gone when the process is.

    Args:
        database: whose ledger knows what a turn cost.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns: dict[str, list[Turn]] = {}

    async def find(self, session_id: str) -> Session | None:
        """See `Keeper.find`."""
        turns = self._turns.get(session_id)
        if not turns:
            return None
        return Session(session_id, session_id, "", turns[0].asked_at, turns[-1].asked_at, len(turns))

    async def turns(self, session_id: str, last: int | None = None) -> list[Turn]:
        """See `Keeper.turns`."""
        return self._turns.get(session_id, [])[-last if last else None :]

    async def add(self, session_id: str, turn: Turn, *, workspace: str, is_new: bool) -> tuple[Turn, bool]:  # noqa: ARG002 - the signature of `Keeper`
        """See `Keeper.add`; the second value is False: it is not kept where anybody else could see it."""
        self._turns.setdefault(session_id, []).append(turn)
        spent = await self._database.query(lambda connection: spent_on(connection, turn.request_id))
        return replace(turn, spent=spent), False


def valid_id(session_id: str) -> str:
    """A session's id as it was given.

    Raises:
        UserError: it is blank, too long, or holds control characters.
    """
    if not session_id.strip() or len(session_id) > LONGEST_ID or one_line(session_id) != session_id:
        raise UserError(
            f"A session's id has 1 to {LONGEST_ID} characters, on one line", "Use letters, digits and dashes"
        )
    return session_id


def valid_title(title: str) -> str:
    """A title on one line, cut where it is long.

    Raises:
        UserError: it is blank.
    """
    shown = " ".join(one_line(title).split())
    if not shown:
        raise UserError("A session's title must not be blank", "Give it a name")
    return shown if len(shown) <= LONGEST_TITLE else f"{shown[: LONGEST_TITLE - 1]}…"


def title_of(question: str) -> str:
    """What a session is called that begins with this question."""
    first = next((line for line in question.split("\n") if one_line(line).strip()), "Chat")
    return valid_title(first)


def _session(row: Row) -> Session:
    return Session(row["id"], row["title"], row["workspace"], row["created_at"], row["used_at"], row["turns"])


def _row(turn: Turn) -> tuple[object, ...]:
    spent = turn.spent
    return (
        turn.asked_at,
        turn.question,
        turn.answer,
        turn.ended,
        turn.error,
        turn.model,
        turn.request_id,
        json.dumps([asdict(source) for source in turn.sources], separators=(",", ":")),
        turn.total_s,
        turn.first_s,
        spent.input_tokens,
        spent.output_tokens,
        spent.estimated,
        None if spent.cost is None else to_nano(spent.cost),
    )


def _turn(row: Row) -> Turn:
    cost = row["cost_nano"]
    return Turn(
        question=row["question"],
        answer=row["answer"],
        ended=row["ended"],
        model=row["model"],
        request_id=row["request_id"],
        asked_at=row["asked_at"],
        total_s=row["total_s"],
        first_s=row["first_s"],
        error=row["error"],
        sources=tuple(Source(**source) for source in json.loads(row["sources"])),
        spent=Spent(
            row["input_tokens"],
            row["output_tokens"],
            bool(row["estimated"]),
            None if cost is None else from_nano(cost),
        ),
    )

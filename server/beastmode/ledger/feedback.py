"""What became of the suggestions that were shown: a row for each showing, and the sums of every quarter of an hour.

Written in the background: a killed process loses the last half second of it. Tries are another matter, see ledger.py.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from beastmode.ledger.later import Later
from beastmode.ledger.quarters import quarter_of, quarters
from beastmode.ledger.rows import WHOLE, change
from beastmode.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from beastmode.store import Database
    from beastmode.store.connection import Connection, Row

PAUSE_S = 0.5
MOST_WAITING = 2000
"""Showings that wait for a database that cannot be written; the oldest are dropped."""

Trigger = Literal["automatic", "explicit"]
AcceptanceBy = Literal["model", "language", "trigger"]

log = logging.getLogger(__name__)


class Fate(StrEnum):
    """What became of a suggestion that was shown."""

    ACCEPTED = "accepted"
    """It stands there, and the user took at least the end of it."""
    PARTIAL = "partial"
    """The user took a part of it, a word or a line, and went on in another way."""
    TYPED = "typed"
    """It stands there, but the user typed all of it."""
    REJECTED = "rejected"
    """The user turned it down: dismissed it, undid it, or typed something else there."""
    IGNORED = "ignored"
    """The user went on elsewhere, or was shown something else."""


@dataclass(frozen=True, slots=True)
class Showing:
    """One suggestion on the screen, from when it came up until it was gone, however it shrank as the user typed along.

    Attributes:
        id: unique.
        request_id: of the answer that it comes from.
        shown_at, used_at: Unix seconds; `used_at` is when some of it was first taken.
        shown_chars: how long it was.
        fate: None while it is shown.
        used_chars, typed_chars: how much of it the user took, and how much of what stands there now the user typed.
        kept_30s, kept_5min: thousandths of what was taken that were still there then; None where nobody looked.
    """

    id: str
    request_id: str
    model: str
    language: str
    trigger: Trigger
    shown_at: float
    shown_chars: int
    fate: Fate | None = None
    used_chars: int = 0
    typed_chars: int = 0
    used_at: float | None = None
    kept_30s: int | None = None
    kept_5min: int | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of many suggestions.

    Attributes:
        shown: how many there were; those that are still shown, or whose end was never seen, have no fate.
        accepted, partial, typed, rejected, ignored: how many of each `Fate`.
        shown_chars, used_chars, typed_chars: added up.
        kept_30s, kept_5min: between 0 and 1, what share of what was taken was still there then, on average over those
            for which that is known; None where there are none.
    """

    shown: int = 0
    accepted: int = 0
    partial: int = 0
    typed: int = 0
    rejected: int = 0
    ignored: int = 0
    shown_chars: int = 0
    used_chars: int = 0
    typed_chars: int = 0
    kept_30s: float | None = None
    kept_5min: float | None = None

    @property
    def used(self) -> int:
        """How many were taken, wholly or partly."""
        return self.accepted + self.partial

    @property
    def rate(self) -> float | None:
        """What share was taken, wholly or partly, between 0 and 1; None before the first."""
        return self.used / self.shown if self.shown else None


class AcceptanceReport(NamedTuple):
    """By name (a model, a language, a trigger), and all together."""

    parts: dict[str, Acceptance]
    total: Acceptance


class FeedbackLog:
    """Writes showings to the database, in the background.

    Args:
        database: where to.
        sleep: waits for that many seconds.
    """

    def __init__(self, database: Database, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._database = database
        self._waiting: dict[str, Showing] = {}
        self._later = Later(self._flush, PAUSE_S, sleep)

    def put(self, showing: Showing) -> None:
        """Write this soon; what was put of the same showing before is replaced."""
        self._waiting[showing.id] = showing
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._later.soon()

    async def aclose(self) -> None:
        """Write what waits. Before the database is closed."""
        await self._later.aclose()

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            await self._database.transact(lambda connection: write(connection, waiting.values()))
        except StoreError as error:
            log.warning("Feedback could not be written: %s", error)
            self._waiting = waiting | self._waiting


_KEY = ("quarter", "model", "language", "trigger")
_SUMS = (
    "shown",
    *(fate.value for fate in Fate),
    "shown_chars",
    "used_chars",
    "typed_chars",
    "kept_30s",
    "known_30s",
    "kept_5min",
    "known_5min",
)
_COLUMNS = (
    *("id", "request_id", "model", "language", "trigger", "shown_at", "shown_chars", "outcome"),
    *("used_chars", "typed_chars", "used_at", "kept_30s", "kept_5min"),
)
_PUT = f"""INSERT INTO feedback ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" * len(_COLUMNS))})
    ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}"""  # noqa: S608 - our own names, here and below
_ADD = f"""INSERT INTO feedback_sums ({", ".join(_KEY + _SUMS)}) VALUES ({", ".join("?" * len(_KEY + _SUMS))})
    ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET
        {", ".join(f"{name} = feedback_sums.{name} + excluded.{name}" for name in _SUMS)}"""  # noqa: S608
_USED = """SELECT MAX(CASE WHEN used_chars < shown_chars THEN used_chars * ?1 / shown_chars ELSE ?1 END), MIN(used_at)
    FROM feedback
    WHERE request_id = ?2 AND used_chars > 0"""
_ANSWERS = "SELECT * FROM attempts WHERE request_id = ? AND outcome = 'ok'"


def write(connection: Connection, showings: Iterable[Showing]) -> None:
    """Write showings, their sums, and what share of its answer was used; within one transaction."""
    for showing in showings:
        row: dict[str, Any] = asdict(showing)
        row["outcome"] = row.pop("fate")
        old = connection.execute("SELECT * FROM feedback WHERE id = ?", (showing.id,)).fetchone()
        connection.execute(_PUT, [row[name] for name in _COLUMNS])
        if old is not None:
            _add(connection, old, -1)
        _add(connection, row, 1)
        # Another candidate of the same showing may have been taken than the one that was shown first.
        for request_id in {row["request_id"]} if old is None else {row["request_id"], old["request_id"]}:
            if row["used_chars"] or (old is not None and old["used_chars"]):
                _use(connection, request_id)


def _use(connection: Connection, request_id: str) -> None:
    """Say in the try's own row what share of its text was used: the most of any showing, so that none counts twice."""
    share, at = connection.execute(_USED, (WHOLE, request_id)).fetchone()
    for answer in connection.execute(_ANSWERS, (request_id,)).fetchall():
        if (answer["used"], answer["accepted_at"]) != (share, at):
            change(connection, answer, used=share, accepted_at=at)


def _add(connection: Connection, row: Any, sign: int) -> None:
    """Add a row to the sums of its quarter, or take it out of them."""
    kept = (row["kept_30s"], row["kept_5min"])
    share = (
        1,
        *(int(row["outcome"] == fate) for fate in Fate),
        *(row[name] for name in ("shown_chars", "used_chars", "typed_chars")),
        *(number for each in kept for number in ((each, 1) if each is not None else (0, 0))),
    )
    key = (quarter_of(row["shown_at"]), row["model"], row["language"], row["trigger"])
    connection.execute(_ADD, (*key, *(sign * number for number in share)))


async def acceptance(database: Database, since: float, until: float, by: AcceptanceBy) -> AcceptanceReport:
    """What became of the suggestions that were shown in a span (Unix time, in whole quarters of an hour).

    The most shown first.
    """
    sums = ", ".join(f"SUM({name}) AS {name}" for name in _SUMS)
    query = f"""SELECT {by} AS name, {sums} FROM feedback_sums WHERE quarter >= ? AND quarter < ?
        GROUP BY {by} HAVING SUM(shown) > 0 ORDER BY SUM(shown) DESC, {by}"""  # noqa: S608
    rows = await database.read(query, quarters(since, until))
    total = {name: sum(row[name] for row in rows) for name in _SUMS}
    return AcceptanceReport({row["name"]: _told(row) for row in rows}, _told(total))


def _told(sums: Mapping[str, int] | Row) -> Acceptance:
    def kept(span: str) -> float | None:
        known = sums[f"known_{span}"]
        return sums[f"kept_{span}"] / known / WHOLE if known else None

    plain = {name: sums[name] for name in _SUMS if not name.startswith(("kept", "known"))}
    return Acceptance(**plain, kept_30s=kept("30s"), kept_5min=kept("5min"))

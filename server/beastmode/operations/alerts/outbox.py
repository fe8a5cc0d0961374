"""The tables of the alerts: rules, what is known of each, what happened, and what waits to be delivered.

What is told is written in the transaction that notes that it is told, and waits there until some process has claimed
it and delivered it. A claim is a lease: where the process that holds one is killed, another takes over when it ends.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from beastmode.operations.alerts.changes import State, step
from beastmode.operations.alerts.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beastmode.operations.alerts.changes import Turn
    from beastmode.operations.alerts.readings import Reading
    from beastmode.store import Database
    from beastmode.store.connection import Connection, Row
    from beastmode.store.writer import Statement

LEASE_S = 90.0
"""For one delivery; no target may take as long."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 3600.0
MOST_TRIES = 40
"""About a day and a half; then it has failed for good."""
SHOWN_S = 7 * 86_400.0
"""How long an alert that was never delivered is shown everywhere."""

_RULE = "name, kind, threshold, model, window_s, for_s, cooldown_s, recovery, targets"
_PUT_STATE = """INSERT INTO alert_states (rule, subject, bad_since, is_told, told_at, seen_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (rule, subject) DO UPDATE SET bad_since = excluded.bad_since, is_told = excluded.is_told,
        told_at = excluded.told_at, seen_at = excluded.seen_at"""
_DUE = """SELECT d.event_id, d.target, d.tries, e.rule, e.turn, e.text, e.at FROM alert_deliveries d
    JOIN alert_events e ON e.id = d.event_id
    WHERE d.state = 'waiting' AND d.next_at <= ? ORDER BY e.at, d.target LIMIT 1"""
_CLAIM = "UPDATE alert_deliveries SET next_at = ?, tries = tries + 1 WHERE event_id = ? AND target = ?"
_WORK = """SELECT EXISTS (SELECT 1 FROM alert_rules)
    OR EXISTS (SELECT 1 FROM alert_deliveries WHERE state = 'waiting')"""
_HISTORY = """SELECT e.at, e.rule, e.subject, e.turn, e.text, d.target, d.state, d.tries, d.error, d.sent_at
    FROM alert_events e LEFT JOIN alert_deliveries d ON d.event_id = e.id
    ORDER BY e.at DESC, d.target LIMIT ?"""
_UNDELIVERED = """SELECT d.target, d.error, e.text, e.at, d.state FROM alert_deliveries d
    JOIN alert_events e ON e.id = d.event_id
    WHERE d.state <> 'sent' AND d.error IS NOT NULL AND e.at >= ? ORDER BY e.at DESC"""


class Event(NamedTuple):
    """What is to be told: by which rule, about what, and in which words."""

    rule: str
    subject: str
    turn: Turn
    text: str


class Letter(NamedTuple):
    """An event on its way to one target; `tries` counts this one."""

    event_id: str
    target: str
    tries: int
    rule: str
    turn: Turn
    text: str
    at: float


class Undelivered(NamedTuple):
    """An event that did not reach a target, and why; `given_up`: nobody tries any more."""

    target: str
    error: str
    text: str
    at: float
    given_up: bool


class Outbox:
    """Reads and writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rules(self) -> list[Rule]:
        """All rules, in the order of their names."""
        rows = await self._database.read(f"SELECT {_RULE} FROM alert_rules ORDER BY name")  # noqa: S608 - our own names
        return [_rule(row) for row in rows]

    async def put_rule(self, rule: Rule) -> None:
        """Add a rule, or change the one of that name; raises StoreError."""
        values = (rule.name, rule.kind, rule.limit, rule.model, rule.window_s, rule.for_s, rule.cooldown_s)
        await self._database.write_all(
            [
                ("DELETE FROM alert_rules WHERE name = ?", (rule.name,)),
                (
                    f"INSERT INTO alert_rules ({_RULE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own names
                    (*values, int(rule.recovery), json.dumps(rule.targets)),
                ),
            ]
        )

    async def remove_rule(self, name: str) -> None:
        """Remove a rule and what is known of it; what it told stays."""
        await self._database.write_all(
            [("DELETE FROM alert_states WHERE rule = ?", (name,)), ("DELETE FROM alert_rules WHERE name = ?", (name,))]
        )

    async def note(self, rule: Rule, readings: Sequence[Reading], targets: Sequence[str], now: float) -> None:
        """Take note of what was measured, and put what must be told into the outbox: in one transaction."""

        def work(connection: Connection) -> None:
            states = {
                row["subject"]: State(row["bad_since"], bool(row["is_told"]), row["told_at"], row["seen_at"])
                for row in connection.execute("SELECT * FROM alert_states WHERE rule = ?", (rule.name,))
            }
            for reading in readings:
                before = states.get(reading.subject, State())
                after, turn = step(before, reading, rule, now)
                state = (after.bad_since, int(after.is_told), after.told_at, after.seen_at)
                connection.execute(_PUT_STATE, (rule.name, reading.subject, *state))
                if turn is not None:
                    for sql, values in _event(Event(rule.name, reading.subject, turn, reading.text), targets, now):
                        connection.execute(sql, values)

        await self._database.transact(work)

    async def put(self, event: Event, targets: Sequence[str], now: float) -> None:
        """Put an event into the outbox."""
        await self._database.write_all(_event(event, targets, now))

    async def claim(self, now: float) -> Letter | None:
        """Take the oldest letter that is due, for LEASE_S seconds; None where there is none.

        No two processes take the same: nobody else writes while a transaction does.
        """

        def work(connection: Connection) -> Letter | None:
            row = connection.execute(_DUE, (now,)).fetchone()
            if row is None:
                return None
            connection.execute(_CLAIM, (now + LEASE_S, row["event_id"], row["target"]))
            letter = Letter(*row)
            return letter._replace(tries=letter.tries + 1)

        return await self._database.transact(work)

    async def sent(self, letter: Letter, now: float) -> None:
        """A letter has arrived."""
        await self._database.write(
            "UPDATE alert_deliveries SET state = 'sent', sent_at = ?, error = NULL WHERE event_id = ? AND target = ?",
            (now, letter.event_id, letter.target),
        )

    async def failed(self, letter: Letter, error: str, now: float) -> None:
        """A letter has not arrived: it is tried again after a while, up to MOST_TRIES times."""
        state = "failed" if letter.tries >= MOST_TRIES else "waiting"
        pause = min(FIRST_PAUSE_S * 2.0 ** (letter.tries - 1), LONGEST_PAUSE_S)
        await self._database.write(
            "UPDATE alert_deliveries SET state = ?, error = ?, next_at = ?"
            " WHERE event_id = ? AND target = ? AND state = 'waiting'",
            (state, error, now + pause, letter.event_id, letter.target),
        )

    async def undelivered(self, now: float) -> list[Undelivered]:
        """What did not reach its target in the last days, newest first."""
        rows = await self._database.read(_UNDELIVERED, (now - SHOWN_S,))
        return [Undelivered(*row)._replace(given_up=row["state"] == "failed") for row in rows]

    async def history(self, most: int) -> list[dict[str, object]]:
        """The newest events, one row for each target."""
        return [dict(row) for row in await self._database.read(_HISTORY, (most,))]

    async def forget(self, before: float) -> None:
        """Remove what happened before a moment (Unix time), and what was known of subjects not seen since."""
        await self._database.write_all(
            [
                (
                    "DELETE FROM alert_deliveries WHERE event_id IN (SELECT id FROM alert_events WHERE at < ?)",
                    (before,),
                ),
                ("DELETE FROM alert_events WHERE at < ?", (before,)),
                ("DELETE FROM alert_states WHERE seen_at < ?", (before,)),
            ]
        )

    async def is_idle(self) -> bool:
        """Whether there is neither a rule nor a letter, so that nothing needs to be done."""
        return not (await self._database.read(_WORK))[0][0]


def _rule(row: Row) -> Rule:
    return Rule(
        name=row["name"],
        kind=row["kind"],
        limit=row["threshold"],
        model=row["model"],
        window_s=row["window_s"],
        for_s=row["for_s"],
        cooldown_s=row["cooldown_s"],
        recovery=bool(row["recovery"]),
        targets=tuple(json.loads(row["targets"])),
    )


def _event(happened: Event, targets: Iterable[str], now: float) -> list[Statement]:
    event_id, text = uuid4().hex, happened.text.encode("utf-8", "replace").decode()
    event = (event_id, happened.rule, happened.subject, happened.turn, text, now)
    return [
        ("INSERT INTO alert_events (id, rule, subject, turn, text, at) VALUES (?, ?, ?, ?, ?, ?)", event),
        *(
            (
                "INSERT INTO alert_deliveries (event_id, target, state, tries, next_at) VALUES (?, ?, 'waiting', 0, ?)",
                (event_id, target, now),
            )
            for target in targets
        ),
    ]

"""What was shown and what became of it, in a real database; and what a suggestion saves."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.attempts import GPT4, ROW, SHOWN, sums_of_rollups, sums_of_rows
from tests.support.databases import Blank

from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.ledger.days import FOREVER
from beastmode.ledger.feedback import Fate, FeedbackLog, Showing, write
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.prices import price_id
from beastmode.ledger.rows import Baseline, record
from beastmode.ledger.tally import Tally
from beastmode.store import Database, StoreError

BASELINE = "openai:gpt-4"
WHOLE = Decimal("0.036")
"""What the tokens of ROW cost on the baseline model."""


@pytest.fixture
async def ledger(database: Database) -> Ledger:
    """One that knows its baseline's price."""
    await database.transact(lambda connection: price_id(connection, BASELINE, GPT4))
    ledger = Ledger(database, baseline=BASELINE)
    await ledger.recall()
    return ledger


async def put(database: Database, *showings: Showing) -> None:
    """Write them, as one session would."""
    log = FeedbackLog(database)
    for showing in showings:
        log.put(showing)
    await log.aclose()


def taken(showing: Showing, chars: int, fate: Fate | None = Fate.ACCEPTED) -> Showing:
    """Some of it was."""
    return replace(showing, used_chars=chars, used_at=4000.0 if chars else None, fate=fate)


async def test_a_suggestion_saves_what_was_used_of_it(ledger: Ledger, database: Database) -> None:
    """Nothing before it is taken, its share where a part is, all of it at most once, nothing where that is undone."""
    await ledger.observe(replace(ROW, id="failed", outcome=Outcome.FAILED, cost=Decimal(0)))
    await ledger.observe(ROW)

    async def compared() -> Decimal | None:
        return (await ledger.summary(0.0)).baseline_cost

    assert (await ledger.summary(0.0)).savings == -Decimal("0.001")
    await put(database, SHOWN)
    assert await compared() == 0
    await put(database, taken(SHOWN, 5, None))
    assert await compared() == WHOLE / 4
    await put(database, taken(SHOWN, 20))
    assert await compared() == WHOLE
    again = replace(SHOWN, id="from memory")
    await put(database, taken(again, 20))
    assert await compared() == WHOLE
    assert (await ledger.summary(0.0)).accepted == 1
    assert [(row["used"], row["accepted_at"]) for row in await ledger.tail(2)] == [(None, None), (1000, 4000.0)]
    await put(database, taken(again, 0, Fate.REJECTED))
    await put(database, taken(SHOWN, 0, Fate.REJECTED))
    assert (await compared(), (await ledger.summary(0.0)).accepted) == (0, 0)


async def test_a_baseline_that_is_not_known_matters_where_something_was_used(database: Database) -> None:
    """What nobody took would have saved nothing at any price."""
    ledger = Ledger(database)
    await ledger.observe(ROW)
    assert (await ledger.summary(0.0)).savings == -Decimal("0.001")
    await put(database, taken(SHOWN, 20))
    assert (await ledger.summary(0.0)).savings is None


async def test_an_export_says_what_was_used(ledger: Ledger, database: Database) -> None:
    """As a share; so that others can add up savings as we do."""
    await ledger.observe(ROW)
    await ledger.observe(replace(ROW, id="chat", request_id="c", task=Task.CHAT))
    await put(database, taken(SHOWN, 5, Fate.PARTIAL))
    async for rows in ledger.pages(0.0, FOREVER):
        assert [row["used"] for row in rows] == [0.25, None]


async def test_the_candidate_that_was_taken_is_the_one_that_saves(ledger: Ledger, database: Database) -> None:
    """The row of a showing follows the user's choice, and so do the sums."""
    await ledger.observe(ROW)
    await ledger.observe(replace(ROW, id="b", request_id="other", model="custom:n"))
    await put(database, taken(SHOWN, 4, None))
    await put(database, taken(replace(SHOWN, request_id="other", model="custom:n"), 20))
    assert {row["model"]: row["used"] for row in await ledger.tail(5)} == {"custom:m": None, "custom:n": 1000}
    report = await ledger.acceptance(0.0, FOREVER, "model")
    assert {name: part.shown for name, part in report.parts.items()} == {"custom:n": 1}


_showings = st.lists(
    st.builds(
        replace,
        st.just(SHOWN),
        id=st.sampled_from(["1", "2", "3"]),
        request_id=st.sampled_from(["r", "s"]),
        model=st.sampled_from(["custom:m", "custom:n"]),
        language=st.sampled_from(["python", "go"]),
        trigger=st.sampled_from(["automatic", "explicit"]),
        shown_at=st.floats(3600, 5400),
        fate=st.none() | st.sampled_from(Fate),
        used_chars=st.integers(0, 20),
        typed_chars=st.integers(0, 20),
        kept_30s=st.none() | st.integers(0, 1000),
        kept_5min=st.none() | st.integers(0, 1000),
    ),
    max_size=8,
)


@settings(max_examples=20, deadline=None)
@given(_showings)
def test_the_sums_are_those_of_the_rows(blank: Blank, showings: list[Showing]) -> None:
    """However often a showing is written anew, and whatever of it changed; those of the tries too."""
    with blank() as connection:
        baseline = Baseline(BASELINE, GPT4, price_id(connection, BASELINE, GPT4))
        for number, request in enumerate(("r", "s", "s")):
            outcome = Outcome.OK if number < 2 else Outcome.FAILED
            record(connection, replace(ROW, id=str(number), request_id=request, outcome=outcome), baseline)
        for showing in showings:
            write(connection, [showing])
        latest = {showing.id: showing for showing in showings}.values()
        rows = connection.execute(
            "SELECT SUM(shown), SUM(used_chars), SUM(kept_5min), SUM(known_5min), SUM(partial), MIN(shown)"
            " FROM feedback_sums"
        ).fetchone()
        kept = [each.kept_5min for each in latest if each.kept_5min is not None]
        fates = Counter(each.fate for each in latest)
        expected = (len(latest), sum(each.used_chars for each in latest), sum(kept), len(kept), fates[Fate.PARTIAL])
        assert tuple(row or 0 for row in rows)[:5] == expected
        assert (rows[5] or 0) >= 0
        assert sums_of_rollups(connection) == sums_of_rows(connection)


async def test_acceptance_by_model_language_and_trigger(ledger: Ledger, database: Database) -> None:
    """Rates over what was shown; what stayed, over what is known of it; in whole quarters of an hour."""
    await put(
        database,
        replace(taken(SHOWN, 20), kept_30s=1000, kept_5min=500),
        replace(taken(SHOWN, 5, Fate.PARTIAL), id="2", kept_30s=700),
        replace(SHOWN, id="3", fate=Fate.TYPED, typed_chars=20, language="go"),
        replace(SHOWN, id="4", fate=Fate.REJECTED, trigger="explicit", shown_at=4499.0),
        replace(SHOWN, id="5", fate=Fate.IGNORED, shown_at=4500.0),
        replace(SHOWN, id="6"),
    )
    by_language = await ledger.acceptance(3700.0, 4000.0, "language")
    python, go = by_language.parts["python"], by_language.parts["go"]
    assert (python.shown, python.accepted, python.partial, python.rejected, python.rate) == (4, 1, 1, 1, 0.5)
    assert (python.kept_30s, python.kept_5min) == (0.85, 0.5)
    assert (go.typed, go.rate, go.kept_5min, go.typed_chars) == (1, 0.0, None, 20)
    assert (by_language.total.shown, by_language.total.rate) == (5, 0.4)
    by_trigger = await ledger.acceptance(0.0, FOREVER, "trigger")
    assert {name: part.shown for name, part in by_trigger.parts.items()} == {"automatic": 5, "explicit": 1}
    assert by_trigger.total.ignored == 1
    assert (await ledger.acceptance(9e9, FOREVER, "model")).total.rate is None


async def test_feedback_is_written_soon_and_once(database: Database) -> None:
    """Many changes of a showing are one row; what came in meanwhile is not forgotten."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    log = FeedbackLog(database, sleep=sleep)
    for chars in range(5):
        log.put(taken(SHOWN, chars, None))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    log.put(replace(SHOWN, id="2"))
    while len(await database.read("SELECT 1 FROM feedback")) < 2:
        await asyncio.sleep(0)
    rows = await database.read("SELECT used_chars FROM feedback ORDER BY id")
    assert [row["used_chars"] for row in rows] == [4, 0]
    assert 1 <= len(slept) <= 2
    await log.aclose()


async def test_what_cannot_be_written_now_is_written_later(database: Database) -> None:
    """A full disk for a moment costs no feedback and no count."""

    async def refuse(*_: object) -> None:
        raise StoreError("The disk is full")

    log, tally = FeedbackLog(database), Tally(database, lambda: 3600.0)
    log.put(SHOWN)
    tally.silent("no model", "", "python", explicit=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "transact", refuse)
        await log.aclose()
        await tally.aclose()
    log.put(replace(SHOWN, id="2"))
    tally.silent("no model", "", "python", explicit=True)
    await log.aclose()
    await tally.aclose()
    assert len(await database.read("SELECT 1 FROM feedback")) == 2
    assert (await Ledger(database).silence(0.0, FOREVER)).reasons == {"no model": 2}


async def test_silence_is_counted_by_reason(database: Database) -> None:
    """Across sessions, in whole quarters of an hour; and memory beside it."""
    moments = [3600.0, 3601.0, 4499.0, 4500.0]
    for moment in moments:
        tally = Tally(database, lambda moment=moment: moment)
        tally.silent("superseded", "custom:m", "python", explicit=False)
        tally.cached(hit=moment > 4000, model="custom:m", language="python", explicit=False)
        if moment < 3601:
            tally.silent("filter: scope", "custom:m", "python", explicit=True)
        await tally.aclose()
    ledger = Ledger(database)
    found = await ledger.silence(4000.0, 4200.0)
    assert list(found.reasons.items()) == [("superseded", 3), ("filter: scope", 1)]
    assert (found.hits, found.misses, found.hit_rate) == (1, 2, 1 / 3)
    assert (await ledger.silence(4500.0, FOREVER)).reasons == {"superseded": 1}
    assert (await ledger.silence(9e9, FOREVER)).hit_rate is None
    (row,) = await database.read("SELECT * FROM tallies WHERE name = 'filter: scope'")
    assert tuple(row)[3:] == ("custom:m", "python", "explicit", 1)

"""A ledger beside bills of every kind: each difference has its reason, and together they are the whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.attempts import ROW

from beastmode.domain.errors import UserError
from beastmode.domain.request import Task
from beastmode.domain.usage import Price, Usage
from beastmode.ledger.ledger import Ledger
from beastmode.operations.reconcile.bill import EVERY, Bill, plain_name, read_bill
from beastmode.operations.reconcile.compare import Cause, Comparison, Door, Ours, compare, read_ours
from beastmode.operations.reconcile.tables import as_markdown, causes, headline
from beastmode.store import Database

DAY = date(2026, 1, 5)
COSTS = """start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id
1767571200,1767657600,2026-01-05T00:00:00+00:00,2026-01-06T00:00:00+00:00,0.25,usd,"gpt-4o-2024-08-06, input",p
1767571200,1767657600,2026-01-05T00:00:00+00:00,2026-01-06T00:00:00+00:00,1.0000000,usd,"gpt-4o-2024-08-06, output",p
1767657600,1767744000,2026-01-06T00:00:00+00:00,2026-01-07T00:00:00+00:00,,,,
"""
ACTIVITY = """start_time_iso,model,num_model_requests,input_tokens,output_tokens
2026-01-05T00:00:00+00:00,gpt-4o-2024-08-06,2,100000,100000
"""
ANTHROPIC = """usage_date_utc,model,workspace,api_key,usage_type,token_type,cost_usd,list_price_usd
2026-01-05,Claude Haiku 4.5,Default,key,message,input_no_cache,0.10,0.10
2026-01-05,Claude Haiku 4.5,Default,key,message,output,0.50,0.50
2026-01-05,Claude Haiku 3.5,Default,key,message,output,0.02,0.02
"""
ANTHROPIC_USAGE = (
    "usage_date_utc,model_version,usage_input_tokens_no_cache,usage_input_tokens_cache_read,usage_output_tokens\n"
    "2026-01-05,claude-haiku-4-5-20251001,90000,10000,100000\n"
)
PLAIN = "Date;Model;Cost\n2026-01-05;gpt-4o;$1.25\n"


@pytest.mark.parametrize(
    ("text", "title", "key", "cost", "tokens"),
    [
        (COSTS, "OpenAI's costs", "gpt-4o", "1.25", None),
        (ACTIVITY, "OpenAI's activity", "gpt-4o", None, 100_000),
        (ANTHROPIC, "Anthropic's cost", "claude-haiku-4-5", "0.60", None),
        (ANTHROPIC_USAGE, "Anthropic's usage", "claude-haiku-4-5", None, 100_000),
        (PLAIN, "a list of costs", "gpt-4o", "1.25", None),
    ],
)
def test_every_kind_of_bill_is_read(text: str, title: str, key: str, cost: str | None, tokens: int | None) -> None:
    """By its columns, whatever its name; sums by UTC day and model."""
    bill = read_bill("\ufeff" + text, "bill.csv")
    billed = bill.lines[DAY, key]
    assert bill.shape.title == title
    assert billed.cost == (None if cost is None else Decimal(cost))
    assert billed.input_tokens == tokens
    assert bill.days == (DAY, DAY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing"),
        ("a,b\n1,2\n", "a, b"),
        ("date,model,cost\n", "no rows"),
        ("date,model,cost\n2026-01-05,m,1\n2026-01-05,m,dear\n", "Line 3"),
        ("date,model,cost\n2026-01-05,m,NaN\n", "Line 2"),
        ("date,model,cost\n5 Jan,m,1\n", "Line 2"),
        ("date;model;cost\n2026-01-05;m;0,85\n", "0,85 is no amount"),
        ("date;model;cost\n2026-01-05;m;1,250\n", "1,250 is no amount"),
        ('date,model,cost\n2026-01-05,m,"0,850"\n', "0,850 is no amount"),
        (f"date,model,cost\n2026-01-05,{'m' * 200_000},1\n", "Line 2"),
        (COSTS.replace(",usd,", ",eur,"), "eur"),
    ],
)
def test_what_is_no_bill_is_named(text: str, said: str) -> None:
    """With the line, and what to do."""
    with pytest.raises(UserError, match=said) as raised:
        read_bill(text, "bill.csv")
    assert raised.value.fix


def test_amounts_as_bills_write_them() -> None:
    """With the sign of the dollar, with thousands apart, and what was given back."""
    rows = ('"$1,234.50"', "-$0.5", "$-0.25", "2.5e-1")
    text = "date,model,cost\n" + "".join(f"2026-01-05,m,{each}\n" for each in rows)
    assert read_bill(text, "bill.csv").lines[DAY, "m"].cost == Decimal(1234)


def test_names_as_bills_write_them() -> None:
    """Dates and order do not matter; another version does."""
    assert plain_name("Claude Haiku 3.5") == plain_name("claude-3-5-haiku-20241022")
    assert plain_name("gpt-4.1-2025-04-14") == "gpt-4-1"
    assert plain_name("gpt-5.3") != plain_name("gpt-3.5")
    assert plain_name(" ") == EVERY


def test_a_bill_gives_the_terminal_no_orders() -> None:
    """Neither a model's name nor a header nor a number that is none."""
    (key,) = read_bill("date,model,cost\n2026-01-05,\x1b]0;mine\x07gpt-4o,1\n", "b").lines
    assert key[1].isprintable()
    for text in ("\x1b[2J,b\n1,2\n", "date,model,cost\n2026-01-05,m,\x1b[2J\n"):
        with pytest.raises(UserError) as raised:
            read_bill(text, "b")
        assert raised.value.message.isprintable()


def billed(*rows: str) -> Bill:
    return read_bill("date,model,cost,input_tokens,output_tokens\n" + "".join(f"{row}\n" for row in rows), "bill.csv")


def compared(bill: Bill, ours: dict[tuple[date, str], Ours]) -> Comparison:
    return compare(bill, ours, date(2026, 1, 1), date(2026, 1, 31))


ONE = Ours(requests=10, cost=Decimal(1), input_tokens=1000, output_tokens=1000)


@pytest.mark.parametrize(
    ("row", "ours", "cause"),
    [
        ("2026-01-05,m,1.002,,", ONE, Cause.AGREES),
        ("2026-01-05,m,0,,", replace(ONE, cost=Decimal("0.004")), Cause.AGREES),
        ("2026-01-05,m,0.01,,", replace(ONE, cost=Decimal("0.0145")), Cause.AGREES),
        ("2026-01-05,m,0.0100,,", replace(ONE, cost=Decimal("0.0145")), Cause.MORE_HERE),
        ("2026-01-05,m,2,1000,1000", ONE, Cause.PRICE),
        ("2026-01-05,m,2,2000,2000", ONE, Cause.MORE_THERE),
        ("2026-01-05,m,0.5,500,500", ONE, Cause.MORE_HERE),
        ("2026-01-05,m,2,,", ONE, Cause.MORE_THERE),
        ("2026-01-05,m,2,,", replace(ONE, unpriced=3), Cause.UNPRICED),
        ("2026-01-05,m,1.3,,", replace(ONE, estimated=5, estimated_cost=Decimal("0.5")), Cause.ESTIMATED),
        ("2026-01-05,m,3,,", replace(ONE, estimated=5, estimated_cost=Decimal("0.5")), Cause.MORE_THERE),
        ("2026-01-05,m,1,,", None, Cause.NOT_HERE),
        ("2026-01-06,m,1,,", ONE, Cause.NOT_THERE),
    ],
)
def test_a_difference_has_its_reason(row: str, ours: Ours | None, cause: Cause) -> None:
    """And a sentence, unless the two agree."""
    lines = compared(billed(row), {(DAY, "m"): ours} if ours else {}).lines
    assert lines[0].cause is cause
    assert bool(lines[0].why) is (cause is not Cause.AGREES)


def test_the_same_ratio_every_day_is_a_price() -> None:
    """Where the bill has no tokens: half as much again on each of three days."""
    rows = [f"2026-01-0{day},m,{day * 1.5},," for day in (1, 2, 3)]
    ours = {(date(2026, 1, day), "m"): replace(ONE, cost=Decimal(day)) for day in (1, 2, 3)}
    found = compared(billed(*rows), ours)
    assert {line.cause for line in found.lines} == {Cause.PRICE}
    assert "1.50 times" in found.lines[0].why


_money = st.decimals(0, 100, places=3)
_ours = st.builds(
    Ours,
    st.integers(1, 9),
    _money,
    _money,
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 99),
    st.integers(0, 99),
)
_keys = st.tuples(st.dates(date(2026, 1, 1), date(2026, 1, 4)), st.sampled_from(["a", "b"]))


@given(st.dictionaries(_keys, _ours, max_size=6), st.dictionaries(_keys, _money, min_size=1, max_size=6))
def test_the_causes_are_the_whole_difference(
    ours: dict[tuple[date, str], Ours], theirs: dict[tuple[date, str], Decimal]
) -> None:
    """To the nano-dollar, whatever stands on either side."""
    bill = billed(*(f"{day},{model},{cost:f},," for (day, model), cost in theirs.items()))
    found = compared(bill, ours)
    whole = sum(theirs.values(), Decimal(0)) - sum((each.cost for each in ours.values()), Decimal(0))
    assert sum(dollars for _, dollars in found.sums().values()) == whole
    assert causes(found).rows[-1][0] == "total"
    assert headline(found) in as_markdown(found)


def door(model: str) -> Door:
    """`custom:mine` is OpenAI's gpt-4o under another name; `custom:local` is nobody's."""
    doors = {"custom:mine": Door("gpt-4o-2024-08-06", "openai"), "custom:local": Door("coder", "")}
    provider, _, name = model.partition(":")
    return doors.get(model, Door(name, provider))


async def test_the_models_of_the_bill_and_no_others(database: Database) -> None:
    """By UTC day; a model of one's own at the provider's address counts, one's own machine does not."""
    ledger, noon = Ledger(database), datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()
    price = Price(Decimal(5), Decimal(5), DAY, "test")
    usage = Usage(100_000, 25_000)
    row = replace(ROW, task=Task.CHAT, price=price, usage=usage, cost=price.cost(usage), started_at=noon)
    rows = [
        replace(row, id="1", model="openai:gpt-4o"),
        replace(row, id="2", model="custom:mine", started_at=noon + 43_199),
        replace(row, id="3", model="custom:mine", started_at=noon + 43_200),
        replace(row, id="4", model="custom:local"),
        replace(row, id="5", model="anthropic:claude-haiku-4-5"),
    ]
    await asyncio.gather(*map(ledger.observe, rows))
    bill = read_bill(COSTS, "bill.csv")
    ours = await read_ours(database, bill, DAY, DAY, door)
    assert {key: (each.requests, each.cost) for key, each in ours.items()} == {(DAY, "gpt-4o"): (2, Decimal("1.25"))}
    assert compare(bill, ours, DAY, DAY).agrees
    plain = await read_ours(database, read_bill("date,model,cost\n2026-01-05,coder,1\n", "b"), DAY, DAY, door)
    assert set(plain) == {(DAY, "coder")}
    whole = read_bill("start_time_iso,amount_value,line_item\n2026-01-05T00:00:00+00:00,1.25,\n", "b")
    assert (await read_ours(database, whole, DAY, DAY, door))[DAY, EVERY].requests == 2

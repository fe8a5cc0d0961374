"""From a file of one's own to a team's database: everything, once, or nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from tests.support.attempts import GPT4, ROW, SHOWN, sums_of_rollups, sums_of_rows
from tests.support.postgresql_server import Server

from beastmode.domain.errors import UserError
from beastmode.domain.request import Task
from beastmode.domain.routing import Policy
from beastmode.ledger.feedback import FeedbackLog
from beastmode.ledger.ledger import Ledger
from beastmode.registry import Registry, Vault
from beastmode.registry.masters import ScryptCost
from beastmode.registry.registration import parse
from beastmode.registry.users import User
from beastmode.store import Database, StoreError, copying
from beastmode.store.inventory import inventory
from beastmode.tasks.chat import History

pytestmark = pytest.mark.e2e


@pytest.fixture
def server(postgresql_server: Server) -> Server:
    postgresql_server.empty()
    return postgresql_server


def vault(database: Database, folder: Path) -> Vault:
    cost = ScryptCost(n=16, r=1, p=1)
    return Vault(database, key_file=folder / "master.key", passphrase="a passphrase", cost=cost)


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A database of somebody who has used every part of it."""
    database = await Database.open(tmp_path / "own.db")
    registry = await Registry.open(database, vault(database, tmp_path), None)
    for name in ("b", "a"):
        model = parse({"model_name": name, "model_id": name, "endpoint_url": "http://127.0.0.1:1/v1"})[0]
        await registry.add(replace(model, price=GPT4), f"key of {name}")
    await registry.select("a", Task.CHAT)
    await registry.set_policy(Policy(daily_cap=Decimal(5)))
    await registry.users.add(User("ada", frozenset({"custom:a"}), daily_cap=Decimal(1)))
    ledger = Ledger(database)
    for number in range(200):
        error = "a zero \x00 byte" if number == 7 else None
        row = replace(ROW, id=str(number), started_at=3600.0 * number / 50, error=error, price=GPT4, user="ada")
        await ledger.observe(row)
    log = FeedbackLog(database)
    log.put(SHOWN)
    await log.aclose()
    await History(database, lambda: 1.0).create("a chat")
    await database.close()
    return tmp_path / "own.db"


async def test_everything_arrives(file: Path, server: Server, tmp_path: Path) -> None:
    """Models in their order with their keys, users with their tokens, every row and every sum; and it goes on."""
    said: list[float] = []
    copied = copying.copy(file, server.url(), lambda _text, fraction: said.append(fraction))
    assert copied.rows["attempts"] == 200
    assert copied.sums > 50
    assert said == sorted(said)
    before, after = inventory(file, None).rows, inventory(file, server.url()).rows
    assert {name: after[name] for name in before} == before
    database = await Database.connect(server.url())
    registry = await Registry.open(database, vault(database, tmp_path), None)
    assert [model.id for model in registry.models] == ["custom:b", "custom:a"]
    assert await registry.key_of(registry.get("a")) == "key of a"
    assert registry.policy().daily_cap == 5
    assert registry.users.get("ada").models == {"custom:a"}
    assert await database.query(sums_of_rollups) == await database.query(sums_of_rows)
    await Ledger(database).observe(replace(ROW, id="next", price=replace(GPT4, input=Decimal(31))))
    await registry.add(replace(registry.get("a"), id="custom:c", name="c"), None)
    assert [model.id for model in registry.models] == ["custom:b", "custom:a", "custom:c"]
    await database.close()


def test_what_has_rows_is_not_touched(file: Path, server: Server) -> None:
    """Nothing is mixed: a second copy is refused by name."""
    copying.copy(file, server.url())
    before = inventory(file, server.url()).rows
    with pytest.raises(UserError, match="is not empty: prices, models"):
        copying.copy(file, server.url())
    assert inventory(file, server.url()).rows == before


def test_what_breaks_off_leaves_nothing(file: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum that differs stops it, and the database is as empty as it was."""
    before = inventory(file, server.url()).rows

    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN NEW.cost_nano = 1; RETURN NEW; END $$"
        )
        connection.execute("CREATE TRIGGER refuses BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION refuse()")
    with pytest.raises(StoreError, match="The copy of attempts is not the same"):
        copying.copy(file, server.url())
    assert inventory(file, server.url()).rows == before


def test_a_file_that_is_not_there_is_named(tmp_path: Path, server: Server) -> None:
    """And none is made."""
    with pytest.raises(UserError, match=r"nowhere\.db"):
        copying.copy(tmp_path / "nowhere.db", server.url())
    assert not (tmp_path / "nowhere.db").exists()

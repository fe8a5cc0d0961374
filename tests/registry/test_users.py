"""Users of the gateway in the database, on both databases."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.databases import OpenDatabase

from beastmode.domain.errors import UserError
from beastmode.domain.routing import Policy
from beastmode.registry.users import EVERY, OWNER, User, Users


async def test_what_one_process_changes_another_takes_over(open_database: OpenDatabase) -> None:
    """A user with a token, models, caps and a rate; limited, granted, revoked, given another token, removed."""
    users, others = Users(await open_database()), Users(await open_database())
    ada = User("ada", frozenset({"custom:m"}), Decimal("2.50"), None, 60)
    token = await users.add(ada)
    await others.load()
    found = others.of_token(token)
    assert found is not None
    assert replace(found, token_hash="") == ada
    assert others.budget("ada") == Policy(daily_cap=Decimal("2.50"))
    await users.limit(replace(ada, daily_cap=None, requests_per_minute=None))
    await users.grant(EVERY, ["custom:public"])
    await users.grant("ada", ["workspace:shop", "workspace:shop"])
    await users.revoke("ada", ["custom:m"])
    await others.load()
    ada = others.get("ada")
    assert (ada.daily_cap, ada.requests_per_minute) == (None, None)
    assert ada.may_use("custom:public")
    assert not ada.may_use("custom:m")
    assert ada.may_read("shop")
    assert not ada.may_read("other")
    renewed = await users.renew("ada")
    await users.forget("custom:public")
    await others.load()
    assert others.of_token(token) is None
    assert others.of_token(renewed) == others.get("ada")
    assert others.public == frozenset()
    await users.remove("ada")
    await others.load()
    assert others.of_token(renewed) is None
    assert not others.may_use("ada", "custom:public")


async def test_a_name_belongs_to_one_user(open_database: OpenDatabase) -> None:
    """Also where two processes give it at the same time; and some names are none."""
    users, others = Users(await open_database()), Users(await open_database())
    token = await users.add(User("ada"))
    with pytest.raises(UserError, match="There is a user ada already"):
        await others.add(User("ada"))
    assert others.of_token(token) == others.get("ada")
    for name in ("", "*", "a b", "a:b", "-", "x" * 65, "é", "a\n"):
        with pytest.raises(UserError, match="no name for a user"):
            await users.add(User(name))


def test_the_owner_may_do_everything() -> None:
    """And is nobody's user."""
    assert OWNER.may_use("anything")
    assert OWNER.may_read("anything")
    assert not User("ada", frozenset({EVERY})).may_read("shop")

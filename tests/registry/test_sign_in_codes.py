"""A one-time code signs in once, within a minute, from whichever process made it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from beastmode.registry.sign_in_codes import LIFE_S, SignInCodes

if TYPE_CHECKING:
    from tests.support.databases import OpenDatabase

    from beastmode.store import Database


async def test_a_code_is_taken_once(open_database: OpenDatabase) -> None:
    """By another process, by one of several that try at the same time; its text is not in the database."""
    editor, gateway = await open_database(), await open_database()
    code = await SignInCodes(editor, lambda: 100.0).make()
    codes = SignInCodes(gateway, lambda: 101.0)
    assert not await codes.take(code[:-1])
    taken = await asyncio.gather(*(codes.take(code) for _ in range(5)))
    assert sorted(taken) == [False] * 4 + [True]
    again = await SignInCodes(editor, lambda: 100.0).make()
    rows = await gateway.read("SELECT * FROM sign_in_codes")
    assert len(rows) == 1
    assert again not in str([tuple(row) for row in rows])


async def test_a_code_dies_of_age(database: Database) -> None:
    """After a minute it is worth nothing, and what nobody took is tidied away."""
    now = 100.0
    codes = SignInCodes(database, lambda: now)
    code = await codes.make()
    now += LIFE_S
    assert not await codes.take(code)
    await codes.make()
    assert len(await database.read("SELECT * FROM sign_in_codes")) == 1

"""A one-time code signs in once, within a minute, from whichever process made it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from beastmode.registry.sign_in_codes import LIFE_S, SignInCodes
from beastmode.store import Database

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_code_is_taken_once(tmp_path: Path) -> None:
    """By another process, by one of several that try at the same time; its text is nowhere in the database."""
    editor, gateway = await Database.open(tmp_path / "d.db"), await Database.open(tmp_path / "d.db")
    code = await SignInCodes(editor, lambda: 100.0).make()
    codes = SignInCodes(gateway, lambda: 101.0)
    assert not await codes.take(code[:-1])
    taken = await asyncio.gather(*(codes.take(code) for _ in range(5)))
    assert sorted(taken) == [False] * 4 + [True]
    again = await SignInCodes(editor, lambda: 100.0).make()
    await editor.close()
    await gateway.close()
    assert not any(text.encode() in file.read_bytes() for file in tmp_path.iterdir() for text in (code, again))


async def test_a_code_dies_of_age(tmp_path: Path) -> None:
    """After a minute it is worth nothing, and what nobody took is tidied away."""
    database = await Database.open(tmp_path / "d.db")
    now = 100.0
    codes = SignInCodes(database, lambda: now)
    code = await codes.make()
    now += LIFE_S
    assert not await codes.take(code)
    await codes.make()
    assert len(await database.read("SELECT * FROM sign_in_codes")) == 1
    await database.close()

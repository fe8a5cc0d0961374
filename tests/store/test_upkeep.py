"""A database as a whole: looked at, copied, replaced and made smaller while others use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from beastmode.store import Database, StoreError, upkeep


async def test_a_copy_is_one_moment_of_a_database_in_use(tmp_path: Path) -> None:
    """Rows that another window has not moved out of its journal yet are in it."""
    database = await Database.open(tmp_path / "a.db")
    await database.write("INSERT INTO vault_meta VALUES ('x', '1')")
    upkeep.copy(tmp_path / "a.db", tmp_path / "b.db")
    await database.close()
    assert [path.name for path in tmp_path.glob("b.db*")] == ["b.db"]
    copied = await Database.open(tmp_path / "b.db")
    assert (await copied.read("SELECT value FROM vault_meta"))[0][0] == "1"
    await copied.close()
    assert upkeep.check(tmp_path / "b.db") == upkeep.Verdict((), upkeep.newest_version())


async def test_windows_that_are_open_see_what_replaced_it(tmp_path: Path) -> None:
    """And that the models may have changed; what was there is kept."""
    database = await Database.open(tmp_path / "a.db")
    upkeep.copy(tmp_path / "a.db", tmp_path / "b.db")
    await database.write("INSERT INTO vault_meta VALUES ('new', '1')")
    await database.write("UPDATE registry_generation SET generation = 7")
    kept = upkeep.replace(tmp_path / "a.db", tmp_path / "b.db")
    assert await database.read("SELECT * FROM vault_meta") == []
    assert (await database.read("SELECT generation FROM registry_generation"))[0][0] == 8
    await database.write("INSERT INTO vault_meta VALUES ('after', '1')")
    await database.close()
    assert kept is not None
    old = await Database.open(kept)
    assert [row["name"] for row in await old.read("SELECT name FROM vault_meta")] == ["new"]
    await old.close()


async def test_a_damaged_database_can_be_replaced(tmp_path: Path) -> None:
    """This is what backups are for; the damaged file is kept."""
    await (await Database.open(tmp_path / "good.db")).close()
    (tmp_path / "a.db").write_bytes(b"no database at all, but some bytes of the user's" * 100)
    kept = upkeep.replace(tmp_path / "a.db", tmp_path / "good.db")
    assert kept is not None
    assert kept.read_bytes().startswith(b"no database")
    await (await Database.open(tmp_path / "a.db")).close()


async def test_removed_rows_give_their_room_back(tmp_path: Path) -> None:
    """While another window has the database open."""
    database = await Database.open(tmp_path / "a.db")
    await database.write("INSERT INTO vault_meta VALUES ('big', ?)", ("x" * 1_000_000,))
    await database.write("DELETE FROM vault_meta")
    before, after = upkeep.shrink(tmp_path / "a.db")
    assert before - after > 900_000
    await database.close()


async def test_damage_is_seen(tmp_path: Path) -> None:
    """A page that was overwritten is named, and a file of a newer version refused."""
    path = tmp_path / "a.db"
    await (await Database.open(path)).close()
    raw = bytearray(path.read_bytes())
    raw[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    path.write_bytes(raw)
    with pytest.raises(StoreError, match="malformed"):
        upkeep.check(path)
    with pytest.raises(StoreError, match="There is no database"):
        upkeep.check(tmp_path / "none.db")

import asyncio
import os
import re
import sqlite3
import stat
import sys
from pathlib import Path

import pytest
from tests.support.databases import OpenDatabase

from beastmode.store import Database, StoreError
from beastmode.store.migrations import MIGRATIONS, Migration, migrate

ROUTE = "INSERT INTO routes (task, model_id) VALUES (?, ?)"


def damaged(folder: Path) -> list[Path]:
    return [each for each in folder.glob("*.damaged-*") if not each.name.endswith(("-wal", "-shm"))]


async def tasks(database: Database) -> list[str]:
    return [row["task"] for row in await database.read("SELECT task FROM routes ORDER BY rowid")]


async def test_a_write_can_be_read_as_soon_as_it_returns(open_database: OpenDatabase) -> None:
    """`write` returns after COMMIT: another connection sees the row."""
    database = await open_database()
    await database.write(ROUTE, ("chat", "m"))
    assert await tasks(database) == ["chat"]
    await database.close()


async def test_writes_of_many_callers_are_all_kept_in_order(open_database: OpenDatabase) -> None:
    """Grouping writes into one transaction loses none and keeps their order."""
    database = await open_database()
    await asyncio.gather(*(database.write(ROUTE, (str(n), "m")) for n in range(300)))
    assert await tasks(database) == [str(n) for n in range(300)]
    await database.close()


async def test_a_bad_write_fails_alone(open_database: OpenDatabase) -> None:
    """A failing statement tells its own caller and harms no neighbour in the same group."""
    database = await open_database()
    good = [database.write(ROUTE, (str(n), "m")) for n in range(20)]
    bad = [
        database.write(ROUTE, ("0", "again")),
        database.write("INSERT INTO nowhere VALUES (1)"),
        database.write(ROUTE, ("too few",)),
        database.write("INSERT INTO routes VALUES ('too large', ?, 'm')", (1 << 80,)),
        database.write(ROUTE, ("no type", object())),
        database.write(ROUTE, ("surrogate", "\ud800")),
    ]
    results = await asyncio.gather(*good[:10], *bad, *good[10:], return_exceptions=True)
    assert [isinstance(result, StoreError) for result in results] == [False] * 10 + [True] * 6 + [False] * 10
    assert await tasks(database) == [str(n) for n in range(20)]
    await database.close()


async def test_statements_that_belong_together_are_all_or_nothing(open_database: OpenDatabase) -> None:
    """`write_all` leaves nothing behind where its last statement fails."""
    database = await open_database()
    with pytest.raises(StoreError, match=r"(?i)unique"):
        await database.write_all([(ROUTE, ("a", "m")), (ROUTE, ("b", "m")), (ROUTE, ("a", "m"))])
    assert await tasks(database) == []
    await database.close()


async def test_a_cancelled_caller_does_not_lose_its_write(open_database: OpenDatabase) -> None:
    """A row is written even where the task that wrote it is cancelled while it waits."""
    database = await open_database()
    writes = [asyncio.create_task(database.write(ROUTE, (str(n), "m"))) for n in range(50)]
    await asyncio.sleep(0)
    for write in writes:
        write.cancel()
    await asyncio.gather(*writes, return_exceptions=True)
    await database.close()
    again = await open_database()
    assert len(await tasks(again)) == 50
    await again.close()


async def test_closing_writes_what_is_queued(open_database: OpenDatabase) -> None:
    """`close` drains the queue, may be called twice, and refuses what comes after."""
    database = await open_database()
    writes = [asyncio.create_task(database.write(ROUTE, (str(n), "m"))) for n in range(50)]
    await asyncio.sleep(0)
    await database.close()
    await database.close()
    await asyncio.gather(*writes)
    with pytest.raises(StoreError, match="closed"):
        await database.write(ROUTE, ("late", "m"))
    with pytest.raises(StoreError, match="closed"):
        await database.read("SELECT 1")
    again = await open_database()
    assert len(await tasks(again)) == 50
    await again.close()


async def test_a_wrong_query_is_an_error_that_names_the_database(database: Database) -> None:
    """Callers never see the exceptions of a database's library."""
    with pytest.raises(StoreError, match=r"The database .*(test.db|postgresql://).* failed: .*nowhere"):
        await database.read("SELECT * FROM nowhere")
    with pytest.raises(StoreError, match=r"read-?only"):
        await database.read("DELETE FROM routes")


async def test_a_key_needs_its_model_and_goes_with_it(database: Database) -> None:
    """A sealed key never outlives what it belongs to; one of a provider stands alone."""
    seal = "INSERT INTO sealed_keys (model_id, key_id, nonce, ciphertext, origin) VALUES (?, 'k', ?, ?, 'o')"
    with pytest.raises(StoreError, match="a key needs its model"):
        await database.write(seal, ("custom:m", b"\x00", b"\xff"))
    await database.write(
        "INSERT INTO models (id, name, provider, endpoint_url, upstream_id, description, context_window, max_tokens,"
        " temperature) VALUES ('custom:m', 'm', 'p', 'u', 'm', '', 1, 1, 0.2)"
    )
    await database.write(seal, ("custom:m", b"\x00", b"\xff"))
    await database.write(seal, ("openai", b"\x00", b"\xff"))
    await database.write("DELETE FROM models")
    assert [tuple(row) for row in await database.read("SELECT model_id, nonce FROM sealed_keys")] == [
        ("openai", b"\x00")
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
async def test_files_and_folders_are_private(tmp_path: Path) -> None:
    """Folders are made 0700 and files 0600, journals too; a looser file is tightened."""
    path = tmp_path / "deep" / "home" / "a.db"
    database = await Database.open(path)
    await database.write(ROUTE, ("a", "m"))
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}
    await database.close()
    path.chmod(0o644)
    await (await Database.open(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_it_is_safe_against_a_killed_process(tmp_path: Path) -> None:
    """WAL with synchronous NORMAL and foreign keys: the settings that everything else relies on."""
    database = await Database.open(tmp_path / "a.db")
    assert (await database.read("PRAGMA journal_mode"))[0][0] == "wal"
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        await database.write(
            "INSERT INTO models VALUES ('custom:m', 'm', 'p', 'u', 'm', '', '', '', '', 1, 1, 0, 99, 0,"
            " NULL, NULL, NULL)"
        )
    with pytest.raises(StoreError, match="a key needs its model"):
        await database.write("INSERT INTO sealed_keys VALUES ('custom:none', 'k', x'00', x'00', 'o')")
    await database.close()


@pytest.mark.parametrize(
    "content",
    [b"this is no database" * 100, b"x", b"SQLite format 3\x00" + b"\xff" * 5000],
    ids=["text", "one byte", "garbage after the header"],
)
async def test_a_damaged_file_is_set_aside_and_a_new_one_made(tmp_path: Path, content: bytes) -> None:
    """The damaged file is kept byte for byte under a dated name, with its journals, and the user is told."""
    path = tmp_path / "a.db"
    path.write_bytes(content)
    (tmp_path / "a.db-wal").write_bytes(b"journal")
    database = await Database.open(path)
    await database.write(ROUTE, ("a", "m"))
    (aside,) = damaged(tmp_path)
    assert re.fullmatch(r"a\.db\.damaged-\d{8}-\d{6}", aside.name)
    assert aside.read_bytes() == content
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"journal"
    (notice,) = database.notices
    assert aside.name in notice
    await database.close()


async def test_a_page_broken_in_the_middle_is_noticed(tmp_path: Path) -> None:
    """Damage that opening alone does not see is found by the check of a small file."""
    path = tmp_path / "a.db"
    database = await Database.open(path)
    await database.write_all([(ROUTE, (f"task {n}", "m" * 100)) for n in range(500)])
    await database.close()
    content = bytearray(path.read_bytes())
    for page in range(4096 * 8, len(content), 4096):
        content[page : page + 64] = b"\xff" * 64
    path.write_bytes(content)
    database = await Database.open(path)
    assert len(database.notices) == 1
    assert damaged(tmp_path)[0].read_bytes() == content
    await database.close()


async def test_two_damaged_files_in_one_second_are_both_kept(tmp_path: Path) -> None:
    """A dated name that is taken gets a number."""
    path = tmp_path / "a.db"
    for _ in range(3):
        path.write_bytes(b"no database at all")
        await (await Database.open(path)).close()
    assert len(damaged(tmp_path)) == 3


async def test_a_healthy_file_gives_no_notice(open_database: OpenDatabase) -> None:
    """Opening, closing and opening again is silent and keeps everything."""
    for expected in ([], ["0"], ["0", "1"]):
        database = await open_database()
        assert database.notices == ()
        assert await tasks(database) == expected
        await database.write(ROUTE, (str(len(expected)), "m"))
        await database.close()


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """A recorded step that this version does not know: a clear refusal, and not a byte is changed."""
    path = tmp_path / "a.db"
    await (await Database.open(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO migrations VALUES ('m999_future', 'now')")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer version.*m999_future.*Update"):
        await Database.open(path)
    assert path.read_bytes() == before
    assert not damaged(tmp_path)


async def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    """What cannot be opened is named, and nothing is moved."""
    (tmp_path / "a.db").mkdir()
    with pytest.raises(StoreError, match=r"a\.db failed"):
        await Database.open(tmp_path / "a.db")
    assert (tmp_path / "a.db").is_dir()


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """All missing steps are one transaction."""
    broken = (*MIGRATIONS, Migration("m900_broken", ("CREATE TABLE half (x)", "CREATE NONSENSE")))
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="syntax"):
        migrate(connection, broken)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    migrate(connection)
    migrate(connection, (*MIGRATIONS, Migration("m900_mended", ("CREATE TABLE whole (x)",))))
    assert connection.execute("SELECT name FROM migrations ORDER BY name DESC").fetchone() == ("m900_mended",)
    connection.close()


def test_migration_names_are_ordered_and_unique() -> None:
    """Names are recorded in files for ever, so they must never be ambiguous."""
    names = [migration.name for migration in MIGRATIONS]
    assert names == sorted(set(names))


async def test_prices_are_append_only(open_database: OpenDatabase) -> None:
    """Neither an update nor a delete can change what something cost."""
    database = await open_database()
    await database.write(
        "INSERT INTO prices (model, input, output, as_of, source) VALUES ('m', '1', '2', '2026-01-01', 'user')"
    )
    for statement in ("UPDATE prices SET input = '0'", "DELETE FROM prices"):
        with pytest.raises(StoreError, match="append-only"):
            await database.write(statement)
    await database.close()


async def test_a_lock_of_another_process_is_waited_for(tmp_path: Path) -> None:
    """A write succeeds once the other connection lets go."""
    database = await Database.open(tmp_path / "a.db")
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write = asyncio.create_task(database.write(ROUTE, ("a", "m")))
    _, waiting = await asyncio.wait({write}, timeout=0.05)
    assert waiting
    assert await tasks(database) == []  # reading goes on meanwhile
    other.execute("ROLLBACK")
    other.close()
    await write
    assert await tasks(database) == ["a"]
    await database.close()


WORKER = """
import asyncio, sys
from pathlib import Path
from beastmode.store import Database

async def main(path, name):
    database = await Database.open(Path(path))
    for block in range(10):
        await asyncio.gather(*(
            database.write("INSERT INTO routes (task, model_id) VALUES (?, ?)", (f"{name} {block} {n}", name))
            for n in range(10)
        ))
    await database.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def run_workers(path: Path, names: str) -> None:
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "server")}
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, str(path), name, env=environ)
        for name in names
    ]
    assert [await process.wait() for process in processes] == [0] * len(names)


@pytest.mark.e2e
@pytest.mark.parametrize("before", [None, b"no database at all"], ids=["no file", "damaged file"])
async def test_several_processes_write_at_once(tmp_path: Path, before: bytes | None) -> None:
    """Windows that start together make one schema, set a damaged file aside once, and lose no row."""
    path = tmp_path / "a.db"
    if before:
        path.write_bytes(before)
    await run_workers(path, "abcd")
    assert [each.read_bytes() for each in damaged(tmp_path)] == [before] * bool(before)
    database = await Database.open(path)
    counts = await database.read("SELECT model_id, count(*) FROM routes GROUP BY model_id ORDER BY model_id")
    assert [tuple(row) for row in counts] == [(name, 100) for name in "abcd"]
    assert database.notices == ()
    await database.close()

"""Fixtures that run a test on both databases; the one on PostgreSQL runs with the end-to-end tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from tests.support.postgresql_server import Server, running

from beastmode.store import Connection, Database
from beastmode.store.migrations import migrate
from beastmode.store.postgresql import open_url
from beastmode.store.sqlite import connect

OpenDatabase = Callable[[], Awaitable[Database]]
"""Opens the test's own database; again when it is called again."""
Blank = Callable[[], AbstractContextManager[Connection]]
"""A connection to a database without rows, and a transaction that nobody ever sees."""

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.e2e))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    with running() as server:
        open_url(server.url()).close_writer()
        server.remember()
        yield server


@pytest.fixture(params=BOTH)
async def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenDatabase]:
    url = ""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgresql_server")
        server.empty()
        url = server.url()
    opened: list[Database] = []

    async def opening() -> Database:
        opened.append(await (Database.connect(url) if url else Database.open(tmp_path / "test.db")))
        return opened[-1]

    yield opening
    for each in opened:
        await each.close()


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database()


@pytest.fixture(scope="session", params=BOTH)
def blank(request: pytest.FixtureRequest) -> Blank:
    server: Server | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")

    @contextmanager
    def on_sqlite() -> Iterator[Connection]:
        with closing(connect(":memory:")) as connection:
            migrate(connection)
            yield connection

    @contextmanager
    def on_postgresql() -> Iterator[Connection]:
        assert server is not None
        server.empty()
        engine = open_url(server.url())
        try:
            yield engine.begin()
        finally:
            engine.close_writer()

    return on_postgresql if server else on_sqlite


async def refuse_updates(database: Database, table: str) -> None:
    """From now on it cannot be written: its disk is full."""
    trigger = f"CREATE TRIGGER refuses BEFORE UPDATE ON {table} "
    if database.name.startswith("postgresql:"):
        await database.write(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$"
        )
        await database.write(f"{trigger} FOR EACH ROW EXECUTE FUNCTION refuse()")
    else:
        await database.write(f"{trigger} BEGIN SELECT RAISE(ABORT, 'disk full'); END")

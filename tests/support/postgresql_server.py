"""A PostgreSQL server of the tests' own: Debian's package, a private folder and port, gone when the tests are."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

PASSWORD = "never-to-be-seen"
_KEEP_WHAT_IS_NEW = """CREATE SCHEMA new;
    CREATE TABLE new.registry_generation AS SELECT * FROM registry_generation;
    CREATE TABLE new.policy AS SELECT * FROM policy"""
_AS_NEW = """DROP FUNCTION IF EXISTS refuse CASCADE;
DO $$ DECLARE it record; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR it IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migrations' LOOP
        EXECUTE format('DELETE FROM public.%I', it.tablename);
    END LOOP;
    FOR it IN SELECT tablename FROM pg_tables WHERE schemaname = 'new' LOOP
        EXECUTE format('INSERT INTO public.%I SELECT * FROM new.%I', it.tablename, it.tablename);
    END LOOP;
    FOR it IN SELECT sequencename FROM pg_sequences LOOP
        PERFORM setval(it.sequencename::regclass, 1, false);
    END LOOP;
END $$"""
_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


class Server:
    """Runs until it is stopped; keeps what was written when it is started again."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        password = folder / "password"
        password.write_text(PASSWORD)
        # The server refuses to run as root, as which CI's containers run.
        self._who: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._who = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(folder, "postgres", "postgres")
            shutil.chown(password, "postgres", "postgres")
        command = [
            "initdb",
            "--pgdata",
            "data",
            "--username",
            "tester",
            "--pwfile",
            "password",
            "--auth",
            "scram-sha-256",
        ]
        self._run([*command, "--encoding", "UTF8", "--locale", "C", "--no-sync"])

    def url(self) -> str:
        return f"postgresql://tester:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": str(self._folder)}
        if not self._durable:
            options["fsync"] = "off"
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_PROGRAMS[-1] / "postgres", "-D", "data", *settings], cwd=self._folder, stderr=log, **self._who
            )
        self._run(["pg_isready", "--quiet", "--host", "127.0.0.1", "--port", str(self.port)], until_it_works=True)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: at once, breaking off what runs; SIGQUIT: as if the machine had lost its power."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def remember(self) -> None:
        """Take note of the rows that a new database has."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(_KEEP_WHAT_IS_NEW)

    def empty(self) -> None:
        """Make the database as new; a schema for each test would be thousands of files."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(_AS_NEW)

    def _run(self, command: list[str], *, until_it_works: bool = False) -> None:
        program = [str(_PROGRAMS[-1] / command[0]), *command[1:]]
        for _ in range(300):
            done = subprocess.run(program, cwd=self._folder, capture_output=True, timeout=60, check=False, **self._who)
            if done.returncode == 0:
                return
            if not until_it_works or (self._process is not None and self._process.poll() is not None):
                break
        pytest.fail(f"{command[0]}: {done.stderr.decode()}{(self._folder / 'log').read_text()}")


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """A server; `durable` where a test cuts its power."""
    if not _PROGRAMS:
        pytest.skip("PostgreSQL is not installed; run scripts/install-services.sh")
    folder = Path(tempfile.mkdtemp(prefix="beastmode-postgresql-"))
    server = Server(folder, durable=durable)
    try:
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

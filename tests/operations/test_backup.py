"""Backup and restore: whole, sealed, and never over something else."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from tests.support.attempts import ROW
from typer.testing import CliRunner, Result

from beastmode.domain.errors import UserError
from beastmode.faces.cli.main import build
from beastmode.ledger.ledger import Ledger
from beastmode.operations.backup import restore
from beastmode.store import Database, StoreError

KEY = "sk-backup-0123456789"
MODEL = {
    "model_name": "Mine",
    "model_id": "mine",
    "endpoint_url": "http://127.0.0.1:9/v1",
    "provider": "openai-compatible",
    "api_key": KEY,
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with a key, and a try."""
    home = tmp_path / "home"
    monkeypatch.setenv("BEASTMODE_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.delenv("ENCRYPTION_KEY", raising=False)
    assert beastmode("models", "add", "--stdin-json", "--force", stdin=json.dumps(MODEL)).exit_code == 0

    async def fill() -> None:
        database = await Database.open(home / "beastmode.db")
        await Ledger(database).observe(replace(ROW, id="1"))
        await database.close()

    asyncio.run(fill())
    return home


def beastmode(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(build(), arguments, input=stdin)


def test_there_and_back(tmp_path: Path, home: Path) -> None:
    """What was removed after the backup is there again; what was there instead is kept; no key is readable in it."""
    file = tmp_path / "it.zip"
    said = beastmode("backup", str(file), "--json")
    assert said.exit_code == 0, said.output
    told = json.loads(said.stdout)
    assert told["bytes"] > 0
    assert file.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(file) as archive:
        assert not any(KEY.encode() in archive.read(name) for name in archive.namelist())
        assert not any(name.endswith(".key") for name in archive.namelist())
    beastmode("models", "remove", "mine", "--yes")
    said = beastmode("restore", str(file), "--yes", "--json")
    assert said.exit_code == 0, said.output
    assert not said.stderr
    assert Path(json.loads(said.stdout)["kept"]).parent == home
    assert json.loads(beastmode("models", "show", "mine", "--json").stdout)["has_key"]
    assert "1" in [row["id"] for row in json.loads(beastmode("ledger", "tail", "--json").stdout)]


def test_keys_that_do_not_open_here_are_named(tmp_path: Path, home: Path) -> None:
    """On a machine without the master key everything is restored, and keys and addresses have to be set anew."""
    assert beastmode("alerts", "target", "team", stdin="http://127.0.0.1:9/hook\n").exit_code == 0
    beastmode("backup", str(tmp_path / "it.zip"))
    for path in home.iterdir():
        path.unlink()
    said = beastmode("restore", str(tmp_path / "it.zip"), "--yes")
    assert said.exit_code == 0, said.output
    assert "Failed to decrypt API key of custom:mine" in said.stderr
    assert "beastmode keys set custom:mine" in said.stderr
    for output in (said.stderr, beastmode("doctor", "--offline").stdout, beastmode("alerts", "test").stderr):
        assert "The address of team cannot be opened" in output
        assert "beastmode alerts target team" in output


def test_a_backup_never_overwrites(tmp_path: Path) -> None:
    """Without --force the file stays as it is; with it, it is replaced by a whole one."""
    file = tmp_path / "it.zip"
    file.write_bytes(b"mine")
    said = beastmode("backup", str(file))
    assert (said.exit_code, file.read_bytes()) == (1, b"mine")
    assert "--force" in said.stderr
    assert beastmode("backup", str(file), "--force").exit_code == 0
    assert zipfile.is_zipfile(file)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_backup_never_replaces_what_it_is_of(tmp_path: Path, home: Path) -> None:
    """Not with --force, and not by another name."""
    (tmp_path / "other").symlink_to(home)
    for file in (home / "beastmode.db", tmp_path / "other" / "beastmode.db"):
        said = beastmode("backup", str(file), "--force")
        assert (said.exit_code, "is the database itself" in said.stderr) == (1, True)
    assert "custom:mine" in beastmode("models", "list").output


def test_a_question_that_is_not_answered_restores_nothing(tmp_path: Path, home: Path) -> None:
    """Where nobody says yes, the database stays."""
    beastmode("backup", str(tmp_path / "it.zip"))
    assert beastmode("restore", str(tmp_path / "it.zip")).exit_code == 1
    assert not list(home.glob("*before-restore*"))


def changed(source: Path, target: Path, **entries: bytes) -> Path:
    """A backup with other entries than it was made with."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, entries.get(name.replace(".", "_"), old.read(name)))
    return target


def test_what_is_no_backup_changes_nothing(tmp_path: Path, home: Path) -> None:
    """A flipped bit, a manifest of a later format, another zip, no zip, no file: each is named, nothing is touched."""
    file, database = tmp_path / "it.zip", home / "beastmode.db"
    beastmode("backup", str(file))
    with zipfile.ZipFile(file) as archive:
        raw, manifest = bytearray(archive.read("beastmode.db")), json.loads(archive.read("manifest.json"))
    raw[5000] ^= 1
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("hello.txt", "hello")
    (tmp_path / "text").write_text("hello")
    wrong = {
        changed(file, tmp_path / "1.zip", beastmode_db=bytes(raw)): "checksum",
        changed(file, tmp_path / "2.zip", manifest_json=json.dumps(manifest | {"format": 9}).encode()): "format",
        changed(file, tmp_path / "3.zip", manifest_json=b"[]"): "manifest",
        changed(file, tmp_path / "4.zip", beastmode_db=bytes(raw) * 3): "checksum",
        other: "no backup",
        tmp_path / "text": "no backup",
        tmp_path / "none.zip": "cannot be read",
    }
    before = database.read_bytes()
    for path, reason in wrong.items():
        with pytest.raises(UserError, match=reason):
            restore(path, database)
        assert database.read_bytes() == before
    assert not list(home.glob("*before-restore*"))


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path, home: Path) -> None:
    """Its schema is not known here, and the database stays."""
    file, newer = tmp_path / "it.zip", tmp_path / "newer.db"
    beastmode("backup", str(file))
    with zipfile.ZipFile(file) as archive:
        newer.write_bytes(archive.read("beastmode.db"))
        manifest = json.loads(archive.read("manifest.json"))
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("INSERT INTO migrations VALUES ('m999_later', 'now')")
    manifest |= {"bytes": newer.stat().st_size, "sha256": sha256(newer.read_bytes()).hexdigest()}
    raw = json.dumps(manifest).encode()
    later = changed(file, tmp_path / "later.zip", beastmode_db=newer.read_bytes(), manifest_json=raw)
    with pytest.raises(StoreError, match="newer version"):
        restore(later, home / "beastmode.db")
    assert not list(home.glob("*before-restore*"))

"""A backup: one zip file with the database, as of one moment, and a manifest with its checksum.

API keys stay sealed in it, and the master key is not part of it: who finds a backup finds no key. `config.toml` and the
key file are files of the user's own, to be copied as such. All of it blocks.
"""

from __future__ import annotations

import json
import os
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from beastmode import __version__
from beastmode.domain.errors import UserError
from beastmode.store import upkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMAT = 1
DATABASE, MANIFEST = "beastmode.db", "manifest.json"
_CHUNK = 1 << 20
_LONGEST_MANIFEST = 64 << 10
_OLDEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        format: of the file.
        version: of the program that made it.
        schema: the last step of the database's schema.
        made_at: local time in ISO form, with its offset.
        bytes: of the database.
        sha256: of the database, hexadecimal.
    """

    format: int
    version: str
    schema: str
    made_at: str
    bytes: int
    sha256: str


def back_up(
    database: Path, file: Path, made_at: str, *, force: bool = False, say: Callable[[float], None] = lambda _part: None
) -> Manifest:
    """Write a backup of a database that others may be using.

    Args:
        database: the path.
        file: of the backup; readable by its owner alone.
        made_at: see `Manifest`.
        force: whether a file of that name may be replaced, which happens when the new one is complete.
        say: told the fraction that is done.

    Raises:
        UserError: there is such a file, it is the database itself, or it cannot be written.
        StoreError: the database cannot be read.
    """
    _refuse_existing(file, force=force)
    if file.exists() and database.exists() and file.samefile(database):
        raise UserError(f"{file} is the database itself", "Name another file for its backup")
    with _workshop(file) as folder:
        copy = folder / DATABASE
        upkeep.copy(database, copy, say)
        manifest = Manifest(
            FORMAT, __version__, upkeep.check(copy).version, made_at, copy.stat().st_size, _digest(copy)
        )
        made = folder / "backup.zip"
        with _private(made) as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            archive.writestr(zipfile.ZipInfo(MANIFEST, _OLDEST_ZIP_DATE), json.dumps(asdict(manifest), indent=2))
            archive.write(copy, DATABASE)
        # The whole file or none: a full disk leaves what was there.
        if force:
            made.replace(file)
        else:
            _put(made, file)
    return manifest


def restore(file: Path, database: Path) -> tuple[Manifest, Path | None]:
    """Put a backup in the place of the database; what was there is kept beside it.

    Args:
        file: a backup.
        database: the path; other windows that have it open see the restored one.

    Returns:
        What the backup says of itself, and where the old database is kept; None where there was none.

    Raises:
        UserError: it is no backup, or was changed since.
        StoreError: it is of a newer version, or the database cannot be written; then nothing was changed.
    """
    database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with zipfile.ZipFile(file) as archive, _workshop(database) as folder:
            manifest = _read_manifest(archive, file)
            copy = folder / DATABASE
            _take_out(archive, copy, manifest, file)
            problems = upkeep.check(copy).problems
            if problems:
                raise UserError(f"The database in {file} is damaged: {problems[0]}", "Restore another backup")
            return manifest, upkeep.replace(database, copy)
    except OSError as error:
        if error.filename == str(file):
            raise UserError(f"{file} cannot be read: {error.strerror}", "Name a backup that you can read") from None
        raise
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as error:
        raise UserError(f"{file} is no backup of BEAST MODE, or is damaged ({error})", "Name another file") from None


def _read_manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    with archive.open(MANIFEST) as entry:
        raw = entry.read(_LONGEST_MANIFEST)
    try:
        read: dict[str, Any] = json.loads(raw)
        manifest = Manifest(**read)
    except (ValueError, TypeError):
        raise UserError(f"{file} is no backup of BEAST MODE: its manifest is damaged", "Name another file") from None
    if manifest.format != FORMAT:
        raise UserError(
            f"{file} was made by BEAST MODE {manifest.version}, in a format that this version does not know",
            "Update BEAST MODE (`pip install --upgrade beastmode`)",
        )
    return manifest


def _take_out(archive: zipfile.ZipFile, copy: Path, manifest: Manifest, file: Path) -> None:
    digest, size = sha256(), 0
    with archive.open(DATABASE) as entry, _private(copy) as target:
        while chunk := entry.read(_CHUNK):
            size += len(chunk)
            if size > manifest.bytes:  # what unpacks to more than it says is not ours
                break
            digest.update(chunk)
            target.write(chunk)
    if (size, digest.hexdigest()) != (manifest.bytes, manifest.sha256):
        raise UserError(f"{file} was changed or is damaged: its checksum does not match", "Restore another backup")


@contextmanager
def _workshop(file: Path) -> Iterator[Path]:
    """A folder of our own on the disk where the result goes, gone afterwards."""
    try:
        folder = TemporaryDirectory(dir=file.absolute().parent, prefix=f".{file.name}.", ignore_cleanup_errors=True)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}", "Name a file in a folder of yours") from None
    with folder as path:
        yield Path(path)


def _refuse_existing(file: Path, *, force: bool) -> None:
    if file.is_dir():
        raise UserError(f"{file} is a folder", "Name a file in it")
    if file.exists() and not force:
        raise _exists(file)


def _put(made: Path, file: Path) -> None:
    try:
        os.link(made, file)  # unlike a rename it never replaces
    except FileExistsError:
        raise _exists(file) from None
    except OSError:  # a disk without links
        if file.exists():
            raise _exists(file) from None
        made.replace(file)


def _exists(file: Path) -> UserError:
    return UserError(f"{file} is there already", "Name another file, or repeat with --force to replace it")


def _private(path: Path) -> Any:
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        return digest.hexdigest()

"""Where master keys come from: a passphrase, the operating system's keyring, or a file.

The database says which master is current (`vault_meta`, one record for each kind of source) and settles races between
processes; the sources keep the material and know nothing of each other. A master that is not recorded yet has sealed
nothing, so one that a crash leaves behind is harmless.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from beastmode.store.files import private_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BYTES = 32
_MAX_SCRYPT_BYTES = 1 << 30  # a record asking for more is damaged

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Master:
    """Thirty-two bytes that seal keys. `key_id` is `kind:fingerprint`, and stands beside each key it sealed."""

    key_id: str
    record: str
    material: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """The kind of source that keeps it."""
        return kind_of(self.key_id)


def kind_of(key_id: str) -> str:
    """The kind of source that a key id names."""
    return key_id.partition(":")[0]


class Unavailable(Exception):
    """A master cannot be had; the message completes "Failed to decrypt API key: …". Never leaves the room."""


class Source(Protocol):
    """One kind of source."""

    @property
    def kind(self) -> str:
        """The first part of its masters' key ids."""

    @property
    def title(self) -> str:
        """What a person calls it."""

    async def make(self) -> Master:
        """A new master, kept until it is discarded. Raises Unavailable where the source cannot be used."""

    async def recall(self, record: str) -> Master:
        """The master of a record that `make` gave. Raises Unavailable."""

    async def discard(self, record: str) -> None:
        """Forget a master that seals nothing any more."""


class Keyring(Protocol):
    """The three calls of an operating system's keyring; each may block, hang or raise anything."""

    def get(self, name: str) -> str | None:
        """The stored text."""

    def set(self, name: str, text: str) -> None:
        """Store a text."""

    def delete(self, name: str) -> None:
        """Remove a text."""


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """How expensive guessing a passphrase is: 32 MiB and about a quarter of a second a guess (OWASP's table)."""

    n: int = 1 << 15
    r: int = 8
    p: int = 3


class PassphraseSource:
    """ENCRYPTION_KEY through scrypt; the record is the salt and the cost, the material is never stored."""

    kind = "passphrase"
    title = "ENCRYPTION_KEY"

    def __init__(self, passphrase: str, cost: ScryptCost) -> None:
        self._passphrase = passphrase.encode("utf-8", "surrogateescape")
        self._cost = cost

    async def make(self) -> Master:
        """Derive from a fresh salt."""
        cost = self._cost
        return await self.recall(json.dumps({"salt": secrets.token_hex(16), "n": cost.n, "r": cost.r, "p": cost.p}))

    async def recall(self, record: str) -> Master:
        """Derive again, off the event loop."""
        try:
            material = await asyncio.to_thread(self._derive, json.loads(record))
        except (ValueError, KeyError, TypeError, MemoryError) as error:
            raise Unavailable("the stored salt is damaged") from error
        return Master(_key_id(self.kind, material), record, material)

    async def discard(self, record: str) -> None:
        """The record is all there was."""

    def _derive(self, parameters: dict[str, object]) -> bytes:
        salt = bytes.fromhex(str(parameters["salt"]))
        n, r, p = (int(str(parameters[name])) for name in ("n", "r", "p"))
        memory = 128 * r * (n + p + 2)
        if memory > _MAX_SCRYPT_BYTES:
            raise ValueError("scrypt cost out of range")
        return hashlib.scrypt(self._passphrase, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=_BYTES)


class KeyringSource:
    """The operating system's keyring, one entry for each master; the record is the entry's name.

    A keyring that hangs (a prompt that nobody sees) or fails is not asked again.
    """

    kind = "keyring"
    title = "the system keyring"

    def __init__(self, keyring: Keyring, timeout_s: float) -> None:
        self._keyring = keyring
        self._timeout_s = timeout_s
        self._failed = False

    async def make(self) -> Master:
        """Store a new entry, and read it back: some backends swallow what they are given."""
        material = secrets.token_bytes(_BYTES)
        key_id = _key_id(self.kind, material)
        await self._call(lambda: self._keyring.set(key_id, material.hex()))
        try:
            return await self.recall(key_id)
        except Unavailable:
            self._failed = True
            raise

    async def recall(self, record: str) -> Master:
        """Read an entry."""
        text = await self._call(lambda: self._keyring.get(record))
        if text is None:
            raise Unavailable("the system keyring no longer holds its master key")
        return Master(record, record, _material(record, text, "the entry in the system keyring"))

    async def discard(self, record: str) -> None:
        """Remove an entry, if that can be done."""
        with suppress(Unavailable):
            await self._call(lambda: self._keyring.delete(record))

    async def _call(self, function: Callable[[], T]) -> T:
        if self._failed:
            raise Unavailable("the system keyring cannot be used")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                outcome = partial(_give, done, function())
            except Exception as error:  # noqa: BLE001 - backends raise their platform's own errors
                # Its own words are not passed on: no promise that they do not repeat what was stored.
                outcome = partial(_fail, done, f"the system keyring failed ({type(error).__name__})")
            with suppress(RuntimeError):  # the loop is gone
                loop.call_soon_threadsafe(outcome)

        # A daemon thread of its own: one that hangs must keep neither an executor's slot nor the process.
        threading.Thread(target=run, name="beastmode-keyring", daemon=True).start()
        try:
            return await asyncio.wait_for(done, self._timeout_s)
        except TimeoutError:
            self._failed = True
            raise Unavailable(f"the system keyring did not answer within {self._timeout_s:g} s") from None
        except Unavailable:
            self._failed = True
            raise


def _give(done: asyncio.Future[T], result: T) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[T], reason: str) -> None:
    if not done.done():
        done.set_exception(Unavailable(reason))


class FileSource:
    """A 0600 file for each master, next to `key_file` and named after it: `master-9f3c….key`.

    The record is the key id. A file of its own means that making one never touches another.
    """

    kind = "file"

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file

    @property
    def title(self) -> str:
        """The folder, since the name changes with each rotation."""
        return f"a key file in {self._key_file.parent}"

    def path_of(self, record: str) -> Path:
        """The file of a record."""
        fingerprint = "".join(character for character in record.partition(":")[2] if character in "0123456789abcdef")
        return self._key_file.with_name(f"{self._key_file.stem}-{fingerprint}{self._key_file.suffix}")

    async def make(self) -> Master:
        """Write a new file that nobody else could read at any moment."""
        material = secrets.token_bytes(_BYTES)
        key_id = _key_id(self.kind, material)
        try:
            await asyncio.to_thread(_write_new, self.path_of(key_id), material.hex() + "\n")
        except OSError as error:
            raise Unavailable(f"the key file {self.path_of(key_id)} cannot be written ({error.strerror})") from error
        return Master(key_id, key_id, material)

    async def recall(self, record: str) -> Master:
        """Read a file."""
        path = self.path_of(record)
        try:
            text = await asyncio.to_thread(path.read_text, "ascii")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise Unavailable(f"the key file {path} cannot be read ({reason})") from error
        return Master(record, record, _material(record, text, f"the key file {path}"))

    async def discard(self, record: str) -> None:
        """Remove a file, if that can be done."""
        with suppress(OSError):
            await asyncio.to_thread(self.path_of(record).unlink)


def _key_id(kind: str, material: bytes) -> str:
    return f"{kind}:{hashlib.sha256(b'beastmode master key id' + material).hexdigest()[:16]}"


def _material(record: str, text: str, place: str) -> bytes:
    try:
        material = bytes.fromhex(text.strip())
    except ValueError:
        material = b""
    if len(material) != _BYTES or _key_id(kind_of(record), material) != record:
        raise Unavailable(f"{place} is damaged")
    return material


def _write_new(path: Path, text: str) -> None:
    private_directory(path.parent)
    with open(path, "x", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())

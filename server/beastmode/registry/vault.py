"""API keys at rest: sealed with AES-256-GCM, each bound to its model and to the origin it may travel to.

A key is sealed with a master key (masters.py) under a fresh nonce. Model id and origin are associated data: a sealed
key that is copied to another row, or whose endpoint changes, does not open. What cannot be opened is left as it is.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from beastmode.domain.errors import KeyUnreadable
from beastmode.registry.masters import (
    FileSource,
    KeyringSource,
    PassphraseSource,
    ScryptCost,
    Unavailable,
    kind_of,
)
from beastmode.registry.sealed import Sealed, claim_record, keep, read_records, read_sealed, replace_all
from beastmode.store import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.registry.masters import Keyring, Master, Source
    from beastmode.store import Database
    from beastmode.store.writer import Statement

_NONCE_BYTES = 12
_KEYRING_TIMEOUT_S = 5.0
_ROTATION_TRIES = 3


def seal(master: Master, key: str, model_id: str, origin: str) -> Sealed:
    """Encrypt a key under a fresh nonce."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - slow to import

    nonce = secrets.token_bytes(_NONCE_BYTES)
    text = key.encode("utf-8", "surrogatepass")
    ciphertext = AESGCM(master.material).encrypt(nonce, text, _bound(model_id, origin))
    return Sealed(model_id, origin, master.key_id, nonce, ciphertext)


def unseal(master: Master, sealed: Sealed, model_id: str, origin: str) -> str:
    """Decrypt a key for a model and an origin.

    Raises:
        KeyUnreadable: the bytes were changed, or belong to another model, origin or master.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - the same

    try:
        text = AESGCM(master.material).decrypt(sealed.nonce, sealed.ciphertext, _bound(model_id, origin))
        return text.decode("utf-8", "surrogatepass")
    except (InvalidTag, ValueError) as error:
        raise KeyUnreadable(model_id, "the stored bytes were changed") from error


def _bound(model_id: str, origin: str) -> bytes:
    return json.dumps(["beastmode-key-1", model_id, origin]).encode()


class Vault:
    """Seals and opens the keys of one database. Does nothing, and imports nothing slow, until it is asked.

    Args:
        database: holds the sealed keys, and the records of the masters that sealed them.
        key_file: `…/master.key`; where neither passphrase nor keyring is to be had, master keys are files beside it.
        passphrase: ENCRYPTION_KEY.
        keyring: the operating system's, or None for none.
        keyring_timeout_s: seconds after which a keyring that does not answer is given up.
        cost: of guessing the passphrase.
    """

    def __init__(
        self,
        database: Database,
        *,
        key_file: Path,
        passphrase: str | None = None,
        keyring: Keyring | None = None,
        keyring_timeout_s: float = _KEYRING_TIMEOUT_S,
        cost: ScryptCost | None = None,
    ) -> None:
        self._database = database
        self._cost = cost or ScryptCost()
        self._file = FileSource(key_file)
        sources: list[Source] = []
        if passphrase:
            sources.append(PassphraseSource(passphrase, self._cost))
        if keyring is not None:
            sources.append(KeyringSource(keyring, keyring_timeout_s))
        sources.append(self._file)
        self._sources = {source.kind: source for source in sources}
        self._masters: dict[str, Master] = {}
        self._current: Master | None = None
        self._records: dict[str, str] = {}
        self._busy = asyncio.Lock()

    @property
    def source(self) -> str:
        """What keys are sealed with, for a person: ENCRYPTION_KEY, the keyring, or the path of the key file.

        As the database said when it was last looked into; never wakes a keyring.
        """
        if PassphraseSource.kind in self._sources:
            return PassphraseSource.title
        if KeyringSource.kind in self._records and KeyringSource.kind in self._sources:
            return KeyringSource.title
        if FileSource.kind in self._records:
            return f"the key file {self._file.path_of(self._records[FileSource.kind])}"
        return "a master key that is made with the first of them"

    async def look(self) -> None:
        """Bring `source` up to date."""
        await self._read_records()

    async def statements_to_keep(self, key: str, model_id: str, origin: str) -> list[Statement]:
        """Seal a key, as statements for the caller's own transaction.

        The transaction fails with StoreError where another process rotated the master meanwhile: `forget` and repeat.

        Raises:
            StoreError: no source can keep a master key.
        """
        master = await self._current_master()
        return keep(seal(master, key, model_id, origin), master)

    async def open(self, model_id: str, origin: str) -> str | None:
        """The key of a model, for the origin that it is about to travel to; None where none is stored.

        Raises:
            KeyUnreadable: there is one, but it cannot be opened; its bytes stay as they are.
        """
        found = await read_sealed(self._database, model_id)
        while found:
            try:
                return await self._open(found[0], model_id, origin)
            except KeyUnreadable:
                # Another process may have rotated between our reading the row and our reading the master.
                again = await read_sealed(self._database, model_id)
                if again == found:
                    raise
                found = again
        return None

    async def rotate(self, old_passphrase: str | None = None) -> int:
        """Seal every key anew, with a new master of the first source that can be used now; return how many.

        All or nothing: until the one transaction commits, the old masters stay and so do the old bytes.

        Args:
            old_passphrase: what ENCRYPTION_KEY was, where it has been changed or removed since.

        Raises:
            KeyUnreadable: a key cannot be opened; nothing was changed.
            StoreError: nothing was changed.
        """
        old = PassphraseSource(old_passphrase, self._cost) if old_passphrase else None
        for tries_left in reversed(range(_ROTATION_TRIES)):
            try:
                return await self._rotate_once(old)
            except StoreError:  # another process sealed a key meanwhile: begin again with what is there now
                if not tries_left:
                    raise
            finally:
                self.forget()
        raise AssertionError("unreachable")

    def forget(self) -> None:
        """Drop the master keys held in memory; they are found again when needed."""
        self._masters.clear()
        self._current = None

    async def _rotate_once(self, old: PassphraseSource | None) -> int:
        before = await read_sealed(self._database)
        records = await self._read_records()
        if old is not None and (record := records.get(old.kind)):
            await self._remember_passphrase(old, record)
        keys = [await self._open(sealed, sealed.model_id, sealed.origin) for sealed in before]
        new = await self._make()
        after = [seal(new, key, row.model_id, row.origin) for key, row in zip(keys, before, strict=True)]
        try:
            await self._database.write_all(replace_all(before, after, new))
        except StoreError:
            if new.record not in (await self._read_records()).values():
                await self._sources[new.kind].discard(new.record)
            raise
        stored = {record for kind, record in records.items() if kind != PassphraseSource.kind}
        for key_id in stored | {row.key_id for row in before}:
            if source := self._sources.get(kind_of(key_id)):
                await source.discard(key_id)
        return len(before)

    async def _remember_passphrase(self, old: PassphraseSource, record: str) -> None:
        with suppress(Unavailable):  # opening a key will say what is wrong
            master = await old.recall(record)
            self._masters[master.key_id] = master

    async def _open(self, sealed: Sealed, model_id: str, origin: str) -> str:
        if sealed.origin != origin:
            raise KeyUnreadable(model_id, f"it was stored for {sealed.origin}, and is not sent to {origin}")
        try:
            master = await self._master(sealed.key_id)
        except Unavailable as error:
            raise KeyUnreadable(model_id, str(error)) from error
        return unseal(master, sealed, model_id, origin)

    async def _master(self, key_id: str) -> Master:
        async with self._busy:
            if key_id in self._masters:
                return self._masters[key_id]
            source = self._sources.get(kind_of(key_id))
            if source is None:
                raise Unavailable(
                    "it was sealed with ENCRYPTION_KEY, which is not set now"
                    if kind_of(key_id) == PassphraseSource.kind
                    else f"it was sealed with a master key that is not to be had here ({kind_of(key_id)})"
                )
            record = key_id
            if source.kind == PassphraseSource.kind:
                record = (await self._read_records()).get(source.kind, "")
            master = await source.recall(record)
            if master.key_id != key_id:
                raise Unavailable("it was sealed with another ENCRYPTION_KEY")
            self._masters[key_id] = master
            return master

    async def _current_master(self) -> Master:
        async with self._busy:
            if self._current is None:
                self._current = await self._recorded()
                self._masters[self._current.key_id] = self._current
            return self._current

    async def _recorded(self) -> Master:
        """The current master of the first source that works, made and recorded where there is none yet."""
        records = await self._read_records()
        failures: list[str] = []
        for source in self._sources.values():
            record = records.get(source.kind)
            try:
                if record is not None:
                    try:
                        return await source.recall(record)
                    except Unavailable:
                        pass  # what it sealed is out of reach, but new keys can still be kept
                made = await source.make()
            except Unavailable as error:
                failures.append(str(error))
                continue
            # The first of several processes wins; the others use its master and discard their own.
            winner = await claim_record(self._database, made, record)
            if winner == made.record:
                return made
            await source.discard(made.record)
            if winner is None:
                raise StoreError("The master key was rotated meanwhile", "Try again")
            return await source.recall(winner)
        raise _no_source(failures)

    async def _make(self) -> Master:
        failures: list[str] = []
        for source in self._sources.values():
            try:
                return await source.make()
            except Unavailable as error:
                failures.append(str(error))
        raise _no_source(failures)

    async def _read_records(self) -> dict[str, str]:
        self._records = await read_records(self._database)
        return self._records


def _no_source(failures: list[str]) -> StoreError:
    return StoreError(f"No master key can be kept: {'; '.join(failures)}", "Set ENCRYPTION_KEY to a passphrase")

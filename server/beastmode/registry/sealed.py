"""Sealed keys and master records as rows: the SQL of the vault, apart from its cryptography."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.registry.masters import Master
    from beastmode.store import Database
    from beastmode.store.writer import Statement

_UPSERT_KEY = """INSERT INTO sealed_keys (model_id, key_id, nonce, ciphertext, origin) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (model_id) DO UPDATE SET
        key_id = excluded.key_id, nonce = excluded.nonce, ciphertext = excluded.ciphertext, origin = excluded.origin"""
# The nonce says which version of a row was read: one that another process has replaced since is not touched.
_RESEAL = "UPDATE sealed_keys SET key_id = ?, nonce = ?, ciphertext = ? WHERE model_id = ? AND nonce = ?"
_REPLACE_RECORD = """INSERT INTO vault_meta (name, value) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE vault_meta.value = ?"""
# A guard is a statement that fails its transaction where its condition holds: the value of a record is never NULL.
_GUARD_CURRENT = """INSERT INTO vault_meta (name, value) SELECT 'guard', NULL
    WHERE NOT EXISTS (SELECT 1 FROM vault_meta WHERE name = ? AND value = ?)"""
_GUARD_ALL_RESEALED = """INSERT INTO vault_meta (name, value) SELECT 'guard', NULL
    WHERE EXISTS (SELECT 1 FROM sealed_keys WHERE key_id <> ?)"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A key as it lies in the database."""

    model_id: str
    origin: str
    key_id: str
    nonce: bytes
    ciphertext: bytes = field(repr=False)


async def read_sealed(database: Database, model_id: str | None = None) -> list[Sealed]:
    """The sealed key of one model, or all of them."""
    rows = await database.read(
        "SELECT model_id, origin, key_id, nonce, ciphertext FROM sealed_keys WHERE model_id = ?1 OR ?1 IS NULL",
        (model_id,),
    )
    return [Sealed(*row) for row in rows]


async def read_records(database: Database) -> dict[str, str]:
    """The current master's record of each kind of source."""
    rows = await database.read("SELECT name, value FROM vault_meta WHERE name LIKE 'current:%'")
    return {row["name"].partition(":")[2]: row["value"] for row in rows}


async def claim_record(database: Database, master: Master, instead_of: str | None) -> str | None:
    """Make a master the current one of its kind, unless another process was faster; the record that holds now."""
    await database.write(_REPLACE_RECORD, (f"current:{master.kind}", master.record, instead_of))
    return (await read_records(database)).get(master.kind)


def keep(sealed: Sealed, master: Master) -> list[Statement]:
    """Store a sealed key; fails its transaction where the master is not current any more."""
    return [
        (_GUARD_CURRENT, (f"current:{master.kind}", master.record)),
        (_UPSERT_KEY, (sealed.model_id, sealed.key_id, sealed.nonce, sealed.ciphertext, sealed.origin)),
    ]


def replace_all(before: Sequence[Sealed], after: Sequence[Sealed], master: Master) -> list[Statement]:
    """Swap every sealed key for its re-sealed self; fails its transaction where another was sealed meanwhile.

    From then on this master is the only current one, of whatever kind the others were.
    """
    return [
        *(
            (_RESEAL, (new.key_id, new.nonce, new.ciphertext, old.model_id, old.nonce))
            for old, new in zip(before, after, strict=True)
        ),
        (_GUARD_ALL_RESEALED, (master.key_id,)),
        ("DELETE FROM vault_meta WHERE name LIKE 'current:%'", ()),
        ("INSERT INTO vault_meta (name, value) VALUES (?, ?)", (f"current:{master.kind}", master.record)),
    ]

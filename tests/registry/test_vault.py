import asyncio
import dataclasses
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.databases import refuse_updates

from beastmode.domain.errors import KeyUnreadable
from beastmode.registry.masters import Master, PassphraseSource, ScryptCost
from beastmode.registry.sealed import Sealed
from beastmode.registry.vault import Vault, seal, unseal
from beastmode.store import Database, StoreError

MakeVault = Callable[..., Vault]
MASTER = Master("file:0", "file:0", b"m" * 32)
ORIGIN = "https://example.com:443"
ANY_TEXT = st.text(st.characters(), max_size=200)  # surrogates too: a hand-edited row can hold anything


class DictKeyring:
    """A keyring that works."""

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        return self.entries.get(name)

    def set(self, name: str, text: str) -> None:
        self.entries[name] = text

    def delete(self, name: str) -> None:
        del self.entries[name]


class FailingKeyring(DictKeyring):
    """No backend, or one that raises."""

    def set(self, name: str, text: str) -> None:
        raise RuntimeError(f"cannot store {text}")


class ForgetfulKeyring(DictKeyring):
    """A null backend: takes everything, keeps nothing."""

    def set(self, name: str, text: str) -> None:
        pass


class HangingKeyring(DictKeyring):
    """A prompt that nobody sees."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()
        self.calls = 0

    def set(self, name: str, text: str) -> None:
        self.calls += 1
        self.release.wait()


async def store(database: Database, vault: Vault, key: str, model_id: str = "custom:m") -> None:
    """Put a model with a sealed key into the database."""
    model = (
        "INSERT INTO models (id, name, provider, endpoint_url, upstream_id, description, context_window, "
        "max_tokens, temperature) VALUES (?, '', '', '', '', '', 0, 0, 0) ON CONFLICT DO NOTHING"
    )
    await database.write_all([(model, (model_id,)), *await vault.statements_to_keep(key, model_id, ORIGIN)])


async def sealed_rows(database: Database) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await database.read("SELECT * FROM sealed_keys ORDER BY model_id")]


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def key_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.key"))


@settings(deadline=None)  # the machine may be busy
@given(key=ANY_TEXT, model_id=ANY_TEXT, origin=ANY_TEXT)
def test_what_is_sealed_opens_again(key: str, model_id: str, origin: str) -> None:
    """Any key of any model for any origin comes back unchanged, and is not in the sealed bytes."""
    sealed = seal(MASTER, key, model_id, origin)
    assert unseal(MASTER, sealed, model_id, origin) == key


@settings(deadline=None)  # the machine may be busy
@given(
    key=ANY_TEXT,
    part=st.sampled_from(["nonce", "ciphertext", "master"]),
    position=st.integers(min_value=0),
    change=st.integers(1, 255),
)
def test_a_changed_byte_is_noticed(key: str, part: str, position: int, change: int) -> None:
    """Whichever byte of nonce, ciphertext or master differs, the key does not open."""
    sealed, master = seal(MASTER, key, "custom:m", ORIGIN), MASTER
    changed = bytearray(master.material if part == "master" else getattr(sealed, part))
    changed[position % len(changed)] ^= change
    if part == "master":
        master = dataclasses.replace(master, material=bytes(changed))
    else:
        nonce, ciphertext = (bytes(changed), sealed.ciphertext) if part == "nonce" else (sealed.nonce, bytes(changed))
        sealed = dataclasses.replace(sealed, nonce=nonce, ciphertext=ciphertext)
    with pytest.raises(KeyUnreadable, match="Failed to decrypt API key of custom:m"):
        unseal(master, sealed, "custom:m", ORIGIN)


@settings(deadline=None)  # the machine may be busy
@example(key="k", here=("custom:a", "bhttps://x"), there=("custom:ab", "https://x"))
@given(key=ANY_TEXT, here=st.tuples(ANY_TEXT, ANY_TEXT), there=st.tuples(ANY_TEXT, ANY_TEXT))
def test_a_key_opens_only_for_its_model_and_origin(key: str, here: tuple[str, str], there: tuple[str, str]) -> None:
    """Model id and origin are bound to the bytes, and cannot be shifted into one another."""
    sealed = seal(MASTER, key, *here)
    if here != there:
        with pytest.raises(KeyUnreadable):
            unseal(MASTER, sealed, *there)


@settings(deadline=None)  # the machine may be busy
@given(ciphertext=st.binary(max_size=40), nonce=st.binary(max_size=130))
def test_garbage_is_unreadable(ciphertext: bytes, nonce: bytes) -> None:
    """Stored bytes of any length are refused in words."""
    with pytest.raises(KeyUnreadable):
        unseal(MASTER, Sealed("m", ORIGIN, "file:0", nonce, ciphertext), "m", ORIGIN)


def test_nonces_are_fresh() -> None:
    """The same key sealed twice gives different bytes."""
    first, second = (seal(MASTER, "key", "m", ORIGIN) for _ in range(2))
    assert first.nonce != second.nonce
    assert first.ciphertext != second.ciphertext


async def test_secrets_are_not_in_any_repr(make_vault: MakeVault) -> None:
    """Neither a master nor a vault shows what it holds when it is printed."""
    vault = make_vault(passphrase="opensesame")
    shown = repr(MASTER) + repr(vault) + repr(PassphraseSource("opensesame", ScryptCost()))
    assert "mmmm" not in shown
    assert "opensesame" not in shown


async def test_without_passphrase_and_keyring_there_is_a_private_file(
    database: Database, make_vault: MakeVault, tmp_path: Path
) -> None:
    """The last resort is a 0600 file, made with the first key, and the vault says so."""
    vault = make_vault()
    assert vault.source.startswith("a master key that is made")
    assert key_files(tmp_path) == []
    await store(database, vault, "secret")
    (file,) = key_files(tmp_path)
    await vault.look()
    assert vault.source == f"the key file {file}"
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await make_vault().open("custom:m", ORIGIN) == "secret"


async def test_the_passphrase_comes_first(database: Database, make_vault: MakeVault, tmp_path: Path) -> None:
    """With ENCRYPTION_KEY neither keyring nor file is touched, and the passphrase itself is stored nowhere."""
    keyring = DictKeyring()
    vault = make_vault(passphrase="pässphrase", keyring=keyring)
    await store(database, vault, "secret")
    assert vault.source == "ENCRYPTION_KEY"
    assert keyring.entries == {}
    assert key_files(tmp_path) == []
    assert await make_vault(passphrase="pässphrase").open("custom:m", ORIGIN) == "secret"
    await database.close()
    written = everything_in(tmp_path)
    assert "pässphrase".encode() not in written
    assert b"secret" not in written


async def test_the_keyring_comes_second(database: Database, make_vault: MakeVault, tmp_path: Path) -> None:
    """A keyring that works keeps the master key, and no file is made."""
    keyring = DictKeyring()
    vault = make_vault(keyring=keyring)
    await store(database, vault, "secret")
    await vault.look()
    assert vault.source == "the system keyring"
    assert len(keyring.entries) == 1
    assert key_files(tmp_path) == []
    assert await make_vault(keyring=keyring).open("custom:m", ORIGIN) == "secret"


@pytest.mark.parametrize("keyring", [FailingKeyring(), ForgetfulKeyring()], ids=["fails", "forgets"])
async def test_a_keyring_that_does_not_keep_is_passed_over(
    database: Database, make_vault: MakeVault, tmp_path: Path, keyring: DictKeyring
) -> None:
    """A backend that raises or swallows leads to the key file."""
    await store(database, make_vault(keyring=keyring), "secret")
    assert len(key_files(tmp_path)) == 1
    assert await make_vault(keyring=keyring).open("custom:m", ORIGIN) == "secret"


async def test_a_keyring_that_hangs_is_given_up(database: Database, make_vault: MakeVault, tmp_path: Path) -> None:
    """A hanging keyring costs one timeout, once, and leads to the key file."""
    keyring = HangingKeyring()
    vault = make_vault(keyring=keyring, timeout_s=0.01)
    await store(database, vault, "one", "custom:1")
    vault.forget()
    await store(database, vault, "two", "custom:2")
    assert keyring.calls == 1
    assert len(key_files(tmp_path)) == 1
    keyring.release.set()


async def test_opening_a_key_of_the_file_does_not_wake_the_keyring(database: Database, make_vault: MakeVault) -> None:
    """The key id says where the master is: nothing else is asked."""
    await store(database, make_vault(), "secret")

    class Untouchable(DictKeyring):
        def get(self, name: str) -> str | None:
            pytest.fail(f"the keyring was asked for {name}")

    assert await make_vault(keyring=Untouchable()).open("custom:m", ORIGIN) == "secret"


async def test_keys_stay_readable_when_the_passphrase_is_introduced_later(
    database: Database, make_vault: MakeVault
) -> None:
    """Setting ENCRYPTION_KEY changes what new keys are sealed with, and breaks no old one."""
    await store(database, make_vault(), "old", "custom:old")
    vault = make_vault(passphrase="p")
    await store(database, vault, "new", "custom:new")
    assert await vault.open("custom:old", ORIGIN) == "old"
    assert await vault.open("custom:new", ORIGIN) == "new"


async def test_no_key_is_none(make_vault: MakeVault) -> None:
    """A model without a key is not an error."""
    assert await make_vault().open("custom:m", ORIGIN) is None


async def test_another_passphrase_says_so_and_changes_nothing(database: Database, make_vault: MakeVault) -> None:
    """A changed or missing ENCRYPTION_KEY: the specification's text, the reason, the fix, the same bytes."""
    await store(database, make_vault(passphrase="right"), "secret")
    before = await sealed_rows(database)
    with pytest.raises(KeyUnreadable, match=r"Failed to decrypt API key of custom:m: .*another ENCRYPTION_KEY"):
        await make_vault(passphrase="wrong").open("custom:m", ORIGIN)
    with pytest.raises(KeyUnreadable, match="ENCRYPTION_KEY, which is not set now"):
        await make_vault().open("custom:m", ORIGIN)
    assert await sealed_rows(database) == before


@pytest.mark.parametrize("content", [None, "", "zz", "00" * 32, "\x00\xff"], ids=repr)
async def test_a_lost_key_file_says_so_and_changes_nothing(
    database: Database, make_vault: MakeVault, tmp_path: Path, content: str | None
) -> None:
    """A key file that is missing, empty or changed is named; neither it nor the row is overwritten."""
    await store(database, make_vault(), "secret")
    before = await sealed_rows(database)
    (file,) = key_files(tmp_path)
    file.unlink()
    if content is not None:
        file.write_text(content, encoding="latin-1")
    with pytest.raises(KeyUnreadable, match=file.name):
        await make_vault().open("custom:m", ORIGIN)
    assert await sealed_rows(database) == before
    # A new key can be stored all the same, under a new master.
    vault = make_vault()
    await store(database, vault, "fresh", "custom:fresh")
    assert await vault.open("custom:fresh", ORIGIN) == "fresh"
    assert (await sealed_rows(database))[1] == before[0]
    if content is not None:
        assert file.read_text(encoding="latin-1") == content


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"salt": "00", "n": 1e99, "r": 8, "p": 1}', '{"salt": 1}', "x"])
async def test_a_damaged_salt_is_unreadable(database: Database, make_vault: MakeVault, record: str) -> None:
    """Whatever stands in the place of the salt, the answer is in words."""
    await store(database, make_vault(passphrase="p"), "secret")
    await database.write("UPDATE vault_meta SET value = ?", (record,))
    with pytest.raises(KeyUnreadable, match="salt is damaged"):
        await make_vault(passphrase="p").open("custom:m", ORIGIN)


async def test_a_key_is_not_opened_for_another_origin(database: Database, make_vault: MakeVault) -> None:
    """Where the endpoint of a row was changed behind our back, its key stays where it is."""
    vault = make_vault()
    await store(database, vault, "secret")
    with pytest.raises(KeyUnreadable, match=r"is not sent to https://evil\.example:443"):
        await vault.open("custom:m", "https://evil.example:443")
    await database.write("UPDATE sealed_keys SET origin = 'https://evil.example:443'")
    with pytest.raises(KeyUnreadable, match="bytes were changed"):
        await vault.open("custom:m", "https://evil.example:443")


@pytest.mark.parametrize("kind", ["passphrase", "keyring", "file"])
async def test_rotation_seals_every_key_anew(
    database: Database, make_vault: MakeVault, tmp_path: Path, kind: str
) -> None:
    """After `rotate` every key opens, no byte of the old sealing is left, and the old master is gone."""
    keyring = DictKeyring()
    every: dict[str, dict[str, Any]] = {"passphrase": {"passphrase": "p"}, "keyring": {"keyring": keyring}, "file": {}}
    options = every[kind]
    vault = make_vault(**options)
    for number in range(3):
        await store(database, vault, f"key {number}", f"custom:{number}")
    before, kept = await sealed_rows(database), {*key_files(tmp_path), *keyring.entries}
    assert await vault.rotate() == 3
    after = await sealed_rows(database)
    for old, new in zip(before, after, strict=True):
        assert old[0] == new[0]
        assert not set(old[1:4]) & set(new[1:4])
    for reader in (vault, make_vault(**options)):
        assert [await reader.open(f"custom:{n}", ORIGIN) for n in range(3)] == ["key 0", "key 1", "key 2"]
    now = {*key_files(tmp_path), *keyring.entries}
    assert len(now) == len(kept)
    assert not now & kept


async def test_rotation_moves_keys_to_the_source_of_today(
    database: Database, make_vault: MakeVault, tmp_path: Path
) -> None:
    """From file to passphrase, to another passphrase, and back to a file: always readable, nothing left behind."""
    await store(database, make_vault(), "secret")
    await make_vault(passphrase="one").rotate()
    assert key_files(tmp_path) == []
    assert await make_vault(passphrase="one").open("custom:m", ORIGIN) == "secret"
    with pytest.raises(KeyUnreadable):
        await make_vault(passphrase="two").rotate()
    with pytest.raises(KeyUnreadable):
        await make_vault(passphrase="two").rotate(old_passphrase="not one")
    assert await make_vault(passphrase="two").rotate(old_passphrase="one") == 1
    assert await make_vault(passphrase="two").open("custom:m", ORIGIN) == "secret"
    await make_vault().rotate(old_passphrase="two")
    assert await make_vault().open("custom:m", ORIGIN) == "secret"
    assert len(key_files(tmp_path)) == 1


async def test_rotation_is_all_or_nothing(database: Database, make_vault: MakeVault, tmp_path: Path) -> None:
    """One key that cannot be opened stops it: every byte stays, and so does the old master."""
    await store(database, make_vault(), "good", "custom:good")
    await store(database, make_vault(passphrase="lost"), "bad", "custom:bad")
    before, files = await sealed_rows(database), key_files(tmp_path)
    with pytest.raises(KeyUnreadable, match="custom:bad"):
        await make_vault().rotate()
    assert await sealed_rows(database) == before
    assert key_files(tmp_path) == files
    assert await make_vault().open("custom:good", ORIGIN) == "good"


async def test_a_rotation_that_cannot_be_written_leaves_the_old_master(
    database: Database, make_vault: MakeVault, tmp_path: Path
) -> None:
    """Where the transaction fails, the old keys still open and no new master stays behind."""
    await store(database, make_vault(), "secret")
    files = key_files(tmp_path)
    await refuse_updates(database, "sealed_keys")
    with pytest.raises(StoreError, match="disk full"):
        await make_vault().rotate()
    assert key_files(tmp_path) == files
    assert await make_vault().open("custom:m", ORIGIN) == "secret"


async def test_a_cancelled_rotation_bricks_nothing(database: Database, make_vault: MakeVault) -> None:
    """Wherever rotation is interrupted, every key still opens."""
    await store(database, make_vault(), "secret")
    for steps in range(40):
        rotation = asyncio.create_task(make_vault().rotate())
        for _ in range(steps):
            await asyncio.sleep(0)
        rotation.cancel()
        await asyncio.gather(rotation, return_exceptions=True)
        assert await make_vault().open("custom:m", ORIGIN) == "secret"


async def test_a_key_sealed_with_a_rotated_master_is_refused(database: Database, make_vault: MakeVault) -> None:
    """A process that still holds the old master cannot store a key that nobody could ever open."""
    slow, fast = make_vault(), make_vault()
    await store(database, slow, "first")
    await fast.rotate()
    with pytest.raises(StoreError):
        await store(database, slow, "second")
    assert await fast.open("custom:m", ORIGIN) == "first"
    slow.forget()
    await store(database, slow, "third")
    assert await fast.open("custom:m", ORIGIN) == "third"


async def test_a_key_sealed_during_rotation_is_kept(
    database: Database, make_vault: MakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key stored between rotation's reading and its writing is not overwritten by its older self."""
    vault, other = make_vault(), make_vault()
    await store(database, vault, "old")
    make, calls = vault._make, 0

    async def interrupted() -> Master:
        nonlocal calls
        calls += 1
        if calls == 1:
            await store(database, other, "new")
        return await make()

    monkeypatch.setattr(vault, "_make", interrupted)
    await vault.rotate()
    assert calls == 2
    assert await make_vault().open("custom:m", ORIGIN) == "new"


async def test_a_rotation_between_reading_and_opening_is_not_an_error(
    database: Database, make_vault: MakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that was read just before another process rotated is read again."""
    await store(database, make_vault(), "secret")
    vault, calls = make_vault(), 0
    really_open = vault._open

    async def late(sealed: Sealed, model_id: str, origin: str) -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            await make_vault().rotate()
        return await really_open(sealed, model_id, origin)

    monkeypatch.setattr(vault, "_open", late)
    assert await vault.open("custom:m", ORIGIN) == "secret"
    assert calls == 2


async def test_processes_that_start_together_agree_on_one_master(
    database: Database, make_vault: MakeVault, tmp_path: Path
) -> None:
    """Of several first masters one wins, the others are discarded, and every key opens everywhere."""
    vaults = [make_vault() for _ in range(5)]
    await asyncio.gather(*(store(database, vault, f"key {n}", f"custom:{n}") for n, vault in enumerate(vaults)))
    assert len(key_files(tmp_path)) == 1
    for n in range(5):
        assert await make_vault().open(f"custom:{n}", ORIGIN) == f"key {n}"


@pytest.mark.parametrize("open_database", ["sqlite"], indirect=True)
async def test_a_removed_key_leaves_no_bytes(database: Database, make_vault: MakeVault, tmp_path: Path) -> None:
    """Deleted rows are overwritten in the file, not only unlinked."""
    await store(database, make_vault(), "secret" * 20)
    ciphertext = (await database.read("SELECT ciphertext FROM sealed_keys"))[0]["ciphertext"]
    await database.write("DELETE FROM sealed_keys")
    await database.close()
    assert ciphertext not in (tmp_path / "test.db").read_bytes()


async def test_no_source_at_all_is_an_error_with_a_fix(database: Database, tmp_path: Path) -> None:
    """Where not even a file can be written, the user learns what to set."""
    (tmp_path / "blocked").write_text("a file where a folder should be")
    vault = Vault(database, key_file=tmp_path / "blocked" / "master.key", keyring=FailingKeyring())
    with pytest.raises(StoreError, match="Set ENCRYPTION_KEY"):
        await store(database, vault, "secret")


def test_the_cost_of_guessing_is_not_lowered_by_accident() -> None:
    """The default is a row of OWASP's table for scrypt."""
    assert dataclasses.astuple(ScryptCost()) == (2**15, 8, 3)


async def test_scrypt_runs_at_its_real_cost(database: Database, tmp_path: Path) -> None:
    """The memory limit that we pass suffices for the default cost."""
    vault = Vault(database, key_file=tmp_path / "master.key", passphrase="p")
    await store(database, vault, "secret")
    assert await vault.open("custom:m", ORIGIN) == "secret"

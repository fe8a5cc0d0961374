from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.databases import refuse_updates

from beastmode.domain.errors import InvalidModel, KeyUnreadable, ModelNotFound, UserError
from beastmode.domain.model import BUILTIN_ID, FimTemplate, ModelSpec
from beastmode.domain.request import Task
from beastmode.domain.usage import Price
from beastmode.registry import Registry, Vault
from beastmode.store import Database, StoreError

MakeVault = Callable[..., Vault]
BUILTIN = ModelSpec(BUILTIN_ID, "Built-in", "builtin", "http://127.0.0.1", "m", "openai-chat", "openai-completions")
MODEL = ModelSpec(
    id="custom:mine",
    name="Mine",
    provider="openai-compatible",
    endpoint_url="https://api.example.com/v1",
    upstream_id="mine",
    chat_format="openai-chat",
    fim_format=None,
    fim_template=FimTemplate("<P>", "<S>", "<M>", ("<E>", "\n\n"), True, "<R>\n", "<F>", "path"),  # noqa: FBT003  # as stored
    description="päth",
    context_window=4096,
    max_tokens=100,
    temperature=0.7,
    price=Price(Decimal("0.50"), Decimal("1.5"), date(2026, 1, 2), "user", Decimal("0.05"), gpu_hour=Decimal("2.5")),
    local_only=True,
    max_concurrent=3,
    prefill=False,
)


@pytest.fixture
async def registry(database: Database, make_vault: MakeVault) -> Registry:
    return await Registry.open(database, make_vault(), BUILTIN)


async def test_a_model_comes_back_as_it_was(registry: Registry, database: Database, make_vault: MakeVault) -> None:
    """Every field survives the database, in this process and in the next."""
    await registry.add(MODEL, None)
    again = await Registry.open(database, make_vault(), BUILTIN)
    assert registry.models == again.models == (BUILTIN, MODEL)


async def test_ids_with_and_without_prefix(registry: Registry) -> None:
    """`mine` and `custom:mine` are the same model; an unknown one gives the specification's text."""
    await registry.add(MODEL, None)
    assert registry.get("mine") is registry.get("custom:mine")
    assert registry.get("builtin") is BUILTIN
    for unknown in ("my-model", "custom:my-model"):
        with pytest.raises(ModelNotFound, match=r"^Custom model not found: my-model"):
            registry.get(unknown)


async def test_the_builtin_model_can_be_switched_off(database: Database, make_vault: MakeVault) -> None:
    """Without it an empty registry has no model, and says so by None."""
    registry = await Registry.open(database, make_vault(), None)
    assert registry.models == ()
    assert registry.selected(Task.INLINE) is None


async def test_the_builtin_model_is_not_the_users(registry: Registry) -> None:
    """It can be neither registered, removed nor given a key, and has none."""
    with pytest.raises(InvalidModel, match="built-in"):
        await registry.add(BUILTIN, None, replace=True)
    with pytest.raises(UserError, match="cannot be removed"):
        await registry.remove("builtin")
    with pytest.raises(UserError, match="needs no key"):
        await registry.set_key("builtin", "k")
    assert await registry.key_of(replace(BUILTIN, has_key=True)) is None


async def test_a_taken_id_is_not_overwritten(registry: Registry, database: Database, make_vault: MakeVault) -> None:
    """Not even where another process took it: `add` without `replace` names the id and the fix."""
    other = await Registry.open(database, make_vault(), BUILTIN)
    await other.add(MODEL, "first key")
    with pytest.raises(InvalidModel, match="custom:mine is registered already"):
        await registry.add(replace(MODEL, name="Other"), "second key")
    assert registry.get("mine").name == "Mine"
    assert await registry.key_of(registry.get("mine")) == "first key"


async def test_replacing_keeps_the_place_and_the_routes(registry: Registry) -> None:
    """A replaced model is still selected, and stands where it stood."""
    await registry.add(MODEL, None)
    await registry.add(replace(MODEL, id="custom:second"), None)
    await registry.select("mine")
    await registry.add(replace(MODEL, name="Better"), None, replace=True)
    assert [model.name for model in registry.models] == ["Built-in", "Better", "Mine"]
    assert registry.selected(Task.CHAT) == registry.get("mine")


async def test_the_most_particular_route_wins(registry: Registry) -> None:
    """A task's own model, else the one for every task, else the built-in one."""
    for name in ("a", "b"):
        await registry.add(replace(MODEL, id=f"custom:{name}"), None)
    assert registry.selected(Task.INLINE) is BUILTIN
    await registry.select("a")
    assert registry.selected(Task.INLINE) == registry.selected(Task.CHAT) == registry.get("a")
    await registry.select("b", Task.INLINE)
    assert registry.selected(Task.INLINE) == registry.get("b")
    assert registry.selected(Task.CHAT) == registry.get("a")
    await registry.select("builtin", Task.INLINE)
    assert registry.selected(Task.INLINE) is BUILTIN
    with pytest.raises(ModelNotFound):
        await registry.select("nobody")


async def test_a_removed_model_takes_its_key_and_routes_along(registry: Registry, database: Database) -> None:
    """Nothing of it is left but its prices, which history needs; registered again, it starts afresh."""
    await registry.add(MODEL, "secret")
    await registry.select("mine")
    await registry.remove("mine")
    assert registry.models == (BUILTIN,)
    assert registry.selected(Task.CHAT) is BUILTIN
    assert await database.read("SELECT model_id FROM sealed_keys UNION ALL SELECT model_id FROM routes") == []
    await registry.add(MODEL, None)
    assert registry.selected(Task.CHAT) is BUILTIN
    assert await registry.key_of(registry.get("mine")) is None
    with pytest.raises(ModelNotFound):
        await registry.remove("nobody")


async def test_a_key_is_sealed_and_opened(registry: Registry, database: Database, tmp_path: Path) -> None:
    """The key comes back, and is in none of the files that were written."""
    await registry.add(MODEL, "sk-very-secret")
    model = registry.get("mine")
    assert model.has_key
    assert await registry.key_of(model) == await registry.key_of(model) == "sk-very-secret"
    await database.close()
    assert all(b"sk-very-secret" not in content for content in contents(tmp_path))


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]


async def test_a_replaced_model_keeps_its_key_only_for_the_same_origin(registry: Registry, database: Database) -> None:
    """Another path keeps the key; another scheme, host or port drops it, even on the way back."""
    await registry.add(MODEL, "secret")
    await registry.add(replace(MODEL, endpoint_url="https://API.example.com:443/other"), None, replace=True)
    assert await registry.key_of(registry.get("mine")) == "secret"
    for elsewhere in ("https://api.example.com:8443/v1", "https://evil.example/v1", "http://api.example.com/v1"):
        await registry.add(MODEL, "secret", replace=True)
        await registry.add(replace(MODEL, endpoint_url=elsewhere), None, replace=True)
        assert not registry.get("mine").has_key
        assert await registry.key_of(registry.get("mine")) is None
        await registry.add(MODEL, None, replace=True)
        assert await registry.key_of(registry.get("mine")) is None
        assert await database.read("SELECT * FROM sealed_keys") == []


async def test_a_spec_with_another_address_gets_no_key(registry: Registry) -> None:
    """Not from the cache, and not from the vault: a key goes where it was stored for, or nowhere."""
    await registry.add(MODEL, "secret")
    model = registry.get("mine")
    elsewhere = replace(model, endpoint_url="https://evil.example/v1")
    for _ in range(2):
        with pytest.raises(KeyUnreadable, match=r"not sent to https://evil\.example:443"):
            await registry.key_of(elsewhere)
        assert await registry.key_of(model) == "secret"


async def test_keys_can_be_set_changed_and_removed(registry: Registry) -> None:
    """Without touching the rest of the row."""
    await registry.add(MODEL, None)
    for key in ("one", "two", None, "three"):
        await registry.set_key("mine", key)
        assert await registry.key_of(registry.get("mine")) == key
        assert registry.get("mine").has_key == (key is not None)
    with pytest.raises(ModelNotFound):
        await registry.set_key("nobody", "k")


async def test_a_key_is_never_stored_for_plain_http_in_public(registry: Registry) -> None:
    """By no door: neither with the model nor later."""
    public = replace(MODEL, endpoint_url="http://api.example.com/v1")
    with pytest.raises(InvalidModel, match="unencrypted"):
        await registry.add(public, "secret")
    assert registry.models == (BUILTIN,)
    await registry.add(public, None)
    with pytest.raises(InvalidModel, match="unencrypted"):
        await registry.set_key("mine", "secret")


async def test_an_unreadable_key_names_the_model_and_stays(
    registry: Registry, database: Database, make_vault: MakeVault, tmp_path: Path
) -> None:
    """Byte for byte; and a new key can be stored over it by the user."""
    await registry.add(MODEL, "secret")
    before = [tuple(row) for row in await database.read("SELECT * FROM sealed_keys")]
    lose_key_files(tmp_path)
    fresh = await Registry.open(database, make_vault(), BUILTIN)
    with pytest.raises(KeyUnreadable, match=r"^Failed to decrypt API key of custom:mine: .*keys set custom:mine"):
        await fresh.key_of(fresh.get("mine"))
    assert [tuple(row) for row in await database.read("SELECT * FROM sealed_keys")] == before
    await fresh.set_key("mine", "new")
    assert await fresh.key_of(fresh.get("mine")) == "new"


def lose_key_files(folder: Path) -> None:
    for file in folder.glob("*.key"):
        file.unlink()


async def test_another_window_sees_every_change(registry: Registry, database: Database, make_vault: MakeVault) -> None:
    """`refresh` is True once after each kind of change, and the cached key is dropped with it."""
    other = await Registry.open(database, make_vault(), BUILTIN)
    assert not await other.refresh()
    changes = [
        registry.add(MODEL, "one"),
        registry.select("mine", Task.CHAT),
        registry.set_key("mine", "two"),
        registry.add(replace(MODEL, name="Better"), None, replace=True),
    ]
    for change in changes:
        await change
        assert await other.refresh()
        assert not await other.refresh()
        assert other.models == registry.models
        assert await other.key_of(other.get("mine")) == await registry.key_of(registry.get("mine"))
    assert other.selected(Task.CHAT) == registry.get("mine")
    await registry.remove("mine")
    assert await other.refresh()
    assert other.models == (BUILTIN,)
    assert not await registry.refresh()


async def test_a_key_for_a_model_that_another_window_removed(
    registry: Registry, database: Database, make_vault: MakeVault
) -> None:
    """Is a model not found, and leaves no orphan."""
    await registry.add(MODEL, None)
    other = await Registry.open(database, make_vault(), BUILTIN)
    await registry.remove("mine")
    with pytest.raises(ModelNotFound):
        await other.set_key("mine", "secret")
    assert await database.read("SELECT * FROM sealed_keys") == []


async def test_a_rotation_in_another_window_is_survived(
    registry: Registry, database: Database, make_vault: MakeVault
) -> None:
    """A window that still holds the old master key can store and read keys right away."""
    other = await Registry.open(database, make_vault(), BUILTIN)
    await other.add(MODEL, "one")
    await registry.refresh()
    assert await registry.rotate_keys() == 1
    await other.set_key("mine", "two")
    await registry.refresh()
    assert await registry.key_of(registry.get("mine")) == "two"
    assert await other.key_of(other.get("mine")) == "two"


async def test_a_price_is_dated_and_never_overwritten(registry: Registry, database: Database) -> None:
    """The same price keeps its first date, another one is a new row, and none leaves the history alone."""

    async def history() -> list[tuple[str, str]]:
        return [(row["input"], row["as_of"]) for row in await database.read("SELECT * FROM prices ORDER BY id")]

    def priced(dollars: str, day: int) -> ModelSpec:
        return replace(MODEL, price=Price(Decimal(dollars), Decimal(1), date(2026, 1, day), "user"))

    await registry.add(priced("0.50", 1), None)
    await registry.add(priced("0.50", 2), None, replace=True)
    assert await history() == [("0.50", "2026-01-01")]
    assert registry.get("mine").price == priced("0.50", 1).price
    await registry.add(priced("2", 3), None, replace=True)
    assert registry.get("mine").price == priced("2", 3).price
    await registry.add(replace(MODEL, price=None), None, replace=True)
    assert registry.get("mine").price is None
    assert await history() == [("0.50", "2026-01-01"), ("2", "2026-01-03")]


async def test_every_part_of_a_price_counts(registry: Registry, database: Database) -> None:
    """Another price for cached tokens or GPU hours is another price; the same one is stored once."""
    plain = Price(Decimal(1), Decimal(2), date(2026, 1, 2), "user")
    prices = [
        plain,
        replace(plain, cache_read=Decimal("0.1")),
        replace(plain, cache_write=Decimal("0.1")),
        replace(plain, gpu_hour=Decimal(3)),
    ]
    for price in prices:
        for _ in range(2):
            await registry.add(replace(MODEL, price=price), None, replace=True)
            assert registry.get("mine").price == price
    assert len(await database.read("SELECT * FROM prices")) == len(prices)


async def test_a_failed_change_leaves_the_registry_as_it_was(registry: Registry, database: Database) -> None:
    """What was not written is not shown either."""
    await registry.add(MODEL, "secret")
    await refuse_updates(database, "models")
    with pytest.raises(StoreError, match="disk full"):
        await registry.add(replace(MODEL, name="Other"), "other", replace=True)
    assert registry.get("mine").name == "Mine"
    assert await registry.key_of(registry.get("mine")) == "secret"


def test_an_unknown_provider_is_named(database: Database, make_vault: MakeVault) -> None:
    """A row of a newer version does not break the list; asking for its provider says what is known."""
    registry = Registry(database, make_vault(), None)
    assert registry.provider("ollama").title == "Ollama"
    with pytest.raises(UserError, match=r"Unknown provider type: telepathy.*openai-compatible"):
        registry.provider("telepathy")

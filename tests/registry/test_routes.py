import sqlite3
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from beastmode.domain.errors import ModelNotFound, UserError
from beastmode.domain.model import BUILTIN_ID, FimTemplate
from beastmode.domain.request import Task
from beastmode.domain.routing import Policy
from beastmode.registry import Registry, Vault
from beastmode.registry.registration import parse
from beastmode.store import Database
from beastmode.store.migrations import MIGRATIONS, migrate

MakeVault = Callable[..., Vault]
MODEL = parse({"model_name": "Mine", "model_id": "mine", "endpoint_url": "http://127.0.0.1:1/v1"})[0]
BUILTIN = replace(MODEL, id=BUILTIN_ID, name="Built-in", provider="builtin")


@pytest.fixture
async def registry(database: Database, make_vault: MakeVault) -> Registry:
    """With the models a, b and c, and the built-in one."""
    opened = await Registry.open(database, make_vault(), BUILTIN)
    for name in "abc":
        await opened.add(replace(MODEL, id=f"custom:{name}"), None)
    return opened


def ids(registry: Registry, task: Task = Task.CHAT) -> list[str]:
    return [model.id.removeprefix("custom:") for model in registry.route(task)]


async def test_a_chain_is_kept_in_order(registry: Registry, database: Database, make_vault: MakeVault) -> None:
    """The model first, then what may step in; in this window, the next and the next process."""
    other = await Registry.open(database, make_vault(), BUILTIN)
    await registry.set_route(Task.CHAT, ["b", "custom:a", "openai:gpt-4", "b"])
    assert ids(registry) == ["b", "a", "openai:gpt-4"]
    assert registry.selected(Task.CHAT) == registry.get("b")
    assert await other.refresh()
    again = await Registry.open(database, make_vault(), BUILTIN)
    assert ids(registry) == ids(other) == ids(again)
    assert ids(registry, Task.TESTS) == ["builtin"]


async def test_a_task_without_a_chain_has_the_default_one(registry: Registry) -> None:
    """And has it again where its own is taken away."""
    await registry.set_route(None, ["a", "b"])
    await registry.set_route(Task.INLINE, ["c"])
    assert (ids(registry, Task.INLINE), ids(registry)) == (["c"], ["a", "b"])
    assert registry.own_route(Task.CHAT) == ()
    assert registry.own_route(None) == registry.route(Task.CHAT)
    await registry.set_route(Task.INLINE, [])
    assert ids(registry, Task.INLINE) == ["a", "b"]


async def test_a_chain_with_an_unknown_model_changes_nothing(registry: Registry) -> None:
    """Its name stands in the error."""
    await registry.set_route(Task.CHAT, ["a"])
    with pytest.raises(ModelNotFound, match="nobody"):
        await registry.set_route(Task.CHAT, ["b", "nobody"])
    assert ids(registry) == ["a"]


async def test_selecting_keeps_the_fallbacks(registry: Registry) -> None:
    """The selected model changes place with the new one; who was a fallback is not asked twice."""
    await registry.set_route(None, ["a", "b", "openai:gpt-4"])
    await registry.select("c")
    assert ids(registry) == ["c", "b", "openai:gpt-4"]
    await registry.select("b")
    assert ids(registry) == ["b", "openai:gpt-4"]
    await registry.select("b")
    assert ids(registry) == ["b", "openai:gpt-4"]
    await registry.select("a", Task.TESTS)
    assert ids(registry, Task.TESTS) == ["a", "openai:gpt-4"]
    await registry.set_route(None, ["c"])
    assert ids(registry, Task.TESTS) == ["a", "openai:gpt-4"]
    await registry.select("openai:gpt-4o")
    assert ids(registry) == ["openai:gpt-4o"]


async def test_a_removed_model_leaves_its_chains(registry: Registry, database: Database) -> None:
    """As the first, in the middle, and as the model for hard work; nothing of it is left."""
    await registry.set_route(Task.CHAT, ["a", "b", "c"])
    await registry.set_route(None, ["b", "a"])
    await registry.set_hard(Task.CHAT, "a")
    await registry.remove("a")
    assert ids(registry) == ["b", "c"]
    assert ids(registry, Task.TESTS) == ["b"]
    assert registry.hard(Task.CHAT) is None
    rows = await database.read("SELECT model_id FROM routes UNION ALL SELECT model_id FROM hard_models")
    assert "custom:a" not in {row["model_id"] for row in rows}


async def test_removing_a_model_never_selects_a_paid_one(registry: Registry) -> None:
    """The first fallback that is free takes its place; without one, the default holds, and the fallbacks are kept."""
    await registry.set_route(Task.CHAT, ["a", "openai:gpt-4", "b"])
    await registry.remove("a")
    assert ids(registry) == ["b", "openai:gpt-4"]
    await registry.remove("b")
    assert ids(registry) == ["builtin"]
    await registry.select("c", Task.CHAT)
    assert ids(registry) == ["c", "openai:gpt-4"]


async def test_a_selected_model_that_is_switched_off(
    registry: Registry, database: Database, make_vault: MakeVault
) -> None:
    """Without the built-in model its chain goes on with the next, and has it again when it is back."""
    await registry.set_route(Task.CHAT, ["builtin", "b"])
    without = await Registry.open(database, make_vault(), None)
    assert ids(without) == ["b"]
    assert ids(await Registry.open(database, make_vault(), BUILTIN)) == ["builtin", "b"]


async def test_a_route_is_empty_only_where_nothing_is_registered(database: Database, make_vault: MakeVault) -> None:
    """Whoever registers one model need not select it."""
    registry = await Registry.open(database, make_vault(), None)
    assert registry.route(Task.CHAT) == ()
    assert registry.selected(Task.CHAT) is None
    await registry.add(MODEL, None)
    assert ids(registry) == ["mine"]


async def test_hard_work_has_a_model_of_its_own(registry: Registry, database: Database, make_vault: MakeVault) -> None:
    """For a task, or for every task; a provider's model too; None takes it away."""
    assert registry.hard(Task.CHAT) is None
    await registry.set_hard(None, "b")
    await registry.set_hard(Task.CHAT, "anthropic:claude")
    again = await Registry.open(database, make_vault(), BUILTIN)
    for each in (registry, again):
        assert each.hard(Task.CHAT) == registry.get("anthropic:claude")
        assert each.hard(Task.TESTS) == registry.get("b")
    await registry.set_hard(Task.CHAT, None)
    assert registry.hard(Task.CHAT) == registry.get("b")
    with pytest.raises(ModelNotFound):
        await registry.set_hard(Task.CHAT, "nobody")


async def test_nothing_may_be_spent_until_the_user_says_so(
    registry: Registry, database: Database, make_vault: MakeVault
) -> None:
    """The policy is the user's, exact to the digit, in every window."""
    assert registry.policy() == Policy(allow_paid_fallback=False, daily_cap=None, monthly_cap=None)
    wanted = Policy(allow_paid_fallback=True, daily_cap=Decimal("0.10"), monthly_cap=Decimal("1E+2"))
    await registry.set_policy(wanted)
    again = await Registry.open(database, make_vault(), BUILTIN)
    assert registry.policy() == again.policy() == wanted
    await again.set_policy(Policy())
    assert await registry.refresh()
    assert registry.policy() == Policy()


@pytest.mark.parametrize("cap", ["-1", "NaN", "Infinity"])
async def test_a_cap_is_an_amount_of_money(registry: Registry, cap: str) -> None:
    """Else it is refused, and the old one stays."""
    with pytest.raises(UserError, match="cap"):
        await registry.set_policy(Policy(allow_paid_fallback=True, daily_cap=Decimal(cap)))
    assert registry.policy() == Policy()


async def test_what_an_older_version_wrote_is_taken_over(tmp_path: Path, make_vault: MakeVault) -> None:
    """Selections become the first of their chains; keys, models and prices stay as they were."""
    path = tmp_path / "old.db"
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old, tuple(each for each in MIGRATIONS if each.name < "m003"))
    old.executescript("""
        INSERT INTO prices VALUES (1, 'custom:a', '0.5', '1.5', '2026-01-02', 'user');
        INSERT INTO models VALUES ('custom:a', 'A', 'ollama', 'http://127.0.0.1:1', 'a', 'openai-chat', NULL,
            '{"prefix": "<P>", "suffix": "<S>", "middle": "<M>", "stop": ["<E>"]}', '', 8192, 4000, 0.2, 1);
        INSERT INTO routes VALUES ('*', 'custom:a'), ('inline', 'custom:builtin');
        INSERT INTO sealed_keys VALUES ('custom:a', 'file:00', x'00', x'01', 'http://127.0.0.1:1');
    """)
    old.close()
    database = await Database.open(path)
    assert database.notices == ()
    registry = await Registry.open(database, make_vault(), BUILTIN)
    assert (ids(registry), ids(registry, Task.INLINE)) == (["a"], ["builtin"])
    model = registry.get("a")
    assert (model.has_key, model.local_only, model.max_concurrent, model.prefill) == (True, False, None, None)
    assert model.fim_template == FimTemplate("<P>", "<S>", "<M>", ("<E>",))
    assert model.price is not None
    assert (model.price.output, model.price.cache_read, model.price.gpu_hour) == (Decimal("1.5"), None, 0)
    await registry.remove("a")
    assert await database.read("SELECT * FROM sealed_keys") == []
    await database.close()

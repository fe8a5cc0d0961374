from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.domain.errors import KeyUnreadable, ModelNotFound, UserError
from beastmode.domain.model import accepts_prefill, is_loopback, origin_of
from beastmode.domain.usage import Price
from beastmode.registry import Registry, Vault
from beastmode.registry.endpoint_url import insecure_key_problem, problem_of
from beastmode.registry.providers import ProviderRow, load_providers, load_rows, offered_providers
from beastmode.registry.registration import parse
from beastmode.settings import Secret, load
from beastmode.store import Database
from beastmode.wire import CHATS, FORMATS

MakeVault = Callable[..., Vault]
ROWS = load_rows()
HOSTED = [row_id for row_id, row in ROWS.items() if row.provider.is_paid]
MODEL = parse({"model_name": "Mine", "model_id": "mine", "endpoint_url": "http://127.0.0.1:1/v1"})[0]


@pytest.fixture
async def registry(database: Database, make_vault: MakeVault) -> Registry:
    return await Registry.open(database, make_vault(), None)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_row_is_complete(row: ProviderRow) -> None:
    """It speaks formats that exist, answers at an address that a key may travel to, and says whose money it costs."""
    provider = row.provider
    assert provider.title
    assert provider.auth in {"bearer", "x-api-key", "none"}
    assert provider.chat_formats
    assert {*provider.chat_formats, *provider.fim_formats} <= set(FORMATS)
    assert provider.prefill == CHATS[provider.chat_formats[0]].continues
    assert row.context_window >= 8192
    assert (provider.base_url is None) == (row.models_url is None)
    if provider.base_url is None or row.models_url is None:
        assert not provider.is_paid
        assert provider.key_variable is None
        return
    assert problem_of(provider.base_url) is None
    assert insecure_key_problem(provider.base_url) is None
    assert not provider.base_url.endswith("/")
    assert origin_of(row.models_url) == origin_of(provider.base_url)
    assert provider.is_paid != is_loopback(provider.base_url)
    assert not provider.is_paid or provider.key_variable


@pytest.mark.parametrize(
    ("chat", "prefill", "accepts"),
    [
        ("vllm-chat", None, True),
        ("openai-chat", None, False),
        ("openai-chat", True, True),
        ("vllm-chat", False, False),
    ],
)
def test_a_prefill_is_accepted_as_the_row_says_or_the_providers_own_format(
    chat: str,
    prefill: bool | None,  # noqa: FBT001  # a parameter
    accepts: bool,  # noqa: FBT001  # likewise
) -> None:
    """A row from before its provider had a dialect of its own asks in one that leaves out what the server needs."""
    model = replace(MODEL, provider="vllm", chat_format=chat, prefill=prefill)
    assert accepts_prefill(model, load_providers()["vllm"]) is accepts


def test_the_providers_that_are_promised() -> None:
    """By the ids that stand in front of their models."""
    assert set(HOSTED) == {
        "openai", "anthropic", "mistral", "deepseek", "groq", "openrouter", "together", "fireworks", "xai", "gemini",
    }  # fmt: skip
    assert load_providers()["anthropic"].auth == "x-api-key"


def test_the_form_offers_kinds_of_server() -> None:
    """The specification's type first; a hosted provider's models need no registration."""
    offered = [provider.id for provider in offered_providers()]
    assert offered[:2] == ["openai-compatible", "anthropic-compatible"]
    assert "custom" in offered
    assert set(load_providers()) - set(offered) == {"builtin", *HOSTED}


def test_every_key_variable_is_read(tmp_path: Path) -> None:
    """The settings pass on what the rows name, as secrets, and no other secret of the environment."""
    variables = {row.provider.key_variable for row in ROWS.values()} - {None}
    environ = {str(name): f" sk-{name} \n" for name in variables} | {"AWS_SECRET_ACCESS_KEY": "x", "EMPTY_API_KEY": " "}
    found, notices = load(environ | {"BEASTMODE_HOME": str(tmp_path)})
    assert not notices
    assert found.provider_keys == {name: Secret(f"sk-{name}") for name in variables}
    assert "sk-" not in repr(found)


@pytest.mark.parametrize("provider_id", [row_id for row_id, row in ROWS.items() if row.provider.base_url])
def test_a_providers_model_needs_no_row(provider_id: str, registry: Registry) -> None:
    """Its id is the provider's and what the provider calls it, and it comes with all that a request needs."""
    model = registry.get(f"{provider_id}:acme/some-model:v1")
    row = ROWS[provider_id]
    assert (model.id, model.upstream_id) == (f"{provider_id}:acme/some-model:v1", "acme/some-model:v1")
    assert (model.provider, model.endpoint_url) == (provider_id, row.provider.base_url)
    assert model.chat_format == row.provider.chat_formats[0]
    assert (model.price, model.has_key, model.context_window) == (None, False, row.context_window)
    assert registry.models == ()


def test_only_documented_models_complete_code_natively(registry: Registry) -> None:
    """Mistral's FIM endpoint takes Codestral alone; the others complete code through chat."""
    assert registry.get("mistral:codestral-latest").fim_format == "mistral-fim"
    assert registry.get("mistral:mistral-large-latest").fim_format == "chat-infill"


@pytest.mark.parametrize(
    "unknown",
    ["openai:", "openai", "nobody:gpt-4", "custom:openai:gpt-4", "openai-compatible:m", "openai:a b", ":x", ""],
)
def test_what_no_provider_can_have_is_not_found(unknown: str, registry: Registry) -> None:
    """No name, an unknown provider, one without an address, or a name that no endpoint has."""
    with pytest.raises(ModelNotFound):
        registry.get(unknown)


@settings(deadline=None, max_examples=50)
@given(st.text())
def test_no_name_breaks_it(name: str) -> None:
    """Any text makes a model with a printable id, or none."""
    model = ROWS["openai"].model(name, has_key=False)
    assert model is None or (model.id.isprintable() and model.upstream_id == name)


async def test_a_registered_model_comes_before_a_providers(registry: Registry) -> None:
    """Ollama's `mistral:7b`, registered, is not sent to Mistral; the provider's other models still are there."""
    await registry.add(replace(MODEL, id="custom:mistral:7b"), None)
    assert registry.get("mistral:7b").id == "custom:mistral:7b"
    assert registry.get("mistral:codestral-latest").provider == "mistral"


async def test_a_providers_key_comes_from_the_vault_or_the_environment(
    registry: Registry, database: Database, make_vault: MakeVault
) -> None:
    """The vault first; one key for all models of the provider; every window sees it."""
    other = await Registry.open(database, make_vault(), None, {"OPENAI_API_KEY": Secret("from environment")})
    gpt = other.get("openai:gpt-4")
    assert gpt.has_key
    assert await other.key_of(gpt) == "from environment"
    assert await other.set_key("openai", "sealed") == "https://api.openai.com:443"
    assert await other.key_of(gpt) == "sealed"
    assert await registry.refresh()
    assert await registry.key_of(registry.get("openai:gpt-4o")) == "sealed"
    assert not registry.get("groq:some").has_key
    assert await registry.rotate_keys() == 1
    await other.set_key("openai:gpt-4", None)
    assert await other.key_of(gpt) == "from environment"
    await registry.refresh()
    assert not registry.get("openai:gpt-4").has_key
    assert await registry.key_of(gpt) is None


async def test_a_providers_key_goes_to_the_provider_alone(
    registry: Registry, database: Database, make_vault: MakeVault
) -> None:
    """Neither the sealed one nor the one of the environment goes to another address, whatever the model is called."""
    await registry.set_key("openai", "sealed")
    environment = {"GROQ_API_KEY": Secret("gsk-environment")}
    other = await Registry.open(database, make_vault(), None, environment)
    for model_id in ("openai:gpt-4", "groq:some"):
        elsewhere = replace(other.get(model_id), endpoint_url="https://evil.example/v1")
        for _ in range(2):
            with pytest.raises(KeyUnreadable, match=r"not sent to https://evil\.example:443") as caught:
                await other.key_of(elsewhere)
            assert "gsk-" not in str(caught.value)
        assert await other.key_of(other.get(model_id))
    await other.add(replace(MODEL, provider="groq", has_key=True), None)
    assert await other.key_of(replace(other.get("mine"), has_key=True)) is None


async def test_whose_key_it_is_must_be_clear(registry: Registry) -> None:
    """A model that is called like a provider: both can be given a key, by names that mean one of them."""
    await registry.add(replace(MODEL, id="custom:openai"), None)
    with pytest.raises(UserError, match="both a provider and a model"):
        await registry.set_key("openai", "k")
    assert await registry.set_key("custom:openai", "mine") == "http://127.0.0.1:1"
    assert await registry.set_key("openai:gpt-4", "theirs") == "https://api.openai.com:443"
    assert await registry.key_of(registry.get("custom:openai")) == "mine"
    assert await registry.key_of(registry.get("openai:gpt-4")) == "theirs"
    for nobody in ("openai-compatible", "nobody", "builtin"):
        with pytest.raises(ModelNotFound):
            await registry.set_key(nobody, "k")


async def test_a_providers_model_cannot_be_removed(registry: Registry) -> None:
    """There is no row; the error says where it may be taken out."""
    with pytest.raises(UserError, match=r"not registered.*route set"):
        await registry.remove("openai:gpt-4")


def test_what_costs_money(registry: Registry) -> None:
    """What a hosted provider answers, unless the user said it is free; never what answers on this machine."""
    gpt = registry.get("openai:gpt-4")
    assert registry.is_paid(gpt)
    free, _ = parse({"model_name": "m", "model_id": "m", "endpoint_url": "http://localhost/v1", "price": "0"})
    assert isinstance(free.price, Price)
    assert not registry.is_paid(replace(gpt, price=free.price))
    assert not registry.is_paid(registry.get("ollama:qwen"))
    assert not registry.is_paid(MODEL)

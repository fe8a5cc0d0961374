"""Which models a provider serves right now: one free question, and a list made of whatever comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from beastmode.domain.errors import InvalidFormat, Unauthorized, UserError
from beastmode.domain.model import origin_of
from beastmode.wire.refusal import refusal
from beastmode.wire.shapes import loads, looks_like, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from beastmode.domain.model import ModelSpec
    from beastmode.registry.providers import ProviderRow

TIMEOUT = 15.0
"""Seconds for the whole question."""

MOST = 5_000
"""Models that are listed; nobody serves as many."""

_SUCCESS = range(200, 300)


class Getter(Protocol):
    """What this needs of the transport."""

    async def get(self, url: str, secret_headers: Mapping[str, str], *, timeout: float) -> tuple[int, bytes]:  # noqa: ASYNC109 - the transport's own
        """Status and body."""
        ...


async def served_models(row: ProviderRow, secret_headers: Mapping[str, str], getter: Getter) -> tuple[ModelSpec, ...]:
    """The models of a provider, in the order of their ids, as they would be asked.

    Args:
        row: of the provider.
        secret_headers: with its key; empty where there is none.
        getter: the transport.

    Raises:
        UserError: the provider has no address of its own.
        AttemptFailed: it cannot be reached, says no, or answers with something else than a list of models.
    """
    provider = row.provider
    if row.models_url is None:
        raise UserError(
            f"{provider.title} is a kind of server, and has no address of its own",
            "Name a provider such as openai or ollama, or register a model of your server with `beastmode models add`",
        )
    status, body = await getter.get(row.models_url, {**row.models_headers, **secret_headers}, timeout=TIMEOUT)
    if status not in _SUCCESS:
        # Without its body: some quote the key back in it.
        refused = refusal(status, {}, b"", origin_of(row.models_url), 0.0)
        if isinstance(refused, Unauthorized):
            refused.fix = how_to_set_key(row)
        raise refused
    ids = sorted(dict(named_entries(loads(body))))
    found = (row.model(upstream_id, has_key=bool(secret_headers)) for upstream_id in ids[:MOST])
    return tuple(model for model in found if model is not None)


def how_to_set_key(row: ProviderRow) -> str:
    """What to do where a provider's key is missing or wrong."""
    variable = f", or set {row.provider.key_variable}" if row.provider.key_variable else ""
    return f"Run `beastmode keys set {row.provider.id}`{variable}"


def named_entries(answer: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """A list of models by id, with what is said of each: OpenAI's (`data`), Ollama's (`models`), or a bare one.

    Raises:
        InvalidFormat: there is no list.
    """
    shape = mapping(answer)
    entries = next((each for each in (answer, shape.get("data"), shape.get("models")) if isinstance(each, list)), None)
    if entries is None:
        raise InvalidFormat(looks_like(answer), "Check that the provider's address leads to the provider")
    for entry in entries:
        named = mapping(entry)
        said = (entry, named.get("id"), named.get("model"), named.get("name"))
        model_id = next((each for each in said if isinstance(each, str)), None)
        if model_id is not None:
            yield model_id, named

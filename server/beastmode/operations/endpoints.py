"""Where a model answers, and with which key: the built-in one at its process, any other where its row says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.errors import Unauthorized
from beastmode.domain.model import BUILTIN_ID
from beastmode.operations.served_models import how_to_set_key
from beastmode.router.ask import Endpoint
from beastmode.router.attempt import auth_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.domain.model import ModelSpec
    from beastmode.embedded import Embedded
    from beastmode.registry.providers import ProviderRow
    from beastmode.registry.registry import Registry


class Endpoints:
    """Finds them in the registry and at the built-in model."""

    def __init__(self, registry: Registry, embedded: Embedded) -> None:
        self._registry = registry
        self._embedded = embedded

    async def locate(self, model: ModelSpec) -> Endpoint:
        """The endpoint with its key; AttemptFailed where there is none."""
        url, key = await self.door(model)
        return Endpoint(url, auth_headers(self._registry.provider(model.provider).auth, key))

    async def door(self, model: ModelSpec) -> tuple[str, str | None]:
        """The same before it is decided how the key travels."""
        if model.id == BUILTIN_ID:
            return await self._embedded.endpoint()
        row = self._registry.provider_row(model.provider)
        key = await self._registry.key_of(model)
        if key is None and row.provider.is_paid:
            raise Unauthorized(f"There is no API key for {row.provider.title}", how_to_set_key(row), status=401)
        return model.endpoint_url, key

    async def headers(self, row: ProviderRow) -> Mapping[str, str]:
        """The headers with a provider's key, for its own address; none where there is no key."""
        any_model = row.model("any", has_key=True)
        key = await self._registry.key_of(any_model) if any_model else None
        return auth_headers(row.provider.auth, key)

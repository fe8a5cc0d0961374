"""Models that no row stands for: `openai:gpt-4` is made from the provider's row and the key of the environment."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from beastmode.domain.errors import KeyUnreadable, UserError
from beastmode.domain.model import origin_of
from beastmode.registry.providers import load_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from beastmode.domain.model import ModelSpec
    from beastmode.registry.providers import ProviderRow
    from beastmode.settings import Secret


class Provided:
    """The rows of the providers.

    Args:
        environment: keys by the name of their variable.
    """

    def __init__(self, environment: Mapping[str, Secret]) -> None:
        self._environment = environment
        self._rows = load_rows()

    def row(self, provider_id: str) -> ProviderRow:
        """The row of an id.

        Raises:
            UserError: there is none.
        """
        try:
            return self._rows[provider_id]
        except KeyError:
            raise UserError(f"Unknown provider type: {provider_id}", f"Use one of {', '.join(self._rows)}") from None

    def hosted(self, provider_id: str) -> ProviderRow | None:
        """The row of an id, where it is one with an address of its own."""
        row = self._rows.get(provider_id)
        return row if row is not None and row.provider.base_url is not None else None

    def find(self, model_id: str, sealed: Collection[str]) -> ModelSpec | None:
        """The model of an id such as `openai:gpt-4`.

        Args:
            model_id: with its provider in front.
            sealed: the providers that the vault has a key of.
        """
        provider_id, _, upstream_id = model_id.partition(":")
        row = self.hosted(provider_id)
        if row is None:
            return None
        has_key = provider_id in sealed or (row.provider.key_variable or "") in self._environment
        return row.model(upstream_id, has_key=has_key)

    def key_mark(self, model: ModelSpec) -> str:
        """See `Registry.key_mark`, for a key of the environment."""
        return sha256((self.key(model) or "").encode()).hexdigest()

    def key(self, model: ModelSpec) -> str | None:
        """The key that the environment has for such a model.

        Raises:
            KeyUnreadable: the model's address is not the provider's.
        """
        provider = self._rows[model.provider].provider
        secret = self._environment.get(provider.key_variable or "")
        if secret is None or provider.base_url is None:
            return None
        home = origin_of(provider.base_url)
        if model.origin != home:
            reason = f"{provider.key_variable} is for {home}, and is not sent to {model.origin}"
            raise KeyUnreadable(provider.id, reason)
        return secret.reveal()

    def is_paid(self, model: ModelSpec) -> bool:
        """Whether asking it costs money: by its price, else by its provider; one's own hardware does not count."""
        row, price = self._rows.get(model.provider), model.price
        is_hosted = row is not None and row.provider.is_paid
        if price is None:
            return is_hosted
        return bool(price.input or price.output or (is_hosted and price.gpu_hour))

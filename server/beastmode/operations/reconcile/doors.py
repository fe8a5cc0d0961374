"""Which model of ours a bill means: the provider's own, and the user's own at a provider's address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.model import origin_of
from beastmode.operations.reconcile.compare import Door
from beastmode.registry.providers import load_providers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from beastmode.domain.model import ModelSpec


def doors(models: Iterable[ModelSpec]) -> Callable[[str], Door]:
    """For the ids in a ledger, also of models that are not registered any more.

    Args:
        models: the registered ones.
    """
    paid = [row for row in load_providers().values() if row.is_paid and row.base_url]
    billers = {origin_of(str(row.base_url)): row.id for row in paid}
    known = {model.id: Door(model.upstream_id, billers.get(model.origin, "")) for model in models}
    providers = {row.id for row in paid}

    def door(model_id: str) -> Door:
        if model_id in known:
            return known[model_id]
        provider, _, name = model_id.partition(":")
        return Door(name, provider if provider in providers else "")

    return door

"""The rows of providers.toml as values: adding a kind of endpoint, or a hosted provider, is adding a row there."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from beastmode.domain.model import ModelSpec, Provider

if TYPE_CHECKING:
    from collections.abc import Mapping

UPSTREAM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
"""What an endpoint may call a model: safe in a terminal, a log and a table."""

_CONTEXT_WINDOW = 8192


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider, and what only the registry needs of it; the fields are explained in providers.toml."""

    provider: Provider
    offered: bool
    context_window: int
    fim_models: tuple[str, ...]
    models_url: str | None
    models_headers: Mapping[str, str]

    def model(self, upstream_id: str, *, has_key: bool) -> ModelSpec | None:
        """The model that the provider calls by this id, made without asking; None where there can be none."""
        provider = self.provider
        if provider.base_url is None or not UPSTREAM_ID.fullmatch(upstream_id):
            return None
        return ModelSpec(
            id=f"{provider.id}:{upstream_id}",
            name=f"{upstream_id} ({provider.title})",
            provider=provider.id,
            endpoint_url=provider.base_url,
            upstream_id=upstream_id,
            chat_format=next(iter(provider.chat_formats), None),
            fim_format=self._fim_format(upstream_id),
            context_window=self.context_window,
            has_key=has_key,
        )

    def _fim_format(self, upstream_id: str) -> str | None:
        formats = self.provider.fim_formats
        if not formats:
            return None
        able = not self.fim_models or upstream_id.startswith(self.fim_models)
        return formats[0] if able else formats[-1]


@cache
def load_rows() -> Mapping[str, ProviderRow]:
    """All rows by id, in the order in which they are offered; read once, as they come with the program."""
    rows = tomllib.loads(Path(__file__).with_name("providers.toml").read_text("utf-8"))
    return MappingProxyType({row_id: _row(row_id, row) for row_id, row in rows.items()})


def load_providers() -> Mapping[str, Provider]:
    """All kinds of endpoint by id, in the order in which they are offered."""
    return MappingProxyType({row_id: row.provider for row_id, row in load_rows().items()})


def offered_providers() -> tuple[Provider, ...]:
    """Those that a person may choose."""
    return tuple(row.provider for row in load_rows().values() if row.offered)


def _row(row_id: str, row: dict[str, Any]) -> ProviderRow:
    base_url = row.get("base_url")
    return ProviderRow(
        provider=Provider(
            id=row_id,
            title=row["title"],
            auth=row["auth"],
            chat_formats=tuple(row["chat_formats"]),
            fim_formats=tuple(row["fim_formats"]),
            base_url=base_url,
            key_variable=row.get("key_variable"),
            is_paid=row.get("is_paid", False),
            prefill=row.get("prefill", False),
            embeds=row.get("embeds", False),
        ),
        offered=row.get("offered", True),
        context_window=row.get("context_window", _CONTEXT_WINDOW),
        fim_models=tuple(row.get("fim_models", ())),
        models_url=row.get("models_url", f"{base_url}/models" if base_url else None),
        models_headers=MappingProxyType(row.get("models_headers", {})),
    )

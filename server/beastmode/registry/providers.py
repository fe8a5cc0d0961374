"""The rows of providers.toml as values: adding a kind of endpoint is adding a row there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from beastmode.domain.model import Provider

if TYPE_CHECKING:
    from collections.abc import Mapping


def load_providers() -> Mapping[str, Provider]:
    """All kinds of endpoint by id, in the order in which they are offered."""
    return MappingProxyType({row_id: _provider(row_id, row) for row_id, row in _rows().items()})


def offered_providers() -> tuple[Provider, ...]:
    """Those that a person may choose."""
    return tuple(_provider(row_id, row) for row_id, row in _rows().items() if row.get("offered", True))


def _rows() -> dict[str, dict[str, object]]:
    return tomllib.loads(Path(__file__).with_name("providers.toml").read_text("utf-8"))


def _provider(row_id: str, row: dict[str, object]) -> Provider:
    return Provider(
        id=row_id,
        title=str(row["title"]),
        auth=row["auth"],  # type: ignore[arg-type]  # a test checks every row of our own file
        chat_formats=_names(row["chat_formats"]),
        fim_formats=_names(row["fim_formats"]),
    )


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, list) else ()

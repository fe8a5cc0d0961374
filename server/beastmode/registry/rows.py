"""A model as columns of the database, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from beastmode.domain.model import FimTemplate, ModelSpec
from beastmode.store.price_columns import columns_of, price_of

if TYPE_CHECKING:
    from beastmode.store.connection import Row
    from beastmode.store.writer import Statement

PREFIX = "custom:"
"""What the ids of registered models start with."""

SELECT_MODELS = """SELECT models.*, sealed_keys.model_id IS NOT NULL AS has_key,
        prices.input, prices.output, prices.as_of, prices.source, prices.cache_read, prices.cache_write, prices.gpu_hour
    FROM models LEFT JOIN prices ON prices.id = models.price_id
        LEFT JOIN sealed_keys ON sealed_keys.model_id = models.id
    ORDER BY models.rowid"""
_INSERT = """INSERT INTO models (id, name, provider, endpoint_url, upstream_id, chat_format, fim_format, fim_template,
        description, context_window, max_tokens, temperature, local_only, max_concurrent, prefill,
        edit_format, price_id)
    VALUES (:id, :name, :provider, :endpoint_url, :upstream_id, :chat_format, :fim_format, :fim_template,
        :description, :context_window, :max_tokens, :temperature, :local_only, :max_concurrent, :prefill, :edit_format,
        (SELECT max(id) FROM prices WHERE model = :priced))"""
_REPLACE = """ ON CONFLICT (id) DO UPDATE SET name = excluded.name, provider = excluded.provider,
        endpoint_url = excluded.endpoint_url, upstream_id = excluded.upstream_id, chat_format = excluded.chat_format,
        fim_format = excluded.fim_format, fim_template = excluded.fim_template, description = excluded.description,
        context_window = excluded.context_window, max_tokens = excluded.max_tokens,
        temperature = excluded.temperature, local_only = excluded.local_only,
        max_concurrent = excluded.max_concurrent, prefill = excluded.prefill,
        edit_format = excluded.edit_format, price_id = excluded.price_id"""
# A price that has not changed keeps the date from which it holds.
_PRICE = """INSERT INTO prices (model, input, output, as_of, source, cache_read, cache_write, gpu_hour)
    SELECT :model, :input, :output, :as_of, :source, :cache_read, :cache_write, :gpu_hour
    WHERE NOT EXISTS (SELECT 1 FROM prices WHERE id = (SELECT max(id) FROM prices WHERE model = :model)
        AND input = :input AND output = :output AND source = :source
        AND COALESCE(cache_read, '') = COALESCE(:cache_read, '')
        AND COALESCE(cache_write, '') = COALESCE(:cache_write, '') AND gpu_hour = :gpu_hour)"""


def statements_to_store(model: ModelSpec, *, replace: bool) -> list[Statement]:
    """Write a model's row and its price; without `replace` the transaction fails where the id is taken."""
    row: dict[str, Any] = {name: getattr(model, name) for name in ModelSpec.__slots__}
    row["fim_template"] = json.dumps(asdict(model.fim_template)) if model.fim_template else None
    price = model.price
    row["priced"] = model.id if price else None
    del row["price"], row["has_key"]
    statements: list[Statement] = []
    if price is not None:
        statements.append((_PRICE, {"model": model.id, **columns_of(price)}))
    statements.append((_INSERT + _REPLACE if replace else _INSERT, row))
    return statements


def model_of(row: Row) -> ModelSpec:
    """The model of a row of SELECT_MODELS."""
    template = json.loads(row["fim_template"]) if row["fim_template"] else None
    return ModelSpec(
        id=row["id"],
        name=row["name"],
        provider=row["provider"],
        endpoint_url=row["endpoint_url"],
        upstream_id=row["upstream_id"],
        chat_format=row["chat_format"],
        fim_format=row["fim_format"],
        fim_template=FimTemplate(**template | {"stop": tuple(template["stop"])}) if template else None,
        description=row["description"],
        context_window=row["context_window"],
        max_tokens=row["max_tokens"],
        temperature=row["temperature"],
        price=None if row["input"] is None else price_of(row),
        has_key=bool(row["has_key"]),
        local_only=bool(row["local_only"]),
        max_concurrent=row["max_concurrent"],
        prefill=None if row["prefill"] is None else bool(row["prefill"]),
        edit_format=row["edit_format"],
    )

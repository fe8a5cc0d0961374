"""The user's models: which there are, which one answers, and the keys that they need.

Read from memory, written through the database; `refresh` takes over what another window has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.errors import InvalidModel, ModelNotFound, UserError
from beastmode.domain.model import BUILTIN_ID
from beastmode.registry.endpoint_url import insecure_key_problem
from beastmode.registry.providers import load_providers
from beastmode.registry.rows import PREFIX, SELECT_MODELS, model_of, statements_to_store
from beastmode.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.model import ModelSpec, Provider
    from beastmode.domain.request import Task
    from beastmode.registry.vault import Vault
    from beastmode.store import Database
    from beastmode.store.writer import Statement

_EVERY_TASK = "*"
_BUMP: Statement = ("UPDATE registry_generation SET generation = generation + 1", ())
# A key is bound to its origin: where the endpoint moves to another, it is not carried over.
_DROP_FOREIGN_KEY = "DELETE FROM sealed_keys WHERE model_id = ? AND origin <> ?"


class Registry:
    """Made by `open`.

    Args:
        database: holds the rows.
        vault: seals and opens the keys.
        builtin: the model that comes with the product, or None where it is switched off.
    """

    def __init__(self, database: Database, vault: Vault, builtin: ModelSpec | None) -> None:
        self._database = database
        self._vault = vault
        self._builtin = builtin
        self._providers = load_providers()
        self._models: dict[str, ModelSpec] = {}
        self._routes: dict[str, str] = {}
        self._keys: dict[str, tuple[str, str | None]] = {}
        self._generation = -1

    @classmethod
    async def open(cls, database: Database, vault: Vault, builtin: ModelSpec | None) -> Registry:
        """Read what there is."""
        registry = cls(database, vault, builtin)
        await registry._load()
        return registry

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """All models, the built-in one first, then in the order of registration."""
        return tuple(self._models.values())

    def get(self, model_id: str) -> ModelSpec:
        """The model of an id; `my-model` means `custom:my-model`.

        Raises:
            ModelNotFound: there is none.
        """
        model = self._models.get(model_id) or self._models.get(PREFIX + model_id)
        if model is None:
            raise ModelNotFound(model_id)
        return model

    def provider(self, provider_id: str) -> Provider:
        """The kind of endpoint of an id.

        Raises:
            UserError: there is none.
        """
        try:
            return self._providers[provider_id]
        except KeyError:
            known = ", ".join(self._providers)
            raise UserError(
                f"Unknown provider type: {provider_id}", f"Register the model again as one of {known}"
            ) from None

    def selected(self, task: Task) -> ModelSpec | None:
        """The model that answers a task: the one selected for it, else the one for every task, else the built-in."""
        for route in (task.value, _EVERY_TASK):
            model = self._models.get(self._routes.get(route, ""))
            if model is not None:
                return model
        return self._builtin

    async def add(self, model: ModelSpec, key: str | None, *, replace: bool = False) -> None:
        """Register a model. With `replace`, an existing row is overwritten.

        Where no key is given, the stored one stays if the origin is the same, and is dropped if it is not.

        Raises:
            InvalidModel: the id is taken, or the key would travel in the clear.
            StoreError: nothing was stored.
        """
        if model.id == BUILTIN_ID:
            raise InvalidModel({"model_id": "is the id of the built-in model; choose another"})
        statements = statements_to_store(model, replace=replace)
        statements.append((_DROP_FOREIGN_KEY, (model.id, model.origin)))
        try:
            await self._change(statements, model, key)
        except StoreError as error:
            await self.refresh()
            if replace or model.id not in self._models:
                raise
            taken = f"{model.id} is registered already; choose another id or remove it first"
            raise InvalidModel({"model_id": taken}) from error

    async def remove(self, model_id: str) -> None:
        """Remove a model with its key and its routes; its attempts and prices stay in the ledger.

        Raises:
            ModelNotFound: there is none.
            UserError: it is the built-in one.
        """
        model = self.get(model_id)
        if model.id == BUILTIN_ID:
            raise UserError(
                "The built-in model cannot be removed", "Set BEASTMODE_BUILTIN__ENABLED=false to switch it off"
            )
        await self._change(
            [
                ("DELETE FROM sealed_keys WHERE model_id = ?", (model.id,)),
                ("DELETE FROM routes WHERE model_id = ?", (model.id,)),
                ("DELETE FROM models WHERE id = ?", (model.id,)),
            ]
        )

    async def select(self, model_id: str, task: Task | None = None) -> None:
        """Let a model answer a task, or, with None, every task that has no model of its own.

        Raises:
            ModelNotFound: there is none.
        """
        model = self.get(model_id)
        route = _EVERY_TASK if task is None else task.value
        await self._change([("INSERT OR REPLACE INTO routes (task, model_id) VALUES (?, ?)", (route, model.id))])

    async def set_key(self, model_id: str, key: str | None) -> None:
        """Replace the stored key of a model, or remove it.

        Raises:
            ModelNotFound: there is none.
            InvalidModel: the key would travel in the clear.
            UserError: the built-in model makes its own key.
        """
        model = self.get(model_id)
        if model.id == BUILTIN_ID:
            raise UserError("The built-in model needs no key")
        if key is None:
            await self._change([("DELETE FROM sealed_keys WHERE model_id = ?", (model.id,))])
            return
        try:
            await self._change([], model, key)
        except StoreError:
            await self.refresh()
            self.get(model.id)  # another process may have removed it
            raise

    async def key_of(self, model: ModelSpec) -> str | None:
        """The key of a model, for its own origin only; None where it has none. Kept in memory until something changes.

        Raises:
            KeyUnreadable: there is one, but it cannot be opened.
        """
        if not model.has_key or model.id == BUILTIN_ID:
            return None
        origin, key = self._keys.get(model.id, ("", None))
        if origin == model.origin:
            return key
        generation = self._generation
        key = await self._vault.open(model.id, model.origin)
        if generation == self._generation:
            self._keys[model.id] = (model.origin, key)
        return key

    async def rotate_keys(self, old_passphrase: str | None = None) -> int:
        """Seal every key anew with a new master; see `Vault.rotate`."""
        return await self._vault.rotate(old_passphrase)

    async def refresh(self) -> bool:
        """Take over what another process has changed; True where there was something."""
        rows = await self._database.read("SELECT generation FROM registry_generation")
        if rows[0]["generation"] == self._generation:
            return False
        await self._load()
        return True

    async def _change(
        self, statements: Sequence[Statement], model: ModelSpec | None = None, key: str | None = None
    ) -> None:
        """Commit statements, with the key of a model where one is given, as one change that other processes notice."""
        if model is None or key is None:
            await self._database.write_all([*statements, _BUMP])
        else:
            if problem := insecure_key_problem(model.endpoint_url):
                raise InvalidModel({"api_key": problem})
            await self._change_with_key(statements, model, key)
        await self._load()

    async def _change_with_key(self, statements: Sequence[Statement], model: ModelSpec, key: str) -> None:
        try:
            sealed = await self._vault.statements_to_keep(key, model.id, model.origin)
            await self._database.write_all([*statements, *sealed, _BUMP])
        except StoreError:
            # Another process may have rotated the master key meanwhile: once more with the new one.
            self._vault.forget()
            sealed = await self._vault.statements_to_keep(key, model.id, model.origin)
            await self._database.write_all([*statements, *sealed, _BUMP])

    async def _load(self) -> None:
        # The generation first: what changes while we read is read again by the next refresh.
        generation = (await self._database.read("SELECT generation FROM registry_generation"))[0]["generation"]
        models = [model_of(row) for row in await self._database.read(SELECT_MODELS)]
        routes = await self._database.read("SELECT task, model_id FROM routes")
        await self._vault.look()
        first = (self._builtin,) if self._builtin else ()
        self._models = {model.id: model for model in (*first, *models)}
        self._routes = {row["task"]: row["model_id"] for row in routes}
        self._keys.clear()
        self._generation = generation

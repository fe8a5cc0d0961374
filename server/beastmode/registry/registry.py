"""The user's models: which there are, which one answers, and the keys that they need.

Read from memory, written through the database; `refresh` takes over what another window has changed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.errors import InvalidModel, ModelNotFound, UserError
from beastmode.domain.model import BUILTIN_ID, origin_of
from beastmode.domain.routing import Policy
from beastmode.registry import routes
from beastmode.registry.endpoint_url import insecure_key_problem
from beastmode.registry.policy_row import SELECT_POLICY, policy_of, statement_to_store
from beastmode.registry.provided import Provided
from beastmode.registry.routes import SELECT_HARD, SELECT_ROUTES, Routes, routes_of
from beastmode.registry.rows import PREFIX, SELECT_MODELS, model_of, statements_to_store
from beastmode.registry.users import Users
from beastmode.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from beastmode.domain.model import ModelSpec, Provider
    from beastmode.domain.request import Task
    from beastmode.registry.providers import ProviderRow
    from beastmode.registry.vault import Vault
    from beastmode.settings import Secret
    from beastmode.store import Database
    from beastmode.store.writer import Statement

_BUMP: Statement = ("UPDATE registry_generation SET generation = generation + 1", ())
# A key is bound to its origin: where the endpoint moves to another, it is not carried over.
_DROP_FOREIGN_KEY = "DELETE FROM sealed_keys WHERE model_id = ? AND origin <> ?"
_NO_KEYS: Mapping[str, Secret] = MappingProxyType({})


class _Holder(NamedTuple):
    """Whose key it is: a model's or a provider's id, and the URL whose origin alone may see it."""

    id: str
    url: str


class Registry:
    """Made by `open`.

    Args:
        database: holds the rows.
        vault: seals and opens the keys.
        builtin: the model that comes with the product, or None where it is switched off.
        provider_keys: by environment variable; used for a provider that the vault has no key of.

    Attributes:
        users: who may use the gateway besides the owner.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        builtin: ModelSpec | None,
        provider_keys: Mapping[str, Secret] = _NO_KEYS,
    ) -> None:
        self.users = Users(database)
        self._database = database
        self._vault = vault
        self._builtin = builtin
        self._provided = Provided(provider_keys)
        self._models: dict[str, ModelSpec] = {}
        self._routes = Routes()
        self._policy = Policy()
        self._sealed: dict[str, str] = {}
        self._keys: dict[str, tuple[str, str | None]] = {}
        self._generation = -1

    @classmethod
    async def open(
        cls,
        database: Database,
        vault: Vault,
        builtin: ModelSpec | None,
        provider_keys: Mapping[str, Secret] = _NO_KEYS,
    ) -> Registry:
        """Read what there is."""
        registry = cls(database, vault, builtin, provider_keys)
        await registry._load()
        return registry

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """All models, the built-in one first, then in the order of registration."""
        return tuple(self._models.values())

    def get(self, model_id: str) -> ModelSpec:
        """The model of an id: `my-model` means `custom:my-model`, and `openai:gpt-4` needs no row.

        A row of the user's comes before a provider's model of the same name.

        Raises:
            ModelNotFound: there is none.
        """
        model = self._find(model_id)
        if model is None:
            raise ModelNotFound(model_id)
        return model

    def provider(self, provider_id: str) -> Provider:
        """The kind of endpoint of an id.

        Raises:
            UserError: there is none.
        """
        return self._provided.row(provider_id).provider

    def provider_row(self, provider_id: str) -> ProviderRow:
        """The same, with what only listing its models needs.

        Raises:
            UserError: there is none.
        """
        return self._provided.row(provider_id)

    def is_paid(self, model: ModelSpec) -> bool:
        """Whether asking it costs money: by its price, else by its provider."""
        return self._provided.is_paid(model)

    def route(self, task: Task) -> tuple[ModelSpec, ...]:
        """The chain for a task: the selected model, then the fallbacks that the user allowed.

        Where the user has chosen nothing it is the built-in model, else the first that was registered.
        """
        chain = self._routes.chain(task)
        if chain:
            return chain
        return (self._builtin,) if self._builtin else self.models[:1]

    def selected(self, task: Task) -> ModelSpec | None:
        """The first of the route; None where there is no model at all."""
        return next(iter(self.route(task)), None)

    def hard(self, task: Task) -> ModelSpec | None:
        """The model for hard work of a task, or of every task; None where the user has named none."""
        return self._routes.hard(task)

    def own_route(self, task: Task | None) -> tuple[ModelSpec, ...]:
        """What was set for exactly this task, or for every task (None); empty where nothing was."""
        return self._routes.own(task)

    def policy(self) -> Policy:
        """What the user allows to be spent."""
        return self._policy

    def may_use(self, user: str, model_id: str) -> bool:
        """Whether a user ('' is the owner) may ask a model, and know that there is one."""
        return not user or self.users.may_use(user, model_id)

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
            await self._change(statements, _Holder(model.id, model.endpoint_url), key)
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
        if model.id not in self._models:
            raise UserError(
                f"{model.id} is not registered, so there is nothing to remove",
                "Take it out of a route with `beastmode route set`",
            )
        await self._change(
            [
                ("DELETE FROM sealed_keys WHERE model_id = ?", (model.id,)),
                *routes.forget(model.id),
                ("DELETE FROM models WHERE id = ?", (model.id,)),
            ]
        )

    async def select(self, model_id: str, task: Task | None = None) -> None:
        """Let a model answer a task, or, with None, every task that has no chain of its own; fallbacks stay.

        Raises:
            ModelNotFound: there is none.
        """
        await self._change(routes.select(task, self.get(model_id).id))

    async def set_route(self, task: Task | None, model_ids: Sequence[str]) -> None:
        """Set the chain of a task, or, with None, of every task that has none; an empty one takes it away.

        Raises:
            ModelNotFound: one of them is not known; nothing was changed.
        """
        await self._change(routes.replace(task, [self.get(model_id).id for model_id in model_ids]))

    async def set_hard(self, task: Task | None, model_id: str | None) -> None:
        """Set the model for hard work of a task, or, with None, of every task that has none; None takes it away.

        Raises:
            ModelNotFound: there is none.
        """
        await self._change(routes.replace_hard(task, None if model_id is None else self.get(model_id).id))

    async def set_policy(self, policy: Policy) -> None:
        """Set what may be spent.

        Raises:
            UserError: a cap is not an amount of money.
        """
        await self._change([statement_to_store(policy)])

    async def set_key(self, model_id: str, key: str | None) -> str:
        """Replace or remove the stored key of a model or, by its id or that of any of its models, of a provider.

        Returns:
            The only origin that the key travels to.

        Raises:
            ModelNotFound: there is none.
            InvalidModel: the key would travel in the clear.
            UserError: the built-in model makes its own key; or the id means two things.
        """
        holder = self._holder(model_id)
        if key is None:
            await self._change([("DELETE FROM sealed_keys WHERE model_id = ?", (holder.id,))])
            return origin_of(holder.url)
        try:
            await self._change([], holder, key)
        except StoreError:
            await self.refresh()
            self._holder(holder.id)  # another process may have removed it
            raise
        return origin_of(holder.url)

    async def key_of(self, model: ModelSpec) -> str | None:
        """The key of a model, for its own origin only; None where it has none. Kept in memory until something changes.

        Raises:
            KeyUnreadable: there is one, but it cannot be opened.
        """
        if not model.has_key or model.id == BUILTIN_ID:
            return None
        holder = model.id if model.id.startswith(PREFIX) else model.provider
        origin, key = self._keys.get(holder, ("", None))
        if origin == model.origin:
            return key
        generation = self._generation
        key = await self._vault.open(holder, model.origin)
        if key is None and holder == model.provider:
            key = self._provided.key(model)
        if generation == self._generation:
            self._keys[holder] = (model.origin, key)
        return key

    def key_mark(self, model: ModelSpec) -> str:
        """What tells the key that a model is asked with from any other, without telling the key."""
        if not model.has_key or model.id == BUILTIN_ID:
            return "none"
        holder = model.id if model.id.startswith(PREFIX) else model.provider
        return self._sealed.get(holder) or self._provided.key_mark(model)

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

    def _registered(self, model_id: str) -> ModelSpec | None:
        return self._models.get(model_id) or self._models.get(PREFIX + model_id)

    def _find(self, model_id: str) -> ModelSpec | None:
        return self._registered(model_id) or self._provided.find(model_id, self._sealed)

    def _holder(self, model_id: str) -> _Holder:
        model, row = self._registered(model_id), self._provided.hosted(model_id.partition(":")[0])
        provider = row.provider if row else None
        if model is not None and provider is not None and model_id == provider.id:
            raise UserError(
                f"{model_id} is both a provider and a model of yours",
                f"Write {model.id} for your model, or {model_id}:MODEL for the provider",
            )
        if model is not None:
            if model.id == BUILTIN_ID:
                raise UserError("The built-in model needs no key")
            return _Holder(model.id, model.endpoint_url)
        if provider is None or provider.base_url is None:
            raise ModelNotFound(model_id)
        return _Holder(provider.id, provider.base_url)

    async def _change(
        self, statements: Sequence[Statement], holder: _Holder | None = None, key: str | None = None
    ) -> None:
        """Commit statements, with a key where one is given, as one change that other processes notice."""
        if holder is None or key is None:
            await self._database.write_all([*statements, _BUMP])
        else:
            if problem := insecure_key_problem(holder.url):
                raise InvalidModel({"api_key": problem})
            await self._change_with_key(statements, holder, key)
        await self._load()

    async def _change_with_key(self, statements: Sequence[Statement], holder: _Holder, key: str) -> None:
        origin = origin_of(holder.url)
        try:
            sealed = await self._vault.statements_to_keep(key, holder.id, origin)
            await self._database.write_all([*statements, *sealed, _BUMP])
        except StoreError:
            # Another process may have rotated the master key meanwhile: once more with the new one.
            self._vault.forget()
            sealed = await self._vault.statements_to_keep(key, holder.id, origin)
            await self._database.write_all([*statements, *sealed, _BUMP])

    async def _load(self) -> None:
        # The generation first: what changes while we read is read again by the next refresh.
        generation = (await self._database.read("SELECT generation FROM registry_generation"))[0]["generation"]
        read = self._database.read
        models, chains, hard = await read(SELECT_MODELS), await read(SELECT_ROUTES), await read(SELECT_HARD)
        sealed, policy = await read("SELECT model_id, nonce FROM sealed_keys"), await read(SELECT_POLICY)
        await self._vault.look()
        await self.users.load()
        # From here on nothing is awaited, so that nobody sees one half of a change.
        own = (self._builtin,) if self._builtin else ()
        self._models = {model.id: model for model in (*own, *map(model_of, models))}
        self._sealed = {row["model_id"]: row["nonce"].hex() for row in sealed}
        self._routes = routes_of(chains, hard, self._find, self.is_paid)
        self._policy = policy_of(policy[0])
        self._keys.clear()
        self._generation = generation

"""Who may use this machine's gateway besides its owner: their tokens, their models, what they may spend.

A token is shown once, when it is made; what is kept is its hash, which is enough to recognise it and of no use to a
thief. It is 256 random bits, so a plain hash cannot be guessed back.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.domain.routing import Policy
from beastmode.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.store import Database
    from beastmode.store.writer import Statement

EVERY = "*"
"""As a model: all of them; as a user: everybody."""
WORKSPACE = "workspace:"
"""What stands before the name of a workspace among the grants; no model's id begins with it."""
TOKEN_PREFIX = "bm_"  # noqa: S105 - what scanners for leaked tokens can look for

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?")
_BUMP: Statement = ("UPDATE registry_generation SET generation = generation + 1", ())


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may ask. The owner of this machine has the name '' and no limits.

    Attributes:
        name: as the ledger has it.
        models: ids of the models that the user may ask, `*` for all of them; and `workspace:NAME`.
        daily_cap, monthly_cap: US dollars; None for no cap.
        requests_per_minute: None for no limit.
        token_hash: SHA-256 in hexadecimal.
    """

    name: str
    models: frozenset[str] = frozenset()
    daily_cap: Decimal | None = None
    monthly_cap: Decimal | None = None
    requests_per_minute: int | None = None
    token_hash: str = field(default="", repr=False)

    @property
    def is_owner(self) -> bool:
        """Whether it is the person whose machine this is."""
        return not self.name

    def may_use(self, model_id: str) -> bool:
        """Whether the user may ask a model, and know that there is one."""
        return self.is_owner or EVERY in self.models or model_id in self.models

    def may_read(self, workspace: str) -> bool:
        """Whether the user may have models shown the code of a workspace that the owner named."""
        return self.is_owner or not {WORKSPACE + workspace, WORKSPACE + EVERY}.isdisjoint(self.models)


OWNER = User("")


def new_token() -> str:
    """A token that nobody has."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Users:
    """Read from memory, written through the database; `load` takes over what another process has changed.

    Args:
        database: holds the rows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._users: dict[str, User] = {}
        self._public: frozenset[str] = frozenset()

    @property
    def all(self) -> tuple[User, ...]:
        """Every user but the owner, by name."""
        return tuple(self._users.values())

    @property
    def public(self) -> frozenset[str]:
        """The models that everybody may ask; `*` for all of them."""
        return self._public

    def get(self, name: str) -> User:
        """The user of a name; '' is the owner.

        Raises:
            UserError: there is none.
        """
        if not name:
            return OWNER
        if name not in self._users:
            raise UserError(f"There is no user {name}", "Run `beastmode users list` to see them")
        return self._users[name]

    def may_use(self, name: str, model_id: str) -> bool:
        """Whether the user of a name may ask a model; nobody who is not there may."""
        user = self._users.get(name)
        return user is not None and user.may_use(model_id)

    def budget(self, name: str) -> Policy | None:
        """The caps of the user of a name; None for the owner, whose caps are the policy's."""
        user = self._users.get(name)
        return None if user is None else Policy(daily_cap=user.daily_cap, monthly_cap=user.monthly_cap)

    def of_token(self, token: str) -> User | None:
        """Whose token it is; takes as long for any token, right or wrong."""
        asked, found = hash_of(token), None
        for user in self._users.values():
            if compare_digest(user.token_hash, asked):
                found = user
        return found

    async def add(self, user: User) -> str:
        """Let somebody in; returns the token, which is not kept.

        Raises:
            UserError: the name is taken, or is none.
            StoreError: nothing was stored.
        """
        if not _NAME.fullmatch(user.name):
            raise UserError(
                f"{user.name!r} is no name for a user", "Use up to 64 letters, digits and . _ @ -, such as ada@work"
            )
        token = new_token()
        row = (
            user.name,
            hash_of(token),
            _text(user.daily_cap),
            _text(user.monthly_cap),
            user.requests_per_minute,
        )
        insert = (
            "INSERT INTO users (name, token_hash, daily_cap, monthly_cap, requests_per_minute, created_at)"
            " VALUES (?, ?, ?, ?, ?, CURRENT_TIMESTAMP)"
        )
        try:
            await self._change([(insert, row), *_grants(user.name, sorted(user.models))])
        except StoreError as error:
            await self.load()
            if user.name not in self._users:
                raise
            raise UserError(
                f"There is a user {user.name} already", "Choose another name, or `beastmode users token NAME`"
            ) from error
        return token

    async def renew(self, name: str) -> str:
        """A new token for a user, whose old one is worth nothing from now on.

        Raises:
            UserError: there is no such user.
        """
        self.get(name)
        token = new_token()
        await self._change([("UPDATE users SET token_hash = ? WHERE name = ?", (hash_of(token), name))])
        return token

    async def remove(self, name: str) -> None:
        """Let somebody in no longer; what they spent stays in the ledger.

        Raises:
            UserError: there is no such user.
        """
        self.get(name)
        await self._change(
            [("DELETE FROM grants WHERE user_name = ?", (name,)), ("DELETE FROM users WHERE name = ?", (name,))]
        )

    async def limit(self, user: User) -> None:
        """Set the caps and the rate of a user.

        Raises:
            UserError: there is no such user.
        """
        self.get(user.name)
        sql = "UPDATE users SET daily_cap = ?, monthly_cap = ?, requests_per_minute = ? WHERE name = ?"
        row = (_text(user.daily_cap), _text(user.monthly_cap), user.requests_per_minute, user.name)
        await self._change([(sql, row)])

    async def grant(self, name: str, model_ids: Sequence[str]) -> None:
        """Let a user, or everybody (`*`), ask models.

        Raises:
            UserError: there is no such user.
        """
        if name != EVERY:
            self.get(name)
        await self._change(_grants(name, model_ids))

    async def revoke(self, name: str, model_ids: Sequence[str]) -> None:
        """Take models from a user, or from everybody (`*`)."""
        sql = "DELETE FROM grants WHERE user_name = ? AND model_id = ?"
        await self._change([(sql, (name, model_id)) for model_id in model_ids])

    async def forget(self, model_id: str) -> None:
        """A model is gone: one that comes later under its id is not everybody's who might ask this one."""
        await self._change([("DELETE FROM grants WHERE model_id = ?", (model_id,))])

    async def load(self) -> None:
        """Read what there is."""
        granted = await self._database.read("SELECT user_name, model_id FROM grants")
        rows = await self._database.read("SELECT * FROM users ORDER BY name")
        models: dict[str, set[str]] = {}
        for row in granted:
            models.setdefault(row["user_name"], set()).add(row["model_id"])
        self._public = frozenset(models.get(EVERY, ()))
        self._users = {
            row["name"]: User(
                name=row["name"],
                models=frozenset(models.get(row["name"], ())) | self._public,
                daily_cap=_decimal(row["daily_cap"]),
                monthly_cap=_decimal(row["monthly_cap"]),
                requests_per_minute=row["requests_per_minute"],
                token_hash=row["token_hash"],
            )
            for row in rows
        }

    async def _change(self, statements: Sequence[Statement]) -> None:
        await self._database.write_all([*statements, _BUMP])
        await self.load()


def _grants(name: str, model_ids: Sequence[str]) -> list[Statement]:
    sql = "INSERT INTO grants (user_name, model_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
    return [(sql, (name, model_id)) for model_id in model_ids]


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)

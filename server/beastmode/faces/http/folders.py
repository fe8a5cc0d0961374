"""The workspaces that the owner named, and the paths that requests may give in them."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from beastmode.context.session import Session
from beastmode.faces.http.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from beastmode.app import App
    from beastmode.registry.users import User
    from beastmode.tasks.chat import Chat

NOWHERE = ""


class Folders:
    """Finds a workspace by its name, for those who may see it, and keeps what talks about it.

    Args:
        app: makes chats.
        named: the folders, by the names that the owner gave them.
    """

    def __init__(self, app: App, named: Mapping[str, Path]) -> None:
        self._app = app
        self._named = dict(named)
        self._chats: dict[str, Chat] = {}

    def names(self, user: User) -> list[str]:
        """The workspaces that a user may name."""
        return [name for name in self._named if user.may_read(name)]

    def root(self, user: User, name: str | None) -> Path:
        """The folder of a name; of none, the only one that the user may name.

        Raises:
            Refusal: there is none, or it is not for this user, which is told in the same words.
        """
        names = self.names(user)
        if name is None and len(names) == 1:
            name = names[0]
        if name is not None and name in names:
            return self._named[name]
        fix = f"Name one of {', '.join(names)} as `repo`" if names else "Start with `beastmode serve --workspace DIR`"
        if name is None:
            raise Refusal(400, "The request does not say which workspace it is about", fix)
        raise Refusal(404, f"There is no workspace {name[:80]!r} here", fix)

    def chat(self, user: User, name: str | None) -> Chat:
        """What answers questions about a workspace; without a name, about none."""
        roots = [] if name is None else [str(self.root(user, name))]
        key = NOWHERE if name is None else roots[0]
        if key not in self._chats:
            self._chats[key] = self._app.chat_about(Session(monotonic, roots))
        return self._chats[key]

    async def aclose(self) -> None:
        """Let go of what was read."""
        for chat in self._chats.values():
            await chat.aclose()

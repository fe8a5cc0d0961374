"""Who allowed that code is run: a yes for one workspace and one kind of run, kept by the app, never assumed.

Apart from the sandbox, because a user's decision is data: a `Permission` is the only key to `Sandbox.run`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol

from beastmode.domain.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


_ALLOW = "Allow it: `beastmode allow`, or in the editor BEAST MODE: Allow Running Tests"


class Kind(StrEnum):
    """What is run."""

    TESTS = "tests"
    """The project's own tests, and generated ones beside them."""
    CODE = "code"
    """Anything else of the project: builds, scripts, type checks."""


class NotAllowedToRun(NotAllowed):
    """Nothing of this workspace may be run, or not yet."""

    kind: ClassVar[str] = "not_allowed_to_run"

    def __init__(self, workspace: str, kind: Kind, reason: str, fix: str) -> None:
        super().__init__(f"The {kind} of {workspace} are not run: {reason}" if kind is Kind.TESTS else
                         f"The code of {workspace} is not run: {reason}", fix)  # fmt: skip
        self.workspace = workspace
        self.what = kind


class Decisions(Protocol):
    """Where the user's answers are kept, by the real path of the workspace and by the kind of run."""

    async def read(self, workspace: str, kind: str) -> bool | None:
        """The answer, None where the user was not asked yet."""
        ...

    async def write(self, workspace: str, kind: str, allowed: bool | None) -> None:  # noqa: FBT001  # it is the value
        """Keep an answer; None forgets it."""
        ...


@dataclass(frozen=True, slots=True)
class Permission:
    """The user said yes. Made by `Consent.require` only."""

    workspace: str
    kind: Kind


class Consent:
    """Asks what the user has decided.

    Args:
        decisions: where the answers are kept.
        is_trusted: whether the editor, or the user in a terminal, trusts a workspace; asked every time.
    """

    def __init__(self, decisions: Decisions, is_trusted: Callable[[Path], bool]) -> None:
        self._decisions = decisions
        self._is_trusted = is_trusted

    async def answer(self, root: Path, kind: Kind) -> bool | None:
        """What the user said: None if there is still something to ask, False also for an untrusted workspace."""
        return await self._decisions.read(_key(root), kind) if self._is_trusted(root) else False

    async def decide(self, root: Path, kind: Kind, allowed: bool | None) -> None:  # noqa: FBT001  # it is the value
        """Keep the user's answer, None to be asked again.

        Raises:
            NotAllowedToRun: a yes for a workspace that is not trusted.
        """
        if allowed and not self._is_trusted(root):
            raise _untrusted(root, kind)
        await self._decisions.write(_key(root), kind, allowed)

    async def require(self, root: Path, kind: Kind) -> Permission:
        """The permission to run.

        Raises:
            NotAllowedToRun: untrusted, refused, or not asked yet; the fix says what to do.
        """
        if not self._is_trusted(root):
            raise _untrusted(root, kind)
        answer = await self._decisions.read(_key(root), kind)
        if answer is None:
            raise NotAllowedToRun(root.name, kind, "you were not asked yet", _ALLOW)
        if not answer:
            raise NotAllowedToRun(root.name, kind, "you said no", _ALLOW)
        return Permission(_key(root), kind)


def _key(root: Path) -> str:
    return os.path.realpath(root)


def _untrusted(root: Path, kind: Kind) -> NotAllowedToRun:
    return NotAllowedToRun(root.name, kind, "the workspace is not trusted", "Trust the workspace in your editor first")

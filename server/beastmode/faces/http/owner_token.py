"""The owner's token: a file that only the owner can read, made at the first start."""

from __future__ import annotations

import os
from contextlib import suppress
from hmac import compare_digest
from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.registry.users import hash_of, new_token
from beastmode.store.files import private_directory

if TYPE_CHECKING:
    from pathlib import Path

FILE = "gateway.token"


class OwnerToken:
    """Recognises the token that the file holds now: renewing it needs no restart.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._hash = ""

    def make(self) -> str | None:
        """Make the file where there is none; returns the new token, to be shown once, else None.

        Raises:
            UserError: it cannot be written, or others can read the one that is there.
        """
        try:
            private_directory(self._path.parent)
            with open(self._path, "x", encoding="ascii", opener=_private) as file:
                token = new_token()
                file.write(token + "\n")
                return token
        except FileExistsError:
            self._check_private()
            return None
        except OSError as error:
            raise UserError(f"{self._path} cannot be written: {error.strerror}", "Make the folder writable") from error

    def read(self) -> str:
        """The token.

        Raises:
            UserError: there is none yet, or it cannot be read.
        """
        try:
            return self._path.read_text("ascii").strip()
        except (OSError, ValueError) as error:
            raise UserError(
                f"There is no token in {self._path}", "Run `beastmode serve` once, or `beastmode token --renew`"
            ) from error

    def renew(self) -> str:
        """A new token in the place of the old one, at once and whole."""
        aside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        other = OwnerToken(aside)
        token = other.make()
        if token is None:
            raise UserError(f"{aside} is in the way", "Remove it")
        try:
            aside.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                aside.unlink()
            raise UserError(f"{self._path} cannot be written: {error.strerror}", "Make it writable") from error
        return token

    def matches(self, token: str) -> bool:
        """Whether this is the token; takes as long for any other one."""
        self._refresh()
        return bool(self._hash) and compare_digest(self._hash, hash_of(token))

    @property
    def hash(self) -> str:
        """The token's hash; '' where there is no token."""
        self._refresh()
        return self._hash

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_ino, found.st_size)
            if seen != self._seen:
                token = self.read()
                self._hash, self._seen = (hash_of(token) if token else ""), seen
        except (OSError, UserError):
            self._hash, self._seen = "", None

    def _check_private(self) -> None:
        if os.name == "posix" and self._path.stat().st_mode & 0o077:
            raise UserError(f"Others can read {self._path}", "Run `beastmode token --renew`: somebody may know it")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)

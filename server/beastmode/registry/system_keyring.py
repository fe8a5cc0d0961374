"""The operating system's keyring through the `keyring` package, which is slow to import and is so only when called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_SERVICE = "beastmode"
_REAL = 1  # the package's own mark: backends below it are placeholders or plain files


class SystemKeyring:
    """A `Keyring` on whatever this machine has; every call may block."""

    def get(self, name: str) -> str | None:
        """The stored text."""
        return self._backend().get_password(_SERVICE, name)

    def set(self, name: str, text: str) -> None:
        """Store a text."""
        self._backend().set_password(_SERVICE, name, text)

    def delete(self, name: str) -> None:
        """Remove a text."""
        self._backend().delete_password(_SERVICE, name)

    def name(self) -> str:
        """What this machine has, for a person; empty where it has none that keeps secrets."""
        from keyring.errors import KeyringError  # noqa: PLC0415 - slow to import

        try:
            backend = self._backend()
        except KeyringError:
            return ""
        return f"{type(backend).__module__.rpartition('.')[2]} ({type(backend).__name__})"

    def _backend(self) -> KeyringBackend:
        import keyring  # noqa: PLC0415 - slow to import
        from keyring.errors import NoKeyringError  # noqa: PLC0415 - the same

        backend = keyring.get_keyring()
        if backend.priority < _REAL:
            raise NoKeyringError(type(backend).__name__)
        return backend

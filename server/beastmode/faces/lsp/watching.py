"""Passes on what happens in the documents to those who learn from it, as soon as the app is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beastmode.app import App
    from beastmode.faces.lsp.documents import Document


class Watching:
    """A watcher of the documents; what happened before the app was open is told when it is."""

    def __init__(self) -> None:
        self._app: App | None = None

    def attach(self, app: App, documents: Iterable[Document]) -> None:
        """The app is open; these documents were opened before it."""
        self._app = app
        for document in documents:
            app.workspace.session.opened(document)

    def opened(self, document: Document) -> None:
        """See `Watcher.opened`."""
        if self._app is not None:
            self._app.workspace.session.opened(document)

    def changed(self, uri: str, line: int, removed: int, added: Sequence[str]) -> None:
        """See `Watcher.changed`."""
        if self._app is not None:
            self._app.engine.typed()
            self._app.workspace.session.changed(uri, line, removed, added)
            self._app.feedback.changed(uri, line, removed, added)

    def closed(self, uri: str) -> None:
        """See `Watcher.closed`."""
        if self._app is not None:
            self._app.engine.forget(uri)
            self._app.workspace.session.closed(uri)
            self._app.feedback.closed(uri)

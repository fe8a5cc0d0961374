"""The folders of the workspace, as the editor says and changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.faces.lsp.documents import path_of

if TYPE_CHECKING:
    from lsprotocol import types as lsp


class Folders:
    """The folders by their URI; only those on this machine's disk count."""

    def __init__(self) -> None:
        self._uris: list[str] = []

    def take(self, params: lsp.InitializeParams) -> None:
        """Read them from the first request; older editors say one root only."""
        if params.workspace_folders:
            self._uris = [folder.uri for folder in params.workspace_folders]
        elif params.root_uri:
            self._uris = [params.root_uri]

    def change(self, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        """Some were added, some removed."""
        removed = {folder.uri for folder in params.event.removed}
        kept = [uri for uri in self._uris if uri not in removed]
        self._uris = [*kept, *(folder.uri for folder in params.event.added if folder.uri not in kept)]

    def paths(self) -> tuple[str, ...]:
        """Their paths."""
        return tuple(path_of(uri) for uri in self._uris if uri.startswith("file:"))

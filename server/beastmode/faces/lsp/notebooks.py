"""Notebooks: which cells belong together, and in which order. A cell's text is a document like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types as lsp

if TYPE_CHECKING:
    from beastmode.faces.lsp.documents import Documents

SYNC = lsp.NotebookDocumentSyncOptions(
    [lsp.NotebookDocumentFilterWithNotebook(lsp.NotebookDocumentFilterNotebookType("*"))]
)
"""Every kind of notebook, every language of a cell."""

CHARACTERS = 16_000
"""Of the cells above, at most."""


class Notebooks:
    """The open notebooks.

    Args:
        documents: where the cells' texts live.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._cells: dict[str, list[lsp.NotebookCell]] = {}

    def open(self, params: lsp.DidOpenNotebookDocumentParams) -> None:
        """The editor opened a notebook and its cells."""
        self._cells[params.notebook_document.uri] = list(params.notebook_document.cells)
        for item in params.cell_text_documents:
            self._documents.open(item)

    def change(self, params: lsp.DidChangeNotebookDocumentParams) -> None:
        """Cells came, went, moved, or were typed in."""
        changes = params.change.cells
        if changes is None:
            return
        if changes.structure is not None:
            array = changes.structure.array
            cells = self._cells.setdefault(params.notebook_document.uri, [])
            cells[array.start : array.start + array.delete_count] = array.cells or ()
            # A cell whose language changes is closed and opened again.
            for closed in changes.structure.did_close or ():
                self._documents.close(closed.uri)
            for item in changes.structure.did_open or ():
                self._documents.open(item)
        for content in changes.text_content or ():
            self._documents.change(content.document.uri, content.document.version, content.changes)

    def close(self, params: lsp.DidCloseNotebookDocumentParams) -> None:
        """The editor closed a notebook."""
        self._cells.pop(params.notebook_document.uri, None)
        for cell in params.cell_text_documents:
            self._documents.close(cell.uri)

    def preamble(self, uri: str) -> str:
        """The code above a cell, in its language, whole lines; '' for what is no cell."""
        cells = next((cells for cells in self._cells.values() if any(cell.document == uri for cell in cells)), ())
        own = self._documents.get(uri)
        if own is None or not cells:
            return ""
        above: list[str] = []
        room = CHARACTERS
        place = next(number for number, cell in enumerate(cells) if cell.document == uri)
        for cell in reversed(cells[:place]):
            document = self._documents.get(cell.document)
            if document is None or document.language != own.language or cell.kind is not lsp.NotebookCellKind.Code:
                continue
            text = document.text.rstrip("\n") + "\n"
            if len(text) > room:
                above.append(text[text.find("\n", len(text) - room - 1) + 1 :])
                break
            above.append(text)
            room -= len(text)
        return "".join(reversed(above))

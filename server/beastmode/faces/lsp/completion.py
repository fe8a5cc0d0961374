r"""`textDocument/inlineCompletion` (LSP 3.18): a suggestion in the protocol's words.

Everything is computed from the cursor that was asked about: the document may have moved on since. Line ends are `\n`
in every document; editors turn them into the document's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lsprotocol import types as lsp

from beastmode.faces.lsp.documents import utf16_length
from beastmode.faces.lsp.protocol import ACCEPTED

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor, Suggestion
    from beastmode.faces.lsp.documents import Document


class Asked(NamedTuple):
    """A request, with the picture of its document as it was when the request came.

    Attributes:
        cursor: where.
        column: of the cursor, in UTF-16 code units; the cursor itself may not see the start of a very long line.
        explicit: the user asked for it, as opposed to paused.
        in_menu: the editor's own completion menu is open.
    """

    cursor: Cursor
    column: int
    explicit: bool
    in_menu: bool


def to_asked(params: lsp.InlineCompletionParams, document: Document, preamble: str) -> Asked:
    """The request; `preamble` is the code of the cells above."""
    cursor = document.cursor(params.position, preamble)
    return Asked(
        cursor,
        utf16_length(document.lines[cursor.line][: cursor.column]),
        explicit=params.context.trigger_kind is lsp.InlineCompletionTriggerKind.Invoked,
        in_menu=params.context.selected_completion_info is not None,
    )


def to_list(asked: Asked, suggestions: tuple[Suggestion, ...]) -> lsp.InlineCompletionList:
    """The protocol's list; each item tells us when it is accepted, for that is the only signal LSP has."""
    return lsp.InlineCompletionList([_item(asked, suggestion) for suggestion in suggestions])


def to_focus(params: Any) -> tuple[str, int] | None:
    """The document and the line that have the focus; None where the message does not say."""
    uri = getattr(getattr(params, "textDocument", None), "uri", None)
    line = getattr(getattr(params, "position", None), "line", 0)
    return (uri, line) if isinstance(uri, str) and isinstance(line, int) and line >= 0 else None


def to_partly_accepted(params: Any) -> tuple[str, int] | None:
    """The id of a suggestion and how many UTF-16 units of it were taken in all; None where the message is another.

    The shape is that of Copilot's language server: the item as it was given, and `acceptedLength`.
    """
    arguments = getattr(getattr(getattr(params, "item", None), "command", None), "arguments", None)
    request_id = getattr(arguments[0], "id", None) if isinstance(arguments, list) and arguments else None
    length = getattr(params, "acceptedLength", None)
    return (request_id, length) if isinstance(request_id, str) and isinstance(length, int) else None


def _item(asked: Asked, suggestion: Suggestion) -> lsp.InlineCompletionItem:
    cursor, start = asked.cursor, asked.column
    end = start + utf16_length(cursor.line_after[: suggestion.replace_after])
    return lsp.InlineCompletionItem(
        insert_text=suggestion.text,
        range=lsp.Range(lsp.Position(cursor.line, start), lsp.Position(cursor.line, end)),
        command=lsp.Command("Accepted", ACCEPTED, arguments=[{"id": suggestion.id}]),
    )

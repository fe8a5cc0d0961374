"""The request `beastmode/chat`: the same chat as in a terminal, its parts sent while they come."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from beastmode.domain.errors import BeastModeError
from beastmode.faces.lsp.documents import path_of
from beastmode.faces.lsp.progress import progress
from beastmode.tasks.chat import Attachment, Ended, Part, Shown, Thought

if TYPE_CHECKING:
    from beastmode.faces.lsp.language_server import Server
    from beastmode.tasks.chat import Chat, Source, Turn
    from beastmode.tasks.chat.answer import Citation

KINDS = ("file", "selection", "diagnostic")


async def answer(server: Server, chat: Chat, params: Any, *, local_only: bool) -> dict[str, Any]:
    """The answer to a message.

    Raises:
        JsonRpcInvalidParams: a field is missing or of the wrong kind.
        JsonRpcException: nothing was answered, and why.
    """
    fields: dict[str, Any] = _plain(params)
    message, model, session_id = _checked(fields)
    attachments, token = _attachments(fields.get("attachments")), fields.get("partialResultToken")
    thinking: list[str] = []
    ended: Ended | None = None
    try:
        events = chat.ask(session_id, message, attachments=attachments, model=model, local_only=local_only)
        async with progress(server, "Asking the model"), aclosing(events):
            async for event in events:
                match event:
                    case Shown() if event.sources or event.left_out:
                        _send(server, token, {"sources": [*map(_source, event.sources)], "leftOut": event.left_out})
                    case Part():
                        _send(server, token, {"text": event.text})
                    case Thought():
                        thinking.append(event.text)
                        _send(server, token, {"reasoning": event.text})
                    case Ended():
                        ended = event
                    case _:
                        pass
    except BeastModeError as error:
        raise JsonRpcException(str(error), lsp.LSPErrorCodes.RequestFailed.value) from None
    assert ended is not None, "a chat that does not raise ends with Ended"  # noqa: S101 - for the type checker
    return {**said(ended), "sessionId": session_id, "reasoning": "".join(thinking)}


def _checked(fields: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """The message, the model and the session."""
    message, model, session_id = fields.get("message"), fields.get("model"), fields.get("sessionId")
    if not isinstance(message, str) or not message.strip():
        raise JsonRpcInvalidParams("The chat needs `message`, a string that is not blank")
    if not isinstance(model, str | None):
        raise JsonRpcInvalidParams("The chat's `model` must be an id, or be left out")
    if not isinstance(session_id, str | None):
        raise JsonRpcInvalidParams("The chat's `sessionId` must be an id, or be left out")
    return message, model, session_id


def said(ended: Ended) -> dict[str, Any]:
    """`ChatAnswer`, but for the session and the reasoning."""
    turn, error = ended.turn, ended.error
    return {
        "text": turn.answer,
        "model": turn.model,
        "requestId": turn.request_id,
        "finish": None if error else turn.ended,
        "error": {"text": error.message, "fix": error.fix} if error else None,
        "sources": [*map(_source, turn.sources)],
        "citations": [*map(_citation, ended.citations)],
        "code": [{"language": each.language, "path": each.path, "text": each.text} for each in ended.code],
        "isKept": ended.is_kept,
        **_spent(turn),
    }


def _spent(turn: Turn) -> dict[str, Any]:
    spent = turn.spent
    return {
        "inputTokens": spent.input_tokens,
        "outputTokens": spent.output_tokens,
        "estimated": spent.estimated,
        "cost": None if spent.cost is None else f"{spent.cost:f}",
        "firstSeconds": turn.first_s,
        "totalSeconds": turn.total_s,
    }


def _source(source: Source) -> dict[str, Any]:
    return {
        "path": source.path,
        "line": source.line,
        "endLine": source.end_line,
        "kind": source.kind,
        "why": source.why,
        "isCut": source.is_cut,
    }


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "written": citation.written,
        "path": citation.path,
        "uri": Path(citation.real).as_uri(),
        "line": citation.line,
        "endLine": citation.end_line,
    }


def _attachments(given: object) -> tuple[Attachment, ...]:
    """What the editor attaches: {uri or path, range?, kind?, text?, message?}."""
    if given is None:
        return ()
    if not isinstance(given, list):
        raise JsonRpcInvalidParams("The chat's `attachments` must be a list, or be left out")
    return tuple(map(_attachment, given))


def _attachment(given: object) -> Attachment:
    fields = given if isinstance(given, dict) else {}
    uri, path, text = fields.get("uri"), fields.get("path"), fields.get("text")
    kind, message = fields.get("kind", "file"), fields.get("message", "")
    is_named = isinstance(uri, str) or isinstance(path, str)
    if kind not in KINDS or not isinstance(text, str | None) or not isinstance(message, str):
        raise JsonRpcInvalidParams(
            f"An attachment's `kind` is one of {', '.join(KINDS)}; `text` and `message` are text"
        )
    if not is_named and text is None:
        raise JsonRpcInvalidParams("An attachment needs `uri`, `path` or `text`")
    where = path_of(uri) if isinstance(uri, str) and uri.startswith("file:") else path if isinstance(path, str) else ""
    line, end_line = _range(fields.get("range"))
    return Attachment(where, line, end_line, kind, text, message)


def _range(given: object) -> tuple[int, int | None]:
    """The first and the last line of a range; one that ends where a line begins does not hold that line."""
    if given is None:
        return 0, None
    try:
        start, end = given["start"], given["end"]  # type: ignore[index]  # whatever it is, it is looked at here
        first, last, column = int(start["line"]), int(end["line"]), int(end.get("character", 1))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise JsonRpcInvalidParams("An attachment's `range` is {start: {line, character}, end: …}") from None
    if not 0 <= first <= last:
        raise JsonRpcInvalidParams("An attachment's `range` ends before it starts")
    return first, last - 1 if column == 0 and last > first else last


def _plain(value: Any) -> Any:
    """JSON as it came: pygls makes named tuples of objects that LSP does not know."""
    if hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    return [*map(_plain, value)] if isinstance(value, list) else value


def _send(server: Server, token: object, value: dict[str, Any]) -> None:
    if isinstance(token, str | int):
        server.protocol.notify(lsp.PROGRESS, lsp.ProgressParams(token, value))

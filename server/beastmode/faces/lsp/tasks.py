"""The command `beastmode.tasks.run`: a change as edits for the editor to show and to make; nothing is written."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from beastmode.domain.errors import UserError
from beastmode.faces.lsp.documents import path_of, utf16_length
from beastmode.faces.lsp.progress import progress
from beastmode.tasks.chat import Attachment
from beastmode.tasks.edits import preview
from beastmode.tasks.proposal import Doing, Failed, Order, Part, Place, Planned, Proposed, Thought
from beastmode.tasks.recipes import recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.app import App
    from beastmode.domain.text import Span
    from beastmode.faces.lsp.documents import Document
    from beastmode.faces.lsp.language_server import Server
    from beastmode.tasks.edits import FileEdit, FilePreview
    from beastmode.tasks.proposal import Event, Proposal

_SEVERITIES = {1: "error", 2: "warning", 3: "information", 4: "hint"}


async def run(server: Server, app: App, argument: Mapping[str, Any], *, local_only: bool) -> dict[str, Any]:
    """`TaskResult` for `TaskParams`.

    Raises:
        JsonRpcInvalidParams: a field is missing or of the wrong kind.
        JsonRpcException: there is no result, and why.
    """
    order = _order(argument, local_only=local_only)
    app.is_trusted = argument.get("isTrusted") is True
    token = argument.get("partialResultToken")
    last: Event | None = None
    async with AsyncExitStack() as stack:
        try:
            root = _root(app, order)
            title = recipe(order.task).title
        except UserError as error:
            raise _refused(error) from None
        bar = None if isinstance(token, str | int) else await stack.enter_async_context(progress(server, title))
        # The edits are made for the documents as they are now; nothing is awaited before the run has read them.
        versions = _versions(server)
        events = await stack.enter_async_context(aclosing(app.work.run(order, root)))
        async for event in events:
            last = event
            if bar is not None and isinstance(event, Doing):
                bar(event.text)
            if told := _told(event):
                _send(server, token, told)
    if not isinstance(last, Proposed):
        assert isinstance(last, Failed), "a task ends with Proposed or Failed"  # noqa: S101 - for the type checker
        raise _refused(last.error)
    return _result(last.proposal, root, versions)


def _versions(server: Server) -> dict[str, tuple[Document, int]]:
    """The open documents by their real paths, with their versions of now."""
    return {os.path.realpath(each.path): (each, each.version) for each in server.documents}


def _refused(error: Any) -> JsonRpcException:
    return JsonRpcException(str(error), lsp.LSPErrorCodes.RequestFailed.value)


def _order(argument: Mapping[str, Any], *, local_only: bool) -> Order:
    task, instruction, model = (argument.get(name) for name in ("task", "instruction", "model"))
    if not isinstance(task, str) or not task:
        raise JsonRpcInvalidParams("The argument needs `task`, a string")
    if not isinstance(instruction, str | None) or not isinstance(model, str | None):
        raise JsonRpcInvalidParams("`instruction` and `model` are strings, or are left out")
    uri = argument.get("uri")
    if not isinstance(uri, str | None) or (uri and not uri.startswith("file:")):
        raise JsonRpcInvalidParams("`uri` is that of a file, or is left out: only files can be changed")
    path = path_of(uri) if uri else ""
    line, end_line = _range(argument.get("range"))
    place = _place(argument, path)
    files = (Attachment(path, line, end_line),) if path and place is None else ()
    return Order(task, instruction or "", files, place, model, local_only)


def _place(argument: Mapping[str, Any], path: str) -> Place | None:
    """What a diagnostic or an opportunity says of its lines."""
    diagnostic, opportunity = argument.get("diagnostic"), argument.get("opportunity")
    if isinstance(diagnostic, dict):
        line, end_line = _range(diagnostic["range"] if "range" in diagnostic else argument.get("range"))
        source = f"{diagnostic['source']} " if isinstance(diagnostic.get("source"), str) else ""
        kind = f"{source}{_SEVERITIES.get(diagnostic.get('severity', 1), 'error')}"
        return _checked(Place(path, line, line if end_line is None else end_line, _said(diagnostic, "message"), kind))
    if isinstance(opportunity, dict):
        line, end_line = _range(opportunity["range"] if "range" in opportunity else argument.get("range"))
        first, end = opportunity.get("line"), opportunity.get("endLine")
        if isinstance(first, int):
            line, end_line = first, end if isinstance(end, int) else first
        where = path or _said(opportunity, "path")
        words = " ".join(filter(None, (_said(opportunity, "reason"), _said(opportunity, "suggestion"))))
        last = line if end_line is None else end_line
        return _checked(Place(where, line, last, words, _said(opportunity, "kind")))
    return None


def _checked(place: Place) -> Place:
    if not place.path or not 0 <= place.line <= place.end_line:
        raise JsonRpcInvalidParams(
            "A diagnostic or an opportunity needs `uri` and lines that do not end before they start"
        )
    return place


def _said(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _range(given: object) -> tuple[int, int | None]:
    """The first and the last line; a range that ends where a line begins does not hold that line."""
    if given is None:
        return 0, None
    try:
        start, end = given["start"], given["end"]  # type: ignore[index]  # whatever it is, it is looked at here
        first, last, column = int(start["line"]), int(end["line"]), int(end.get("character", 1))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise JsonRpcInvalidParams("A `range` is {start: {line, character}, end: …}") from None
    if not 0 <= first <= last:
        raise JsonRpcInvalidParams("A `range` ends before it starts")
    return first, last - 1 if column == 0 and last > first else last


def _root(app: App, order: Order) -> Path:
    """The folder of the workspace that the file is in; without a file, the first one."""
    path = order.place.path if order.place else order.files[0].path if order.files else ""
    roots = [Path(root) for root in app.workspace.session.roots]
    holding = [root for root in roots if path and os.path.isabs(path) and Path(path).is_relative_to(root)]  # noqa: PTH117
    if holding:
        return max(holding, key=lambda root: len(root.parts))
    if roots:
        return roots[0]
    if path:
        return Path(path).parent  # a file that is open by itself
    raise UserError("No folder is open", "Open the folder that the code is in")


def _told(event: Event) -> dict[str, Any] | None:
    """An event as a `TaskPart`."""
    match event:
        case Doing():
            return {"message": event.text}
        case Part():
            return {"text": event.text}
        case Thought():
            return {"reasoning": event.text}
        case Planned():
            return {"plan": _plan(event.steps)}
        case _:
            return None


def _plan(steps: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [{"kind": each.kind, "path": each.path, "newPath": each.new_path or None, "why": each.why} for each in steps]


def _result(proposal: Proposal, root: Path, versions: Mapping[str, tuple[Document, int]]) -> dict[str, Any]:
    change = proposal.change
    shown = preview(change) if change else ()
    pairs = zip(shown, change.edits if change else (), strict=True)
    return {
        "summary": change.summary if change else "",
        "model": proposal.model,
        "cost": None if proposal.cost is None else f"{proposal.cost:f}",
        "repaired": proposal.repaired > 0,
        "checks": [{"name": each.name, "ok": each.ok, "evidence": each.evidence} for each in proposal.checks],
        "files": [_file(file, edit, root, versions) for file, edit in pairs],
        "text": proposal.text,
        "plan": _plan(proposal.plan),
        "leftOut": list(proposal.left_out),
    }


def _file(
    file: FilePreview, edit: FileEdit, root: Path, versions: Mapping[str, tuple[Document, int]]
) -> dict[str, Any]:
    """A `TaskFile`, its ranges in UTF-16 of the text before."""
    path = root / file.path
    document, version = versions.get(os.path.realpath(path), (None, None))
    lines = (edit.before or "").split("\n")
    return {
        "kind": file.kind,
        "uri": document.uri if document else path.as_uri(),
        "newUri": (root / file.new_path).as_uri() if file.new_path else None,
        "version": version,
        "edits": [{"range": _protocol_range(each.span, lines), "newText": each.text} for each in file.edits],
        "added": file.added,
        "removed": file.removed,
    }


def _protocol_range(span: Span, lines: list[str]) -> dict[str, Any]:
    return {
        "start": {"line": span.line, "character": _utf16(lines, span.line, span.column)},
        "end": {"line": span.end_line, "character": _utf16(lines, span.end_line, span.end_column)},
    }


def _utf16(lines: list[str], line: int, column: int) -> int:
    return utf16_length(lines[line][:column]) if column and line < len(lines) else column


def _send(server: Server, token: object, value: dict[str, Any]) -> None:
    if isinstance(token, str | int):
        server.protocol.notify(lsp.PROGRESS, lsp.ProgressParams(token, value))

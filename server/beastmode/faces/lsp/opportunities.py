"""The command `beastmode.opportunities.find`: of one open document as it is now, or of the whole workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pygls.exceptions import JsonRpcInvalidParams

from beastmode.context.opportunities import Severity
from beastmode.faces.lsp.documents import path_of
from beastmode.faces.lsp.progress import progress
from beastmode.operations.opportunities import Wanted, in_file, in_text, survey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from beastmode.app import App
    from beastmode.context.opportunities import Opportunity
    from beastmode.faces.lsp import protocol
    from beastmode.faces.lsp.language_server import Server


async def find(server: Server, app: App, argument: Mapping[str, Any]) -> list[protocol.Opportunity]:
    """The opportunities, the gravest first; with `uri` those of one document, by itself.

    Raises:
        JsonRpcInvalidParams: a field is of the wrong kind.
        UserError: a file or folder cannot be looked at.
    """
    uri, wanted = argument.get("uri"), _wanted(argument)
    roots = [Path(root) for root in app.workspace.session.roots]
    if uri is None:
        return await _in_workspace(server, app, roots, wanted)
    if not isinstance(uri, str) or not uri:
        raise JsonRpcInvalidParams("The argument's `uri` must name a document, or be left out")
    path = Path(path_of(uri))
    document = server.documents.get(uri)
    if document is None:
        found = (await in_file(path, wanted)).opportunities
    else:
        found = (await in_text(document.text, _relative(path, roots), document.language, wanted)).opportunities
    return [_told(each, uri, None) for each in found]


async def _in_workspace(server: Server, app: App, roots: Sequence[Path], wanted: Wanted) -> list[protocol.Opportunity]:
    told: list[protocol.Opportunity] = []
    async with progress(server, "Finding opportunities") as bar:
        for root in roots:

            def show(done: int, total: int, root: Path = root) -> None:
                bar(f"{root.name}: {done} of {total} files", done / max(1, total))

            found = await survey(root, app.settings.paths.home, wanted, show)
            told += [_told(each, (root / each.path).as_uri(), root) for each in found.opportunities]
    return told


def _told(each: Opportunity, uri: str, root: Path | None) -> protocol.Opportunity:
    return {
        "id": each.id,
        "kind": each.kind,
        "severity": each.severity.value,
        "uri": uri,
        "path": each.path,
        "line": each.line,
        "endLine": each.end_line,
        "name": each.name,
        "reason": each.reason,
        "suggestion": each.suggestion,
        "others": [
            {
                "uri": (root / place.path).as_uri() if root is not None else uri,
                "path": place.path,
                "line": place.line,
                "endLine": place.end_line,
            }
            for place in each.others
        ],
    }


def _wanted(argument: Mapping[str, Any]) -> Wanted:
    kinds, least = argument.get("kinds", []), argument.get("minSeverity", Severity.LOW.value)
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise JsonRpcInvalidParams("The argument's `kinds` must be a list of names, or be left out")
    try:
        return Wanted(tuple(kinds), Severity(least))
    except ValueError:
        raise JsonRpcInvalidParams(f"The argument's `minSeverity` is one of {', '.join(Severity)}") from None


def _relative(path: Path, roots: Sequence[Path]) -> str:
    root = next((root for root in roots if path.is_relative_to(root)), None)
    return path.relative_to(root).as_posix() if root is not None else path.name

"""Whether a workspace's tests may be run: what the editor must say before it asks, and the user's answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pygls.exceptions import JsonRpcInvalidParams

from beastmode.domain.errors import UserError
from beastmode.faces.lsp.documents import path_of
from beastmode.tasks.covering import is_covered
from beastmode.tasks.verify import CannotRun, Kind, Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.app import App
    from beastmode.faces.lsp import protocol


async def show(app: App, argument: Mapping[str, Any]) -> protocol.Consent:
    """The user's answer so far, whether a task needs one now, and what this machine can isolate.

    Raises:
        JsonRpcInvalidParams: a field is of the wrong kind.
        UserError: no folder is open.
    """
    root, path = _place(app, argument)
    app.is_trusted = argument.get("isTrusted") is True
    answer, task = await app.consent.answer(root, Kind.TESTS), argument.get("task")
    is_needed = answer is None and bool(path) and await _runs_tests(task, root, path)
    told: protocol.Consent = {
        "folder": str(root), "allowed": answer, "isNeeded": False, "isolated": [], "notIsolated": []
    }  # fmt: skip
    if is_needed or task is None:
        try:
            isolation = await Sandbox().describe()
        except CannotRun:
            if task is None:
                raise
            return told  # nothing can be run here, so there is nothing to ask
        told |= {
            "isNeeded": is_needed,
            "isolated": list(isolation.isolated),
            "notIsolated": list(isolation.not_isolated),
        }
    return told


async def decide(app: App, argument: Mapping[str, Any]) -> None:
    """Keep the user's answer; null: to be asked again.

    Raises:
        JsonRpcInvalidParams: a field is of the wrong kind.
        NotAllowedToRun: a yes for a workspace that is not trusted.
        UserError: no folder is open.
    """
    if "allowed" not in argument or not isinstance(allowed := argument["allowed"], bool | None):
        raise JsonRpcInvalidParams("The argument needs `allowed`: true, false or null")
    root, _ = _place(app, argument)
    app.is_trusted = argument.get("isTrusted") is True
    await app.consent.decide(root, Kind.TESTS, allowed)


async def _runs_tests(task: object, root: Path, path: str) -> bool:
    """Whether a task would run any."""
    if task == "tests":
        return True
    return isinstance(task, str) and task != "explain" and await asyncio.to_thread(is_covered, root, path)


def _place(app: App, argument: Mapping[str, Any]) -> tuple[Path, str]:
    """The folder of the workspace that is meant, and the file in it, '' where none is named."""
    uri = argument.get("uri")
    if not isinstance(uri, str | None) or (uri and not uri.startswith("file:")):
        raise JsonRpcInvalidParams("`uri` is that of a file, or is left out")
    roots = sorted((Path(root) for root in app.workspace.session.roots), key=lambda root: -len(root.parts))
    path = Path(path_of(uri)) if uri else None
    for root in roots:
        if path is not None and path.is_relative_to(root):
            return root, path.relative_to(root).as_posix()
    if path is not None and not roots:
        return path.parent, path.name
    if not app.workspace.session.roots:
        raise UserError("No folder is open", "Open the folder that the tests are in")
    return Path(app.workspace.session.roots[0]), ""

"""`beastmode route explain`: which model would answer, and for every other the reason against it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from beastmode.domain.request import ChatRequest, FimRequest, Message, Task
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import out
from beastmode.faces.cli.run import run
from beastmode.router.complexity import complexity

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.domain.request import Request
    from beastmode.router.plan import Verdict


def explain(
    words: Annotated[str, typer.Argument(help="What would be asked; - reads it from standard input.")] = "",
    task: Annotated[Task, typer.Option("--for", help="The task.")] = Task.CHAT,
    model: Annotated[str | None, typer.Option("--model", help="An id that the request names.")] = None,
    local_only: Annotated[bool, typer.Option("--local-only", help="As in a local-only workspace.")] = False,
    as_json: Json = False,
) -> None:
    """Say which model would answer, and why; nothing is sent.

    Example: beastmode route explain "why does this deadlock?"
    """
    text = sys.stdin.read() if words == "-" else words
    request: Request = (
        FimRequest(text, "", model=model, local_only=local_only)
        if task is Task.INLINE
        else ChatRequest((Message("user", text),), task=task, model=model, local_only=local_only)
    )

    async def work(app: App) -> None:
        verdicts = app.router.explain(request)
        chosen = next((verdict for verdict in verdicts if verdict.against is None), None)
        if as_json:
            typer.echo(json.dumps([_json(verdict, is_chosen=verdict is chosen) for verdict in verdicts], indent=2))
            return
        found = complexity(request)
        why = "; ".join(found.reasons) or "nothing says otherwise"
        out().print(Text(f"Judged as {'hard' if found.is_hard else 'routine'} work: {why}"))
        for verdict in verdicts:
            out().print(_line(verdict, is_chosen=verdict is chosen))

    run(work)


def _line(verdict: Verdict, *, is_chosen: bool) -> Text:
    mark = Text("→ ", "green") if is_chosen else Text("  " if verdict.against is None else "✗ ", "red")
    line = mark.append(verdict.model.id, "bold").append(f": {verdict.reason}", "default")
    if verdict.against is not None:
        line.append(f"\n    {verdict.against.message}. {verdict.against.fix}", "default")
    return line


def _json(verdict: Verdict, *, is_chosen: bool) -> dict[str, object]:
    against = verdict.against
    return {
        "model": verdict.model.id,
        "chosen": is_chosen,
        "for": verdict.reason,
        "against": None if against is None else against.message,
        "fix": None if against is None else against.fix,
    }

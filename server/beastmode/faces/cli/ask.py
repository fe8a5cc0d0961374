"""`beastmode complete`: ask the model from a terminal."""

from __future__ import annotations

import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.domain.request import FimRequest
from beastmode.domain.response import Finished, FinishReason, Started, TextDelta
from beastmode.faces.cli.render import complain, err
from beastmode.faces.cli.run import run

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.domain.request import Request

Model = Annotated[str | None, typer.Option("--model", help="An id; otherwise the selected model answers.")]
LocalOnly = Annotated[bool, typer.Option("--local-only", help="Nothing may leave this machine.")]


def complete(
    prefix: Annotated[str, typer.Argument(help="The code before the hole; - reads it from standard input.")],
    suffix: Annotated[str, typer.Option("--suffix", help="The code after the hole.")] = "",
    max_tokens: Annotated[int, typer.Option("--max-tokens")] = 64,
    model: Model = None,
    local_only: LocalOnly = False,
) -> None:
    """Fill a hole in code and print what the model wrote, unfiltered."""
    code = sys.stdin.read() if prefix == "-" else prefix
    request = FimRequest(code, suffix, model=model, max_tokens=max_tokens, local_only=local_only)
    run(lambda app: _print(app, request))


async def _print(app: App, request: Request) -> None:
    model = ""
    async with aclosing(app.router.stream(request)) as events:
        async for event in events:
            match event:
                case Started():
                    model = event.model
                case TextDelta():
                    typer.echo(event.text, nl=False)
                case Finished(FinishReason.LENGTH):
                    complain(f"\n{model} was cut off by its token limit", "Raise max_tokens of the model")
                case _:
                    pass
    typer.echo()
    err().print(f"({model})", style="dim")

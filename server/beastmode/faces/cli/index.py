"""`beastmode index …`: the search index of a workspace."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from beastmode.context.index import Index, Indexer, forget
from beastmode.domain.errors import UserError
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import bar, out, table
from beastmode.faces.cli.run import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from beastmode.app import App
    from beastmode.context.index import State

Workspace = Annotated[Path, typer.Option("--dir", "-d", help="The workspace.")]
_HERE = Path()


class _BuildByDefault(TyperGroup):
    """`beastmode index DIR` is `beastmode index build DIR`; a folder that is called `search` is `./search`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["build", *args]
        return super().parse_args(ctx, args)


def build_group() -> typer.Typer:
    """The commands of this group."""
    group = typer.Typer(cls=_BuildByDefault)
    group.command("build")(build)
    group.command("search")(search)
    group.command("status")(status)
    group.command("clear")(clear)
    return group


def build(
    workspace: Annotated[Path, typer.Argument(metavar="DIR", help="The workspace.")] = _HERE, as_json: Json = False
) -> None:
    """Build the index, or bring it up to date. This is what `beastmode index DIR` does."""

    async def work(app: App) -> None:
        root = _folder(workspace)
        with bar(f"Indexing {root.name}") as say:

            def show(state: State) -> None:
                if state.total:
                    say(f"Indexing {root.name}: {state.done} of {state.total} files", state.done / state.total)

            indexer = Indexer(root, _indexes(app), share=1.0, once=True, pauses=(0.1, 0.1), changed=show)
            indexer.start()
            try:
                state = await indexer.finished()
            finally:
                await indexer.aclose()
        if state.activity == "off":
            raise UserError(
                state.reason, "Look at `beastmode index status`, or start over with `beastmode index clear`"
            )
        if state.activity == "shared" and not as_json:
            typer.echo("An open editor keeps this index up to date")
        await _tell(app, root, as_json=as_json)

    run(work)


def search(
    words: Annotated[list[str], typer.Argument(help="Identifiers, parts of them, or plain words.")],
    workspace: Workspace = _HERE,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100)] = 10,
    as_json: Json = False,
) -> None:
    """The places that fit best, best first."""

    async def work(app: App) -> None:
        async with _opened(app, _folder(workspace)) as index:
            found = await index.search(words, limit=limit)
        if as_json:
            typer.echo(json.dumps([asdict(chunk) for chunk in found], indent=2))
        elif found:
            rows = (
                (f"{chunk.path}:{chunk.line + 1}", f"{chunk.score:.2f}", _first_line(chunk.text)) for chunk in found
            )
            out().print(table(("place", "score", "first line"), rows))
        else:
            typer.echo("Nothing found")

    run(work)


def status(workspace: Workspace = _HERE, as_json: Json = False) -> None:
    """How large the index is, and what was left out of it."""

    async def work(app: App) -> None:
        root = _folder(workspace)
        async with _opened(app, root):
            await _tell(app, root, as_json=as_json)

    run(work)


def clear(workspace: Workspace = _HERE) -> None:
    """Delete the index; an open editor builds it again."""

    async def work(app: App) -> None:
        root = _folder(workspace)
        try:
            await asyncio.to_thread(forget, root, _indexes(app))
        except OSError as error:
            raise UserError(f"The index cannot be deleted: {error}", "Close the editors that have it open") from error
        typer.echo(f"There is no index of {root} any more")

    run(work)


async def _tell(app: App, root: Path, *, as_json: bool) -> None:
    async with _opened(app, root) as index:
        known = await index.figures()
    if as_json:
        typer.echo(json.dumps({"root": str(root)} | asdict(known) | {"left_out": dict(known.left_out)}, indent=2))
        return
    rows = [
        ("files", f"{known.files}, {_megabytes(known.source_bytes)}"),
        ("chunks", known.chunks),
        ("definitions", known.symbols),
        ("index", f"{_megabytes(known.index_bytes)}, {index.file}"),
        *((f"left out: {reason}", count) for reason, count in known.left_out),
    ]
    out().print(table(("", str(root)), rows))


@asynccontextmanager
async def _opened(app: App, root: Path) -> AsyncIterator[Index]:
    """The index of a workspace; UserError where there is none."""
    index = Index(root, _indexes(app))
    try:
        if not index.file.exists():
            raise UserError(f"There is no index of {root}", f"Build it: beastmode index {root}")
        yield index
    finally:
        await index.aclose()


def _folder(path: Path) -> Path:
    root = path.expanduser().resolve()
    if not root.is_dir():
        raise UserError(f"{root} is not a folder", "Name the folder that the editor has open")
    return root


def _indexes(app: App) -> Path:
    return app.settings.paths.home / "index"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.split("\n") if line.strip()), "")[:80]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"

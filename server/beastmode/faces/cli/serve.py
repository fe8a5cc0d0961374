"""`beastmode serve` and `token`: the gateway, and who may use it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.domain.errors import UserError
from beastmode.faces.cli.render import complain, err
from beastmode.faces.cli.service import install_service, uninstall_service
from beastmode.settings import load

if TYPE_CHECKING:
    from beastmode.faces.http.server import Options


def serve(  # noqa: PLR0917 - one option a decision of the owner
    host: Annotated[str, typer.Option("--host", help="Where to listen; only this machine unless you say so.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 4747,
    workspace: Annotated[
        list[str] | None,
        typer.Option("--workspace", "-w", metavar="[NAME=]DIR", help="A folder that requests may name as their repo."),
    ] = None,
    allow_writes: Annotated[
        bool, typer.Option("--allow-writes", help='A request that says "apply": true may change its workspace.')
    ] = False,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Its key, PEM.")] = None,
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help="A proxy in front of it speaks TLS.")] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME", help="A name that clients reach it by.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
    install: Annotated[
        bool, typer.Option("--install", help="Write a systemd user unit or a launchd agent with these options.")
    ] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Take that file away.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Of --install: replace a file that is not ours.")] = False,
) -> None:
    """Open the models to every tool on this machine, over HTTP.

    The BEAST MODE, OpenAI and Anthropic APIs, monitoring, and the dashboard.
    Every request needs a token. The owner's is made at the first start and shown once; `beastmode token` shows it.

    Example: beastmode serve --workspace ~/src/shop
    Example: beastmode serve --install --workspace ~/src/shop
    """
    if uninstall:
        uninstall_service()
        return
    from beastmode.faces.http.owner_token import FILE, OwnerToken  # noqa: PLC0415 - no other command needs a gateway
    from beastmode.faces.http.server import Options, main  # noqa: PLC0415 - as above

    def say(url: str, token: str | None) -> None:
        if as_json:
            typer.echo(json.dumps({"url": url}))
        else:
            typer.echo(f"Listening on {url}")
        if token is not None:
            err().print(f"Your token, shown once (`beastmode token` shows it again): {token}")

    settings, notices = load(os.environ)
    for notice in notices:
        complain(notice)
    options = Options(
        host=host,
        port=port,
        workspaces=dict(map(_named, (*(() if install else settings.gateway.workspaces), *(workspace or ())))),
        writes=allow_writes,
        certificate=tls_cert,
        key=tls_key,
        behind_proxy=behind_proxy,
        names=allow_host or (),
    )
    if install:
        # Made now, or the service would show it, once, in the system's journal.
        OwnerToken(settings.paths.home / FILE).make()
        install_service(_arguments(options), force=force)
        return
    main(settings, notices, options, say)


def token(
    renew: Annotated[bool, typer.Option("--renew", help="Make a new one; the old one is worth nothing then.")] = False,
) -> None:
    """Show the owner's token of the gateway, or make a new one."""
    from beastmode.faces.http.owner_token import FILE, OwnerToken  # noqa: PLC0415 - as above

    settings, _ = load(os.environ)
    owner = OwnerToken(settings.paths.home / FILE)
    typer.echo(owner.renew() if renew else owner.read())


def _arguments(options: Options) -> list[str]:
    """The options as they are written, with whole paths: a service starts in another folder."""
    written = [f"--host={options.host}", f"--port={options.port}"]
    written += [f"--workspace={name}={folder}" for name, folder in options.workspaces.items()]
    written += ["--allow-writes"] if options.writes else []
    written += [f"--tls-cert={options.certificate.resolve()}"] if options.certificate else []
    written += [f"--tls-key={options.key.resolve()}"] if options.key else []
    written += ["--behind-proxy"] if options.behind_proxy else []
    return [*written, *(f"--allow-host={name}" for name in options.names)]


def _named(written: str) -> tuple[str, Path]:
    """`shop=/src/shop`, or `/src/shop`, which is called by its own name."""
    name, is_named, rest = written.partition("=")
    folder = Path(rest if is_named else written).expanduser().resolve()
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder", "Name one that exists, as in --workspace shop=~/src/shop")
    return (name if is_named else folder.name), folder

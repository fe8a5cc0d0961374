"""`beastmode workflow-test`: the whole way of a model, on a profile that is thrown away."""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beastmode.domain.errors import UserError
from beastmode.domain.model import BUILTIN_ID, is_loopback
from beastmode.faces.cli.options import Json
from beastmode.faces.cli.render import bar, checks
from beastmode.faces.cli.run import FAILED, run
from beastmode.operations.workflow import check_workflow
from beastmode.registry.price_field import price_text
from beastmode.registry.registration import fields_of
from beastmode.settings import Secret, load

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from beastmode.app import App

SAMPLE_PRICE = "0.5/1.5"
"""For a model without a price, so that there is something to count."""


def workflow_test(
    model_id: Annotated[
        str, typer.Option("--model-id", help="As `beastmode models list` shows it; else the built-in model.")
    ] = BUILTIN_ID,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to ask a machine other than this one.")] = False,
    as_json: Json = False,
) -> None:
    """Try registration, listing, generation, performance and cost tracking, and leave nothing behind.

    All of it happens on a profile in a temporary folder, at your model's endpoint and with its key, which is sealed
    there under a passphrase that nobody knows. Exits with 1 if a step fails.

    Example: beastmode workflow-test --model-id my-code-model
    """

    async def work(app: App) -> None:
        if not yes and not is_loopback(app.registry.get(model_id).endpoint_url):
            _ask(model_id)
        with bar(f"Testing {model_id}") as say:
            fields = await _fields(app, model_id)
            async with _thrown_away(app) as profile:
                found = await check_workflow(profile, fields, say)
        if as_json:
            typer.echo(json.dumps([asdict(check) for check in found], indent=2))
        else:
            checks(found)
        if not all(check.ok for check in found):
            raise typer.Exit(FAILED)

    run(work)


def _ask(model_id: str) -> None:
    if not sys.stdin.isatty():
        raise UserError(
            f"{model_id} is not on this machine, and about ten requests to it may cost", "Repeat with --yes"
        )
    typer.confirm(f"{model_id} is not on this machine. Send it about ten short requests?", abort=True, err=True)


async def _fields(app: App, model_id: str) -> dict[str, Any]:
    """The registration of the same model, by the name that its endpoint knows."""
    model = app.registry.get(model_id)
    fields: dict[str, Any] = fields_of(model) | {"model_id": model.upstream_id}
    if model.id == BUILTIN_ID:
        url, key = await app.embedded.endpoint()
        fields |= {"endpoint_url": url, "provider": "llama.cpp", "api_key": key}
    elif (key_of := await app.registry.key_of(model)) is not None:
        fields["api_key"] = key_of
    has_price = model.price is not None and model.id != BUILTIN_ID
    fields["price"] = price_text(model.price) if has_price and model.price else SAMPLE_PRICE
    return {name: value for name, value in fields.items() if value is not None}


@asynccontextmanager
async def _thrown_away(app: App) -> AsyncGenerator[App]:
    """An application on an empty profile, which is gone afterwards."""
    from beastmode.app import App  # noqa: PLC0415 - `--help` needs none of it

    own = app.settings
    with TemporaryDirectory(prefix="beastmode-workflow-", ignore_cleanup_errors=True) as folder:
        settings, _ = load({"BEASTMODE_HOME": folder})
        settings = replace(
            settings,
            paths=replace(settings.paths, models_dir=own.paths.models_dir),
            builtin=replace(settings.builtin, enabled=False),
            encryption_key=Secret(secrets.token_urlsafe()),  # so that no keyring hears of it
            network=own.network,
            baseline=own.baseline,
        )
        profile = await App.open(settings)
        try:
            yield profile
        finally:
            await profile.close()

"""`beastmode models …`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beastmode.domain.errors import BeastModeError, InvalidModel, ModelNotFound
from beastmode.domain.request import Task
from beastmode.faces.cli.doctor_model import doctor
from beastmode.faces.cli.options import Json, ModelId
from beastmode.faces.cli.render import bar, checks, complain, out, table
from beastmode.faces.cli.run import FAILED, run
from beastmode.operations.model_checks import EXISTS, Check
from beastmode.registry.price_field import price_text

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.operations.model_checks import Report

TaskName = Annotated[Task | None, typer.Option("--for", help="Only for this task.")]


def build() -> typer.Typer:
    """The commands of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("test")(try_)
    group.command("doctor")(doctor)
    group.command("select")(select)
    group.command("remove")(remove)
    group.command("fetch")(fetch)
    return group


def add(  # noqa: PLR0917 - one option a field of the registration
    model_id: Annotated[str | None, typer.Option("--id", help="Short id, such as my-code-model.")] = None,
    model_name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
    endpoint_url: Annotated[str | None, typer.Option("--endpoint-url", help="Base or full URL.")] = None,
    provider: Annotated[str | None, typer.Option("--provider", help="What the endpoint speaks.")] = None,
    description: Annotated[str | None, typer.Option("--description")] = None,
    context_window: Annotated[int | None, typer.Option("--context-window", help="Tokens.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Tokens of one answer.")] = None,
    temperature: Annotated[float | None, typer.Option("--temperature")] = None,
    price: Annotated[
        str | None, typer.Option("--price", help="Dollars per million tokens: in/out or in/out/cache; or 2.5/hour.")
    ] = None,
    local_only: Annotated[
        bool | None, typer.Option("--local-only", help="Never fall back to a model on another machine.")
    ] = None,
    max_concurrent: Annotated[int | None, typer.Option("--max-concurrent", help="Requests at once.")] = None,
    prefill: Annotated[
        bool | None, typer.Option("--prefill/--no-prefill", help="Whether it goes on with an answer that is begun.")
    ] = None,
    edit_format: Annotated[
        str | None,
        typer.Option("--edit-format", help="How it says what to change: search-replace, unified-diff or whole-file."),
    ] = None,
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the API key from standard input.")] = False,
    stdin_json: Annotated[bool, typer.Option("--stdin-json", help="Read every field from standard input.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Save even if the endpoint does not answer.")] = False,
    as_json: Json = False,
) -> None:
    """Register a model: asks for what is missing, tries the endpoint, saves it.

    The API key comes from a hidden prompt or from standard input, never from an argument.

    Example: beastmode models add --id my-code-model --endpoint-url http://127.0.0.1:8080/v1
    """
    given = {
        "model_id": model_id,
        "model_name": model_name,
        "endpoint_url": endpoint_url,
        "provider": provider,
        "description": description,
        "context_window": context_window,
        "max_tokens": max_tokens,
        "temperature": temperature,
        "price": price,
        "local_only": local_only,
        "max_concurrent": max_concurrent,
        "prefill": prefill,
        "edit_format": edit_format,
    }
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if stdin_json:
        fields |= _read_json()
    elif key_stdin:
        fields["api_key"] = sys.stdin.readline().rstrip("\r\n")
    if sys.stdin.isatty():
        fields = _ask_for_the_rest(fields)
    if as_json:
        run(lambda app: _add_json(app, fields, force=force))
    else:
        run(lambda app: _add(app, fields, force=force))


def _read_json() -> dict[str, Any]:
    try:
        read = json.load(sys.stdin)
    except ValueError as error:
        raise typer.BadParameter(f"standard input is not JSON: {error}") from None
    if not isinstance(read, dict):
        raise typer.BadParameter("standard input must be one JSON object")
    return read


def _ask_for_the_rest(fields: dict[str, Any]) -> dict[str, Any]:
    from beastmode.registry.registration import FORM, check_field  # noqa: PLC0415 - only where somebody is asked

    for field in FORM:
        while field.name not in fields:
            shown = f"{field.title} ({field.prompt})"
            if field.choices:
                shown += f" [{', '.join(value for value, _ in field.choices)}]"
            answer = typer.prompt(
                shown, default=field.default, hide_input=field.kind == "secret", show_default=bool(field.default)
            )
            problem = check_field(field.name, answer)
            if problem is None:
                fields[field.name] = answer
            else:
                complain(problem)
    return fields


async def _add(app: App, fields: dict[str, Any], *, force: bool) -> None:
    with bar("Trying the endpoint") as say:
        report = await app.models.register(fields, say, force=force)
    checks(report.checks)
    if not report.ok and not force:
        complain("The model was not saved", "Mend what failed, or repeat with --force to save it all the same")
        raise typer.Exit(FAILED)
    out().print(f"Saved {report.model.id}. Use it: beastmode models select {report.model.id}")


async def _add_json(app: App, fields: dict[str, Any], *, force: bool) -> None:
    """One JSON object a line: progress while it runs, the result last."""

    def say(message: str, _fraction: float | None = None) -> None:
        typer.echo(json.dumps({"progress": message}))

    try:
        report = await app.models.register(fields, say, force=force)
    except InvalidModel as error:
        typer.echo(json.dumps({"ok": False, "problems": error.problems}))
        raise typer.Exit(FAILED) from None
    except BeastModeError as error:
        typer.echo(json.dumps({"ok": False, "error": error.message, "fix": error.fix, "found": []}))
        raise typer.Exit(FAILED) from None
    typer.echo(json.dumps(_result(report, saved=report.ok or force)))
    if not report.ok and not force:
        raise typer.Exit(FAILED)


def _result(report: Report, *, saved: bool) -> dict[str, object]:
    found = [asdict(check) for check in report.checks]
    if saved:
        return {"ok": True, "id": report.model.id, "found": found}
    failed = next(check for check in report.checks if not check.ok)
    return {"ok": False, "error": failed.evidence, "fix": failed.fix, "found": found, "can_save_anyway": True}


def list_(
    provider: Annotated[
        str | None, typer.Option("--provider", help="Ask this provider instead which models it has, as openai.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Every model; the selected one is marked. With --provider: all that it serves now, by the ids to use here."""

    async def ask(app: App) -> None:
        served = [model.id for model in await app.models.served(str(provider))]
        typer.echo(json.dumps(served, indent=2) if as_json else "\n".join(served))

    async def work(app: App) -> None:
        selected = app.registry.selected(Task.INLINE)
        chosen = selected.id if selected else None
        if as_json:
            rows = [
                {"id": m.id, "name": m.name, "provider": m.provider, "endpoint_url": m.endpoint_url}
                | {"selected": m.id == chosen, "has_key": m.has_key}
                for m in app.registry.models
            ]
            typer.echo(json.dumps(rows, indent=2))
            return
        rows_ = (
            ("→" if m.id == chosen else "", m.id, m.name, m.provider, m.origin, m.fim_format, m.chat_format)
            for m in app.registry.models
        )
        out().print(table(("", "id", "name", "provider", "origin", "completes by", "chats by"), rows_))

    run(ask if provider else work)


def show(model_id: ModelId, as_json: Json = False) -> None:
    """All that is known of one model; never its key."""

    async def work(app: App) -> None:
        model = app.registry.get(model_id)
        known = {name: getattr(model, name) for name in model.__slots__} | {"origin": model.origin}
        if model.price is not None:
            known["price"] = f"{price_text(model.price)} (US dollars, {model.price.source}, since {model.price.as_of})"
        if as_json:
            typer.echo(json.dumps(known, indent=2, default=str))
        else:
            out().print(table(("field", "value"), known.items()))

    run(work)


def try_(model_id: ModelId, as_json: Json = False) -> None:
    """Five checks and what the endpoint can do, each with evidence and a fix. Exits with 1 if one of the five fails.

    They are: the model is registered, its endpoint is reachable, its key is valid, the format of the answer is right,
    and it comes soon enough. What a model cannot do (complete code, report its tokens) is said, and is no failure.
    """

    async def work(app: App) -> None:
        try:
            with bar(f"Testing {model_id}") as say:
                report = await app.models.test(model_id, say)
            found, passed = report.checks, report.passed
        except ModelNotFound as error:
            found, passed = (Check(EXISTS, ok=False, evidence=error.message, fix=error.fix),), False
        if as_json:
            typer.echo(json.dumps([asdict(check) for check in found], indent=2))
        else:
            checks(found)
        if not passed:
            raise typer.Exit(FAILED)

    run(work)


def select(model_id: ModelId, task: TaskName = None) -> None:
    """Use a model from now on."""

    async def work(app: App) -> None:
        await app.registry.select(model_id, task)
        out().print(f"Selected {app.registry.get(model_id).id}" + (f" for {task}" if task else ""))

    run(work)


def remove(model_id: ModelId, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Forget a model and its key."""
    if not yes:
        typer.confirm(f"Remove {model_id} and its key?", abort=True)

    async def work(app: App) -> None:
        await app.registry.remove(model_id)
        out().print(f"Removed {model_id}")

    run(work)


def fetch() -> None:
    """Download the weights of the built-in model, once."""

    async def work(app: App) -> None:
        with bar("Downloading the built-in model") as say:
            path = await app.embedded.fetch(say)
        out().print(f"The built-in model is at {path}")

    run(work)

"""`beastmode route …`: which model answers what, what may step in for it, and what that may cost."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from beastmode.domain.request import Task
from beastmode.faces.cli.explain import explain
from beastmode.faces.cli.options import Json, ModelId
from beastmode.faces.cli.render import complain, out, table
from beastmode.faces.cli.run import run
from beastmode.operations.status import dollars

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.routing import Policy

DEFAULT = "default"
ROUTED = tuple(task for task in Task if task is not Task.PROBE)
"""A probe always names its model."""

Forget = Annotated[bool, typer.Option("--forget", help="Take it away, so that the default holds.")]
TaskName = Annotated[
    str, typer.Argument(help=f"{', '.join(ROUTED)}, or {DEFAULT} for all that have none of their own.")
]


def build() -> typer.Typer:
    """The commands of this group."""
    group = typer.Typer(no_args_is_help=True)
    group.command("show")(show)
    group.command("set")(set_)
    group.command("hard")(hard)
    group.command("policy")(policy)
    group.command("explain")(explain)
    return group


def show(as_json: Json = False) -> None:
    """What answers each task, in the order in which it is asked."""

    async def work(app: App) -> None:
        registry = app.registry
        allowed = registry.policy()
        if as_json:
            tasks = [
                {
                    "task": task.value,
                    "models": _ids(registry.route(task)),
                    "own": bool(registry.own_route(task)),
                    "hard": _id(registry.hard(task)),
                }
                for task in ROUTED
            ]
            told = {DEFAULT: _ids(registry.own_route(None)), "tasks": tasks, "policy": _policy_json(allowed)}
            typer.echo(json.dumps(told, indent=2))
            return
        shown = (
            (
                task,
                " → ".join(_ids(registry.route(task))) or None,
                None if registry.own_route(task) else DEFAULT,
                _id(registry.hard(task)),
            )
            for task in ROUTED
        )
        out().print(table(("task", "models", "as", "for hard work"), shown))
        out().print(_policy_text(allowed))

    run(work)


def set_(
    task: TaskName,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL [FALLBACK]...", help="The model, then what may step in for it, in order."),
    ] = None,
    forget: Forget = False,
) -> None:
    """Let a model answer a task, and others step in where it cannot.

    Example: beastmode route set chat my-code-model ollama:qwen2.5-coder:7b openai:gpt-4
    """
    of, chain = _task(task), models or []
    _either(chain, forget, "MODEL")

    async def work(app: App) -> None:
        await app.registry.set_route(of, chain)
        kept = app.registry.own_route(of)
        out().print(f"{task}: {' → '.join(_ids(kept))}" if kept else f"{task}: as the default says")
        paid = [model.id for model in kept[1:] if app.registry.is_paid(model)]
        if paid and not app.registry.policy().allow_paid_fallback:
            complain(
                f"{', '.join(paid)} costs money and is not asked as a fallback yet",
                "Allow it with `beastmode route policy --paid-fallback --daily-cap 5`",
            )

    run(work)


def hard(task: TaskName, model: Annotated[str | None, ModelId.__metadata__[0]] = None, forget: Forget = False) -> None:
    """Let another model do the hard work of a task.

    Example: beastmode route hard chat anthropic:claude-sonnet-4-5
    """
    of = _task(task)
    _either(model, forget, "MODEL")

    async def work(app: App) -> None:
        await app.registry.set_hard(of, model)
        named = app.registry.get(model).id if model else "as the default says"
        out().print(f"{task}, hard work: {named}")

    run(work)


def policy(
    paid_fallback: Annotated[
        bool | None, typer.Option("--paid-fallback/--no-paid-fallback", help="Whether a fallback may cost money.")
    ] = None,
    daily_cap: Annotated[str | None, typer.Option("--daily-cap", help="Dollars a day, or none.")] = None,
    monthly_cap: Annotated[str | None, typer.Option("--monthly-cap", help="Dollars a month, or none.")] = None,
    as_json: Json = False,
) -> None:
    """What may be spent; what is not named stays. Without options it only shows."""
    daily, monthly = amount("--daily-cap", daily_cap), amount("--monthly-cap", monthly_cap)

    async def work(app: App) -> None:
        wanted = app.registry.policy()
        if paid_fallback is not None:
            wanted = replace(wanted, allow_paid_fallback=paid_fallback)
        if daily_cap is not None:
            wanted = replace(wanted, daily_cap=daily)
        if monthly_cap is not None:
            wanted = replace(wanted, monthly_cap=monthly)
        if wanted != app.registry.policy():
            await app.registry.set_policy(wanted)
        kept = app.registry.policy()
        if as_json:
            typer.echo(json.dumps(_policy_json(kept), indent=2))
        else:
            out().print(_policy_text(kept))

    run(work)


def _task(name: str) -> Task | None:
    if name == DEFAULT:
        return None
    if name not in {*ROUTED}:
        raise typer.BadParameter(f"{name} is no task; use one of {', '.join(ROUTED)} or {DEFAULT}")
    return Task(name)


def _either(value: object, forget: bool, name: str) -> None:
    if bool(value) == forget:
        raise typer.BadParameter(f"give either {name} or --forget")


def amount(option: str, text: str | None) -> Decimal | None:
    """Dollars as an option has them; None where the cap is taken away (or was not named)."""
    if text is None or text.lower() == "none":
        return None
    try:
        return Decimal(text.removeprefix("$"))
    except InvalidOperation:
        raise typer.BadParameter(f"{option}: {text} is no amount; enter dollars such as 5, or none") from None


def _id(model: ModelSpec | None) -> str | None:
    return model.id if model else None


def _ids(models: tuple[ModelSpec, ...]) -> list[str]:
    return [model.id for model in models]


def _policy_json(policy: Policy) -> dict[str, object]:
    caps = {"daily_cap": policy.daily_cap, "monthly_cap": policy.monthly_cap}
    texts = {name: None if cap is None else format(cap, "f") for name, cap in caps.items()}
    return {"allow_paid_fallback": policy.allow_paid_fallback, **texts}


def _policy_text(policy: Policy) -> str:
    may = "may cost money" if policy.allow_paid_fallback else "must not cost money"
    daily, monthly = (dollars(cap) or "no cap" for cap in (policy.daily_cap, policy.monthly_cap))
    return f"Fallbacks {may}. Paid models: {daily} a day, {monthly} a month"

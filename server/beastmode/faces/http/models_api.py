"""The models: which there are, as far as the caller may know; for the owner, how they are registered and changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from beastmode.domain.request import Task
from beastmode.faces.http.auth import caller, require_owner
from beastmode.faces.http.body import read
from beastmode.faces.http.json_answer import Json
from beastmode.faces.http.operation import Described, Operation
from beastmode.faces.http.problems import MEDIA_TYPE, Refusal, details
from beastmode.faces.http.streaming import while_connected
from beastmode.registry.users import EVERY

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from beastmode.domain.model import ModelSpec
    from beastmode.faces.http.gateway import Gateway
    from beastmode.operations.model_checks import Report
    from beastmode.registry.users import User

_Text = str | None
_Number = int | float | str | None


class Changes(BaseModel):
    """What may be said of a model; the registry checks each field, whichever door it comes through."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, defer_build=True)

    model_name: _Text = None
    endpoint_url: _Text = None
    provider: _Text = None
    api_key: _Text = Field(None, description="Sealed at once; never in any answer.")
    description: _Text = None
    context_window: _Number = None
    max_tokens: _Number = None
    temperature: _Number = None
    price: _Number = Field(None, description="Dollars per million tokens, in/out[/cache]; or 2.5/hour.")
    local_only: bool | None = None
    max_concurrent: _Number = None
    prefill: bool | None = None
    edit_format: _Text = None
    is_public: bool | None = Field(None, description="Every user of this gateway may ask it.")
    selected: bool | None = Field(None, description="true: it answers from now on whatever names no model.")
    force: bool = Field(default=False, description="Save it even if the endpoint does not answer.")

    def fields(self) -> dict[str, Any]:
        """The registration's own fields, those that were sent."""
        return self.model_dump(exclude={"is_public", "selected", "force"}, exclude_unset=True)


class Registration(Changes):
    """A model to be registered, as the specification writes it."""

    model_id: str
    model_name: str
    endpoint_url: str


class Check(BaseModel):
    """What was looked at, and what was seen."""

    name: str
    ok: bool
    evidence: str
    fix: str = ""


class Model(BaseModel):
    """A model; never its key. Where it answers is shown to the owner only."""

    id: str
    model_id: str
    model_name: str
    provider: str
    description: str
    context_window: int
    max_tokens: int
    temperature: float
    health: str
    selected: bool
    has_key: bool
    is_public: bool
    chats: bool
    completes: bool
    endpoint_url: str | None = None


class ModelList(BaseModel):
    """Every model that the caller may use."""

    success: bool = True
    models: list[Model]


class Registered(BaseModel):
    """A model that was saved, and what was seen when it was tried."""

    success: bool = True
    model: Model
    checks: list[Check] = []


class Tested(BaseModel):
    """What was seen when a model was tried; `success` says whether it can be used for anything."""

    success: bool
    checks: list[Check]


class Removed(BaseModel):
    """A model that is gone; what it cost stays in the ledger."""

    success: bool = True
    id: str


def routes(gateway: Gateway) -> list[BaseRoute]:
    """What can be done with models."""
    app, registry = gateway.app, gateway.app.registry

    async def list_(request: Request) -> Response:
        user = caller(request)
        found = [shown(gateway, user, each) for each in registry.models if user.may_use(each.id)]
        return Json(ModelList(models=found).model_dump())

    async def register(request: Request) -> Response:
        owner, body = require_owner(request), await read(request, Registration)
        report = await while_connected(request, app.models.register(body.fields(), _quiet, force=body.force))
        if not report.ok and not body.force:
            return _not_saved(report)
        return await _saved(gateway, owner, body, report, status=201)

    async def change(request: Request) -> Response:
        owner, body = require_owner(request), await read(request, Changes)
        model_id = request.path_params["model_id"]
        work = app.models.change(model_id, body.fields(), _quiet, force=body.force)
        report = await while_connected(request, work)
        if not report.ok and not body.force:
            return _not_saved(report)
        return await _saved(gateway, owner, body, report, status=200)

    async def test(request: Request) -> Response:
        require_owner(request)
        report = await while_connected(request, app.models.test(request.path_params["model_id"], _quiet))
        return Json(Tested(success=report.ok, checks=_checks(report)).model_dump())

    async def remove(request: Request) -> Response:
        require_owner(request)
        model = registry.get(request.path_params["model_id"])
        await registry.remove(model.id)
        await registry.users.forget(model.id)
        return Json(Removed(id=model.id).model_dump())

    one = "/api/models/custom/{model_id:path}"
    return [
        Operation("GET", "/api/models/list", list_, Described("The models that you may use", answer=ModelList)),
        Operation(
            "POST",
            "/api/models/custom",
            register,
            Described(
                "Register a model: its endpoint is tried, its key sealed",
                body=Registration,
                answer=Registered,
                status=201,
                errors=(502, 503),
            ),
        ),
        Operation(
            "POST",
            f"{one}/test",
            test,
            Described("Try a registered model", answer=Tested, errors=(400, 402, 404, 500, 502, 503)),
        ),
        Operation(
            "PATCH",
            one,
            change,
            Described("Change a model, or select it", body=Changes, answer=Registered, errors=(404, 500, 502, 503)),
        ),
        Operation(
            "DELETE", one, remove, Described("Remove a model and its key", answer=Removed, errors=(400, 404, 503))
        ),
    ]


def shown(gateway: Gateway, user: User, model: ModelSpec) -> Model:
    """A model as its user may see it."""
    registry = gateway.app.registry
    return Model(
        id=model.id,
        model_id=model.id.removeprefix("custom:"),
        model_name=model.name,
        provider=model.provider,
        description=model.description,
        context_window=model.context_window,
        max_tokens=model.max_tokens,
        temperature=model.temperature,
        health=gateway.app.health.of(model.id).level,
        selected=registry.selected(Task.CHAT) == model,
        has_key=model.has_key,
        is_public=not {model.id, EVERY}.isdisjoint(registry.users.public),
        chats=model.chat_format is not None,
        completes=model.fim_format is not None,
        endpoint_url=model.endpoint_url if user.is_owner else None,
    )


async def _saved(gateway: Gateway, owner: User, body: Changes, report: Report, *, status: int) -> Response:
    """The answer for a model that is saved, after what else was asked for was done."""
    registry, model_id = gateway.app.registry, report.model.id
    if body.is_public is not None:
        set_ = registry.users.grant if body.is_public else registry.users.revoke
        await set_(EVERY, [model_id])
    if body.selected:
        await registry.select(model_id)
    model = shown(gateway, owner, registry.get(model_id))
    return Json(Registered(model=model, checks=_checks(report)).model_dump(), status_code=status)


def _not_saved(report: Report) -> Response:
    failed = next(check for check in report.checks if not check.ok)
    said = details(Refusal(502, failed.evidence, f"{failed.fix}. Or send `force`: true to save it all the same"))
    checks = [check.model_dump() for check in _checks(report)]
    return Json(said | {"checks": checks}, status_code=502, media_type=MEDIA_TYPE)


def _checks(report: Report) -> list[Check]:
    return [Check(**asdict(check)) for check in report.checks]


def _quiet(_message: str) -> None:
    """Nobody watches the progress of a request."""

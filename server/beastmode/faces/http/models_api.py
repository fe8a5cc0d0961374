"""The models: which there are, as far as the caller may know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel
from starlette.responses import JSONResponse

from beastmode.domain.request import Task
from beastmode.faces.http.auth import caller
from beastmode.faces.http.operation import Described, Operation

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from beastmode.domain.model import ModelSpec
    from beastmode.faces.http.gateway import Gateway
    from beastmode.registry.users import User


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


def routes(gateway: Gateway) -> list[BaseRoute]:
    """What can be done with models."""

    async def list_(request: Request) -> Response:
        user = caller(request)
        found = [shown(gateway, user, each) for each in gateway.app.registry.models if user.may_use(each.id)]
        return JSONResponse(ModelList(models=found).model_dump())

    return [
        Operation("GET", "/api/models/list", list_, Described("The models that you may use", answer=ModelList)),
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
        is_public=not {model.id, "*"}.isdisjoint(registry.users.public),
        chats=model.chat_format is not None,
        completes=model.fim_format is not None,
        endpoint_url=model.endpoint_url if user.is_owner else None,
    )

"""The models that a client may name, as the lists of both APIs have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.errors import ModelNotFound
from beastmode.domain.request import Task
from beastmode.faces.http.answering import DEFAULT
from beastmode.faces.http.auth import caller

if TYPE_CHECKING:
    from starlette.requests import Request

    from beastmode.domain.model import ModelSpec
    from beastmode.faces.http.gateway import Gateway

DEFAULT_ID = "default"
"""Stands for whatever is selected."""


def usable(gateway: Gateway, request: Request) -> list[tuple[str, ModelSpec | None]]:
    """The ids that a client may use, `default` first, each with its model; a provider's where it is in a route."""
    registry, user = gateway.app.registry, caller(request)
    known = {model.id: model for model in registry.models}
    known |= {model.id: model for task in Task for model in registry.route(task)}
    return [(DEFAULT_ID, None), *((i, model) for i, model in known.items() if user.may_use(i))]


def find(gateway: Gateway, request: Request) -> ModelSpec | None:
    """The model in a path; None where it stands for the selected one.

    Raises:
        ModelNotFound: there is none, as far as the client may know.
    """
    name = request.path_params["model_id"]
    if name in DEFAULT:
        return None
    model = gateway.app.registry.get(name)
    if not caller(request).may_use(model.id):
        raise ModelNotFound(name)
    return model

"""Which models may answer a request, best first, and why: a pure function of what is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from beastmode.domain.errors import UserError
from beastmode.domain.model import is_loopback
from beastmode.domain.request import ChatRequest
from beastmode.domain.routing import Candidate

if TYPE_CHECKING:
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request, Task


class Models(Protocol):
    """What planning needs of the registry."""

    def get(self, model_id: str) -> ModelSpec:
        """The model of that id, or ModelNotFound."""
        ...

    def selected(self, task: Task) -> ModelSpec | None:
        """The user's route for a task."""
        ...


def plan(request: Request, models: Models) -> tuple[Candidate, ...]:
    """The candidates for a request, never empty.

    Raises:
        ModelNotFound: the request names a model that is not registered.
        UserError: no model may or can answer it; the message says why.
    """
    if request.model is not None:
        candidate = Candidate(models.get(request.model), "named by the request")
    else:
        model = models.selected(request.task)
        if model is None:
            raise UserError(
                f"No model is selected for {request.task}",
                "Register one with `beastmode models add`, or fetch the built-in one with `beastmode models fetch`",
            )
        candidate = Candidate(model, f"selected for {request.task}")
    _check(candidate.model, request)
    return (candidate,)


def _check(model: ModelSpec, request: Request) -> None:
    if request.local_only and not is_loopback(model.endpoint_url):
        raise UserError(
            f"{model.id} answers at {model.origin}, and this workspace is local-only",
            "Select a model on this machine, or turn `beastmode.localOnly` off",
        )
    if isinstance(request, ChatRequest):
        if model.chat_format is None:
            raise UserError(f"{model.id} cannot chat", "Select a chat model")
    elif model.fim_format is None:
        raise UserError(f"{model.id} cannot complete code", "Select a model that can")

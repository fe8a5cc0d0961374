"""The registry as a router has to see it that is to ask one model and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.model import ModelSpec, Provider
    from beastmode.domain.request import Task
    from beastmode.domain.routing import Policy
    from beastmode.router.plan import Models


class Alone:
    """Every model by its name, and no chain: what the named model does not answer, nobody does.

    Args:
        models: the registry.
    """

    def __init__(self, models: Models) -> None:
        self._models = models

    def get(self, model_id: str) -> ModelSpec:
        """The model of that id, or ModelNotFound."""
        return self._models.get(model_id)

    def route(self, _task: Task, /) -> tuple[ModelSpec, ...]:
        """Nobody steps in."""
        return ()

    def hard(self, _task: Task, /) -> ModelSpec | None:
        """Nobody is better suited."""
        return None

    def provider(self, provider_id: str) -> Provider:
        """The provider's row."""
        return self._models.provider(provider_id)

    def is_paid(self, model: ModelSpec) -> bool:
        """Whether asking it costs money."""
        return self._models.is_paid(model)

    def may_use(self, user: str, model_id: str) -> bool:
        """Whether a user may ask it."""
        return self._models.may_use(user, model_id)

    def policy(self) -> Policy:
        """The user's."""
        return self._models.policy()

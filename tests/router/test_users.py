"""Which models a user's request may go to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from beastmode.domain.errors import ModelNotFound, UserError
from beastmode.domain.model import ModelSpec, Provider
from beastmode.domain.request import ChatRequest, Message, Task
from beastmode.domain.routing import Policy
from beastmode.router.plan import plan

ASKED = ChatRequest((Message("user", "hello"),), user="ada")


def model(name: str) -> ModelSpec:
    return ModelSpec(f"custom:{name}", name, "vllm", "http://127.0.0.1:1/v1", name, "openai-chat", None)


@dataclass
class Shelf:
    """A route of three models, of which a user may ask some."""

    allowed: tuple[str, ...]

    def get(self, model_id: str) -> ModelSpec:
        return model(model_id.removeprefix("custom:"))

    def route(self, task: Task) -> tuple[ModelSpec, ...]:
        return tuple(map(model, ("one", "two", "three")))

    def hard(self, task: Task) -> ModelSpec | None:
        return None

    def provider(self, provider_id: str) -> Provider:
        return Provider(provider_id, "", "none", ("openai-chat",), ())

    def is_paid(self, model: ModelSpec) -> bool:
        return False

    def policy(self) -> Policy:
        return Policy()

    def may_use(self, user: str, model_id: str) -> bool:
        return not user or model_id in self.allowed


def asked(shelf: Shelf, request: ChatRequest) -> list[str]:
    return [candidate.model.id for candidate in plan(request, shelf)]


def test_a_fallback_is_one_of_the_users_models_too() -> None:
    """What the owner's route has besides is passed over."""
    assert asked(Shelf(("custom:two", "custom:three")), ASKED) == ["custom:two", "custom:three"]
    assert asked(Shelf(()), replace(ASKED, user="")) == ["custom:one", "custom:two", "custom:three"]


def test_a_model_of_somebody_else_is_not_found() -> None:
    """The same words as for one that there is not: which there are is not everybody's to know."""
    with pytest.raises(ModelNotFound, match="Custom model not found: one"):
        asked(Shelf(("custom:two",)), replace(ASKED, model="custom:one"))
    assert asked(Shelf(("custom:two",)), replace(ASKED, model="custom:two")) == ["custom:two"]


def test_who_may_use_nothing_is_told_so() -> None:
    """And nothing of the models that there are."""
    with pytest.raises(UserError, match="No model that ada may use"):
        asked(Shelf(()), ASKED)

"""Which models may answer a request, best first, and for each the reason for or against it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from beastmode.domain.errors import ModelNotFound, NotAllowed, Resting, UserError
from beastmode.domain.model import is_loopback
from beastmode.domain.request import ChatRequest, EmbedRequest, Task
from beastmode.domain.routing import Candidate
from beastmode.router.breaker import resting_error
from beastmode.router.complexity import complexity, length, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from beastmode.domain.errors import BeastModeError
    from beastmode.domain.model import ModelSpec, Provider
    from beastmode.domain.request import Request
    from beastmode.domain.routing import Policy


class Models(Protocol):
    """What planning needs of the registry."""

    def get(self, model_id: str) -> ModelSpec:
        """The model of that id, or ModelNotFound."""
        ...

    def route(self, task: Task) -> tuple[ModelSpec, ...]:
        """The user's chain for a task: the selected model first, then the fallbacks that the user allowed."""
        ...

    def hard(self, task: Task) -> ModelSpec | None:
        """The user's model for the hard work of a task."""
        ...

    def provider(self, provider_id: str) -> Provider:
        """The provider's row."""
        ...

    def is_paid(self, model: ModelSpec) -> bool:
        """Whether asking it costs money."""
        ...

    def policy(self) -> Policy:
        """What the user allows to be spent."""
        ...

    def may_use(self, user: str, model_id: str) -> bool:
        """Whether a user ('' is the owner) may ask a model, and know that there is one."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """One model of the chain: why it is on the list, and what keeps it from being asked (None where nothing does)."""

    model: ModelSpec
    reason: str
    against: BeastModeError | None = None


def explain(
    request: Request, models: Models, resting: Callable[[str], tuple[float, str] | None] = lambda _: None
) -> tuple[Verdict, ...]:
    """Every model of the chain in its order, with the reason for or against it.

    Raises:
        ModelNotFound: the request names a model that is not registered.
        UserError: nothing is registered or selected for this task.
    """
    chain = list(_chain(request, models))
    if not chain and request.user:
        raise UserError(
            f"No model that {request.user} may use is selected for {request.task}", "Name one of yours in the request"
        )
    if not chain:
        raise UserError(
            f"No model is selected for {request.task}",
            "Register one with `beastmode models add`, or fetch the built-in one with `beastmode models fetch`",
        )
    own = models.route(request.task)[:1] if request.model is None else ()
    leaders = (chain[0][0], *own)  # the one for hard work, and the one that it stands before
    verdicts = []
    for model, reason in chain:
        against = (
            _must_stay(model, request, leaders)
            or _costs(model, models, is_fallback=model not in leaders)
            or _unable(model, request, models.provider(model.provider))
            or _resting(model, resting)
        )
        verdicts.append(Verdict(model, reason, against))
    return tuple(verdicts)


def plan(
    request: Request, models: Models, resting: Callable[[str], tuple[float, str] | None] = lambda _: None
) -> tuple[Candidate, ...]:
    """The candidates for a request, never empty.

    Where every model that could answer is resting, a person who asks is served all the same, by the first of them; a
    keystroke is not.

    Raises:
        ModelNotFound, UserError: see `explain`; or no model may or can answer, and the error says why of the first.
        Resting: all that could answer are left alone for a while.
    """
    verdicts = explain(request, models, resting)
    able = tuple(Candidate(v.model, v.reason) for v in verdicts if v.against is None)
    if able:
        return able
    tired = [v for v in verdicts if isinstance(v.against, Resting)]
    if tired and request.task is not Task.INLINE:
        return (Candidate(tired[0].model, f"{tired[0].reason}, although it is resting"),)
    objection = (tired or verdicts)[0].against
    assert objection is not None, "a verdict with nothing against it is a candidate"  # noqa: S101 - for the type checker
    raise objection


def _chain(request: Request, models: Models) -> Iterator[tuple[ModelSpec, str]]:
    """The models in their order, each once, and why each is there; of a user, only those that they may use."""
    seen: set[str] = set()
    alone = isinstance(request, EmbedRequest)  # the vectors of another model would mean something else
    if request.model is not None:
        named = models.get(request.model)
        if not models.may_use(request.user, named.id):
            raise ModelNotFound(request.model)  # which models there are is not everybody's to know
        yield named, "named by the request"
        if alone or not named.id.startswith("custom:"):
            return  # a provider that was named explicitly is not replaced by another
        seen.add(named.id)
    elif (hard := models.hard(request.task)) is not None:
        found = complexity(request)
        if found.is_hard and models.may_use(request.user, hard.id):
            seen.add(hard.id)
            yield hard, f"for hard work ({'; '.join(found.reasons)})"
    route = models.route(request.task)
    for position, model in enumerate(route[:1] if alone else route):
        if model.id not in seen and models.may_use(request.user, model.id):
            seen.add(model.id)
            is_first = position == 0 and request.model is None
            yield model, f"selected for {request.task}" if is_first else f"fallback for {request.task}"


def _must_stay(model: ModelSpec, request: Request, leaders: tuple[ModelSpec, ...]) -> BeastModeError | None:
    keepers = [leader.id for leader in leaders if leader.local_only]
    if is_loopback(model.endpoint_url) or not (request.local_only or keepers):
        return None
    whose = "this workspace" if request.local_only else keepers[0]
    return NotAllowed(
        f"{model.id} answers at {model.origin}, and {whose} is local-only",
        "Select a model on this machine, or turn local-only off",
    )


def _costs(model: ModelSpec, models: Models, *, is_fallback: bool) -> BeastModeError | None:
    if not is_fallback or models.policy().allow_paid_fallback or not models.is_paid(model):
        return None
    return NotAllowed(
        f"{model.id} costs money, and paid models do not step in",
        "Allow it with `beastmode route policy --paid-fallback --daily-cap 5`",
    )


def _unable(model: ModelSpec, request: Request, provider: Provider) -> BeastModeError | None:
    if isinstance(request, EmbedRequest):
        # How long each text may be is the endpoint's to say.
        return None if provider.embeds else _no_embeddings(model)
    if isinstance(request, ChatRequest):
        if model.chat_format is None:
            return UserError(f"{model.id} cannot chat", "Select a chat model")
    elif model.fim_format is None:
        return UserError(f"{model.id} cannot complete code", "Select a model that can")
    needed = tokens(length(request)) + (request.max_tokens or 0)
    if needed <= model.context_window:
        return None
    return UserError(
        f"{model.id} sees {model.context_window} tokens, and the request has about {needed}",
        "Select a model with a larger context window, or ask with less context",
    )


def _no_embeddings(model: ModelSpec) -> BeastModeError:
    return UserError(
        f"{model.id} has no embeddings",
        "Name a model that has, or select one with `beastmode route set embeddings MODEL`",
    )


def _resting(model: ModelSpec, resting: Callable[[str], tuple[float, str] | None]) -> BeastModeError | None:
    rest = resting(model.id)
    return None if rest is None else resting_error(model.id, *rest)

"""The test of one model: the specification's five checks, each with evidence and a fix, and what the endpoint can do.

Nothing is guessed from names: the endpoint is asked one short chat question, and each of its provider's ways of
filling a hole in code is tried until one answers.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING
from uuid import uuid4

from beastmode.domain.errors import (
    AttemptFailed,
    TimedOut,
    TlsFailed,
    Unauthorized,
    Unreachable,
)
from beastmode.domain.request import ChatRequest, FimRequest, Message, Task
from beastmode.domain.response import TextDelta, UsageReport
from beastmode.domain.routing import Candidate
from beastmode.domain.usage import Usage
from beastmode.router.health import HEALTHY_SECONDS
from beastmode.wire import CHATS

if TYPE_CHECKING:
    from beastmode.domain.model import ModelSpec, Provider
    from beastmode.domain.request import Request
    from beastmode.router.ask import Asker, Endpoint

QUESTION = ChatRequest((Message("user", "Answer with the single word: ready"),), task=Task.PROBE, max_tokens=16)
HOLE = FimRequest(
    prefix="def add(a, b):\n    return a + ",
    suffix="\n\n\nprint(add(1, 2))\n",
    path="add.py",
    language="python",
    task=Task.PROBE,
    max_tokens=16,
)

EXISTS = "Model exists in database"
"""The first of the five, which needs no endpoint."""
ABILITIES = frozenset({"Chat", "Streaming", "Usage", "Code completion"})
"""The checks that say what a model can do, and not that something is wrong."""
CHAT_INFILL = "chat-infill"
"""The one way of completing code that needs a model which can chat."""

Say = Callable[[str], None]
Hold = Callable[["ModelSpec", "Request"], AbstractAsyncContextManager[object]]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried: its name, whether it holds, what was seen, and what to do about it."""

    name: str
    ok: bool
    evidence: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What the test found; `model` is the row with the formats that the endpoint really speaks."""

    model: ModelSpec
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether the model can be used for anything."""
        return self.model.chat_format is not None or self.model.fim_format is not None

    @property
    def passed(self) -> bool:
        """Whether it can be used and nothing is wrong; what it merely cannot do is no fault."""
        return self.ok and all(check.ok for check in self.checks if check.name not in ABILITIES)


@dataclass(frozen=True, slots=True)
class Try:
    """One probe: its text, seconds and pieces, and whether its tokens were reported; or its error."""

    seconds: float
    pieces: int = 0
    is_counted: bool = False
    error: AttemptFailed | None = None


async def check_model(
    model: ModelSpec, provider: Provider, endpoint: Endpoint, asker: Asker, *, hold: Hold, say: Say
) -> Report:
    """Ask a model what it can do.

    Args:
        model: the row as it is or as it is about to be; need not be registered.
        provider: its provider's row.
        endpoint: where to ask, with the key.
        asker: sends the probes and records them.
        hold: keeps the spending caps.
        say: told what is being tried.

    Raises:
        NotAllowed: a probe could pass a cap.
    """
    say(f"Asking {model.origin} a question")
    able = replace(model, chat_format=None, fim_format=None)
    tries: list[Try] = []
    for name in provider.chat_formats:
        tries.append(await _try(QUESTION, replace(able, chat_format=name), endpoint, asker, hold))
        if isinstance(tries[-1].error, Unreachable | TlsFailed | TimedOut | Unauthorized):
            return Report(able, tuple(_basics(model, tries[-1])))
        if tries[-1].error is None:
            able = replace(able, chat_format=name)
            break
    # Where none works, what the endpoint says to the usual one tells the most.
    best = chat = tries[-1] if able.chat_format else tries[0]
    for name in provider.fim_formats:
        if name == CHAT_INFILL and able.chat_format is None:
            continue
        say(f"Trying to complete code ({name})")
        for way in _ways(replace(able, fim_format=name)):
            hole = await _try(HOLE, way, endpoint, asker, hold)
            if hole.error is None and hole.pieces:
                able = way
                break
        if able.fim_format is not None:
            best = hole if chat.error else chat
            break
    return Report(able, (*_basics(model, best), *_abilities(able, chat, best)))


def _ways(model: ModelSpec) -> tuple[ModelSpec, ...]:
    """The model as it is, and where its format usually begins the answer for it and nobody has tried, without that."""
    unsure = model.fim_format == CHAT_INFILL and model.prefill is None and CHATS[model.chat_format or ""].continues
    return (model, replace(model, prefill=False)) if unsure else (model,)


async def _try(request: Request, model: ModelSpec, endpoint: Endpoint, asker: Asker, hold: Hold) -> Try:
    started, pieces, usage = monotonic(), 0, Usage()
    try:
        asked = asker.ask(request, Candidate(model, "tested"), endpoint, uuid4().hex)
        async with hold(model, request), aclosing(asked) as events:
            async for event in events:
                pieces += isinstance(event, TextDelta) and bool(event.text.strip())
                usage = usage.merge(event.usage) if isinstance(event, UsageReport) else usage
    except AttemptFailed as error:
        return Try(monotonic() - started, pieces, error=error)
    return Try(monotonic() - started, pieces, None not in {usage.input_tokens, usage.output_tokens})


def _basics(model: ModelSpec, tried: Try) -> list[Check]:
    """Reachable, key valid, format correct, latency acceptable: as far as the try got."""
    error = tried.error
    if isinstance(error, Unreachable | TlsFailed | TimedOut):
        return [Check("Endpoint is reachable", ok=False, evidence=error.message, fix=error.fix)]
    checks = [Check("Endpoint is reachable", ok=True, evidence=model.origin)]
    if isinstance(error, Unauthorized):
        return [*checks, Check("API key is valid", ok=False, evidence=error.message, fix=error.fix)]
    # An endpoint that is ill may not have looked at the key.
    accepted = "accepted" if error is None else "was not refused"
    checks.append(Check("API key is valid", ok=True, evidence=accepted if model.has_key else "none was asked for"))
    if error is not None:
        return [*checks, Check("Response format is correct", ok=False, evidence=error.message, fix=error.fix)]
    checks.append(Check("Response format is correct", ok=True, evidence=f"as a {model.provider} endpoint answers"))
    fast = tried.seconds < HEALTHY_SECONDS
    return [
        *checks,
        Check(
            "Latency is acceptable",
            ok=fast,
            evidence=f"{tried.seconds * 1000:.0f} ms for a one-word answer",
            fix="" if fast else "Use a smaller model or a faster machine, or keep the model loaded",
        ),
    ]


def _abilities(found: ModelSpec, chat: Try, best: Try) -> list[Check]:
    streams = chat.pieces > 1
    completes = found.fim_format is not None
    return [
        Check("Chat", ok=found.chat_format is not None, evidence=found.chat_format or str(chat.error)),
        Check(
            "Streaming",
            ok=streams or chat.error is None,
            evidence="in pieces" if streams else "there was no answer" if chat.error else "the answer was one piece",
        ),
        Check(
            "Usage",
            ok=best.is_counted,
            evidence="reported"
            if best.is_counted
            else "not reported: tokens are counted here, and costs are estimates",
            fix="" if best.is_counted else "Let the server report its tokens, or live with the estimates",
        ),
        Check(
            "Code completion",
            ok=completes,
            evidence=found.fim_format or "no way of asking gave any code",
            fix="" if completes else "Select another model for inline suggestions",
        ),
    ]

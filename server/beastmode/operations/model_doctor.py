"""The doctor of one model: finds by asking which dialect its endpoint speaks and what it can do, and proposes the row.

Nothing is guessed from names. It asks as much as was said beforehand, keeps every question in the ledger as a probe,
and writes nothing: what it proposes is applied by whoever called it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from beastmode.domain.errors import EndpointNotFound, Rejected, TimedOut, TlsFailed, Unauthorized, Unreachable
from beastmode.domain.request import ChatRequest, FimRequest, Message, Task
from beastmode.operations import fim_files
from beastmode.operations.diagnosis import (
    BEGUN,
    Diagnosis,
    Dialect,
    Finding,
    Prefill,
    Seen,
    best_way,
    conclude,
    stored_way,
)
from beastmode.operations.endpoint_facts import ask_facts, same_name
from beastmode.operations.fim_trial import most_questions, try_ways
from beastmode.operations.holes import HOLES
from beastmode.operations.probing import is_passing
from beastmode.registry.providers import UPSTREAM_ID, offered_providers
from beastmode.router.complexity import length, tokens
from beastmode.wire import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beastmode.domain.errors import AttemptFailed
    from beastmode.domain.model import ModelSpec, Provider
    from beastmode.operations.endpoint_facts import Facts, Network
    from beastmode.operations.probing import Probe, Prober

COMMON_CHAT = "openai-chat"
CONTINUING = ("llama-chat", "vllm-chat")
"""What an endpoint that speaks the common dialect may also understand."""
ANY_SHAPE = "custom"
"""The provider whose format takes any answer; it proves nothing about an endpoint, so it is never found, only kept."""

READY = ChatRequest((Message("user", "Answer with the single word: ready"),), task=Task.PROBE, max_tokens=16)
_COUNTING = Message("user", "Count from 1 to 30, separated by blanks. Answer with the numbers and nothing else.")
COUNT = ChatRequest((_COUNTING,), task=Task.PROBE, max_tokens=96, temperature=0.0)
COUNT_ON = replace(COUNT, messages=(_COUNTING, Message("assistant", BEGUN)), max_tokens=16, thinking=False)
LIST_ON = FimRequest("numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, ", "", "numbers.py", "python", Task.PROBE, max_tokens=64)
SAMPLES = 2
"""Longer answers that are timed, besides the first short one."""
ROUNDS = 2
"""Chat may be tried under two names of the model: the row's, and the only one that the endpoint serves."""
RULES_TOKENS = 150
"""About what a chat model is told besides a hole."""

_NO_CONNECTION = (Unreachable, TlsFailed, TimedOut)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a diagnosis sends at most: requests, and about how many tokens there and back."""

    requests: int
    tokens: int

    def __str__(self) -> str:
        return f"up to {self.requests} requests with about {self.tokens:,} tokens"


def plan(provider: Provider) -> Plan:
    """The most that a diagnosis of a model of this provider sends; most endpoints do not know most formats."""
    dialects = _dialects(provider)
    chats, holes = len(dialects) * ROUNDS, most_questions(_fim_formats(provider)) + fim_files.MOST
    prefills = 1 + len(_variants(dialects))
    a_hole = max(tokens(length(hole.request())) + hole.request().max_tokens for hole in HOLES) + RULES_TOKENS // 4
    long = SAMPLES * _size(COUNT) + prefills * _size(COUNT_ON)
    return Plan(chats + SAMPLES + prefills + holes, chats * _size(READY) + long + holes * a_hole)


async def diagnose(model: ModelSpec, provider: Provider, prober: Prober, network: Network) -> Diagnosis:
    """Examine a model.

    Args:
        model: its row.
        provider: the row's provider.
        prober: asks; made for as many questions as `plan` says.
        network: for what servers tell for free.

    Raises:
        NotAllowed: a question could pass one of the user's spending caps.
    """
    tried = await _find_chat(model, _dialects(provider), prober)
    if isinstance(tried.error, (*_NO_CONNECTION, Unauthorized)) and tried.dialect is None:
        return _refused(model, tried.error, prober)
    auth = tried.dialect.auth if tried.dialect else provider.auth
    prober.say("Reading what the server says about itself")
    facts = await ask_facts(prober.doors(auth), model.upstream_id, network)
    name = model.upstream_id
    if tried.dialect is None and isinstance(tried.error, EndpointNotFound | Rejected):
        other = _only_name(facts, name)
        if other is not None:
            again = await _find_chat(replace(model, upstream_id=other), _dialects(provider), prober)
            name, tried = (other, again) if again.dialect else (name, tried)
    able = replace(model, upstream_id=name, chat_format=tried.dialect.chat_format if tried.dialect else None)
    prefill = await _go_on(able, tried.dialect, _variants(_dialects(provider)), prober) if tried.dialect else None
    if prefill is not None and prefill.clear:
        able = replace(able, chat_format=prefill.dialect.chat_format, prefill=prefill.goes_on)
    fim = await try_ways(prober, able, _fim_formats(provider), auth, stored_way(model))
    files = await fim_files.with_files(prober, able, auth, best_way(model, fim)[0])
    samples = [tried.probe] if tried.probe else []
    prober.say("Measuring the speed")
    if tried.dialect is not None:
        samples += [await prober.ask(COUNT, able, auth) for _ in range(SAMPLES)]
    elif fim.ranked:
        best = replace(able, fim_format=fim.ranked[0].way.fim_format, fim_template=fim.ranked[0].way.template)
        samples += [await prober.ask(LIST_ON, best, auth) for _ in range(SAMPLES)]
    dialect = prefill.dialect if prefill and prefill.goes_on else tried.dialect
    seen = Seen(name, dialect, tried.error, facts, fim, tuple(samples), prefill, files)
    return conclude(model, provider, seen, requests=prober.sent, spent=prober.tokens)


@dataclass(frozen=True, slots=True)
class _Tried:
    """The dialect that was found and its answer, or the error of the first that was tried."""

    dialect: Dialect | None = None
    probe: Probe | None = None
    error: AttemptFailed | None = None


async def _find_chat(model: ModelSpec, dialects: Sequence[Dialect], prober: Prober) -> _Tried:
    """Ask one short question in each dialect until one is understood; a key that is refused is not shown again."""
    first_error: AttemptFailed | None = None
    refused: set[str] = set()
    for dialect in dialects:
        if dialect.auth in refused:
            continue
        prober.say(f"Asking {model.origin} a question ({dialect.chat_format})")
        probe = await prober.ask(READY, replace(model, chat_format=dialect.chat_format), dialect.auth)
        if probe.answered:
            return _Tried(dialect, probe)
        first_error = first_error or probe.error
        if isinstance(probe.error, _NO_CONNECTION):
            return _Tried(error=first_error)
        if isinstance(probe.error, Unauthorized):
            refused.add(dialect.auth)
    return _Tried(error=first_error)


async def _go_on(model: ModelSpec, found: Dialect, variants: Sequence[Dialect], prober: Prober) -> Prefill:
    """Begin an answer for the model, in its dialect and then, where that is the common one, in others that say more."""
    prober.say("Beginning an answer for it")
    plain = Prefill(found, await prober.ask(COUNT_ON, model, found.auth))
    if plain.goes_on or found.chat_format != COMMON_CHAT or is_passing(plain.probe.error):
        return plain
    for dialect in variants:
        if dialect.auth == found.auth:
            probe = await prober.ask(COUNT_ON, replace(model, chat_format=dialect.chat_format), dialect.auth)
            if (other := Prefill(dialect, probe)).goes_on:
                return other
    return plain


def _variants(dialects: Sequence[Dialect]) -> tuple[Dialect, ...]:
    """The dialects that differ from the common one in how an answer is gone on with."""
    return tuple(dialect for dialect in dialects if dialect.chat_format in CONTINUING)


def _dialects(provider: Provider) -> tuple[Dialect, ...]:
    """Every way to chat that is known, those of the model's own provider first."""
    own = [Dialect(provider.id, name, provider.auth) for name in provider.chat_formats]
    known = {(dialect.chat_format, dialect.auth) for dialect in own}
    for other in offered_providers():
        for name in other.chat_formats:
            if other.id != ANY_SHAPE and (name, other.auth) not in known:
                known.add((name, other.auth))
                own.append(Dialect(other.id, name, other.auth))
    return tuple(dialect for dialect in own if dialect.chat_format in FORMATS)


def _fim_formats(provider: Provider) -> tuple[str, ...]:
    """Every way to fill holes that is known, likewise."""
    others: Iterable[str] = (
        name for other in offered_providers() if other.id != ANY_SHAPE for name in other.fim_formats
    )
    named = dict.fromkeys((*provider.fim_formats, *others))
    return tuple(name for name in named if name in FORMATS and name != ANY_SHAPE)


def _only_name(facts: Facts, name: str) -> str | None:
    """The one model that is served, where it is called otherwise than the row says."""
    if len(facts.served) != 1 or same_name(facts.served[0], name):
        return None
    return facts.served[0] if UPSTREAM_ID.fullmatch(facts.served[0]) else None


def _refused(model: ModelSpec, error: AttemptFailed, prober: Prober) -> Diagnosis:
    name = "API key" if isinstance(error, Unauthorized) else "Endpoint"
    findings = (Finding(name, found=False, evidence=error.message, fix=error.fix),)
    nothing = Seen(model.upstream_id).fim
    return Diagnosis(model, model, findings, (), nothing, prober.sent, prober.tokens)


def _size(request: ChatRequest) -> int:
    return tokens(length(request)) + (request.max_tokens or 0)

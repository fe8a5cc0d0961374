"""What the doctor found, and the row that follows from it. Pure: everything was asked before.

A row changes only for something that was seen. Where an endpoint was busy, slow or silent nothing was seen, and what
the row says stays.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import EndpointNotFound, InvalidFormat
from beastmode.domain.model import FimTemplate
from beastmode.operations.endpoint_facts import Facts, same_name
from beastmode.operations.fim_templates import template_name
from beastmode.operations.fim_trial import TEMPLATED, Outcome, Way
from beastmode.operations.probing import is_passing
from beastmode.router.complexity import tokens
from beastmode.wire import CHATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.domain.errors import AttemptFailed
    from beastmode.domain.model import Auth, ModelSpec, Provider
    from beastmode.operations.probing import Probe

MARGIN = 1.0
"""Holes that another way must fill more than the stored one: less is chance, and a row must not swing to and fro."""
STREAM_SECONDS, STREAM_SHARE = 0.05, 0.1
"""Pieces that come within less time than this, and than this part of the whole, were sent in one go."""
LONG_ENOUGH = 8
"""Tokens from which an answer says something about speed."""
MOST_NAMES_SHOWN = 5
BEGUN, NEXT = "41 42 43 44", "45"
"""The beginning of an answer that no model would choose itself when it is asked to count from one, and what follows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: yes, no or (None) cannot be told; what was seen; what to do where it is bad."""

    name: str
    found: bool | None
    evidence: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the row: what it is, what it should be, and why."""

    field: str
    now: object
    proposed: object
    why: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a model chats: the format, how the key travels, and the kind of endpoint that this is the habit of."""

    provider: str
    chat_format: str
    auth: Auth


@dataclass(frozen=True, slots=True)
class Prefill:
    """What a model made of an answer that was begun with `BEGUN`, and the dialect in which it was."""

    dialect: Dialect
    probe: Probe

    @property
    def goes_on(self) -> bool:
        """Whether it counted on."""
        return self.probe.error is None and self.probe.text.lstrip().startswith(NEXT)

    @property
    def clear(self) -> bool:
        """Whether that says anything about the model: a busy endpoint says nothing."""
        return not is_passing(self.probe.error)


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was asked and answered.

    `name` is what the endpoint was told the model is called; `chat` and `fim` None and empty where nothing worked.
    `chat_error` is of the first format that was tried. `samples` are for speed, the first of them a short answer.
    `files`: the template that is going to be used, with tokens for other files that the model knows.
    """

    name: str
    chat: Dialect | None = None
    chat_error: AttemptFailed | None = None
    facts: Facts = field(default_factory=Facts)
    fim: Outcome = field(default_factory=Outcome)
    samples: tuple[Probe, ...] = ()
    prefill: Prefill | None = None
    files: FimTemplate | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The row as it is and as it should be, and the reasons."""

    model: ModelSpec
    proposed: ModelSpec
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    fim: Outcome
    requests: int
    tokens: int

    @property
    def ok(self) -> bool:
        """Whether the model answered anything that can be used."""
        return any(finding.found for finding in self.findings if finding.name in {"Chat", "Code completion"})

    def as_json(self) -> dict[str, Any]:
        """The whole as plain values."""
        blind = (self.fim.blind,) if self.fim.blind else ()
        return {
            "model": self.model.id,
            "ok": self.ok,
            "findings": [asdict(finding) for finding in self.findings],
            "changes": [asdict(change) for change in self.changes],
            "holes": [
                {
                    "way": trial.way.title,
                    "fim_format": trial.way.fim_format,
                    "fim_template": asdict(trial.way.template) if trial.way.template else None,
                    "points": trial.points,
                    "verdicts": trial.verdicts,
                    "seconds": trial.usual_s,
                    "error": trial.error.message if trial.error else None,
                }
                for trial in (*self.fim.trials, *blind)
            ],
            "requests": self.requests,
            "tokens": self.tokens,
        }


def stored_way(model: ModelSpec) -> Way | None:
    """How the row says that holes are filled."""
    if model.fim_format is None:
        return None
    return Way(model.fim_format, model.fim_template if model.fim_format in TEMPLATED else None)


def conclude(model: ModelSpec, provider: Provider, seen: Seen, *, requests: int, spent: int) -> Diagnosis:
    """Findings and proposals from what was seen; `requests` and `spent` (tokens) are what it took."""
    changes = tuple(_changes(model, provider, seen))
    values: dict[str, Any] = {change.field: change.proposed for change in changes}
    proposed = replace(model, **values)
    findings = tuple(_findings(model, seen, proposed))
    return Diagnosis(model, proposed, findings, changes, seen.fim, requests, spent)


def _changes(model: ModelSpec, provider: Provider, seen: Seen) -> Iterator[Change]:
    chat, way = seen.chat, stored_way(model)
    if chat is not None or seen.fim.ranked:
        if seen.name != model.upstream_id:
            yield Change("upstream_id", model.upstream_id, seen.name, "the only model that the endpoint serves")
        if chat is not None and chat.chat_format not in provider.chat_formats:
            yield Change("provider", model.provider, chat.provider, f"the endpoint speaks {chat.chat_format}")
        chats_by = chat.chat_format if chat else None
        if chats_by != model.chat_format and not (chat is None and is_passing(seen.chat_error)):
            why = "it answers in this format" if chat else str(seen.chat_error and seen.chat_error.message)
            yield Change("chat_format", model.chat_format, chats_by, why)
        yield from _prefill(model, chats_by, seen)
        way, why = best_way(model, seen.fim)
        fim_format, template = (way.fim_format, way.template) if way else (None, None)
        if fim_format != model.fim_format:
            yield Change("fim_format", model.fim_format, fim_format, why)
        is_stored = way.same(stored_way(model)) if way else stored_way(model) is None
        if seen.files is not None:
            template, is_stored = seen.files, False
            why = "; ".join(filter(None, (why, f"reads {seen.files.file} as one token, so other files go by it")))
        if not is_stored and template != model.fim_template:
            yield Change("fim_template", model.fim_template, template, why)
    yield from _room(model, seen.facts, native=_is_native(chat, way))


def _prefill(model: ModelSpec, chats_by: str | None, seen: Seen) -> Iterator[Change]:
    """What was seen, where the row and the habit of the format in which the model chats say otherwise."""
    if seen.prefill is None or not seen.prefill.clear or chats_by is None:
        return
    expected = CHATS[chats_by].continues if model.prefill is None else model.prefill
    if seen.prefill.goes_on != expected:
        why = "goes on with a begun answer" if seen.prefill.goes_on else "begins a begun answer anew"
        yield Change("prefill", model.prefill, seen.prefill.goes_on, why)


def best_way(model: ModelSpec, fim: Outcome) -> tuple[Way | None, str]:
    """The way to propose, and why: the stored one unless another does clearly better or it does not exist."""
    stored = stored_way(model)
    now, best = fim.of(stored), next(iter(fim.ranked), None)
    if best is None:
        gone = now is not None and now.is_impossible
        return (None, "no way of asking filled a hole") if gone else (stored, "")
    if now is not None and (is_passing(now.error) or (now.error is None and best.points < now.points + MARGIN)):
        return stored, ""
    told = [f"fills {best.line()}"]
    if now is not None:
        told.append(f"the stored way: {now.line()}")
    runner_up = next((trial for trial in fim.ranked[1:] if not trial.way.same(stored)), None)
    if runner_up is not None:
        told.append(f"next best: {runner_up.way.title} with {runner_up.line()}")
    return best.way, "; ".join(told)


def _is_native(chat: Dialect | None, way: Way | None) -> bool:
    """Whether every request tells the server how large a window to make: Ollama's own formats do."""
    used = [name for name in (chat and chat.chat_format, way and way.fim_format) if name not in {None, "chat-infill"}]
    return bool(used) and all(str(name).startswith("ollama-") for name in used)


def _room(model: ModelSpec, facts: Facts, *, native: bool) -> Iterator[Change]:
    window, why = facts.window, f"{facts.window_source} says so"
    if native:
        too_large = facts.longest is not None and model.context_window > facts.longest
        window, why = (facts.longest, "the model takes no more") if too_large else (None, "")
    if window is not None and window != model.context_window:
        yield Change("context_window", model.context_window, window, why)
        if model.max_tokens > window:
            yield Change("max_tokens", model.max_tokens, window // 2, f"more than the window of {window}")
    if facts.slots is not None and (model.max_concurrent is None or model.max_concurrent > facts.slots):
        yield Change("max_concurrent", model.max_concurrent, facts.slots, "the server has so many slots (/props)")


def _findings(model: ModelSpec, seen: Seen, proposed: ModelSpec) -> Iterator[Finding]:
    chat, facts, ranked = seen.chat, seen.facts, seen.fim.ranked
    if facts.served:
        knows = any(same_name(name, seen.name) for name in facts.served)
        names = ", ".join(facts.served[:MOST_NAMES_SHOWN]) + (", …" if len(facts.served) > MOST_NAMES_SHOWN else "")
        yield Finding("Model's name", knows, f"{seen.name}; served: {names}")
    if chat is not None:
        yield Finding("Chat", found=True, evidence=chat.chat_format)
    else:
        unclear = None if is_passing(seen.chat_error) else False
        error = seen.chat_error
        yield Finding("Chat", unclear, error.message if error else "not tried", error.fix if error else "")
    if any(sample.thought for sample in seen.samples):
        yield Finding("Thinks first", found=True, evidence="inline suggestions have no time for that")
    stored = seen.fim.of(stored_way(model))
    if ranked:
        kept = next((trial for trial in ranked if trial.way.same(stored_way(proposed))), ranked[0])
        evidence = f"{kept.way.title}: {kept.line()}"
        if seen.fim.blind is not None and seen.fim.blind.error is None:
            evidence += f"; with only what stands before: {seen.fim.blind.line()}"
        yield Finding("Code completion", found=True, evidence=evidence)
    else:
        passing = stored is not None and is_passing(stored.error)
        yield Finding(
            "Code completion",
            None if passing else False,
            stored.line() if passing and stored else "no way of asking filled a hole",
            "Try again when the endpoint is less busy" if passing else "Select another model for inline suggestions",
        )
    yield from _suffix(seen.fim)
    yield from _manners(seen)
    if facts.window is not None:
        yield Finding("Context window", found=True, evidence=f"{facts.window} tokens ({facts.window_source})")
    else:
        longest = f"; the model itself takes {facts.longest}" if facts.longest else ""
        yield Finding("Context window", None, f"the endpoint does not say{longest}")


def _suffix(fim: Outcome) -> Iterator[Finding]:
    """Whether the field `suffix` is honoured, refused, or silently ignored."""
    for name in TEMPLATED:
        trial = fim.of(Way(name))
        if trial is None:
            continue
        if trial.error is not None:
            if trial.is_impossible and not isinstance(trial.error, EndpointNotFound | InvalidFormat):
                yield Finding(f"suffix ({name})", found=False, evidence=f"refused: {trial.error.message}")
        elif trial.sees_suffix:
            yield Finding(f"suffix ({name})", found=True, evidence=f"changes the answer; {trial.line()}")
        else:
            yield Finding(f"suffix ({name})", found=False, evidence="silently ignored: the answer is always the same")


def _manners(seen: Seen) -> Iterator[Finding]:
    """Prefill, streaming, usage and speed."""
    if seen.prefill is not None:
        error = seen.prefill.probe.error
        evidence = "goes on with a begun answer" if seen.prefill.goes_on else "begins a begun answer anew"
        yield Finding(
            "Prefill",
            seen.prefill.goes_on if seen.prefill.clear else None,
            f"{evidence} ({seen.prefill.dialect.chat_format})" if error is None else error.message,
        )
    heard = [sample for sample in seen.samples if sample.error is None and sample.first_s is not None]
    if not heard:
        return
    longest = max(heard, key=lambda sample: sample.pieces)
    spread = longest.spread_s >= STREAM_SECONDS or longest.spread_s >= STREAM_SHARE * longest.seconds
    if longest.pieces == 1:
        yield Finding("Streaming", found=False, evidence="the answer comes in one piece")
    elif spread:
        yield Finding("Streaming", found=True, evidence=f"{longest.pieces} pieces in {longest.spread_s:.2f} s")
    else:
        held = f"{longest.pieces} pieces all at once: something on the way holds them back"
        yield Finding("Streaming", found=False, evidence=held, fix="Turn buffering off in the proxy before the model")
    counted = all(sample.usage is not None for sample in heard)
    yield Finding("Usage", counted, "reported" if counted else "not reported; tokens are estimated")
    yield Finding("Speed", found=True, evidence=_speed(heard))


def _speed(heard: Sequence[Probe]) -> str:
    first = median(sample.first_s or 0.0 for sample in heard)
    rates = []
    for sample in heard:
        count = sample.usage.output_tokens if sample.usage else None
        count = tokens(len(sample.text)) if count is None else count
        if count >= LONG_ENOUGH and sample.seconds:
            streamed = sample.spread_s >= STREAM_SHARE * sample.seconds
            rates.append((count - 1) / sample.spread_s if streamed else count / sample.seconds)
    rate = f", {median(rates):.0f} tokens a second" if rates else ""
    return f"first token after {first * 1000:.0f} ms{rate} (median of {len(heard)} answers)"


def shown(value: object) -> str:
    """A field's value for people: a template by its family."""
    if isinstance(value, FimTemplate):
        return template_name(value)
    return "none" if value is None else str(value)

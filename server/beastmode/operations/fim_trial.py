"""Which way of asking fills holes best at an endpoint: every way is tried on known holes, the best on more of them.

A way is a format of wire/, with a template where the format sends one prompt string. Names of models play no part.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING

from beastmode.domain.errors import EndpointNotFound, InvalidFormat
from beastmode.operations.fim_templates import families, same_tokens, template_name
from beastmode.operations.holes import FIRST, HOLES, POINTS, judge
from beastmode.operations.probing import is_passing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.errors import AttemptFailed
    from beastmode.domain.model import Auth, FimTemplate, ModelSpec
    from beastmode.operations.holes import Hole, Verdict
    from beastmode.operations.probing import Prober

CHAT_INFILL = "chat-infill"
"""The one way that needs a model that can chat; the last resort, as it costs the most tokens."""
TEMPLATED = ("openai-completions", "ollama-generate")
"""Formats that send one prompt string where a template is given, and a suffix of its own field where none is."""
FINALISTS = 3
"""Ways that are tried on all holes, besides the stored one and the text before the hole alone."""
TWINS = 2


@dataclass(frozen=True, slots=True)
class Way:
    """One way to have a hole filled. `blind`: only the text before it is sent; to compare with, not to propose."""

    fim_format: str
    template: FimTemplate | None = None
    blind: bool = False

    @property
    def title(self) -> str:
        """For people."""
        if self.blind:
            return f"{self.fim_format}, only what stands before"
        if self.template is not None:
            return f"{self.fim_format}, template {template_name(self.template)}"
        return f"{self.fim_format}, suffix" if self.fim_format in TEMPLATED else self.fim_format

    def same(self, other: Way | None) -> bool:
        """Whether both send the same."""
        if other is None or (self.fim_format, self.blind) != (other.fim_format, other.blind):
            return False
        if self.template is None or other.template is None:
            return self.template is other.template
        return same_tokens(self.template, other.template)


@dataclass(slots=True)
class Trial:
    """A way, and how it did: a verdict for each of the first holes of `HOLES`, and what ended the trial early.

    `seconds` are those of each whole answer.
    """

    way: Way
    verdicts: list[Verdict] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    error: AttemptFailed | None = None

    @property
    def points(self) -> float:
        """One for a hole that was filled, half a one where the answer ran on."""
        return sum(POINTS.get(verdict, 0.0) for verdict in self.verdicts)

    @property
    def usual_s(self) -> float | None:
        """Seconds of the answer in the middle."""
        return median(self.seconds) if self.seconds else None

    @property
    def sees_suffix(self) -> bool | None:
        """Whether what follows a hole makes any difference to the answer; None where there is nothing to tell by."""
        said = [" ".join(answer.split()) for answer in self.answers]
        pairs = [said[at : at + TWINS] for at in range(0, len(said) - 1, TWINS)]
        return any(one != other for one, other in pairs) if pairs else None

    @property
    def is_impossible(self) -> bool:
        """Whether the endpoint does not know this way at all; a busy or broken endpoint says nothing of the kind."""
        return self.error is not None and not is_passing(self.error)

    def line(self) -> str:
        """The score, for people."""
        if not self.verdicts:
            return str(self.error.message if self.error else "not tried")
        return f"{self.points:g} of {len(self.verdicts)} holes"


@dataclass(frozen=True, slots=True)
class Outcome:
    """All trials, best first; `blind` is the one with only the text before the holes, where a format can do it."""

    trials: tuple[Trial, ...] = ()
    blind: Trial | None = None

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """Those that filled anything."""
        return tuple(trial for trial in self.trials if trial.points and not trial.is_impossible)

    def of(self, way: Way | None) -> Trial | None:
        """The trial of a way."""
        return next((trial for trial in self.trials if trial.way.same(way)), None)


def most_questions(formats: Sequence[str]) -> int:
    """How many holes are asked at most for these formats."""
    ways = len(formats) + 1 + len(families()) + 1  # the stored way, and the blind one
    return ways * FIRST + (FINALISTS + 2) * (len(HOLES) - FIRST)


async def try_ways(prober: Prober, model: ModelSpec, formats: Sequence[str], auth: Auth, stored: Way | None) -> Outcome:
    """Try every way, then the best of them on all holes.

    Args:
        prober: asks.
        model: with the chat format that works, if any.
        formats: of wire/, those of the model's own provider first.
        auth: how the key travels.
        stored: the way of the model's row; it goes to the end, so that it is compared fairly.
    """
    contest = _Contest(prober, model, auth, stored)
    for name in formats:
        if name != CHAT_INFILL:
            await contest.enter(name)
    if model.chat_format is not None and CHAT_INFILL in formats:
        await contest.run(Way(CHAT_INFILL), HOLES[:FIRST])
    return await contest.end()


class _Contest:
    def __init__(self, prober: Prober, model: ModelSpec, auth: Auth, stored: Way | None) -> None:
        self._prober = prober
        self._model = model
        self._auth: Auth = auth
        self._stored = stored
        self._blind: Trial | None = None
        self._trials: list[Trial] = []

    async def enter(self, name: str) -> None:
        """Try a format; the first that takes templates and exists is tried with all of them."""
        ways = [Way(name)]
        if name in TEMPLATED and self._blind is None:
            blind = Trial(Way(name, blind=True))
            await self._fill(blind, HOLES[:FIRST])
            if isinstance(blind.error, EndpointNotFound | InvalidFormat):
                self._trials.append(Trial(Way(name), error=blind.error))
                return
            self._blind = blind
            ways += [Way(name, family.template) for family in families()]
        if self._stored is not None and self._stored.fim_format == name and not any(map(self._stored.same, ways)):
            ways.append(self._stored)
        for way in ways:
            await self.run(way, HOLES[:FIRST])

    async def run(self, way: Way, holes: Sequence[Hole]) -> None:
        """Begin the trial of a way; one that gets nowhere with the first twins, where another did, ends there."""
        self._prober.say(f"Filling holes: {way.title}")
        trial = Trial(way)
        self._trials.append(trial)
        await self._fill(trial, holes[:TWINS])
        if trial.error is None and (trial.points or not any(_began_well(other) for other in self._trials)):
            await self._fill(trial, holes[TWINS:])

    async def end(self) -> Outcome:
        """Let the best, the stored way and the blind one go through the rest of the holes, and rank."""
        best = [trial for trial in self._ranked() if trial.points][:FINALISTS]
        last = [trial for trial in self._trials if trial.way.same(self._stored) and trial not in best]
        for trial in (*best, *last, *((self._blind,) if self._blind else ())):
            if best and trial.error is None:
                self._prober.say(f"Filling more holes: {trial.way.title}")
                await self._fill(trial, HOLES[FIRST:])
        return Outcome(tuple(self._ranked()), self._blind)

    def _ranked(self) -> list[Trial]:
        """Best first: points, then the stored way, then whoever sees the suffix, then the order in which they came."""
        return sorted(
            self._trials,
            key=lambda trial: (
                not trial.is_impossible,
                trial.points,
                trial.way.same(self._stored),
                trial.sees_suffix is True,
            ),
            reverse=True,
        )

    async def _fill(self, trial: Trial, holes: Sequence[Hole]) -> None:
        way = trial.way
        model = replace(self._model, fim_format=way.fim_format, fim_template=way.template)
        for hole in holes:
            probe = await self._prober.ask(hole.request(blind=way.blind), model, self._auth)
            if probe.error is not None:
                trial.error = probe.error
                return
            trial.verdicts.append(judge(hole, probe.text))
            trial.answers.append(probe.text)
            trial.seconds.append(probe.seconds)


def _began_well(trial: Trial) -> bool:
    return sum(POINTS.get(verdict, 0.0) for verdict in trial.verdicts[:TWINS]) >= 1

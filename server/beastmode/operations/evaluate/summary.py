"""What the rows of a run add up to: figures for each variant, and the differences between them. Pure.

Only holes that every variant has a row for are counted, so that all figures are of the same holes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from beastmode.operations.evaluate.chance import Interval, holm, interval, mcnemar, permutation, quantile, wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from beastmode.operations.evaluate.holes import Hole
    from beastmode.operations.evaluate.store import Plan, Row
    from beastmode.operations.evaluate.variants import Variant

SIGNIFICANT = 0.05
"""A difference whose corrected p is below is called beyond chance."""

MEASURES: dict[str, tuple[str, Callable[[Row], float | None]]] = {
    "exact": ("exact match", lambda row: float(row.score.exact)),
    "first_line": ("first line exact", lambda row: float(row.score.first_line)),
    "similarity": ("edit similarity", lambda row: row.score.similarity),
    "shown": ("something shown", lambda row: float(row.score.shown)),
    "parses": ("parses with it", lambda row: _optional(row.score.parses)),
    "duplicates": ("repeats what follows", lambda row: _optional(row.score.duplicates)),
    "tests": ("tests pass with it", lambda row: _optional(row.tests)),
}
"""Name, what people call it, and its value for a row, None where there is none: the last three only look at what can be
looked at (something shown, with a grammar; a hole that tests cover)."""

COMPARED = ("exact", "similarity")
"""The measures that differences are tested in."""
LOWER_IS_BETTER = frozenset(("duplicates",))


@dataclass(frozen=True, slots=True)
class Figures:
    """One variant.

    Attributes:
        measures: by name; one without any value is left out.
        counts: how many rows each measure has.
        by_kind: exact match and edit similarity by kind of hole.
        p50_s, p95_s: seconds to the suggestion; `replayed` of them are those of the same question asked earlier.
        input_tokens, output_tokens: of a question, on average; `estimated` where any was counted by us.
        per_thousand: US dollars for a thousand questions; None where a price is not known.
        sources: pieces of context a hole, on average, by source.
        reasons: why nothing was shown, counted.
    """

    name: str
    measures: dict[str, Interval]
    counts: dict[str, int]
    by_kind: dict[str, dict[str, Interval]]
    p50_s: float | None
    p95_s: float | None
    replayed: int
    seconds: tuple[float, ...]
    input_tokens: float | None
    output_tokens: float | None
    estimated: bool
    per_thousand: Decimal | None
    sources: dict[str, float]
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first variant minus another one, on the same holes.

    `wins` and `losses`: holes that only the first, or only the other, got exactly right (or came closer to).
    `chance` is the p value, `corrected` the same for all comparisons of the run together.
    """

    other: str
    measure: str
    by: Interval
    wins: int
    losses: int
    chance: float
    corrected: float

    @property
    def beyond_chance(self) -> bool:
        """Whether luck is no likely explanation."""
        return self.corrected < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in figures. `holes` were answered by every variant, of `planned` in `files` files.

    A variant is called by what tells it from the others, see `label`; `reference` is the first one's name.
    """

    run: str
    models: tuple[str, ...]
    reference: str
    seed: int
    holes: int
    planned: int
    files: int
    kinds: dict[str, int]
    repositories: tuple[str, ...]
    figures: tuple[Figures, ...]
    differences: tuple[Difference, ...]
    failures: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For a program; dollars as text."""
        whole = asdict(self)
        for each in whole["figures"]:
            each["measures"] = {name: value._asdict() for name, value in each["measures"].items()}
            each["by_kind"] = {
                kind: {name: value._asdict() for name, value in values.items()}
                for kind, values in each["by_kind"].items()
            }
            each["per_thousand"] = None if each["per_thousand"] is None else str(each["per_thousand"])
        for found, each in zip(whole["differences"], self.differences, strict=True):
            found["by"] = each.by._asdict()
            found["beyond_chance"] = each.beyond_chance
        return whole


def summarize(run: str, plan: Plan, rows: Sequence[Row], failures: Sequence[str] = ()) -> Summary:
    """Add up the rows of a run, finished or not."""
    of: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        of[row.hole][row.variant] = row
    holes = [hole for hole in plan.holes if all(variant.name in of[hole.id] for variant in plan.variants)]
    table = {label(each, plan): [of[hole.id][each.name] for hole in holes] for each in plan.variants}
    kinds: dict[str, int] = defaultdict(int)
    for hole in holes:
        kinds[hole.kind] += 1
    return Summary(
        run=run,
        models=tuple(dict.fromkeys(variant.model for variant in plan.variants)),
        reference=label(plan.variants[0], plan),
        seed=plan.seed,
        holes=len(holes),
        planned=len(plan.holes),
        files=len({hole.file for hole in holes}),
        kinds=dict(kinds),
        repositories=tuple(root.replace("\\", "/").rstrip("/").rpartition("/")[2] for root in plan.roots),
        figures=tuple(_figures(name, answers, holes, plan.seed) for name, answers in table.items()) if holes else (),
        differences=_differences(table, holes, plan.seed) if holes else (),
        failures=tuple(failures),
    )


def label(variant: Variant, plan: Plan) -> str:
    """What a variant is called where no more has to be told apart: by its way, its model, or both."""
    if len({each.model for each in plan.variants}) == 1:
        return variant.way
    return variant.model if len({each.way for each in plan.variants}) == 1 else variant.name


def _figures(name: str, rows: Sequence[Row], holes: Sequence[Hole], seed: int) -> Figures:
    groups = [hole.file for hole in holes]
    measures, counts = {}, {}
    for measure in MEASURES:
        found = _measured(measure, rows, groups, seed)
        if found is not None:
            measures[measure], counts[measure] = found
    kinds = list(dict.fromkeys(hole.kind for hole in holes))
    seconds = sorted(row.seconds for row in rows if row.seconds is not None)
    said = [row.said for row in rows if row.said is not None]
    ins = [each.usage.input_tokens for each in said if each.usage.input_tokens is not None]
    outs = [each.usage.output_tokens for each in said if each.usage.output_tokens is not None]
    costs = [Decimal(row.cost) for row in rows if row.cost is not None]
    sources: dict[str, int] = defaultdict(int)
    reasons: dict[str, int] = defaultdict(int)
    for row in rows:
        for source, number in row.sources.items():
            sources[source] += number
        if row.reason:
            reasons[row.reason] += 1
    return Figures(
        name=name,
        measures=measures,
        counts=counts,
        by_kind={str(kind): _of_kind(kind, rows, holes, seed) for kind in kinds},
        p50_s=quantile(seconds, 0.5) if seconds else None,
        p95_s=quantile(seconds, 0.95) if seconds else None,
        replayed=sum(row.replayed for row in rows),
        seconds=tuple(seconds),
        input_tokens=sum(ins) / len(ins) if ins else None,
        output_tokens=sum(outs) / len(outs) if outs else None,
        estimated=any(each.estimated for each in said),
        per_thousand=sum(costs, Decimal(0)) / len(costs) * 1000 if len(costs) == len(rows) else None,
        sources={source: number / len(rows) for source, number in sorted(sources.items())},
        reasons=dict(sorted(reasons.items(), key=lambda each: -each[1])),
    )


def _measured(measure: str, rows: Sequence[Row], groups: Sequence[str], seed: int) -> tuple[Interval, int] | None:
    value_of = MEASURES[measure][1]
    pairs = [(value, group) for row, group in zip(rows, groups, strict=True) if (value := value_of(row)) is not None]
    if not pairs:
        return None
    values, of = zip(*pairs, strict=True)
    if measure == "duplicates":
        # So rare that a bootstrap has nothing to draw from.
        rate = sum(values) / len(values)
        return Interval(rate, *wilson(round(sum(values)), len(values))), len(values)
    return interval(values, of, seed), len(values)


def _of_kind(kind: str, rows: Sequence[Row], holes: Sequence[Hole], seed: int) -> dict[str, Interval]:
    chosen = [(row, hole.file) for row, hole in zip(rows, holes, strict=True) if hole.kind == kind]
    of, groups = [row for row, _ in chosen], [group for _, group in chosen]
    found = {measure: _measured(measure, of, groups, seed) for measure in COMPARED}
    return {measure: value[0] for measure, value in found.items() if value is not None}


def _differences(table: Mapping[str, Sequence[Row]], holes: Sequence[Hole], seed: int) -> tuple[Difference, ...]:
    """Each other variant against the first; all p values are corrected together."""
    reference, *others = table
    groups = [hole.file for hole in holes]
    raw: dict[str, Difference] = {}
    for other in others:
        for measure in COMPARED:
            value_of = MEASURES[measure][1]
            by = [
                (value_of(one) or 0.0) - (value_of(two) or 0.0)
                for one, two in zip(table[reference], table[other], strict=True)
            ]
            wins, losses = sum(each > 0 for each in by), sum(each < 0 for each in by)
            chance = mcnemar(wins, losses) if measure == "exact" else permutation(by, groups, seed)
            difference = interval(by, groups, seed) if len(set(by)) > 1 else Interval(by[0], by[0], by[0])
            raw[f"{other}\n{measure}"] = Difference(other, measure, difference, wins, losses, chance, chance)
    corrected = holm({name: each.chance for name, each in raw.items()})
    return tuple(
        Difference(each.other, each.measure, each.by, each.wins, each.losses, each.chance, corrected[name])
        for name, each in raw.items()
    )


def _optional(value: bool | None) -> float | None:  # noqa: FBT001 - a value, not a flag
    return None if value is None else float(value)

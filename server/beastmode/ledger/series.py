"""Figures over time: any step of a span, any of the models, and all together, from one reading of the rollups."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING

from beastmode.domain.request import Task
from beastmode.ledger.summary import summary_of
from beastmode.ledger.totals import Totals, fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from beastmode.ledger.summary import Summary
    from beastmode.store import Database


class Series:
    """What was read of a span that is cut into steps; made by `series`.

    Attributes:
        edges: what separates the steps (Unix time, ascending).
        models: those that were asked, by name.
    """

    def __init__(self, edges: Sequence[float], cells: Mapping[tuple[int, str, str], Totals]) -> None:
        self.edges = tuple(edges)
        self.models = tuple(sorted({model for _, model, _ in cells}))
        self._steps: list[list[tuple[str, str, Totals]]] = [[] for _ in pairwise(edges)]
        for (step, model, outcome), totals in cells.items():
            self._steps[step].append((model, outcome, totals))

    def summary(self, models: Collection[str] | None = None) -> Summary:
        """The sums of some models in the whole span; None: of every model."""
        return _added_up(chain.from_iterable(self._steps), models)

    def steps(self, models: Collection[str] | None = None) -> list[Summary]:
        """The same in each step, in order."""
        return [_added_up(step, models) for step in self._steps]


def _added_up(cells: Iterable[tuple[str, str, Totals]], models: Collection[str] | None) -> Summary:
    parts: dict[str, Totals] = {}
    for model, outcome, totals in cells:
        if models is None or model in models:
            parts.setdefault(outcome, Totals()).absorb(totals)
    return summary_of(parts)


async def series(database: Database, edges: Sequence[float], user: str | None = None) -> Series:
    """Add up a span step by step and model by model, tests of a model left out; costs little whatever the rows.

    Args:
        database: where the rollups are.
        edges: what separates the steps (Unix time, ascending, at least two).
        user: whose requests; None for everybody's, '' for those of the owner of this machine.
    """

    def key(step: int, model: str, task: str, outcome: str, who: str) -> tuple[int, str, str] | None:
        return (step, model, outcome) if task != Task.PROBE and user in {None, who} else None

    return Series(edges, await database.query(lambda connection: fold(connection, edges, key)))

"""Routes as rows: for each task a chain of models, and the model for its hard work.

Position 0 is the model that the user selected, the others are the fallbacks that the user allowed. Where the selected
one is gone, a fallback takes its place only if it costs nothing: paying for the first time is the user's decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Task
    from beastmode.store.connection import Row
    from beastmode.store.writer import Statement

SELECT_ROUTES = "SELECT task, position, model_id FROM routes ORDER BY task, position"
SELECT_HARD = "SELECT task, model_id FROM hard_models"

_EVERY_TASK = "*"
_COPY_DEFAULT = """INSERT INTO routes (task, position, model_id) SELECT ?1, position, model_id FROM routes
    WHERE task = '*' AND NOT EXISTS (SELECT 1 FROM routes WHERE task = ?1)"""
_MAKE_ROOM = "DELETE FROM routes WHERE task = ? AND (position = 0 OR model_id = ?)"
_ADD = "INSERT INTO routes (task, position, model_id) VALUES (?, ?, ?)"
_SET_HARD = """INSERT INTO hard_models (task, model_id) VALUES (?, ?)
    ON CONFLICT (task) DO UPDATE SET model_id = excluded.model_id"""


@dataclass(frozen=True, slots=True)
class Routes:
    """What was read, by task; see `chain` and `hard` for what holds where a task has nothing of its own."""

    chains: Mapping[str, tuple[ModelSpec, ...]] = field(default_factory=lambda: MappingProxyType({}))
    hard_models: Mapping[str, ModelSpec] = field(default_factory=lambda: MappingProxyType({}))

    def chain(self, task: Task) -> tuple[ModelSpec, ...]:
        """The task's own chain, else the one for every task, else nothing."""
        return self.chains.get(task.value) or self.chains.get(_EVERY_TASK, ())

    def own(self, task: Task | None) -> tuple[ModelSpec, ...]:
        """The chain of exactly this task, or of every task (None)."""
        return self.chains.get(_name(task), ())

    def hard(self, task: Task) -> ModelSpec | None:
        """The model for hard work, likewise."""
        return self.hard_models.get(task.value) or self.hard_models.get(_EVERY_TASK)


def routes_of(
    chains: Iterable[Row],
    hard: Iterable[Row],
    find: Callable[[str], ModelSpec | None],
    is_paid: Callable[[ModelSpec], bool],
) -> Routes:
    """What the rows of SELECT_ROUTES and SELECT_HARD say; a model that `find` does not know (any more) is left out."""
    found: dict[str, tuple[ModelSpec, ...]] = {}
    selected: set[str] = set()
    for row in chains:
        model = find(row["model_id"])
        if model is not None:
            found[row["task"]] = (*found.get(row["task"], ()), model)
            selected |= {row["task"]} if row["position"] == 0 else set()
    able = {row["task"]: find(row["model_id"]) for row in hard}
    return Routes(
        {task: chain if task in selected else _promoted(chain, is_paid) for task, chain in found.items()},
        {task: model for task, model in able.items() if model is not None},
    )


def select(task: Task | None, model_id: str) -> list[Statement]:
    """Put a model first and keep the fallbacks; a task without a chain takes those of the default one."""
    name = _name(task)
    return [(_COPY_DEFAULT, (name,)), (_MAKE_ROOM, (name, model_id)), (_ADD, (name, 0, model_id))]


def replace(task: Task | None, model_ids: Sequence[str]) -> list[Statement]:
    """Set a whole chain; an empty one means that the task has none of its own."""
    name = _name(task)
    rows = [(_ADD, (name, position, model_id)) for position, model_id in enumerate(dict.fromkeys(model_ids))]
    return [("DELETE FROM routes WHERE task = ?", (name,)), *rows]


def replace_hard(task: Task | None, model_id: str | None) -> list[Statement]:
    """Set or remove the model for hard work."""
    name = _name(task)
    if model_id is None:
        return [("DELETE FROM hard_models WHERE task = ?", (name,))]
    return [(_SET_HARD, (name, model_id))]


def forget(model_id: str) -> list[Statement]:
    """Take a model out of every route."""
    return [
        ("DELETE FROM routes WHERE model_id = ?", (model_id,)),
        ("DELETE FROM hard_models WHERE model_id = ?", (model_id,)),
    ]


def _name(task: Task | None) -> str:
    return _EVERY_TASK if task is None else task.value


def _promoted(chain: tuple[ModelSpec, ...], is_paid: Callable[[ModelSpec], bool]) -> tuple[ModelSpec, ...]:
    first = next((model for model in chain if not is_paid(model)), None)
    return () if first is None else (first, *(model for model in chain if model is not first))

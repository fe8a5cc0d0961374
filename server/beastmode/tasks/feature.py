"""A feature from a description: a plan first, then the edits of several files as one change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.domain.request import Task
from beastmode.tasks.checks import keeping_names
from beastmode.tasks.proposal import Recipe

if TYPE_CHECKING:
    from beastmode.tasks.proposal import Order


def _words(order: Order) -> str:
    if not order.instruction.strip():
        raise UserError("Feature: nothing says what is wanted", "Describe the feature in a sentence or more")
    return f"The feature that is wanted:\n\n{order.instruction.strip()}"


RECIPE = Recipe(
    "feature",
    "Building a feature",
    Task.FEATURE,
    _words,
    partial(keeping_names, is_needed=False),  # a feature may well replace what was there; it is said
    plans=True,
    needs_file=False,
)

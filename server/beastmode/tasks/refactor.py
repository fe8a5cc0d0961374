"""Refactoring: better code that does the same, by the user's words or for an opportunity that was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.request import Task
from beastmode.tasks.base import about
from beastmode.tasks.checks import keeping_names
from beastmode.tasks.proposal import Recipe

if TYPE_CHECKING:
    from beastmode.tasks.proposal import Order


_USUAL = "Make this code simpler and easier to read. Do what helps most, and not more."


def _words(order: Order) -> str:
    found = f"Refactor this: {about(order.place)}" if order.place is not None else ""
    return "\n\n".join(filter(None, (found, order.instruction.strip()))) or _USUAL


RECIPE = Recipe("refactor", "Refactoring", Task.REFACTOR, _words, keeping_names)

"""Fixing what a diagnostic says, or what the user says is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.domain.request import Task
from beastmode.tasks.base import about
from beastmode.tasks.checks import keeping_names
from beastmode.tasks.proposal import Recipe

if TYPE_CHECKING:
    from beastmode.tasks.proposal import Order


def _words(order: Order) -> str:
    if not order.instruction.strip() and order.place is None:
        raise UserError("Fix: nothing says what is wrong", "Say what is wrong, or choose a diagnostic")
    found = f"Fix this: {about(order.place)}" if order.place is not None else ""
    return "\n\n".join(filter(None, (found, order.instruction.strip())))


RECIPE = Recipe("fix", "Fixing", Task.REFACTOR, _words, keeping_names)

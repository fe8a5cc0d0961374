"""Explaining code. The result is text; nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.request import Task
from beastmode.tasks.proposal import Recipe

if TYPE_CHECKING:
    from beastmode.tasks.proposal import Order


def _words(order: Order) -> str:
    return order.instruction.strip() or "Explain this code."


RECIPE = Recipe("explain", "Explaining", Task.CHAT, _words, edits=False)

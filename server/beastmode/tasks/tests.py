"""Tests for a function, a class or a file, run before they are shown; see `testing/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.domain.request import Task
from beastmode.tasks.proposal import Recipe

if TYPE_CHECKING:
    from beastmode.tasks.proposal import Order


def _words(order: Order) -> str:
    if len({each.path for each in order.files}) > 1:
        raise UserError(
            "Generating tests: more than one file was given", "Name one file; a batch takes one order for each"
        )
    return order.instruction.strip()


RECIPE = Recipe("tests", "Generating tests", Task.TESTS, _words, makes_tests=True, repairs=2)

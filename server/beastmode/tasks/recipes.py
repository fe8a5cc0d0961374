"""Every task: a file of this folder with a `RECIPE`, and the prompt of the same name. No list has to name a new one."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING

import beastmode.tasks
from beastmode.domain.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.tasks.proposal import Recipe


@cache
def recipes() -> Mapping[str, Recipe]:
    """The tasks by their names."""
    found: dict[str, Recipe] = {}
    for each in iter_modules(beastmode.tasks.__path__):
        if not each.ispkg and each.name != "recipes":
            recipe = getattr(import_module(f"beastmode.tasks.{each.name}"), "RECIPE", None)
            if recipe is not None:
                found[recipe.name] = recipe
    return MappingProxyType(found)


def recipe(name: str) -> Recipe:
    """The task of that name.

    Raises:
        UserError: there is none.
    """
    found = recipes().get(name)
    if found is None:
        raise UserError(f"There is no task {name[:40]!r}", f"The tasks are {', '.join(recipes())}")
    return found

"""The specification's endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.faces.http import models_api

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from beastmode.faces.http.gateway import Gateway


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Models."""
    return [*models_api.routes(gateway)]

"""The specification's endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.faces.http import code_api, models_api, suggestions_api

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from beastmode.faces.http.gateway import Gateway


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Models, code, suggestions."""
    return [*models_api.routes(gateway), *code_api.routes(gateway), *suggestions_api.routes(gateway)]

"""Signing a browser in: a token, or a code that is good once, is traded for a cookie that no script can read.

The cookie is sent by our own pages only (SameSite=Strict), and what it holds is signed with the token; see sessions.py.
Neither the token nor the code is ever part of a URL that is sent: the editor puts its code behind `#`, which stays in
the browser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from beastmode.faces.http.body import read
from beastmode.faces.http.operation import Operation
from beastmode.faces.http.problems import Refusal
from beastmode.faces.http.sessions import COOKIE, LIFE_S
from beastmode.registry.users import OWNER

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from beastmode.faces.http.gateway import Gateway
    from beastmode.registry.users import User


class Secret(BaseModel):
    """One of the two."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: str = Field("", max_length=512)
    code: str = Field("", max_length=128)


def routes(gateway: Gateway) -> list[BaseRoute]:
    """In and out."""

    async def sign_in(request: Request) -> Response:
        user = await _user_of(gateway, await read(request, Secret))
        answer = Response(status_code=204)
        answer.set_cookie(
            COOKIE,
            gateway.sessions.begin(user),
            max_age=LIFE_S,
            secure=gateway.access.is_secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def sign_out(_request: Request) -> Response:
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, secure=gateway.access.is_secure, httponly=True, samesite="strict")
        return answer

    return [
        Operation("POST", "/api/dashboard/sign-in", sign_in),
        Operation("POST", "/api/dashboard/sign-out", sign_out),
    ]


async def _user_of(gateway: Gateway, secret: Secret) -> User:
    if secret.code:
        if await gateway.app.sign_in_codes.take(secret.code):
            return OWNER
        raise Refusal(401, "This code was used already, or is older than a minute", "Open the dashboard again")
    if secret.token and gateway.owner.matches(secret.token):
        return OWNER
    user = gateway.users.of_token(secret.token) if secret.token else None
    if user is None:
        raise Refusal(401, "This token is not known here", "`beastmode token` shows the owner's")
    return user

"""What stands before every route: the right host, the right origin, a token, not too often."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from beastmode.faces.http.auth import is_public, recognised
from beastmode.faces.http.dialects import refused
from beastmode.faces.http.problems import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from beastmode.faces.http.gateway import Gateway


class Guard:
    """Lets through whoever may ask, with `state.user` set.

    The Host is compared exactly: a page of another site whose name was made to lead here (DNS rebinding) sends that
    name. A browser says which site's page asks (Origin), and only our own may.
    """

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except Refusal as refusal:
            await refused(scope["path"], refusal)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._gateway.access.hosts:
            raise Refusal(
                421, "This gateway is not known by that name", "Use the address that `beastmode serve` printed"
            )
        origins = headers.getlist("origin")
        if any(not self._is_ours(origin) for origin in origins):
            raise Refusal(
                403, "Pages of other sites may not ask this gateway", "Ask from its own page, or from a program"
            )
        user = recognised(self._gateway, headers)
        if user is None and not is_public(scope["path"]):
            raise Refusal(
                401,
                "A token is needed",
                "Send `Authorization: Bearer TOKEN`; `beastmode token` shows the owner's",
                headers={"www-authenticate": "Bearer"},
            )
        scope.setdefault("state", {})["user"] = user
        if user is not None:
            wait = self._gateway.rates.take(user)
            if wait:
                raise Refusal(
                    429,
                    f"{user.name} may ask {user.requests_per_minute} times a minute",
                    f"Ask again in {wait:.0f} s",
                    headers={"retry-after": str(max(1, round(wait)))},
                )

    def _is_ours(self, origin: str) -> bool:
        """Whether it is one of our own pages; `null` is somebody else's."""
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        schemes = {"https"} if self._gateway.access.is_secure else {"http"}
        return parts.scheme in schemes and parts.netloc.lower() in self._gateway.access.hosts

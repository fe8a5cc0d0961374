"""Who asks: by a token, whichever way it is carried, and never by a name.

`Authorization: Bearer`, as the OpenAI SDKs send it; `x-api-key`, as Anthropic's do; the specification's cookie
`github_oauth_user_id`, which carries a token here; the cookie of a browser that has signed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.faces.http.problems import Refusal
from beastmode.faces.http.sessions import COOKIE
from beastmode.registry.users import OWNER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.datastructures import Headers
    from starlette.requests import Request

    from beastmode.faces.http.gateway import Gateway
    from beastmode.registry.users import User

SPECIFIED_COOKIE = "github_oauth_user_id"
PUBLIC = frozenset({"/healthz", "/readyz", "/", "/api/dashboard/sign-in"})
"""Routes that tell nobody anything: whether the process lives and is ready, and the empty page with its sign-in."""
PUBLIC_PREFIXES = ("/static/",)
"""The dashboard's own files, which are the same for everybody."""
_LONGEST = 512


def caller(request: Request) -> User:
    """Who asks; the guard has made sure that somebody does."""
    user: User = request.state.user
    return user


def require_owner(request: Request) -> User:
    """The owner, who alone may register models and change them.

    Raises:
        Refusal: somebody else asks.
    """
    user = caller(request)
    if not user.is_owner:
        raise Refusal(403, "Only the owner of this gateway may do that", "Ask the owner")
    return user


def is_public(path: str) -> bool:
    """Whether a path is served to everybody."""
    return path in PUBLIC or path.startswith(PUBLIC_PREFIXES)


def recognised(gateway: Gateway, headers: Headers) -> User | None:
    """Whose credentials a request carries; None where it carries none, or wrong ones."""
    for token in _tokens(headers):
        if gateway.owner.matches(token):
            return OWNER
        user = gateway.users.of_token(token)
        if user is not None:
            return user
    session = _cookie(headers, COOKIE)
    return gateway.sessions.user_of(session) if session else None


def _tokens(headers: Headers) -> Iterator[str]:
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    found = (
        bearer.strip() if kind.lower() == "bearer" else "",
        headers.get("x-api-key", ""),
        _cookie(headers, SPECIFIED_COOKIE),
    )
    return (token for token in found if token and len(token) <= _LONGEST)


def _cookie(headers: Headers, name: str) -> str:
    """The value of a cookie; '' where there is none.

    A browser sends along the cookies of every other server on this host, whatever is in them, and a stranger may send
    anything: `http.cookies` gives up at the first odd one, and takes quadratic time to unquote.
    """
    for sent in headers.getlist("cookie"):
        for each in sent.split(";"):
            key, _, value = each.partition("=")
            if key.strip() == name:
                return value.strip().strip('"')
    return ""

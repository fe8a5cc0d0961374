"""Asks a gateway for its monitoring, with a token that goes to that gateway and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from beastmode.domain.errors import InvalidFormat, Unauthorized, Unreachable, UserError
from beastmode.domain.model import origin_of
from beastmode.registry.endpoint_url import insecure_key_problem, problem_of
from beastmode.wire.refusal import refusal
from beastmode.wire.shapes import loads, mapping

if TYPE_CHECKING:
    from beastmode.operations.served_models import Getter

PATH = "/api/models/custom/monitoring"
TIMEOUT_S = 15.0
_OK = 200


async def ask_gateway(getter: Getter, url: str, token: str, since: str) -> dict[str, Any]:
    """What `monitoring.to_details` says there; nothing in it has been checked but that it is an object.

    Args:
        getter: the transport.
        url: of the gateway, `http://127.0.0.1:4747`.
        token: one of its users'.
        since: `24h`, or a time; the gateway reads it.

    Raises:
        UserError: the URL is none, or would carry the token in the clear over a public network.
        AttemptFailed: it cannot be reached, says no, or is no gateway.
    """
    if problem := problem_of(url) or insecure_key_problem(url):
        raise UserError(f"--url {url} {problem}")
    asked = f"{url.rstrip('/')}{PATH}?details=true&since={quote(since, safe='')}"
    try:
        status, body = await getter.get(asked, {"authorization": f"Bearer {token}"}, timeout=TIMEOUT_S)
    except Unreachable as error:
        error.fix = "Start the gateway with `beastmode serve`, or correct --url"
        raise
    if status != _OK:
        refused = refusal(status, {}, body, origin_of(url), 0.0)
        if isinstance(refused, Unauthorized):
            refused.fix = "Give the gateway's token; `beastmode token` shows it where the gateway runs"
        raise refused
    told = mapping(loads(body))
    if "metrics" not in told:
        raise InvalidFormat("JSON of an unknown shape", f"Check that {origin_of(url)} is a gateway of BEAST MODE")
    return told

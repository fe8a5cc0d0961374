"""Where this user's gateway runs, for the other processes of the user: it writes its address down when it starts."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from beastmode.domain.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "gateway.json"
PATIENCE_S = 1.0


async def gateway_address(run_dir: Path) -> str:
    """The base URL of the gateway that runs, without a slash at its end.

    Args:
        run_dir: of the settings; faces/http/server.py writes the file there and takes it away at the end.

    Raises:
        UserError: there is none, or none any more.
    """
    gone = UserError("No gateway is running", "Start one in a terminal with `beastmode serve`, and open it again")
    try:
        url = json.loads(await asyncio.to_thread((run_dir / FILE).read_text, "utf-8"))["url"]
        parts = urlsplit(url)
        port = parts.port
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise gone from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port is None:
        raise gone
    # It may have been killed, which leaves the file.
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except OSError:  # a timeout is one
        raise gone from None
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return f"{parts.scheme}://{parts.netloc}"

"""Where this user's gateways run, for the other processes of the user: each writes its address down when it starts."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from beastmode.domain.errors import UserError
from beastmode.store.files import private_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = "gateway-*.json"
"""One a process, so that a gateway that ends takes no other one's away."""
PATIENCE_S = 1.0


@contextmanager
def announced(run_dir: Path, url: str) -> Iterator[None]:
    """Write down where this process's gateway runs; taken away at the end.

    Args:
        run_dir: of the settings.
        url: its base URL.
    """
    private_directory(run_dir)
    file = run_dir / FILES.replace("*", str(os.getpid()))
    aside = file.with_suffix(".new")
    aside.write_text(json.dumps({"url": url}), "utf-8")
    aside.replace(file)
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink()


async def gateway_address(run_dir: Path) -> str:
    """The base URL of the gateway that was started last and still runs, without a slash at its end.

    Args:
        run_dir: of the settings.

    Raises:
        UserError: there is none, or none any more.
    """
    for said in await asyncio.to_thread(_newest_first, run_dir):
        url = _base_of(said)
        if url is not None and await _is_answered(url):
            return url
    raise UserError("No gateway is running", "Start one in a terminal with `beastmode serve`, and open it again")


def _newest_first(run_dir: Path) -> list[str]:
    """What the files say. A file may go while it is looked at."""
    found: list[tuple[int, str]] = []
    for file in run_dir.glob(FILES):
        with suppress(OSError, ValueError):
            found.append((file.stat().st_mtime_ns, file.read_text("utf-8")))
    return [said for _, said in sorted(found, reverse=True)]


def _base_of(said: str) -> str | None:
    try:
        parts = urlsplit(json.loads(said)["url"])
        is_base = parts.scheme in {"http", "https"} and parts.hostname and parts.port is not None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return f"{parts.scheme}://{parts.netloc}" if is_base else None


async def _is_answered(url: str) -> bool:
    """Whether somebody listens: a gateway that was killed leaves its file."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except OSError:  # a timeout is one
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True

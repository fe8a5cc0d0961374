"""The process of the language server: log, settings, wire."""

from __future__ import annotations

import asyncio
import os

from beastmode.faces.lsp.server import Session
from beastmode.faces.lsp.stdio import serve
from beastmode.logs import log_to
from beastmode.settings import load


def main() -> None:
    """Serve one editor over standard input and output. Arguments such as `--stdio` are what editors add by habit."""
    settings, notices = load(os.environ)
    log_to(settings.paths.log_file, settings.log_level)
    asyncio.run(_serve(Session(settings, notices)))


async def _serve(session: Session) -> None:
    try:
        await serve(session.server)
    finally:
        await session.close()

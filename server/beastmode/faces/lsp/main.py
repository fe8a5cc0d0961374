"""The process of the language server: log, settings, wire."""

from __future__ import annotations

import asyncio
import gc
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.faces.lsp.server import Session

CALM = 3.0
"""Seconds after the start until garbage is collected: until then a hundred thousand objects are made that stay."""


def main() -> None:
    """Serve one editor over standard input and output. Arguments such as `--stdio` are what editors add by habit."""
    gc.disable()
    from beastmode.faces.lsp.server import Session  # noqa: PLC0415 - half a second of imports, a tenth less without gc
    from beastmode.logs import log_to  # noqa: PLC0415 - as above
    from beastmode.settings import load  # noqa: PLC0415 - as above

    settings, notices = load(os.environ)
    log_to(settings.paths.log_file, settings.log_level)
    asyncio.run(_serve(Session(settings, notices)))


async def _serve(session: Session) -> None:
    from beastmode.faces.lsp.stdio import serve  # noqa: PLC0415 - as above

    asyncio.get_running_loop().call_later(CALM, _collect_garbage)
    try:
        await serve(session.server)
    finally:
        await session.close()


def _collect_garbage() -> None:
    """What is there now stays until the end, so no later collection looks at it again."""
    gc.collect()
    gc.freeze()
    gc.enable()

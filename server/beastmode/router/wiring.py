"""Where the hub and the lines meet: a socket that only this user can reach, and lines of JSON over it.

A Unix socket in a private folder. Where there is none (Windows) or its path would be too long, a port on loopback and
a secret in a private file, which each side proves to know without saying it.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from contextlib import suppress
from hmac import compare_digest, digest
from typing import TYPE_CHECKING, Any

from beastmode.store.files import private_directory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

SOCKET, PORT_FILE = "router.sock", "router.port"
LONGEST_SOCKET_PATH = 100
LONGEST_LINE = 64 * 1024
PATIENCE_S = 1.0
"""To prove the secret, and to be let in."""

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Refused(Exception):
    """There is nobody, or somebody else."""


def encoded(message: dict[str, Any]) -> bytes:
    """One line."""
    return json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


async def received(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message; None at the end, or where it is none."""
    try:
        read = json.loads(await reader.readline())
    except (ValueError, OSError):
        return None
    return read if isinstance(read, dict) else None


def is_there(folder: Path) -> bool:
    """Whether a hub may be listening; costs a look at a file."""
    return os.path.exists(folder / SOCKET) or os.path.exists(folder / PORT_FILE)  # noqa: PTH110 - on a keystroke's loop


async def is_hosted(folder: Path) -> bool:
    """Whether a hub listens already, and not just a file of one that was killed."""
    if not is_there(folder):
        return False
    try:
        _, writer = await connect(folder)
    except Refused:
        return False
    writer.close()
    return True


async def listen(
    folder: Path, met: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> tuple[asyncio.Server, Path]:
    """Listen for lines; returns the server and the file that says where.

    Raises:
        OSError: it cannot be.
    """
    private_directory(folder)
    path = folder / SOCKET
    if hasattr(asyncio, "start_unix_server") and len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        with suppress(FileNotFoundError):
            path.unlink()
        server = await asyncio.start_unix_server(met, path, limit=LONGEST_LINE)
        path.chmod(0o600)
        return server, path
    secret = secrets.token_hex(32)

    async def proven(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _prove(reader, writer, secret)
        except (Refused, OSError, ValueError, TimeoutError):
            writer.close()
            return
        await met(reader, writer)

    server = await asyncio.start_server(proven, "127.0.0.1", 0, limit=LONGEST_LINE)
    said = json.dumps({"port": server.sockets[0].getsockname()[1], "secret": secret})
    path = folder / PORT_FILE
    _write_private(path, said)
    return server, path


def _write_private(path: Path, text: str) -> None:
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        aside.unlink()
    with open(aside, "x", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    aside.replace(path)


async def connect(folder: Path) -> Wire:
    """A line to the hub.

    Raises:
        Refused: there is none.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            if os.path.exists(folder / SOCKET):  # noqa: ASYNC240, PTH110 - a look at a file
                return await asyncio.open_unix_connection(folder / SOCKET, limit=LONGEST_LINE)
            said = json.loads((folder / PORT_FILE).read_text("ascii"))
            reader, writer = await asyncio.open_connection("127.0.0.1", int(said["port"]), limit=LONGEST_LINE)
            await _prove(reader, writer, str(said["secret"]))
            return reader, writer
    except (OSError, ValueError, LookupError, TypeError, TimeoutError) as error:
        raise Refused from error


async def _prove(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: str) -> None:
    """Each side asks the other to sign a number that it has just made up.

    Raises:
        Refused: the other side does not know the secret.
    """
    async with asyncio.timeout(PATIENCE_S):
        asked = secrets.token_hex(16)
        writer.write(encoded({"prove": asked}))
        theirs = (await received(reader) or {}).get("prove")
        if not isinstance(theirs, str) or theirs == asked:
            raise Refused
        own = "line" if writer.get_extra_info("sockname") < writer.get_extra_info("peername") else "hub"
        other = "hub" if own == "line" else "line"
        writer.write(encoded({"proof": digest(secret.encode(), f"{own} {theirs}".encode(), "sha256").hex()}))
        proof = (await received(reader) or {}).get("proof")
        right = digest(secret.encode(), f"{other} {asked}".encode(), "sha256").hex()
        if not isinstance(proof, str) or not compare_digest(proof, right):
            raise Refused

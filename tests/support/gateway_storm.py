"""Many clients at once in front of the gateway, some of which vanish, while some of its models fail."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = " ".join(f"word{number}" for number in range(40))
BEHAVIOURS: Mapping[str, str] = {
    "good": "drip=20",
    "late": "ttft=300+drip=10",
    "cut": "drip=10+cut=5",
    "wrong": "drip=10+errmid=7",
    "busy": "503",
    "lost": "cut=0",
    "odd": "html",
    "endless": "drip=20+stall=30",
}
"""The models and how they behave; the first one steps in for those that fail before their first word."""
VANISHES, LATEST_PIECE = 0.3, 12
"""How many of the clients vanish, and after how many reads at the most; they ask the model that never comes to an end,
or else it could have told the end of an answer that nobody was there to hear."""
PATIENCE_S = 60.0
_ENDS = {"/v1/chat/completions": b"[DONE]", "/v1/messages": b"message_stop", "/v1/responses": b"response.completed"}


@dataclass(slots=True)
class Seen:
    """What the clients saw: `whole` answers, those that `vanished` themselves, `told` an error, and what is `wrong`."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


async def storm(url: str, token: str, *, streams: int, seconds: float, seed: int = 1) -> Seen:
    """So many streams at any time, for so long; each ends by itself."""
    seen, end = Seen(), monotonic() + seconds
    host, _, port = url.removeprefix("http://").partition(":")

    async def client(number: int) -> None:
        dice = random.Random(f"{seed} {number}")  # noqa: S311 - no secret
        await asyncio.sleep(dice.random())
        while monotonic() < end:
            await _ask(host, int(port), token, dice, seen)

    await asyncio.gather(*map(client, range(streams)))
    return seen


async def _ask(host: str, port: int, token: str, dice: random.Random, seen: Seen) -> None:
    path = dice.choice(list(_ENDS))
    text = "What is a sum? " * dice.randint(1, 30)
    asked = {"input": text} if path == "/v1/responses" else {"messages": [{"role": "user", "content": text}]}
    reads = dice.randint(0, LATEST_PIECE) if dice.random() < VANISHES else None
    model = dice.choice([name for name in BEHAVIOURS if name != "endless"]) if reads is None else "endless"
    body = json.dumps({"model": model, "stream": True, **asked}).encode()
    reader, writer = await asyncio.open_connection(host, port)
    said = b""
    try:
        writer.write(
            f"POST {path} HTTP/1.1\r\nhost: {host}:{port}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        async with asyncio.timeout(PATIENCE_S):
            while reads is None or reads > 0:
                piece = await reader.read(1 << 16)
                if not piece:
                    break
                said += piece
                reads = None if reads is None else reads - 1
    except (TimeoutError, OSError) as error:
        seen.wrong.append(f"{path}: {type(error).__name__} after {len(said)} bytes")
    finally:
        writer.transport.abort()
    seen.counts[_verdict(said, _ENDS[path], has_left=reads is not None)] += 1


def _verdict(said: bytes, end: bytes, *, has_left: bool) -> str:
    if end in said:
        return "whole"
    if has_left:
        return "vanished"
    if b'"error"' in said or b"response.failed" in said:
        return "told"
    return "neither an end nor an error"

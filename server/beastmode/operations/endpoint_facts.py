"""What a server says about itself when it is asked for free: its models, its window, how many it serves at once.

Nothing here is billed, and nothing here can fail: whatever a server does not say, or says in another shape, is unknown.
Sources: OpenAI's /v1/models with the fields that vLLM, OpenRouter, Groq, Mistral and LM Studio add to it; llama.cpp's
/props; Ollama's /api/show and /api/ps (https://github.com/ollama/ollama/blob/main/docs/api.md).
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from beastmode.domain.errors import AttemptFailed
from beastmode.operations.served_models import named_entries
from beastmode.wire.base import HttpCall, endpoint, to_json
from beastmode.wire.shapes import loads, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.operations.served_models import Getter
    from beastmode.router.ask import Endpoint
    from beastmode.router.attempt import Poster

    class Network(Getter, Poster, Protocol):
        """What this needs of the transport."""


TIMEOUT_S = 5.0
"""For each question."""
LARGEST_ANSWER = 4 << 20
"""Bytes; Ollama sends a model's licence along."""
MOST_NAMES = 200
WINDOWS = range(256, 100_000_001)
"""Tokens that can be a window; the registration form takes no others."""
MOST_SLOTS = 1024
_LISTED = ("max_model_len", "loaded_context_length", "context_window", "context_length", "max_context_length")
_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known; None and empty where the server does not say.

    `window` is what the server serves now and `window_source` who said so; `longest` is what the model itself can take
    at most, where a server such as Ollama lets the client choose. `slots`: requests answered at the same time.
    """

    served: tuple[str, ...] = ()
    window: int | None = None
    window_source: str = ""
    longest: int | None = None
    slots: int | None = None


async def ask_facts(at: Endpoint, upstream_id: str, network: Network) -> Facts:
    """Ask everything at once.

    Args:
        at: where, with the key.
        upstream_id: what the server calls the model.
        network: the transport.
    """
    asker = _Asker(at, network)
    listed, props, running, shown = await asyncio.gather(
        asker.get("/models", "/v1"),
        asker.get("/props"),
        asker.get("/api/ps"),
        asker.post("/api/show", {"model": upstream_id}),
    )
    entries = _entries(listed)
    served = tuple(dict.fromkeys(entries))
    own = next((entry for name, entry in entries.items() if same_name(name, upstream_id)), {})
    own = own or (next(iter(entries.values())) if len(entries) == 1 else {})
    loaded = next((entry for name, entry in _entries(running).items() if same_name(name, upstream_id)), {})
    settings = mapping(mapping(props).get("default_generation_settings"))
    said = (
        (_window(settings.get("n_ctx")), "/props"),
        (_window(loaded.get("context_length")), "/api/ps"),
        (_chosen_by_modelfile(shown), "/api/show"),
        (next((size for name in _LISTED if (size := _window(own.get(name)))), None), "/v1/models"),
    )
    window, source = next((each for each in said if each[0] is not None), (None, ""))
    info = mapping(mapping(shown).get("model_info"))
    slots = mapping(props).get("total_slots")
    return Facts(
        served[:MOST_NAMES],
        window,
        source,
        next(
            (size for name, value in info.items() if name.endswith(".context_length") and (size := _window(value))),
            None,
        ),
        slots if type(slots) is int and 0 < slots <= MOST_SLOTS else None,
    )


def same_name(one: str, other: str) -> bool:
    """Whether two names mean the same model; Ollama leaves `:latest` out."""
    return one.removesuffix(":latest") == other.removesuffix(":latest")


class _Asker:
    def __init__(self, at: Endpoint, network: Network) -> None:
        self._at = at
        self._network = network

    async def get(self, path: str, version: str = "") -> Any:
        """The JSON at a path, None where there is none."""
        url = endpoint(self._at.url, path, version)
        with suppress(AttemptFailed):
            status, body = await self._network.get(url, self._at.secret_headers, timeout=TIMEOUT_S)
            return loads(body) if status in _SUCCESS else None
        return None

    async def post(self, path: str, question: Mapping[str, str]) -> Any:
        """The same for a question that is put as JSON."""
        call = HttpCall(endpoint(self._at.url, path, ""), to_json(question))
        body = bytearray()
        with suppress(AttemptFailed, TimeoutError):
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._network.post(call, self._at.secret_headers, connect_timeout=TIMEOUT_S) as answer,
            ):
                async for chunk in answer.chunks():
                    body += chunk
                    if len(body) > LARGEST_ANSWER:
                        return None
            return loads(bytes(body))
        return None


def _entries(answer: Any) -> dict[str, dict[str, Any]]:
    with suppress(AttemptFailed):
        return dict(named_entries(answer))
    return {}


def _window(value: Any) -> int | None:
    return value if type(value) is int and value in WINDOWS else None


def _chosen_by_modelfile(shown: Any) -> int | None:
    parameters = mapping(shown).get("parameters")
    found = re.search(r"^num_ctx\s+(\d{1,9})\s*$", parameters, re.MULTILINE) if isinstance(parameters, str) else None
    return _window(int(found[1])) if found else None

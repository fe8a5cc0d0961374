"""How many tokens a conversation has: asked of the endpoint where it can say so for nothing, else estimated."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.errors import AttemptFailed
from beastmode.domain.model import is_loopback
from beastmode.router.complexity import length, tokens
from beastmode.router.limits import limits_for
from beastmode.wire import anthropic_messages

if TYPE_CHECKING:
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import ChatRequest
    from beastmode.router.ask import Masker
    from beastmode.router.router import Endpoints, Router
    from beastmode.transport import Transport

log = logging.getLogger(__name__)

LARGEST_COUNT_ANSWER = 1 << 16
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Count:
    """Tokens of a prompt, and whether we only estimated them."""

    tokens: int
    estimated: bool
    model: str


class Counter:
    """Counts for the model that would answer.

    Args:
        router: knows which one that is.
        endpoints: where it answers.
        transport: to ask it.
        masker: keeps secrets on this machine.
    """

    def __init__(self, router: Router, endpoints: Endpoints, transport: Transport, masker: Masker) -> None:
        self._router = router
        self._endpoints = endpoints
        self._transport = transport
        self._masker = masker

    async def count(self, request: ChatRequest) -> Count:
        """The tokens of this conversation, tools included.

        Raises:
            UserError: no model may or can answer it.
        """
        model = self._router.first(request)
        if model.chat_format == anthropic_messages.AnthropicMessages.name:
            try:
                return Count(await self._ask(request, model), estimated=False, model=model.id)
            except (AttemptFailed, TimeoutError) as error:
                log.info("%s could not count tokens: %s", model.id, error)
        size = length(request) + sum(len(t.name) + len(t.description) + len(t.parameters) for t in request.tools)
        return Count(tokens(size), estimated=True, model=model.id)

    async def _ask(self, request: ChatRequest, model: ModelSpec) -> int:
        endpoint = await self._endpoints.locate(model)
        asked = request
        if not is_loopback(endpoint.url):
            await self._masker.prepare()
            masked, _ = self._masker.mask(request)
            asked = masked  # type: ignore[assignment]  # of the same kind as what went in
        call = anthropic_messages.count_call(asked, model)
        limits = limits_for(endpoint.url, request.task)
        body = b""
        async with (
            asyncio.timeout(limits.first_token),
            self._transport.post(call, endpoint.secret_headers, connect_timeout=limits.connect) as answer,
        ):
            async for chunk in answer.chunks():
                body += chunk
                if len(body) > LARGEST_COUNT_ANSWER:
                    break
        return anthropic_messages.counted(body)

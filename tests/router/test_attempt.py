"""One try at one model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from tests.wire.conftest import make_model

from beastmode.domain.errors import TimedOut
from beastmode.domain.request import ChatRequest, Message
from beastmode.domain.response import TextDelta
from beastmode.router.attempt import Trace, attempt
from beastmode.router.limits import Limits
from beastmode.wire.base import HttpCall


class Slow:
    """A poster whose answer comes late, in one piece."""

    content_type = "application/json"
    connect_s = 0.0

    @asynccontextmanager
    async def post(
        self, call: HttpCall, secret_headers: Mapping[str, str], *, connect_timeout: float
    ) -> AsyncIterator[Slow]:
        yield self

    async def chunks(self) -> AsyncIterator[bytes]:
        await asyncio.sleep(0.06)
        yield b'{"choices": [{"message": {"content": "a"}}]}'


@pytest.mark.parametrize(("chat", "waits"), [("custom", True), ("openai-chat", False)])
async def test_only_an_answer_asked_for_in_pieces_must_begin_soon(chat: str, *, waits: bool) -> None:
    """One that comes whole has all the time there is, as its first byte comes with its last."""
    asked = attempt(
        ChatRequest((Message("user", "hi"),)),
        make_model(chat=chat),
        Slow(),
        secret_headers={},
        limits=Limits(connect=1, first_token=0.02, idle=1, total=5),
        trace=Trace(),
    )
    if waits:
        assert TextDelta("a") in [event async for event in asked]
    else:
        with pytest.raises(TimedOut):
            assert [event async for event in asked]

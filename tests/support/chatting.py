"""Asking the chat in a test, and taking its events apart."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from beastmode.domain.model import ModelSpec
from beastmode.tasks.chat import Ended, Shown

if TYPE_CHECKING:
    from beastmode.app import App
    from beastmode.tasks.chat import Chat, Event


async def use(app: App, url: str, window: int = 8192) -> None:
    """Register and select the model at this URL."""
    spec = ModelSpec(
        "custom:mine", "Mine", "openai-compatible", url, "mock", "openai-chat", None, context_window=window
    )
    if any(each.id == spec.id for each in app.registry.models):
        await app.registry.remove(spec.id)
    await app.registry.add(spec, None)
    await app.registry.select("custom:mine")


async def ask(chat: Chat, session_id: str | None, message: str, **more: object) -> list[Event]:
    """Every event of an answer."""
    async with aclosing(chat.ask(session_id, message, **more)) as events:  # type: ignore[arg-type]  # passed on
        return [event async for event in events]


def ended(events: list[Event]) -> Ended:
    last = events[-1]
    assert isinstance(last, Ended)
    return last


def shown(events: list[Event]) -> Shown:
    first = events[0]
    assert isinstance(first, Shown)
    return first

"""Chat: a question to the user's model, and its answer as it comes."""

from __future__ import annotations

from beastmode.domain.request import ChatRequest, Message, Task
from beastmode.tasks.base import prompt


def chat_request(message: str, *, model: str | None = None, local_only: bool = False) -> ChatRequest:
    """The request for one question.

    Args:
        message: the user's words.
        model: an id, or None for the user's route.
        local_only: nothing may leave this machine.
    """
    messages = (Message("system", prompt("chat")), Message("user", message))
    return ChatRequest(messages, task=Task.CHAT, model=model, local_only=local_only)

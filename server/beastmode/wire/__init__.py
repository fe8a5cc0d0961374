"""Wire formats: pure translators from requests to bytes and from bytes to events. A dialect is one file and one row."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from beastmode.wire.anthropic_messages import AnthropicMessages
from beastmode.wire.chat_infill import ChatInfill
from beastmode.wire.custom import Custom
from beastmode.wire.llama_infill import LlamaInfill
from beastmode.wire.mistral_fim import MistralFim
from beastmode.wire.ollama import OllamaChat, OllamaGenerate
from beastmode.wire.openai_chat import OpenAIChat
from beastmode.wire.openai_completions import OpenAICompletions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.wire.base import WireFormat
    from beastmode.wire.chat_infill import ChatFormat

_CHATS: tuple[ChatFormat, ...] = (
    OpenAIChat(),
    OpenAIChat("openai-chat-hosted", limit_field="max_completion_tokens", own_temperature=False),
    OpenAIChat("mistral-chat", asks_usage=False),
    AnthropicMessages(),
    OllamaChat(),
    Custom(),
)
_FIMS: tuple[WireFormat, ...] = (
    OpenAICompletions(),
    LlamaInfill(),
    MistralFim(),
    OllamaGenerate(),
    ChatInfill(MappingProxyType({chat.name: chat for chat in _CHATS})),
)

FORMATS: Mapping[str, WireFormat] = MappingProxyType({wire.name: wire for wire in (*_CHATS, *_FIMS)})

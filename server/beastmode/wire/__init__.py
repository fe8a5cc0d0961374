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
from beastmode.wire.openai_embeddings import OpenAIEmbeddings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.wire.base import WireFormat
    from beastmode.wire.chat_infill import ChatFormat

_UNTHINKING = MappingProxyType({"chat_template_kwargs": {"enable_thinking": False}})

_CHATS: tuple[ChatFormat, ...] = (
    OpenAIChat(),
    OpenAIChat("openai-chat-hosted", limit_field="max_completion_tokens", own_temperature=False),
    OpenAIChat("llama-chat", continues=True, unthinking=_UNTHINKING),
    OpenAIChat(
        "vllm-chat",
        continues=True,
        to_continue=MappingProxyType({"continue_final_message": True, "add_generation_prompt": False}),
        unthinking=_UNTHINKING,
    ),
    OpenAIChat("mistral-chat", asks_usage=False, continues=True, marks_begun=True),
    OpenAIChat(
        "deepseek-chat",
        continues=True,
        marks_begun=True,
        unthinking=MappingProxyType({"thinking": {"type": "disabled"}}),
    ),
    AnthropicMessages(),
    OllamaChat(),
    Custom(),
)
CHATS: Mapping[str, ChatFormat] = MappingProxyType({chat.name: chat for chat in _CHATS})
"""Those that take messages."""

_FIMS: tuple[WireFormat, ...] = (
    OpenAICompletions(),
    LlamaInfill(),
    MistralFim(),
    OllamaGenerate(),
    ChatInfill(CHATS),
)

FORMATS: Mapping[str, WireFormat] = MappingProxyType({wire.name: wire for wire in (*_CHATS, *_FIMS)})

EMBEDDINGS: WireFormat = OpenAIEmbeddings()
"""The one that takes texts to be made vectors; every server that has them speaks it."""

"""Wire formats: pure translators from requests to bytes and from bytes to events. A dialect is one file and one row."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from beastmode.wire.chat_infill import ChatInfill
from beastmode.wire.llama_infill import LlamaInfill
from beastmode.wire.openai_chat import OpenAIChat
from beastmode.wire.openai_completions import OpenAICompletions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.wire.base import WireFormat

_ALL: tuple[WireFormat, ...] = (OpenAIChat(), OpenAICompletions(), LlamaInfill(), ChatInfill())

FORMATS: Mapping[str, WireFormat] = MappingProxyType({wire_format.name: wire_format for wire_format in _ALL})

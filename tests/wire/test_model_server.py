"""The test server's dialects, read by our formats: each side keeps the other honest."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from http.client import IncompleteRead
from pathlib import Path
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest
from tests.support.model_server import OVERFLOW, ModelServer
from tests.wire.conftest import CHATS, make_model

from beastmode.domain.errors import AttemptFailed, ContextOverflow
from beastmode.domain.request import ChatRequest, FimRequest, Message, ToolCall
from beastmode.domain.response import FinishReason
from beastmode.wire import FORMATS
from beastmode.wire.base import HttpCall
from beastmode.wire.refusal import refusal
from beastmode.wire.whole import WholeAnswer, gather

PATHS = {"custom": "/v1/chat/completions"}
SPEC = "think=Hm.+cache=2"


def ask(name: str, url: str, *, stream: bool = True) -> tuple[WholeAnswer, HttpCall]:
    """Put a question in this format, and read the answer."""
    question = ChatRequest((Message("user", "What is a sum?"),)) if name in CHATS else FimRequest("return a", "")
    model = make_model(url + PATHS.get(name, ""))
    call = FORMATS[name].encode(question, model)
    body = json.loads(call.body) | {"stream": stream}
    with urlopen(HttpRequest(call.url, json.dumps(body).encode(), dict(call.headers)), timeout=5) as answer:  # noqa: S310  # loopback
        decoder = FORMATS[name].decoder(question, model, answer.headers["content-type"])
        try:
            events = list(decoder.feed(answer.read()))
        except IncompleteRead as cut:
            events = list(decoder.feed(cut.partial))
        return gather([*events, *decoder.close()]), call


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", sorted(FORMATS))
async def test_every_format_and_its_dialect_understand_each_other(name: str, *, stream: bool) -> None:
    """Over a socket, streamed and whole: the text, thoughts apart from it, the reason, and the usage."""
    async with ModelServer("a + b", spec=SPEC if name in CHATS else "cache=2") as server:
        answer, _ = await asyncio.to_thread(ask, name, server.url, stream=stream)
    assert (answer.text, answer.finish) == ("a + b", FinishReason.STOP)
    if name in CHATS:
        assert answer.reasoning == "Hm."
    if name != "custom" and not (name == "mistral-chat" and stream):
        assert answer.usage.output_tokens == 3
        assert answer.usage.input_tokens is not None


@pytest.mark.parametrize("name", ["openai-chat", "anthropic-messages", "ollama-chat"])
async def test_calls_of_tools_come_whole(name: str) -> None:
    """Name and arguments, and the reason for stopping."""
    async with ModelServer("a", spec="tool=read") as server:
        answer, _ = await asyncio.to_thread(ask, name, server.url)
    assert [replace(call, id="") for call in answer.calls] == [ToolCall("", "read", '{"path": "a.py"}')]
    assert answer.finish is FinishReason.TOOL_CALLS


@pytest.mark.parametrize("spec", ["cut=1", "errmid=1", "badjson=1", "nofinish"])
@pytest.mark.parametrize("name", ["anthropic-messages", "ollama-chat", "ollama-generate", "mistral-fim"])
async def test_no_dialects_broken_answer_counts_as_complete(name: str, spec: str) -> None:
    """Cut, failed, garbled or without a reason: an error each time."""
    async with ModelServer("a + b", spec=spec) as server:
        with pytest.raises(AttemptFailed):
            await asyncio.to_thread(ask, name, server.url)


def test_the_server_is_also_a_program() -> None:
    """It prints its URL, and needs nothing but Python: the editors' tests start it so."""
    program = Path(__file__).parents[1] / "support" / "model_server.py"
    with subprocess.Popen([sys.executable, "-I", program, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            answer, _ = ask("openai-chat", url)
        finally:
            process.kill()
    assert answer.text


def test_what_it_says_of_a_long_prompt_is_understood() -> None:
    """Each dialect's own words for it."""
    for message, code in OVERFLOW.values():
        body = json.dumps({"error": {"message": message, "code": code}}).encode()
        assert isinstance(refusal(400, {}, body, "http://h", 0.0), ContextOverflow)

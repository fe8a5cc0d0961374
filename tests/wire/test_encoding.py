"""What each format sends."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from tests.wire.conftest import CHATS, QWEN, make_model

from beastmode.domain.request import ChatRequest, FimRequest, Message, Request
from beastmode.wire import FORMATS
from beastmode.wire.base import endpoint
from beastmode.wire.openai_completions import goes_on


def sent(format_name: str, request: Request, **model: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(FORMATS[format_name].encode(request, make_model(**model)).body)
    return body


def test_chat_sends_the_conversation_and_asks_for_usage() -> None:
    """Messages, the model's own limits where the request has none, and a stream that ends with its token counts."""
    request = ChatRequest((Message("system", "Be brief"), Message("user", "Hi")), stop=("\n\n",))
    assert sent("openai-chat", request) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}],
        "max_tokens": 4000,
        "temperature": 0.2,
        "stream": True,
        "stream_options": {"include_usage": True},
        "stop": ["\n\n"],
    }


def test_a_requests_own_limits_win() -> None:
    """Zero is a temperature, not the lack of one."""
    body = sent("openai-chat", ChatRequest((Message("user", "Hi"),), max_tokens=5, temperature=0.0))
    assert (body["max_tokens"], body["temperature"], "stop" in body) == (5, 0.0, False)


def test_a_hole_without_a_template_goes_into_suffix() -> None:
    """The server is told both sides, and `suffix` is left out where there is nothing after the cursor."""
    body = sent("openai-completions", FimRequest("a = ", "\nb", stop=("\n",)))
    assert (body["prompt"], body["suffix"], body["stop"]) == ("a =", "\nb", ["\n"])
    assert "suffix" not in sent("openai-completions", FimRequest("a = ", ""))


@pytest.mark.parametrize(
    ("prefix", "suffix", "holds_both_sides"),
    [
        ("return ", "", False),
        ("return ", "  \n\n\n", False),
        ("return foo(", ")\n", True),
        ("def f():\n    ", "\n    return 1\n", True),
        ("def f():", "\n    return 1\n", True),
        ("def f():\n    x = ", "\n\n\ndef g(): ...\n", False),
        ("def f():\n    x = ", "\ndef g(): ...\n", False),
        ("import os\n", "\nimport sys\n", True),
    ],
)
def test_the_template_is_used_where_the_line_or_the_block_goes_on(
    prefix: str, suffix: str, *, holds_both_sides: bool
) -> None:
    """At the end of a block the plain prefix does better in small models, and is cheaper."""
    assert goes_on(prefix, suffix) is holds_both_sides
    held = prefix.removesuffix(" ")
    body = sent("openai-completions", FimRequest(prefix, suffix), template=QWEN)
    both = f"<|fim_prefix|>{held}<|fim_suffix|>{suffix}<|fim_middle|>"
    assert body["prompt"] == (both if holds_both_sides else held)
    assert "suffix" not in body


def test_stops_are_the_requests_and_the_templates_without_doubles() -> None:
    """A control token never reaches a file."""
    body = sent("openai-completions", FimRequest("a", "", stop=("\n", "<|fim_pad|>")), template=QWEN)
    assert body["stop"] == ["\n", "<|fim_pad|>", "<|endoftext|>"]


@pytest.mark.parametrize("name", ["openai-completions", "llama-infill"])
@pytest.mark.parametrize(
    ("prefix", "prompt"),
    [("x = ", "x ="), ("    ", "   "), ("\t\t", "\t"), ("a\n", "a\n"), ("a", "a"), ("", "")],
)
def test_exactly_one_trailing_blank_is_held_back(name: str, prefix: str, prompt: str) -> None:
    """Tokens begin with their blank; the other blanks are the indentation."""
    body = sent(name, FimRequest(prefix, ""))
    assert body.get("input_prefix", body.get("prompt")) == prompt


def test_infill_sends_both_sides_and_keeps_the_cache() -> None:
    """llama.cpp puts in the tokens itself."""
    assert sent("llama-infill", FimRequest("a = ", ")\n", max_tokens=9, stop=("\n",))) == {
        "model": "m",
        "input_extra": [],
        "input_prefix": "a =",
        "input_suffix": ")\n",
        "n_predict": 9,
        "temperature": 0.0,
        "cache_prompt": True,
        "stream": True,
        "stop": ["\n"],
    }


def test_chat_infill_goes_from_what_stays_to_what_changes() -> None:
    """Typing on in a line changes nothing but the end of the prompt, so the server's cache stays warm."""
    before, after = (
        sent("chat-infill", FimRequest(f"import os\n\ndef f():\n{line}", ")\n", path="a.py", language="python"))[
            "messages"
        ]
        for line in ("    return g(", "    return g(os")
    )
    assert before[0] == after[0]
    assert after[1]["content"] == before[1]["content"] + "os"
    assert before[1]["content"].index("import os") < before[1]["content"].index("<after>)\n</after>")


def test_chat_infill_sends_no_stops() -> None:
    """A stop at a line's end would end the answer at its opening fence."""
    assert "stop" not in sent("chat-infill", FimRequest("a", "", stop=("\n",)))


@pytest.mark.parametrize(
    ("name", "request_"),
    [(name, FimRequest("", "") if name in CHATS else ChatRequest(())) for name in FORMATS],
)
def test_a_request_of_the_wrong_kind_is_a_programming_error(name: str, request_: Request) -> None:
    """Nothing is sent that the format cannot say."""
    with pytest.raises(TypeError, match=name):
        FORMATS[name].encode(request_, make_model())


def test_half_a_surrogate_pair_in_a_document_does_no_harm() -> None:
    """Editors can hold text that is no valid Unicode; the request is valid all the same."""
    assert sent("llama-infill", FimRequest("a\ud83d", "漢"))["input_prefix"] == "a?"


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://host:8080", "http://host:8080/v1"),
        ("http://host:8080/", "http://host:8080/v1"),
        ("http://host/v1", "http://host/v1"),
        ("http://host/v1/", "http://host/v1"),
        ("http://host/v1/chat/completions", "http://host/v1"),
        ("http://host/v1/chat/completions/", "http://host/v1"),
        ("http://host/v1/completions", "http://host/v1"),
        ("http://host:8080/infill", "http://host:8080/v1"),
        ("https://host/api/v1", "https://host/api/v1"),
        ("https://host/v1beta/openai/", "https://host/v1beta/openai"),
        ("https://[::1]:8080/v1?api-version=2", "https://[::1]:8080/v1"),
    ],
)
def test_a_base_and_a_full_path_lead_to_the_same_place(url: str, base: str, path: str) -> None:
    """Whatever the user pasted from a server's manual works."""
    assert endpoint(url, path).partition("?")[0] == base + path


@pytest.mark.parametrize(
    "url",
    [
        "http://h:1",
        "http://h:1/",
        "http://h:1/v1",
        "http://h:1/v1/",
        "http://h:1/infill",
        "http://h:1/v1/chat/completions",
    ],
)
def test_infill_is_outside_of_the_version(url: str) -> None:
    """llama.cpp serves it at the root, whatever part of the server was registered."""
    assert endpoint(url, "/infill", version="") == "http://h:1/infill"


def test_the_table_of_formats_cannot_be_changed() -> None:
    """Formats are added by a file and a row, not at run time; each is listed under its own name."""
    assert isinstance(FORMATS, MappingProxyType)
    assert {name: wire_format.name for name, wire_format in FORMATS.items()} == {name: name for name in FORMATS}

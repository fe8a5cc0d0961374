"""What each format sends."""

from __future__ import annotations

import json
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from tests.wire.conftest import CHATS, QWEN, make_model

from beastmode.domain.model import FimTemplate
from beastmode.domain.request import ChatRequest, FimRequest, Image, Message, Request, Tool, ToolCall
from beastmode.wire import FORMATS
from beastmode.wire.base import endpoint
from beastmode.wire.fim_prompt import goes_on


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


CALLED = (
    Message("system", "Be brief"),
    Message("user", "Look", (Image("image/png", "aGk="),)),
    Message("assistant", "", (), (ToolCall("c1", "grep", '{"q": "x"}'), ToolCall("c2", "ls", ""))),
    Message("tool", "found", tool_call_id="c1"),
    Message("tool", "", tool_call_id="c2"),
    Message("user", "Go on"),
)
GREP = Tool("grep", "Searches", '{"type": "object"}')


def test_openai_chat_sends_pictures_calls_and_results() -> None:
    """A picture is a data URL, arguments are JSON text, results name their call."""
    body = sent("openai-chat", ChatRequest(CALLED, tools=(GREP,), tool_choice="grep"))
    assert body["messages"][1:5] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "grep", "arguments": '{"q": "x"}'}},
                {"id": "c2", "type": "function", "function": {"name": "ls", "arguments": ""}},
            ],
        },
        {"role": "tool", "content": "found", "tool_call_id": "c1"},
        {"role": "tool", "content": "", "tool_call_id": "c2"},
    ]
    function = {"name": "grep", "description": "Searches", "parameters": {"type": "object"}}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "grep"}}


def test_json_is_asked_for_in_each_formats_way() -> None:
    """OpenAI and Ollama have fields for it; Anthropic's servers are told in the system prompt."""
    asks = ChatRequest((Message("system", "Be brief"), Message("user", "Hi")), json_mode=True)
    shaped = replace(asks, json_schema='{"type": "object"}')
    schema = {"type": "object"}
    assert sent("openai-chat", asks)["response_format"] == {"type": "json_object"}
    assert sent("openai-chat", shaped)["response_format"]["json_schema"] == {"name": "answer", "schema": schema}
    assert (sent("ollama-chat", asks)["format"], sent("ollama-chat", shaped)["format"]) == ("json", schema)
    system = sent("anthropic-messages", shaped)["system"]
    assert system.startswith("Be brief\n\nAnswer with one JSON value")
    assert system.endswith('{"type": "object"}')


def test_hosted_dialects_leave_out_what_those_services_refuse() -> None:
    """OpenAI's reasoning models refuse `max_tokens` and a temperature, Mistral's API `stream_options`."""
    asks = ChatRequest((Message("user", "Hi"),))
    hosted, mistral = sent("openai-chat-hosted", asks), sent("mistral-chat", asks)
    assert (hosted["max_completion_tokens"], "max_tokens" in hosted, "temperature" in hosted) == (4000, False, False)
    assert sent("openai-chat-hosted", replace(asks, temperature=0.0))["temperature"] == 0.0
    assert "stream_options" in hosted
    assert "stream_options" not in mistral
    assert (mistral["max_tokens"], mistral["temperature"], mistral["stream"]) == (4000, 0.2, True)


def test_anthropic_gets_the_system_prompt_apart_and_alternating_turns() -> None:
    """Results stand in one turn with what the user says next; arguments are objects; the version is named."""
    request = ChatRequest(CALLED, temperature=1.7, stop=("END", "\n"), tools=(GREP,), tool_choice="required")
    call = FORMATS["anthropic-messages"].encode(request, make_model())
    assert call.headers == (("anthropic-version", "2023-06-01"),)
    assert json.loads(call.body) == {
        "model": "m",
        "max_tokens": 4000,
        "temperature": 1.0,
        "stream": True,
        "system": "Be brief",
        "stop_sequences": ["END"],
        "tools": [{"name": "grep", "description": "Searches", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any"},
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "c1", "name": "grep", "input": {"q": "x"}},
                    {"type": "tool_use", "id": "c2", "name": "ls", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "found"}]},
                    {"type": "tool_result", "tool_use_id": "c2", "content": []},
                    {"type": "text", "text": "Go on"},
                ],
            },
        ],
    }


def test_an_answer_already_begun_ends_without_blanks() -> None:
    """Anthropic's API refuses blanks there; the decoder takes them off what follows instead."""
    request = ChatRequest((Message("user", "Hi"), Message("assistant", "a = \n")))
    assert sent("anthropic-messages", request)["messages"][-1]["content"] == [{"type": "text", "text": "a ="}]


@pytest.mark.parametrize(
    ("url", "to"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        ("https://h/v1/messages", "https://h/v1/messages"),
        ("https://h/anthropic", "https://h/anthropic/v1/messages"),
        ("http://h:1/v1/chat/completions", "http://h:1/v1/messages"),
    ],
)
def test_anthropics_path_comes_after_the_version(url: str, to: str) -> None:
    """Such servers are named by a base without it, which their clients put in."""
    assert FORMATS["anthropic-messages"].encode(ChatRequest(()), make_model(url)).url == to


@pytest.mark.parametrize(
    "url", ["http://h:1", "http://h:1/v1", "http://h:1/api", "http://h:1/api/chat", "http://h:1/api/"]
)
def test_ollamas_own_api_is_outside_of_the_version(url: str) -> None:
    """Whatever part of the server was registered."""
    assert FORMATS["ollama-chat"].encode(ChatRequest(()), make_model(url)).url == "http://h:1/api/chat"
    assert FORMATS["ollama-generate"].encode(FimRequest("", ""), make_model(url)).url == "http://h:1/api/generate"


def test_ollama_is_told_the_window_and_calls_by_name() -> None:
    """Else it cuts a long prompt without a word; arguments are objects, results go by the tool's name."""
    body = sent("ollama-chat", ChatRequest(CALLED, stop=("END",), tools=(GREP,)))
    assert body["options"] == {"num_ctx": 8192, "num_predict": 4000, "temperature": 0.2, "stop": ["END"]}
    assert body["messages"][1:4] == [
        {"role": "user", "content": "Look", "images": ["aGk="]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"function": {"name": "grep", "arguments": {"q": "x"}}},
                {"function": {"name": "ls", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "found", "tool_name": "grep"},
    ]
    assert "tools" not in sent("ollama-chat", ChatRequest(CALLED, tools=(GREP,), tool_choice="none"))


@pytest.mark.parametrize(
    ("template", "suffix", "fields"),
    [
        (None, ")\n", {"prompt": "f(a,", "suffix": ")\n"}),
        (None, "", {"prompt": "f(a,", "raw": True}),
        (QWEN, ")\n", {"prompt": "<|fim_prefix|>f(a,<|fim_suffix|>)\n<|fim_middle|>", "raw": True}),
    ],
)
def test_ollama_never_sees_a_hole_as_a_question(
    template: FimTemplate | None, suffix: str, fields: dict[str, Any]
) -> None:
    """A prompt that is neither raw nor has a suffix is put into the chat template, and gets prose for an answer."""
    body = sent("ollama-generate", FimRequest("f(a, ", suffix), template=template)
    assert {name: body[name] for name in ("prompt", "suffix", "raw") if name in body} == fields


def test_mistral_gets_both_sides_and_nothing_that_it_refuses() -> None:
    """Unknown fields are an error there."""
    call = FORMATS["mistral-fim"].encode(FimRequest("a = ", "\nb", stop=("\n",)), make_model("https://h/v1"))
    assert call.url == "https://h/v1/fim/completions"
    assert json.loads(call.body) == {
        "model": "m",
        "prompt": "a =",
        "suffix": "\nb",
        "max_tokens": 64,
        "temperature": 0.0,
        "stream": True,
        "stop": ["\n"],
    }


def test_the_pass_through_sends_the_specifications_fields_to_the_very_url() -> None:
    """Model, messages, temperature and max_tokens, and not one more; the URL is not touched."""
    call = FORMATS["custom"].encode(ChatRequest((Message("user", "Hi"),)), make_model("https://h/generate?x=1"))
    assert (call.url, call.streams) == ("https://h/generate?x=1", False)
    assert json.loads(call.body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.2,
        "max_tokens": 4000,
    }


def test_a_hole_is_asked_in_the_format_in_which_the_model_chats() -> None:
    """A model that only chats completes code as well, whatever API it chats by."""
    hole = FimRequest("a = ", "")
    call = FORMATS["chat-infill"].encode(hole, make_model(chat="anthropic-messages"))
    assert call.url.endswith("/v1/messages")
    assert json.loads(call.body)["system"].startswith("You complete code")
    assert FORMATS["chat-infill"].encode(hole, make_model(chat=None)).url.endswith("/chat/completions")


BEGUN = ChatRequest((Message("user", "Hi"), Message("assistant", "a =")), thinking=False)


@pytest.mark.parametrize(
    ("name", "fields", "mark"),
    [
        ("openai-chat", {}, {}),
        ("openai-chat-hosted", {}, {}),
        ("llama-chat", {"chat_template_kwargs": {"enable_thinking": False}}, {}),
        (
            "vllm-chat",
            {
                "chat_template_kwargs": {"enable_thinking": False},
                "continue_final_message": True,
                "add_generation_prompt": False,
            },
            {},
        ),
        ("mistral-chat", {}, {"prefix": True}),
        ("deepseek-chat", {"thinking": {"type": "disabled"}}, {"prefix": True}),
    ],
)
def test_a_begun_answer_and_no_thinking_are_asked_for_in_each_servers_way(
    name: str, fields: dict[str, Any], mark: dict[str, Any]
) -> None:
    """And in no other, as unknown fields may be refused; nothing is said where nothing is asked."""
    body = sent(name, BEGUN)
    usual = {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "stream", "stream_options"}
    assert {field: value for field, value in body.items() if field not in usual} == fields
    assert body["messages"][-1] == {"role": "assistant", "content": "a =", **mark}
    plain = sent(name, ChatRequest((Message("user", "Hi"),)))
    assert plain.keys() <= usual
    assert "prefix" not in plain["messages"][-1]


def test_ollama_is_told_not_to_think() -> None:
    """Where that is wanted; else the model does as it does."""
    assert sent("ollama-chat", BEGUN)["think"] is False
    assert "think" not in sent("ollama-chat", replace(BEGUN, thinking=None))


@pytest.mark.parametrize(
    ("chat", "prefill", "begun"),
    [
        ("llama-chat", None, True),
        ("llama-chat", False, False),
        ("openai-chat", None, False),
        ("openai-chat", True, True),
        ("anthropic-messages", None, False),
        ("ollama-chat", None, True),
        ("custom", None, False),
        (None, None, False),
    ],
)
def test_the_answer_is_begun_where_the_row_or_the_format_allows_it(
    chat: str | None,
    prefill: bool | None,  # noqa: FBT001  # a parameter
    begun: bool,  # noqa: FBT001  # likewise
) -> None:
    """The row knows better than the habit of the format."""
    body = sent("chat-infill", FimRequest("a\nb = ", "\nc", stop=("\n",)), chat=chat, prefill=prefill)
    last = body["messages"][-1]
    assert (last["role"] == "assistant") is begun
    if begun:
        assert last["content"] == "b ="
        assert "b =" not in body["messages"][-2]["content"]
        assert body.get("stop", body.get("options", {}).get("stop")) == ["\n"]


@pytest.mark.parametrize("prefix", ["", "a = 1\n", "def f():\n    "])
def test_an_empty_line_begins_no_answer(prefix: str) -> None:
    """Servers refuse an answer that begins with nothing, and begun with the line above it mostly goes on with that."""
    body = sent("chat-infill", FimRequest(prefix, "x"), chat="llama-chat")
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_a_model_that_thinks_is_asked_not_to() -> None:
    """There is no time for it between two keys."""
    body = sent("chat-infill", FimRequest("a", ""), chat="llama-chat", prefill=False)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}

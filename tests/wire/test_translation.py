"""Between OpenAI's and Anthropic's API, through our events and requests, in both directions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.conftest import make_model

from beastmode.domain.errors import InvalidFormat, RateLimited, StreamCut, UserError
from beastmode.domain.request import ChatRequest, Image, Message, Tool, ToolCall
from beastmode.domain.response import (
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from beastmode.domain.usage import Usage
from beastmode.wire import FORMATS, anthropic_ingress, openai_ingress
from beastmode.wire.anthropic_ingress import AnthropicEncoder
from beastmode.wire.openai_ingress import OpenAIEncoder
from beastmode.wire.whole import WholeAnswer, gather

FEW = settings(max_examples=20, deadline=None)
APIS = ("openai-chat", "anthropic-messages")
ASK = ChatRequest((Message("user", "hi"),))

# `<` could begin a `<think>` block, which every chat format reads as thinking.
TEXT = st.text(st.characters(exclude_characters="<", exclude_categories=["Cs"]), min_size=1, max_size=12)
WORD = st.text("abcXYZ_-019", min_size=1, max_size=8)
COUNT = st.none() | st.integers(0, 5000)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    read, write = draw(COUNT), draw(COUNT)
    fresh = draw(st.integers(1, 5000))
    return Usage(fresh + (read or 0) + (write or 0), draw(st.integers(0, 5000)), read, write)


@st.composite
def answers(draw: st.DrawFn, arguments: st.SearchStrategy[str] = TEXT) -> list[StreamEvent]:
    """The events of one answer: text, thoughts and the pieces of calls in any order, each call's own in theirs."""
    said: list[StreamEvent] = draw(st.lists(st.builds(TextDelta, TEXT) | st.builds(ReasoningDelta, TEXT), max_size=6))
    for index in range(draw(st.integers(0, 3))):
        call_id, name, given_arguments = f"call_{index}", draw(WORD), draw(arguments)
        cuts = sorted(draw(st.lists(st.integers(0, len(given_arguments)), max_size=3)))
        parts = [given_arguments[a:b] for a, b in pairwise([0, *cuts, len(given_arguments)])]
        late_name = draw(st.booleans())
        pieces = [ToolCallDelta(index, call_id, "" if late_name else name, parts[0])]
        pieces += [ToolCallDelta(index, "", name, "")] if late_name else []
        pieces += [ToolCallDelta(index, "", "", part) for part in parts[1:]]
        at = 0
        for piece in pieces:
            at = draw(st.integers(at, len(said)))
            said.insert(at, piece)
            at += 1
    ending: list[StreamEvent] = [UsageReport(draw(usages())), Finished(draw(st.sampled_from(FinishReason)))]
    return [*said, *(ending if draw(st.booleans()) else reversed(ending))]


def written(api: str, events: list[StreamEvent]) -> bytes:
    """The stream that a client of this API gets."""
    encoder = OpenAIEncoder(1_700_000_000, include_usage=True) if api == "openai-chat" else AnthropicEncoder()
    return b"".join(map(encoder.encode_event, events)) + encoder.close()


def read(api: str, chunks: list[bytes]) -> list[StreamEvent]:
    decoder = FORMATS[api].decoder(ASK, make_model(), "text/event-stream")
    said = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [*said, *decoder.close()]


def same(api: str, answer: WholeAnswer) -> WholeAnswer:
    """What of an answer can be compared: Anthropic's API has no calls without arguments, and its order is its own."""
    calls = tuple(sorted((replace(c, arguments=c.arguments or "{}") for c in answer.calls), key=lambda c: c.id))
    return replace(answer, calls=calls, model="", request_id="")


def cut(body: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(at, len(body)) for at in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("api", APIS)
@FEW
@given(events=answers(), cuts=st.lists(st.integers(0, 2000), max_size=6))
def test_any_answer_survives_its_own_api(api: str, events: list[StreamEvent], cuts: list[int]) -> None:
    """Written and read again, it says the same; and packets make no difference."""
    body = written(api, events)
    once = read(api, [body])
    assert same(api, gather(once)) == same(api, gather(events))
    assert read(api, cut(body, cuts)) == once


@FEW
@given(events=answers())
def test_any_answer_survives_both_apis(events: list[StreamEvent]) -> None:
    """From OpenAI's stream to Anthropic's and back: text, thoughts, calls with their names, reason and usage."""
    openai = read("openai-chat", [written("openai-chat", events)])
    anthropic = read("anthropic-messages", [written("anthropic-messages", openai)])
    back = read("openai-chat", [written("openai-chat", anthropic)])
    assert same("", gather(back)) == same("", gather(anthropic)) == same("", gather(events))


@FEW
@given(events=answers())
def test_an_anthropic_stream_is_well_formed(events: list[StreamEvent]) -> None:
    """One message_start at the beginning, one message_stop at the end, blocks one after the other and all closed."""
    body = written("anthropic-messages", [Started("custom:m", "r1"), *events])
    payloads = [json.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: ")]
    kinds = [payload["type"] for payload in payloads]
    assert kinds[0] == "message_start"
    assert payloads[0]["message"]["model"] == "custom:m"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("message_start") == kinds.count("message_stop") == 1
    blocks = [(p["type"], p["index"]) for p in payloads if p["type"].startswith("content_block")]
    open_block, number = False, 0
    for kind, index in blocks:
        assert index == number
        assert (kind == "content_block_start") is not open_block
        open_block = kind != "content_block_stop"
        number += kind == "content_block_stop"
    assert not open_block
    names = [p["content_block"]["name"] for p in payloads if p.get("content_block", {}).get("type") == "tool_use"]
    assert sorted(names) == sorted(call.name for call in gather(events).calls)


@pytest.mark.parametrize("api", APIS)
@FEW
@given(events=answers(arguments=st.dictionaries(WORD, TEXT, max_size=2).map(json.dumps)))
def test_any_whole_answer_survives(api: str, events: list[StreamEvent]) -> None:
    """The same for JSON bodies."""
    whole = openai_ingress.encode_whole(events, 1) if api == "openai-chat" else anthropic_ingress.encode_whole(events)
    again = gather(read(api, [json.dumps(whole).encode()]))
    parsed = [replace(c, arguments=json.loads(c.arguments)) for c in same(api, again).calls]
    assert parsed == [replace(c, arguments=json.loads(c.arguments)) for c in same(api, gather(events)).calls]
    assert replace(same(api, again), calls=()) == replace(same(api, gather(events)), calls=())


@pytest.mark.parametrize("encoder", [OpenAIEncoder(1), AnthropicEncoder()])
def test_an_answer_that_fails_has_no_end(encoder: OpenAIEncoder | AnthropicEncoder) -> None:
    """Whoever reads it sees the error, and never a finished answer."""
    said = encoder.encode_event(Started("custom:m", "r")) + encoder.encode_event(TextDelta("a")) + encoder.close()
    said += encoder.fail(RateLimited("busy", "Wait", status=429))
    assert b"busy. Wait" in said
    assert not any(end in said for end in (b"[DONE]", b"message_stop", b"message_delta", b'"stop"'))


def test_text_and_call_in_one_chunk_keep_both() -> None:
    """The name of a call is not lost where its first piece comes with text (a well-known bug of gateways)."""
    chunk = {
        "content": "I look.",
        "tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "grep", "arguments": "{}"}}],
    }
    body = b"".join(
        b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}).encode() + b"\n\n"
        for delta, reason in ((chunk, None), ({}, "tool_calls"))
    )
    answer = gather(read("anthropic-messages", [written("anthropic-messages", read("openai-chat", [body]))]))
    assert (answer.text, answer.calls) == ("I look.", (ToolCall("c1", "grep", "{}"),))


def test_usage_is_where_clients_look_for_it() -> None:
    """OpenAI: a chunk of its own before [DONE], if asked for; Anthropic: the prompt at the start, all at the end."""
    events = [UsageReport(Usage(10, None, 4, 1)), TextDelta("a"), UsageReport(Usage(10, 7, 4, 1)), Finished(STOP)]
    *_, usage, done, _ = written("openai-chat", events).split(b"\n\n")
    assert (json.loads(usage[6:])["choices"], done) == ([], b"data: [DONE]")
    assert json.loads(usage[6:])["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 7,
        "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
    }
    silent = OpenAIEncoder(1)
    assert b"usage" not in b"".join(map(silent.encode_event, events)) + silent.close()
    payloads = [json.loads(x[6:]) for x in written("anthropic-messages", events).split(b"\n") if x[:6] == b"data: "]
    cache = {"cache_read_input_tokens": 4, "cache_creation_input_tokens": 1}
    assert payloads[0]["message"]["usage"] == {"input_tokens": 5, **cache, "output_tokens": 0}
    assert payloads[-2]["usage"] == {"input_tokens": 5, **cache, "output_tokens": 7}


STOP = FinishReason.STOP


def test_a_whole_answer_must_be_complete() -> None:
    """No body is made of an answer that was cut."""
    with pytest.raises(StreamCut):
        openai_ingress.encode_whole([TextDelta("a")], 1)
    with pytest.raises(StreamCut):
        anthropic_ingress.encode_whole([TextDelta("a")])


def test_a_call_that_the_limit_cut_is_left_out_of_a_whole_answer() -> None:
    """Anthropic's body holds arguments as an object; half of one is nothing to act on, and broken JSON is an error."""
    call = ToolCallDelta(0, "c", "f", '{"a": ')
    assert anthropic_ingress.encode_whole([call, Finished(FinishReason.LENGTH)])["content"] == []
    with pytest.raises(InvalidFormat, match="a call of f"):
        anthropic_ingress.encode_whole([call, Finished(FinishReason.TOOL_CALLS)])


IMAGES = st.lists(st.builds(Image, st.sampled_from(["image/png", "image/jpeg"]), st.just("aGk=")), max_size=2).map(
    tuple
)
OBJECTS = st.dictionaries(WORD, TEXT, max_size=2).map(lambda value: json.dumps(value, ensure_ascii=False))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    said = [Message("system", draw(TEXT))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(0, 3))):
        said.append(Message("user", draw(TEXT), draw(IMAGES)))
        count = draw(st.integers(0, 2))
        calls = tuple(ToolCall(f"call_{turn}_{n}", draw(WORD), draw(OBJECTS)) for n in range(count))
        said.append(Message("assistant", draw(TEXT), (), calls))
        said += [Message("tool", draw(TEXT), tool_call_id=call.id) for call in calls]
    return (*said, Message("user", draw(TEXT), draw(IMAGES)))


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    tools = tuple(draw(st.lists(st.builds(Tool, WORD, TEXT, OBJECTS), max_size=2)))
    return ChatRequest(
        draw(conversations()),
        model="m",
        max_tokens=draw(st.integers(1, 9000)),
        temperature=draw(st.floats(0, 1)),
        stop=tuple(draw(st.lists(WORD, max_size=2))),
        tools=tools,
        tool_choice=draw(st.sampled_from([None, "auto", "none", "required", "grep"])) if tools else None,
    )


PARSERS: dict[str, Callable[[dict[str, Any]], tuple[ChatRequest, bool]]] = {
    "openai-chat": openai_ingress.parse,
    "anthropic-messages": anthropic_ingress.parse,
}


@pytest.mark.parametrize("api", APIS)
@FEW
@given(request=requests())
def test_any_request_survives(api: str, request: ChatRequest) -> None:
    """What we send in an API is, read as what a client sends in it, the same request."""
    body = json.loads(FORMATS[api].encode(request, make_model()).body)
    assert PARSERS[api](body) == (request, True)


def test_the_shape_of_a_json_answer_survives() -> None:
    """`response_format` in both its spellings."""
    for shape in (
        ChatRequest(ASK.messages, json_mode=True),
        ChatRequest(ASK.messages, json_mode=True, json_schema="{}"),
    ):
        again, _ = openai_ingress.parse(json.loads(FORMATS["openai-chat"].encode(shape, make_model()).body))
        assert (again.json_mode, again.json_schema) == (shape.json_mode, shape.json_schema)


@pytest.mark.parametrize(
    ("api", "body", "problem"),
    [
        ("openai-chat", {}, "messages: expected at least one message"),
        ("openai-chat", {"messages": {}}, "messages: expected a list"),
        ("openai-chat", {"messages": [3]}, "messages[0]: expected an object"),
        ("openai-chat", {"messages": [{"role": "robot"}]}, "messages[0].role: expected system, developer, user"),
        ("openai-chat", {"messages": [{"role": "user", "content": 3}]}, "messages[0].content: expected a string"),
        (
            "openai-chat",
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content[0].type: expected text or image_url",
        ),
        (
            "openai-chat",
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]}
                ]
            },
            "messages[0].content[0].image_url.url: expected data:image/",
        ),
        (
            "openai-chat",
            {"messages": [{"role": "tool", "content": "x"}]},
            "messages[0].tool_call_id: expected a string",
        ),
        ("openai-chat", {"messages": [{"role": "user"}], "n": 2}, "n: expected 1"),
        ("openai-chat", {"messages": [{"role": "user"}], "stream": "yes"}, "stream: expected true or false"),
        ("openai-chat", {"messages": [{"role": "user"}], "max_tokens": 0}, "max_tokens: expected a whole number"),
        ("openai-chat", {"messages": [{"role": "user"}], "temperature": "hot"}, "temperature: expected a number"),
        ("openai-chat", {"messages": [{"role": "user"}], "stop": [1]}, "stop[0]: expected a string"),
        (
            "openai-chat",
            {"messages": [{"role": "user"}], "tools": [{"type": "mcp"}]},
            "tools[0].type: expected function",
        ),
        ("openai-chat", {"messages": [{"role": "user"}], "functions": [{}]}, "functions: expected nothing"),
        ("openai-chat", {"messages": [{"role": "user"}], "response_format": {"type": "xml"}}, "response_format.type"),
        ("anthropic-messages", {}, "messages: expected at least one message"),
        ("anthropic-messages", {"messages": [{"role": "system"}]}, "messages[0].role: expected user or assistant"),
        (
            "anthropic-messages",
            {"messages": [{"role": "user", "content": [{"type": "document"}]}]},
            "messages[0].content[0].type: expected text, image",
        ),
        (
            "anthropic-messages",
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}]},
            "messages[0].content[0].source.type: expected base64",
        ),
        ("anthropic-messages", {"messages": [{"role": "user"}], "tools": [{"type": "bash_20250124"}]}, "tools[0].type"),
        ("anthropic-messages", {"messages": [{"role": "user"}], "tool_choice": {"type": "x"}}, "tool_choice.type"),
        ("anthropic-messages", {"messages": [{"role": "user"}], "max_tokens": True}, "max_tokens: expected a whole"),
    ],
)
def test_a_wrong_request_is_told_where_it_is_wrong(api: str, body: dict[str, Any], problem: str) -> None:
    """The error names the field by its place, and what belongs there."""
    with pytest.raises(UserError) as error:
        PARSERS[api](body)
    assert error.value.message.startswith(problem)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["user", "text", "tool_use", "image", "any"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["messages", "role", "content", "type", "tools", "tool_choice", "input", "source", "stop"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@pytest.mark.parametrize("api", APIS)
@FEW
@given(body=st.dictionaries(st.sampled_from(["messages", "tools", "system", "stop", "tool_choice"]), JSON, max_size=4))
def test_hostile_requests_give_domain_errors_only(api: str, body: dict[str, Any]) -> None:
    """Whatever a client sends is a request or an error of ours."""
    try:
        request, _ = PARSERS[api](body)
    except UserError:
        return
    for wire_format in APIS:
        FORMATS[wire_format].encode(request, make_model())


def test_thoughts_of_earlier_turns_are_left_out() -> None:
    """They are signed for the model that had them; the rest of the turn stays."""
    content = [{"type": "thinking", "thinking": "Hm", "signature": "s"}, {"type": "text", "text": "Yes"}]
    request, _ = anthropic_ingress.parse({"messages": [{"role": "assistant", "content": content}]})
    assert request.messages == (Message("assistant", "Yes"),)


def test_an_agents_turn_with_results_and_words_keeps_both() -> None:
    """Results of tools, pictures in them too, and then what the user says: for OpenAI's API, in its order."""
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    turn = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "found"}, picture]},
            {"type": "tool_result", "tool_use_id": "b", "content": "nothing"},
            {"type": "text", "text": "Go on"},
        ],
    }
    request, _ = anthropic_ingress.parse({"messages": [turn]})
    sent = json.loads(FORMATS["openai-chat"].encode(request, make_model()).body)["messages"]
    assert sent == [
        {"role": "tool", "content": "found", "tool_call_id": "a"},
        {"role": "tool", "content": "nothing", "tool_call_id": "b"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]},
        {"role": "user", "content": "Go on"},
    ]

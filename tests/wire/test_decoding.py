"""What holds for every decoder, whatever the bytes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.conftest import Read, make_model, make_request

from beastmode.domain.errors import InvalidFormat
from beastmode.domain.request import FimRequest
from beastmode.domain.response import Finished, FinishReason, TextDelta
from beastmode.wire import FORMATS
from beastmode.wire.decoding import LARGEST_BODY
from beastmode.wire.shapes import finish_reason

NAMES = st.sampled_from(sorted(FORMATS))
KEYS = st.sampled_from(["choices", "delta", "message", "content", "text", "tool_calls", "index", "finish_reason"]) | (
    st.sampled_from(
        ["usage", "error", "type", "done", "stop", "timings", "prompt_tokens", "function", "id", "thinking"]
    )
    | st.sampled_from(["content_block", "delta", "stop_reason", "input", "partial_json", "response", "done_reason"])
)
FEW = settings(max_examples=40, deadline=None)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 10**20)
    | st.floats()
    | st.text()
    | st.sampled_from(["stop", "length", "abort", "text", "tool_use", "message", "text_delta", "input_json_delta"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
CHOICE = st.fixed_dictionaries(
    {}, optional={"index": JSON, "delta": JSON, "message": JSON, "text": JSON, "finish_reason": JSON}
)
KINDS = st.sampled_from(["message_start", "content_block_start", "content_block_delta", "message_delta", "message"])
BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "thinking", "text_delta", "input_json_delta"])},
    optional={"text": JSON, "id": JSON, "name": JSON, "input": JSON, "partial_json": JSON, "thinking": JSON},
)
CHUNK = (
    JSON
    | st.fixed_dictionaries({"choices": st.lists(CHOICE, max_size=2)}, optional={"usage": JSON})
    | st.fixed_dictionaries(
        {"type": KINDS},
        optional={"index": JSON, "content_block": BLOCK | JSON, "delta": BLOCK | JSON, "message": JSON, "usage": JSON},
    )
    | st.fixed_dictionaries({"done": st.booleans()}, optional={"message": JSON, "response": JSON, "eval_count": JSON})
)


def sse(values: list[Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


def lines(values: list[Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def cut(body: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(at, len(body)) for at in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


@FEW
@given(
    NAMES,
    st.lists(CHUNK, max_size=5).map(sse)
    | st.lists(CHUNK, max_size=4).map(lines)
    | CHUNK.map(lambda v: json.dumps(v).encode())
    | st.binary(max_size=80),
)
def test_hostile_bytes_give_domain_errors_only(name: str, body: bytes) -> None:
    """No answer makes a decoder raise anything but our own errors, and its text can be written as UTF-8."""
    read = Read.of(name, make_request(name, {"prefix": "  a = ", "stop": ["\n"]}), [body])
    json.dumps(read.events, ensure_ascii=False).encode()


@FEW
@given(
    NAMES,
    st.lists(CHUNK, max_size=5).map(sse) | st.lists(CHUNK, max_size=4).map(lines) | st.binary(max_size=80),
    st.lists(st.integers(0, 400), max_size=5),
)
def test_packets_make_no_difference(name: str, body: bytes, cuts: list[int]) -> None:
    """However an answer is cut into packets, the same events come, and the same error."""
    request = make_request(name, {"prefix": "  a = ", "stop": ["\n"]})
    assert Read.of(name, request, cut(body, cuts)) == Read.of(name, request, [body])


@FEW
@given(st.text(), st.lists(st.integers(0, 50), max_size=6))
def test_chat_infill_gives_plain_code_unchanged(code: str, cuts: list[int]) -> None:
    """Text without fences, thoughts or repetitions comes out as it went in, however the model cut it into pieces."""
    if "```" in code or code.lstrip().startswith("<think>"):
        return
    edges = [0, *sorted(min(at, len(code)) for at in cuts), len(code)]
    pieces = [code[start:end] for start, end in pairwise(edges)]
    body = sse(
        [
            *({"choices": [{"delta": {"content": p}}]} for p in pieces),
            {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        ]
    )
    read = Read.of("chat-infill", FimRequest("", ""), [body])
    said = "".join(event["text"] for event in read.events if event["event"] == "TextDelta")
    if "`" in code:
        assert said.strip("` \n") in code
    else:
        assert said == code


@pytest.mark.parametrize("deep", [b"[" * 200_000, b'{"choices":' * 100_000, b'data: {"a":' + b"[" * 100_000 + b"\n\n"])
def test_deep_nesting_is_refused(deep: bytes) -> None:
    """Brackets without end do not exhaust the stack."""
    read = Read.of("openai-chat", make_request("openai-chat", {}), [deep])
    assert read.error is not None
    assert read.error.startswith(("InvalidFormat", "StreamCut"))


def test_a_body_without_end_is_given_up() -> None:
    """A JSON body is held in memory up to 8 MiB."""
    decoder = FORMATS["openai-chat"].decoder(make_request("openai-chat", {}), make_model(), "application/json")
    decoder.feed(b"{" + b" " * (LARGEST_BODY - 1))
    with pytest.raises(InvalidFormat, match="8 MiB"):
        decoder.feed(b" ")


def test_the_finish_is_known_before_the_stream_ends() -> None:
    """`Finished` comes with the bytes that say it, whether or not `[DONE]` ever follows."""
    decoder = FORMATS["openai-chat"].decoder(make_request("openai-chat", {}), make_model(), "text/event-stream")
    assert decoder.feed(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n') == [TextDelta("a")]
    assert decoder.feed(b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n') == [Finished(FinishReason.STOP)]
    assert list(decoder.close()) == []


def test_text_before_an_error_is_handed_out_first() -> None:
    """Good text and an error in one packet: the text comes, and the error at the next call."""
    decoder = FORMATS["openai-chat"].decoder(make_request("openai-chat", {}), make_model(), "")
    assert decoder.feed(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {\n\n') == [TextDelta("a")]
    with pytest.raises(InvalidFormat):
        decoder.feed(b"data: {}\n\n")


def test_a_web_page_is_told_at_its_first_byte() -> None:
    """Nobody waits for the end of a login page."""
    decoder = FORMATS["llama-infill"].decoder(FimRequest("", ""), make_model(), "text/plain")
    with pytest.raises(InvalidFormat, match="an HTML page"):
        decoder.feed(b"\n <")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("eos", FinishReason.STOP),
        ("some_new_reason", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("function_call", FinishReason.TOOL_CALLS),
        ("content_filter", FinishReason.CONTENT_FILTER),
        (None, None),
        ("", None),
    ],
)
def test_finish_reasons_are_mapped(said: str | None, reason: FinishReason | None) -> None:
    """Every dialect's reason becomes one of ours; none is no reason."""
    assert finish_reason(said) == reason


def test_errors_quote_little_and_never_the_request() -> None:
    """An endpoint's own words are cut to 200 printable characters; a request that it quotes back is left out."""
    long = Read.of(
        "openai-chat",
        make_request("openai-chat", {}),
        [json.dumps({"error": {"message": "\x1b[31m" + "x" * 9000}}).encode()],
    )
    assert long.error is not None
    assert len(long.error) < 300
    assert long.error.isprintable()
    quoted = {"error": [{"loc": ["body"], "msg": "bad value", "input": "THE PROMPT"}]}
    read = Read.of("openai-chat", make_request("openai-chat", {}), [json.dumps(quoted).encode()])
    assert read.error == "StreamFailed: The endpoint reported an error in its answer: bad value"

"""The APIs that we serve: recorded requests and streams (a file more is a test more), and what holds for any.

`BEASTMODE_GOLDEN=write pytest tests/wire/test_ingress.py` writes what a case of `ingress/API/NAME.json` says besides
its `body` and its `answer`, and the stream in NAME.txt; read the diff before you keep it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.conftest import make_model
from tests.wire.test_translation import FEW, JSON, answers

from beastmode.domain.errors import RateLimited, StreamCut, UserError
from beastmode.domain.request import FimRequest, ToolCall
from beastmode.domain.response import (
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    UsageReport,
    Vectors,
)
from beastmode.domain.usage import Usage
from beastmode.wire import (
    FORMATS,
    anthropic_ingress,
    completions_ingress,
    embeddings_ingress,
    openai_ingress,
    responses_answer,
    responses_ingress,
)
from beastmode.wire.anthropic_ingress import AnthropicEncoder
from beastmode.wire.completions_ingress import CompletionsEncoder
from beastmode.wire.openai_ingress import OpenAIEncoder
from beastmode.wire.responses_answer import ResponsesEncoder
from beastmode.wire.whole import gather

THEN = 1_700_000_000
PLACE = Path(__file__).parent / "ingress"
CASES = sorted(path.relative_to(PLACE).with_suffix("").as_posix() for path in PLACE.glob("*/*.json"))


class Api(NamedTuple):
    """One API as we serve it."""

    parse: Any
    encoder: Any
    whole: Any


APIS = {
    "openai-chat": Api(
        openai_ingress.parse,
        lambda: OpenAIEncoder(THEN, include_usage=True),
        lambda e: openai_ingress.encode_whole(e, THEN),
    ),
    "openai-completions": Api(
        completions_ingress.parse,
        lambda: CompletionsEncoder(THEN, include_usage=True),
        lambda e: completions_ingress.encode_whole(e, THEN),
    ),
    "openai-responses": Api(
        responses_ingress.parse,
        lambda: ResponsesEncoder(THEN),
        lambda e: responses_answer.encode_whole(e, THEN),
    ),
    "anthropic-messages": Api(anthropic_ingress.parse, AnthropicEncoder, anthropic_ingress.encode_whole),
}
EMBEDDINGS = Api(lambda body: (embeddings_ingress.parse(body), False), None, embeddings_ingress.encode_whole)
"""Which have no stream."""
PIECES: dict[str, Any] = {
    "text": TextDelta,
    "reasoning": ReasoningDelta,
    "call": lambda given: ToolCallDelta(*given),
    "usage": lambda given: UsageReport(Usage(*given)),
    "vectors": Vectors,
    "finish": lambda given: Finished(FinishReason(given)),
}


def spoken(api: str, events: list[StreamEvent]) -> bytes:
    encoder = APIS[api].encoder()
    return b"".join(map(encoder.encode_event, events)) + encoder.close()


@pytest.mark.parametrize("case", CASES)
def test_a_client_is_understood_and_answered_as_recorded(case: str) -> None:
    """Its request (or what is wrong with it), the stream byte by byte, and the whole body."""
    api, place = {**APIS, "openai-embeddings": EMBEDDINGS}[case.partition("/")[0]], PLACE / case
    recorded = json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))
    found: dict[str, Any] = {"body": recorded["body"]}
    stream = b""
    try:
        request, streams = api.parse(recorded["body"])
    except UserError as error:
        found["error"] = str(error)
    else:
        answer = recorded.get("answer", [])
        events = [Started("custom:m", "r1"), *(PIECES[kind](given) for kind, given in answer)]
        asked = {name: value for name, value in asdict(request).items() if name != "user" and value not in ((), None)}
        found |= {"answer": answer, "request": json.loads(json.dumps(asked)), "streams": streams}
        if answer:
            found["whole"] = api.whole(events)
            stream = spoken(case.partition("/")[0], events) if api.encoder else b""
    if os.environ.get("BEASTMODE_GOLDEN") == "write":
        place.with_suffix(".json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        if stream:
            place.with_suffix(".txt").write_bytes(stream)
    assert found == json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))
    assert not stream or stream == place.with_suffix(".txt").read_bytes()


def test_every_api_has_recordings() -> None:
    """None goes without golden files."""
    assert {case.partition("/")[0] for case in CASES} == {*APIS, "openai-embeddings"}


def responses_events(body: bytes) -> list[dict[str, Any]]:
    """The events of a Responses stream; each is named twice, and numbered."""
    events = []
    for frame in body.split(b"\n\n")[:-1]:
        name, _, data = frame.partition(b"\n")
        events.append(json.loads(data.removeprefix(b"data: ")))
        assert name == b"event: " + events[-1]["type"].encode()
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


@FEW
@given(events=answers())
def test_a_responses_stream_adds_up(events: list[StreamEvent]) -> None:
    """Each item is added once and done once, its pieces are what it ends up with, and the last event has them all."""
    body = spoken("openai-responses", [Started("custom:m", "r1"), *events])
    first, second, *middle, last = responses_events(body)
    assert (first["type"], second["type"]) == ("response.created", "response.in_progress")
    pieces: dict[int, str] = {}
    done: dict[int, dict[str, Any]] = {}
    for event in middle:
        at = event["output_index"]
        if event["type"] == "response.output_item.added":
            assert at == len(pieces)
            pieces[at] = ""
        elif event["type"] == "response.output_item.done":
            assert at not in done
            done[at] = event["item"]
        elif event["type"].endswith(".delta"):
            assert at not in done
            pieces[at] += event["delta"]
    assert [done[at] for at in sorted(pieces)] == last["response"]["output"]
    for at, item in done.items():
        assert pieces[at] == (item["arguments"] if item["type"] == "function_call" else item["content"][0]["text"])
    answer = gather(events)

    def said(kind: str) -> str:
        return "".join(item["content"][0]["text"] for item in done.values() if item["type"] == kind)

    calls = {ToolCall(i["call_id"], i["name"], i["arguments"]) for i in done.values() if i["type"] == "function_call"}
    assert (said("message"), said("reasoning"), calls) == (answer.text, answer.reasoning, set(answer.calls))
    usage = last["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (answer.usage.input_tokens, answer.usage.output_tokens)
    cut = answer.finish in (FinishReason.LENGTH, FinishReason.CONTENT_FILTER)
    assert last["type"] == f"response.{'incomplete' if cut else 'completed'}"


@FEW
@given(events=answers())
def test_a_whole_response_says_the_same(events: list[StreamEvent]) -> None:
    """Text, thoughts, calls, status and usage of the JSON body are those of the answer."""
    answer, body = gather(events), responses_answer.encode_whole(events, THEN)
    texts = {item["type"]: item["content"][0]["text"] for item in body["output"] if "content" in item}
    calls = [i["call_id"] for i in body["output"] if i["type"] == "function_call"]
    assert (texts.get("message", ""), texts.get("reasoning", "")) == (answer.text, answer.reasoning)
    assert calls == [call.id for call in answer.calls]


@FEW
@given(events=answers())
def test_a_completion_survives_its_api(events: list[StreamEvent]) -> None:
    """Text, reason and usage, streamed; the API knows neither thoughts nor calls."""
    answer, asked = gather(events), FimRequest("a", "b")
    decoder = FORMATS["openai-completions"].decoder(asked, make_model(), "text/event-stream")
    again = gather([*decoder.feed(spoken("openai-completions", events)), *decoder.close()])
    called = answer.finish is FinishReason.TOOL_CALLS
    assert again.finish == (FinishReason.STOP if called else answer.finish)
    assert (again.text, again.usage) == (answer.text, answer.usage)
    assert completions_ingress.encode_whole(events, THEN)["choices"][0]["text"] == answer.text


@pytest.mark.parametrize("api", APIS)
def test_an_answer_that_fails_has_no_end(api: str) -> None:
    """Whoever reads it sees the error, and never a finished answer; a body is made of no answer that was cut."""
    encoder, begun = APIS[api].encoder(), [Started("custom:m", "r"), TextDelta("a")]
    said = b"".join(map(encoder.encode_event, begun)) + encoder.close()
    said += encoder.fail(RateLimited("busy", "Wait", status=429))
    assert b"busy. Wait" in said
    assert not any(end in said for end in (b"[DONE]", b"message_stop", b"response.completed", b'"completed"'))
    with pytest.raises(StreamCut):
        APIS[api].whole(begun)


USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("api", "body", "problem"),
    [
        ("openai-completions", {"prompt": ["a", "b"]}, "prompt: expected one prompt"),
        ("openai-completions", {"prompt": [[1, 2]]}, "prompt: expected text. Tokens of one model"),
        ("openai-completions", {"prompt": [1]}, "prompt: expected text"),
        ("openai-completions", {"prompt": "a", "best_of": 3}, "best_of: expected 1"),
        ("openai-completions", {"prompt": "a", "echo": True}, "echo: expected false"),
        ("openai-completions", {"prompt": "a", "suffix": 3}, "suffix: expected a string"),
        ("openai-responses", {}, "input: expected text, or at least one message"),
        (
            "openai-responses",
            {"input": "a", "previous_response_id": "resp_1"},
            "previous_response_id: expected nothing",
        ),
        (
            "openai-responses",
            {"input": "a", "conversation": "conv_1"},
            "conversation: expected nothing. Send the whole",
        ),
        ("openai-responses", {"input": "a", "prompt": {"id": "p"}}, "prompt: expected nothing"),
        ("openai-responses", {"input": "a", "background": True}, "background: expected false"),
        ("openai-responses", {"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type: expected the item"),
        ("openai-responses", {"input": [USER | {"role": "robot"}]}, "input[0].role: expected system, developer"),
        ("openai-responses", {"input": "a", "tools": [{"type": "soup"}]}, "tools[0].type: expected function"),
        ("openai-responses", {"input": "a", "tool_choice": {"type": "mcp"}}, "tool_choice.type: expected function"),
        ("openai-responses", {"input": "a", "text": {"format": {"type": "xml"}}}, "text.format.type: expected text"),
        (
            "openai-responses",
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/y.png"}]}]},
            "input[0].content[0].image_url: expected data:image/",
        ),
        (
            "openai-responses",
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            "input[0].content[0].type: expected input_text",
        ),
    ],
)
def test_a_wrong_request_is_told_where_it_is_wrong(api: str, body: dict[str, Any], problem: str) -> None:
    """The error names the field by its place, and what belongs there."""
    with pytest.raises(UserError) as error:
        APIS[api].parse(body)
    assert str(error.value).startswith(problem)


@pytest.mark.parametrize("api", APIS)
@FEW
@given(body=st.dictionaries(st.sampled_from(["input", "prompt", "tools", "text", "stop", "tool_choice"]), JSON))
def test_hostile_requests_give_domain_errors_only(api: str, body: dict[str, Any]) -> None:
    """Whatever a client sends is a request or an error of ours."""
    try:
        APIS[api].parse(body)
    except UserError:
        return

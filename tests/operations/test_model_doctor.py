"""The doctor in front of servers of every kind: what it finds, what it proposes, and that nothing makes it fall."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from time import time
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.operations.scripted import Scripted
from tests.support.model_server import KINDS, ModelServer

from beastmode.domain.errors import RateLimited
from beastmode.domain.model import ModelSpec
from beastmode.domain.request import Task
from beastmode.domain.usage import Usage
from beastmode.operations import probing
from beastmode.operations.endpoint_facts import Facts, ask_facts
from beastmode.operations.fim_files import MOST, with_files
from beastmode.operations.fim_templates import families, template_name
from beastmode.operations.fim_trial import Way
from beastmode.operations.model_checks import check_model
from beastmode.operations.model_doctor import diagnose, plan
from beastmode.operations.probing import Probe, Prober
from beastmode.registry.providers import load_providers
from beastmode.router.ask import Asker, Endpoint
from beastmode.router.attempt import auth_headers
from beastmode.router.breaker import Breakers
from beastmode.router.latency import Latencies
from beastmode.router.room import Rooms
from beastmode.transport import Network, Transport
from beastmode.wire import FORMATS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.support.model_server import Asked

    from beastmode.domain.request import Request
    from beastmode.domain.routing import Attempt
    from beastmode.operations.diagnosis import Diagnosis
    from beastmode.operations.fim_templates import Family

KEY = "sk-doctor-123456"
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
QWEN = next(family.template for family in families() if family.name == "qwen")


class Room:
    """The doctor's instruments, with nothing kept but the rows that would be in the ledger."""

    def __init__(self) -> None:
        self.rows: list[Attempt] = []
        self.pauses: list[float] = []

    async def prepare(self) -> None: ...

    def mask(self, request: Request) -> tuple[Request, int]:
        return request, 0

    async def observe(self, attempt: Attempt) -> None:
        self.rows.append(attempt)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @asynccontextmanager
    async def hold(self, model: ModelSpec, request: Request) -> AsyncIterator[None]:
        yield

    def asker(self, transport: Transport) -> Asker:
        return Asker(
            transport,
            rooms=Rooms(),
            breakers=Breakers(time),
            latencies=Latencies(),
            masker=self,
            observers=(self,),
            clock=time,
        )

    async def examine(self, model: ModelSpec, key: str | None = None, most: int | None = None) -> Diagnosis:
        """Examine a model that was registered with this key."""
        provider = load_providers()[model.provider]
        transport = Transport(Network())
        prober = Prober(
            self.asker(transport),
            lambda auth: Endpoint(model.endpoint_url, auth_headers(auth, key)),
            hold=self.hold,
            most=plan(provider).requests if most is None else most,
            progress=lambda _message, _part: None,
            pause=self.pause,
        )
        try:
            return await diagnose(model, provider, prober, transport)
        finally:
            await transport.aclose()


def row(url: str, **fields: object) -> ModelSpec:
    """As registration writes it: the first formats of its provider, which nobody has tried."""
    model = ModelSpec(
        "custom:m", "M", "openai-compatible", url, "mock", "openai-chat", "openai-completions", max_tokens=1000
    )
    values: dict[str, object] = dict(fields)
    return replace(model, **values)  # type: ignore[arg-type]  # the fields are given by name


def changed(diagnosis: Diagnosis) -> dict[str, object]:
    return {change.field: change.proposed for change in diagnosis.changes}


def said(diagnosis: Diagnosis, name: str) -> tuple[bool | None, str]:
    finding = next(finding for finding in diagnosis.findings if finding.name == name)
    return finding.found, finding.evidence


async def test_a_server_that_honours_suffix() -> None:
    """The row that leaves the hole to the server is right as it is, and full marks say why."""
    async with ModelServer(Scripted(suffix=True), serves=(CHAT, COMPLETIONS)) as server:
        diagnosis = await Room().examine(row(server.base))
    assert (diagnosis.ok, diagnosis.changes) == (True, ())
    assert said(diagnosis, "suffix (openai-completions)") == (True, "changes the answer; 10 of 10 holes")
    assert "10 of 10 holes; with only what stands before: 2.5 of 10" in said(diagnosis, "Code completion")[1]


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
async def test_a_model_of_one_template_family(family: Family) -> None:
    """Its template is found by what it answers, whatever it is called; that `suffix` is ignored is said."""
    misnamed = "codellama-qwen-deepseek"
    script = Scripted(template=family.template)
    async with ModelServer(script, serves=(COMPLETIONS,), models=(misnamed,)) as server:
        diagnosis = await Room().examine(row(server.base, upstream_id=misnamed))
    assert diagnosis.proposed.fim_format == "openai-completions"
    assert diagnosis.proposed.fim_template == family.template
    assert said(diagnosis, "suffix (openai-completions)")[0] is False
    assert "silently ignored" in said(diagnosis, "suffix (openai-completions)")[1]
    why = next(change.why for change in diagnosis.changes if change.field == "fim_template")
    assert why.startswith("fills 10 of 10 holes; the stored way: ")
    assert changed(diagnosis)["chat_format"] is None


async def test_a_server_that_only_chats() -> None:
    """Holes are put as questions, in the chat format that works."""
    async with ModelServer(Scripted(chat=True), serves=(CHAT,)) as server:
        diagnosis = await Room().examine(row(server.base))
    assert changed(diagnosis) == {"fim_format": "chat-infill"}


async def test_a_server_that_only_speaks_anthropic() -> None:
    """The kind of endpoint is proposed with the format, as it decides how the key travels."""
    async with ModelServer(Scripted(chat=True), serves=("/v1/messages",)) as server:
        diagnosis = await Room().examine(row(server.base), KEY)
        headers = [asked.headers for asked in server.stats.last if asked.path == "/v1/messages"]
    assert changed(diagnosis) == {
        "provider": "anthropic-compatible",
        "chat_format": "anthropic-messages",
        "fim_format": "chat-infill",
    }
    assert headers
    assert all("x-api-key" in each and "authorization" not in each for each in headers)


async def test_a_llama_cpp_server() -> None:
    """Its own way to fill holes, and its window and slots as it says them."""
    props = {"default_generation_settings": {"n_ctx": 800}, "total_slots": 3, "model_path": "/x.gguf"}
    serves = (CHAT, COMPLETIONS, "/infill")
    async with ModelServer(Scripted(infill=True), serves=serves, also={"/props": props}) as server:
        diagnosis = await Room().examine(row(server.base, max_concurrent=8))
    assert changed(diagnosis) == {
        "fim_format": "llama-infill",
        "context_window": 800,
        "max_tokens": 400,
        "max_concurrent": 3,
    }
    assert said(diagnosis, "Context window") == (True, "800 tokens (/props)")


async def test_the_stored_way_stays_unless_another_is_clearly_better() -> None:
    """A model that fills every hole both ways keeps the way it has, with its own stops."""
    template = replace(QWEN, stop=("<mine>",))
    async with ModelServer(Scripted(template=QWEN, infill=True), serves=(COMPLETIONS, "/infill", CHAT)) as server:
        diagnosis = await Room().examine(row(server.base, fim_template=template))
    assert diagnosis.changes == ()


async def test_a_template_that_is_not_in_the_table_is_scored_too() -> None:
    """Somebody wrote it into the row; it is kept where it works."""
    own = replace(QWEN, prefix="[[BEFORE]]", suffix="[[AFTER]]", middle="[[HERE]]")
    async with ModelServer(Scripted(template=own), serves=(CHAT, COMPLETIONS)) as server:
        diagnosis = await Room().examine(row(server.base, fim_template=own))
    assert diagnosis.changes == ()
    assert "template [[BEFORE]]" in said(diagnosis, "Code completion")[1]


@pytest.mark.parametrize(
    ("script", "found", "proposed"),
    [
        (Scripted(prefill=True), True, {"prefill": True}),
        (Scripted(prefill=True, echoes=True), True, {"prefill": True}),
        (Scripted(), False, {}),
        (
            Scripted(prefill=True, prefill_field="continue_final_message"),
            True,
            {"provider": "vllm", "chat_format": "vllm-chat"},
        ),
        (
            Scripted(prefill=True, prefill_field="chat_template_kwargs"),
            True,
            {"provider": "llama.cpp", "chat_format": "llama-chat"},
        ),
    ],
)
async def test_prefill(script: Scripted, found: bool, proposed: dict[str, object]) -> None:  # noqa: FBT001  # a parameter
    """Whether a begun answer is gone on with can be seen from what comes next, in the dialect that says enough."""
    async with ModelServer(replace(script, suffix=True), serves=(CHAT, COMPLETIONS)) as server:
        diagnosis = await Room().examine(row(server.base))
    assert said(diagnosis, "Prefill")[0] is found
    assert changed(diagnosis) == proposed


async def test_a_model_that_begins_anew_where_its_format_usually_goes_on() -> None:
    """The row says so from then on, and holes are put to it without a beginning of the answer."""
    async with ModelServer(Scripted(chat=True), serves=(CHAT,)) as server:
        diagnosis = await Room().examine(row(server.base, provider="llama.cpp", chat_format="llama-chat"))
        roles = [asked.body["messages"][-1]["role"] for asked in server.stats.last if "messages" in asked.body]
    assert changed(diagnosis)["prefill"] is False
    assert roles.count("assistant") == 1
    assert changed(diagnosis)["fim_format"] == "chat-infill"


async def test_a_model_that_only_chats_and_goes_on_with_what_is_begun() -> None:
    """Its holes are put with the line begun, as they will be."""
    async with ModelServer(Scripted(chat=True, prefill=True), serves=(CHAT,)) as server:
        diagnosis = await Room().examine(row(server.base))
    assert changed(diagnosis) == {"prefill": True, "fim_format": "chat-infill"}


@pytest.mark.parametrize(("goes_on", "prefill"), [(True, None), (False, False)])
async def test_the_short_test_of_a_model_sees_whether_a_begun_answer_helps(goes_on: bool, prefill: bool | None) -> None:  # noqa: FBT001  # parameters
    """Where it gives nothing the hole is put without, and the row says so."""

    def says(asked: Asked) -> str:
        begun = asked.body["messages"][-1]["role"] == "assistant"
        return "" if begun and not goes_on else " b"

    room, transport = Room(), Transport(Network())
    async with ModelServer(says, serves=(CHAT,)) as server:
        model = row(server.base, provider="llama.cpp")
        provider, at = load_providers()["llama.cpp"], Endpoint(server.base, {})
        report = await check_model(
            model, provider, at, room.asker(transport), hold=room.hold, say=lambda _message: None
        )
    await transport.aclose()
    assert (report.model.chat_format, report.model.fim_format) == ("llama-chat", "chat-infill")
    assert report.model.prefill is prefill


class Counts:
    """A prober whose model has these tokens, and reads all else a character a token."""

    def __init__(self, *tokens: str, reports: bool = True) -> None:
        self.tokens = tokens
        self.reports = reports
        self.asked: list[str] = []

    async def ask(self, request: Request, model: ModelSpec, _auth: str) -> Probe:
        prompt = json.loads(FORMATS[str(model.fim_format)].encode(request, model).body)["prompt"]
        self.asked.append(prompt)
        for token in self.tokens:
            prompt = prompt.replace(token, "x")
        return Probe(text="a", usage=Usage(len(prompt) + 1, 1) if self.reports else None)


@pytest.mark.parametrize(
    ("counts", "file"),
    [
        (Counts("<|file_sep|>"), "<|file_sep|>"),
        (Counts("<|file_separator|>"), "<|file_separator|>"),
        (Counts("<|file_sep|>", "<|file_separator|>"), "<|file_sep|>"),
        (Counts(), None),
        (Counts("<|file_sep|>", reports=False), None),
    ],
)
async def test_tokens_for_files_are_those_that_count_as_one(counts: Counts, file: str | None) -> None:
    """Models with the same tokens for holes were taught other ones for files, or none; the endpoint's count tells."""
    way = Way("openai-completions", QWEN)
    found = await with_files(cast("Prober", counts), row("http://127.0.0.1:9"), "bearer", way)
    assert (found.file if found else None) == file
    assert found is None or replace(found, repository="", file="", inside="") == QWEN
    assert len(counts.asked) <= MOST


async def test_a_way_that_needs_no_tokens_for_files_costs_no_question() -> None:
    """One without a template, one of the user's own, one that has them already."""
    counts = Counts()
    own = replace(QWEN, prefix="[[BEFORE]]")
    done = replace(QWEN, file="<|file_sep|>")
    for way in (None, Way("llama-infill"), *(Way("openai-completions", each) for each in (own, done))):
        assert await with_files(cast("Prober", counts), row("http://127.0.0.1:9"), "bearer", way) is None
    assert counts.asked == []


async def test_manners() -> None:
    """Pieces spread in time are streaming; a server that counts no tokens is told from one that does."""
    async with ModelServer(Scripted(), serves=(CHAT,)) as server:
        slow = await Room().examine(row(server.misbehaving("drip=3+nousage")))
        counted = await Room().examine(row(server.base))
    assert said(slow, "Streaming")[0] is True
    assert said(slow, "Usage")[0] is False
    assert said(counted, "Usage") == (True, "reported")
    assert "tokens a second" in said(slow, "Speed")[1]


async def test_the_only_served_model_under_another_name() -> None:
    """An endpoint that does not know the row's name, and serves one model, is asked for that one."""
    async with ModelServer(Scripted(suffix=True), serves=(CHAT, COMPLETIONS), models=("real",)) as server:
        diagnosis = await Room().examine(row(server.base, upstream_id="typo+404"))
    assert changed(diagnosis) == {"upstream_id": "real"}


PASSING = ["500", "503", "429+ra=1", "429+ra=9999", "reset", "cut=0", "stall=0", "errmid=0"]
BROKEN = [
    "errmid=1",
    "html",
    "empty",
    "badjson=0",
    "nofinish",
    "gzip",
    "404",
    "400",
    "wrong=ollama",
    "wrong=infill",
    "nodone",
]


@pytest.mark.parametrize("spec", [*PASSING, *BROKEN, "huge=64", "redirect=http%3A%2F%2F127.0.0.1%3A9"])
async def test_a_hostile_endpoint(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it does there is a diagnosis within the agreed number of requests; a bad hour changes nothing."""
    monkeypatch.setattr(probing, "LIMIT_S", 0.2)
    monkeypatch.setattr(probing, "FIRST_LIMIT_S", 0.2)
    room = Room()
    async with ModelServer(Scripted(suffix=True), serves=(CHAT, COMPLETIONS)) as server:
        model = row(server.misbehaving(spec))
        diagnosis = await room.examine(model, KEY)
    assert diagnosis.findings
    assert diagnosis.requests <= plan(load_providers()[model.provider]).requests
    assert len(room.rows) == diagnosis.requests
    if spec in PASSING:
        assert diagnosis.changes == ()
        assert diagnosis.ok is False
    assert KEY not in json.dumps(diagnosis.as_json())
    assert all(pause <= probing.LONGEST_PAUSE_S for pause in room.pauses)


async def test_a_silent_endpoint_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no point in waiting for the other sixty answers."""
    monkeypatch.setattr(probing, "FIRST_LIMIT_S", 0.05)
    async with ModelServer(spec="hang") as server:
        diagnosis = await Room().examine(row(server.base))
    assert (diagnosis.requests, diagnosis.ok, diagnosis.changes) == (1, False, ())


async def test_a_refused_key_is_not_shown_twice_in_the_same_way() -> None:
    """One question as bearer, one as x-api-key; then the user is told."""
    async with ModelServer(key="another") as server:
        diagnosis = await Room().examine(row(server.base), KEY)
    assert diagnosis.requests == 2
    assert said(diagnosis, "API key")[0] is False
    assert diagnosis.findings[0].fix


async def test_a_paused_endpoint_is_asked_again_once() -> None:
    """A rate limit in the middle costs a pause, not the finding."""
    room = Room()
    async with ModelServer(Scripted(suffix=True), serves=(CHAT, COMPLETIONS)) as server:
        diagnosis = await room.examine(row(server.misbehaving("429+ra=7+first=1")))
    assert room.pauses == [7.0]
    assert diagnosis.changes == ()
    assert diagnosis.ok
    assert room.rows[0].error_kind == RateLimited.kind


async def test_never_more_than_was_agreed() -> None:
    """The number is a limit; what could not be asked is not held against the endpoint."""
    room = Room()
    async with ModelServer(Scripted(template=QWEN)) as server:
        diagnosis = await room.examine(row(server.base), most=7)
    assert (len(room.rows), diagnosis.changes) == (7, ())


async def test_a_server_that_answers_at_every_path_stays_within_the_plan() -> None:
    """The dearest case: nothing is refused, and every way has to be tried."""
    room = Room()
    async with ModelServer(Scripted(chat=True, infill=True), serves=tuple(KINDS)) as server:
        diagnosis = await room.examine(row(server.base))
    agreed = plan(load_providers()["openai-compatible"])
    assert len(room.rows) <= agreed.requests
    assert diagnosis.tokens <= agreed.tokens
    assert {attempt.task for attempt in room.rows} == {Task.PROBE}


FIELDS = (
    *("data", "models", "id", "name", "max_model_len", "context_length", "default_generation_settings", "n_ctx"),
    *("total_slots", "model_info", "llama.context_length", "parameters"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


class Says:
    """A network where every question has the same answer."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.content_type = "application/json"
        self.connect_s = 0.0

    async def get(self, url: str, secret_headers: Mapping[str, str], *, timeout: float) -> tuple[int, bytes]:  # noqa: ASYNC109  # the transport's own
        return 200, self.body

    @asynccontextmanager
    async def post(
        self, call: object, secret_headers: Mapping[str, str], *, connect_timeout: float
    ) -> AsyncIterator[Says]:
        yield self

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.body


async def facts_of(value: object) -> Facts:
    return await ask_facts(Endpoint("http://127.0.0.1:9/v1", {}), "m", Says(json.dumps(value).encode()))


@hypothesis_settings(max_examples=50)
@given(JSON)
async def test_whatever_a_server_says_about_itself(value: object) -> None:
    """Any JSON gives facts that make sense, or none."""
    facts = await facts_of(value)
    assert facts.window is None or 256 <= facts.window <= 100_000_000
    assert facts.slots is None or 0 < facts.slots <= 1024


@pytest.mark.parametrize(
    ("value", "window", "longest"),
    [
        ({"data": [{"id": "m", "max_model_len": 16384}]}, 16384, None),
        ({"data": [{"id": "x", "context_window": 9000}, {"id": "m", "context_length": 32000}]}, 32000, None),
        ({"data": [{"id": "only", "context_window": 9000}]}, 9000, None),
        ({"data": [{"id": "x", "context_window": 9000}, {"id": "y"}]}, None, None),
        ({"models": [{"name": "m:latest", "context_length": 4096}]}, 4096, None),
        ({"parameters": "temperature 0.7\nnum_ctx 2048", "model_info": {"qwen2.context_length": 32768}}, 2048, 32768),
        ({"default_generation_settings": {"n_ctx": True}}, None, None),
    ],
)
async def test_windows(value: object, window: int | None, longest: int | None) -> None:
    """Each server's own field; a model's own limit is not what is served."""
    facts = await facts_of(value)
    assert (facts.window, facts.longest) == (window, longest)


async def test_an_ollama_whose_window_the_client_chooses() -> None:
    """Its own formats ask for the row's window, so only one that the model cannot take is changed."""
    shown = {"model_info": {"qwen2.context_length": 4096}}
    also = {"/api/show": shown, "/api/ps": {"models": [{"name": "mock", "context_length": 8192}]}}
    script = Scripted(suffix=True, prefill=True)
    async with ModelServer(script, serves=("/api/chat", "/api/generate"), also=also) as server:
        diagnosis = await Room().examine(row(server.base, provider="ollama"))
    assert changed(diagnosis) == {
        "chat_format": "ollama-chat",
        "fim_format": "ollama-generate",
        "context_window": 4096,
    }


async def test_a_template_is_named_by_its_family() -> None:
    """A row shows which it has; one of the user's own shows its tokens."""
    assert template_name(QWEN) == "qwen"
    assert template_name(replace(QWEN, prefix="<a>")) == "<a>…<|fim_suffix|>…<|fim_middle|>"

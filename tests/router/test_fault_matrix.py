"""Whatever an endpoint does: who asks gets the whole answer or a clear error, and the ledger says what happened.

Real sockets on loopback, the real transport, router, limits and ledger; only time is not real, so that nobody waits.
One row of FAULTS is one way to misbehave; it is met by every kind of request (a chat, a completion while typing), read
as it comes and as a whole, answered by events and by one JSON body, alone and with a healthy model behind.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from dataclasses import dataclass, replace
from email.utils import formatdate
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import pytest
import pytest_asyncio
from tests.support.fault_server import OUTPUT_TOKENS, PIECES, PROMPT_TOKENS, TEXT, Client, FaultServer, event
from tests.support.router_world import KEY, START, Got, opened

from beastmode import transport as transport_module
from beastmode.domain.errors import (
    AttemptFailed,
    BeastModeError,
    ConnectionLost,
    ContentFiltered,
    ContextOverflow,
    EndpointNotFound,
    InvalidFormat,
    RateLimited,
    Rejected,
    Resting,
    ServerFailed,
    StreamCut,
    StreamFailed,
    TimedOut,
    TlsFailed,
    Unauthorized,
    Unreachable,
)
from beastmode.domain.model import ModelSpec, origin_of
from beastmode.domain.request import ChatRequest, FimRequest, Message
from beastmode.domain.response import FinishReason
from beastmode.store import Database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.support.fault_server import Form, Script
    from tests.support.router_world import World

    from beastmode.domain.request import Request

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CHAT = ChatRequest((Message("user", "How do I double a größe?"),), max_tokens=100)
INLINE = FimRequest("def double(größe):\n    x = (", ")\n")
REQUESTS: dict[str, Request] = {"chat": CHAT, "inline": INLINE}

FIRST = ModelSpec("custom:first", "1", "flaky", "", "m", "openai-chat", "openai-completions")
SECOND = replace(FIRST, id="custom:second", name="2", provider="solid", context_window=16_384)

EVENTS: tuple[Form, ...] = ("events",)
JSON: tuple[Form, ...] = ("json",)
BOTH: tuple[Form, ...] = ("events", "json")
ONE = EVENTS
"""For faults that end the matter before a body begins: its form makes no difference."""

HERE = "http://127.0.0.1:{port}/v1"


# What the server does.


async def good(client: Client) -> None:
    await client.answer()


def refuses(status: int, *headers: str, error: str = "scripted", code: str = "scripted") -> Script:
    return lambda client: client.refuse(status, *headers, error=error, code=code)


def replies(body: bytes, media_type: str = "application/json", *headers: str) -> Script:
    return lambda client: client.reply(200, *headers, body=body, media_type=media_type)


def without(**parts: object) -> Script:
    return lambda client: client.answer(**parts)


async def reset(client: Client) -> None:
    client.reset()


async def hangs_up(client: Client) -> None:
    client.close()


async def silent(client: Client) -> None:
    await client.silence()


async def other_protocol(client: Client) -> None:
    await client.raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
    client.close()


async def head_then_silence(client: Client) -> None:
    await client.head()
    await client.silence()


async def only_keepalives(client: Client) -> None:
    await client.head()
    while True:
        await client.body(b": still here\n\n" if client.form == "events" else b" ")
        await client.pause(5.0)


async def late(client: Client) -> None:
    await client.head()
    await client.pause(14.0)
    for part in client.parts():
        await client.body(part)
    await client.end()


async def reset_in_body(client: Client) -> None:
    await client.begin()
    client.reset()


async def cut(client: Client) -> None:
    await client.begin()
    client.close()


async def stall_then_close(client: Client) -> None:
    await client.begin()
    await client.pause(14.0)
    client.close()


async def stall(client: Client) -> None:
    await client.begin()
    await client.silence()


async def trickle(client: Client) -> None:
    """As slow as it can be without falling silent."""
    await client.begin()
    while True:
        await client.body(client.piece("x") if client.form == "events" else b" ")
        await client.pause(10.0)


async def malformed(client: Client) -> None:
    if client.form == "events":
        await client.begin()
        await client.body(b'data: {"choices": [{"delta": \n\n')
        await client.end()
    else:
        await client.reply(200, body=b'{"choices": [{"delta": }]}')


async def error_inside(client: Client) -> None:
    error = {"error": {"message": "out of memory", "type": "server_error"}}
    if client.form == "events":
        await client.begin()
        await client.body(event(error))
        await client.end()
    else:
        await client.reply(200, body=json.dumps(error).encode())


async def no_end_marker(client: Client) -> None:
    await client.head()
    for part in client.parts()[:-1]:
        await client.body(part)
    await client.silence()


async def neither_usage_nor_end(client: Client) -> None:
    await client.head()
    for part in client.parts(usage=False)[:-1]:
        await client.body(part)
    await client.silence()


async def reset_after_the_reason(client: Client) -> None:
    await client.head()
    for part in client.parts(usage=False)[:-1]:
        await client.body(part)
    await asyncio.sleep(0.005)
    client.reset()


async def one_byte_a_packet(client: Client) -> None:
    await client.head()
    for part in client.parts():
        for byte in part:
            await client.body(bytes((byte,)))
    await client.end()


async def characters_in_halves(client: Client) -> None:
    """Every packet ends inside of a character that takes several bytes, where it has one."""
    await client.head()
    for part in client.parts():
        at = next((i for i, byte in enumerate(part) if byte & 0xC0 == 0x80), 1)
        await client.body(part[:at])
        await client.body(part[at:])
    await client.end()


async def without_a_length(client: Client) -> None:
    """As servers of HTTP/1.0 do it: the body ends where the connection does, so a cut looks like an end."""
    await client.raw(b"HTTP/1.0 200 X\r\ncontent-type: text/plain\r\n\r\n" + client.parts()[0])
    client.close()


async def shorter_than_announced(client: Client) -> None:
    parts = b"".join(client.parts()[:2])
    await client.raw(b"HTTP/1.1 200 X\r\ncontent-length: %d\r\n\r\n%s" % (len(parts) + 10, parts))
    client.close()


async def huge(client: Client) -> None:
    """More than a piece of an answer can be: an event of over a MiB, a JSON body of over eight."""
    await client.head()
    await client.body(b'data: {"choices": "' if client.form == "events" else b'{"choices": "')
    for _ in range(9 if client.form == "json" else 2):
        await client.body(b"x" * (1 << 20))
    await client.gone()


BOMB = gzip.compress(bytes(1 << 22))
HTML = b"<!DOCTYPE html><html><title>Sign in</title></html>"
ANTHROPIC = b'{"type":"message","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}'
LONG = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
FILTERED = "The response was filtered due to the prompt triggering the content management policy."


async def redirected(client: Client) -> None:
    """To another origin that is this very server, which would see who follows."""
    port = client.writer.get_extra_info("sockname")[1]
    await client.reply(307, f"location: http://localhost:{port}{client.path}", body=b"moved", media_type="text/plain")


# What becomes of it.


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave, and what must become of it.

    Attributes:
        name: of the fault.
        scripts: what the server does with one request after the other, the last of them for ever.
        error: what one such try ends in; None where it is a whole answer after all.
        pauses: seconds between the tries of a chat, from its Retry-After and half of the largest jitter; there is one
            try more. While typing there is always one.
        saved: the last try of a chat succeeds.
        shown: what a reader of events has seen by then.
        tokens: what the ledger says of a try with the fault: reported, estimated, or none where nothing was read.
        next: whether another model is asked.
        rests: seconds that the endpoint asked to be left alone.
        forms: in which answers are tried.
        tasks: for which requests.
        url: where the model is said to be; by default where it is.
    """

    name: str
    scripts: tuple[Script, ...]
    error: type[AttemptFailed] | None = None
    pauses: tuple[float, ...] = ()
    saved: bool = False
    shown: str = ""
    tokens: str = "none"
    next: bool = True
    rests: float = 0.0
    forms: tuple[Form, ...] = ONE
    tasks: tuple[str, ...] = tuple(REQUESTS)
    url: str = HERE


AGAIN = (0.25, 0.5)
"""Half of the jitter's bounds before the second and the third try."""
BEGUN = PIECES[0]
IN_THREE_SECONDS = f"retry-after: {formatdate(START + 3, usegmt=True)}"


def once(name: str, script: Script, error: type[AttemptFailed], pause: float = 0.25, rests: float = 0.0) -> Fault:
    """A fault that the second try does not meet."""
    return Fault(name, (script, good), error, pauses=(pause,), saved=True, rests=rests)


def broken(name: str, script: Script, error: type[AttemptFailed], shown: str = BEGUN, **more: object) -> Fault:
    """A fault in the middle of an answer."""
    return Fault(name, (script,), error, shown=shown, tokens="estimated", **({"forms": BOTH} | more))  # type: ignore[arg-type]  # a table's shorthand


def whole(name: str, script: Script, tokens: str = "reported", **more: object) -> Fault:
    """Odd, but a whole answer."""
    return Fault(name, (script,), tokens=tokens, **({"forms": BOTH} | more))  # type: ignore[arg-type]  # the same


FAULTS = (
    # Refused, but not for long.
    once("429 once, Retry-After", refuses(429, "retry-after: 2"), RateLimited, 2.25, rests=2.0),
    once("429 once, Retry-After as a date", refuses(429, IN_THREE_SECONDS), RateLimited, 3.25, rests=3.0),
    once("429 once, in ms", refuses(429, "retry-after-ms: 1500", "retry-after: 2"), RateLimited, 1.75, rests=1.5),
    once("500 once", refuses(500), ServerFailed),
    once("408 once", refuses(408), ServerFailed),
    once("529 once", refuses(529), ServerFailed),
    once("reset before headers, once", reset, ConnectionLost),
    # Refused for good.
    Fault("429 for ever", (refuses(429),), RateLimited, pauses=AGAIN),
    Fault("429 for an hour", (refuses(429, "retry-after: 3600"),), RateLimited, rests=3600.0),
    Fault("503 for ever", (refuses(503),), ServerFailed, pauses=AGAIN),
    Fault("501 is no passing matter", (refuses(501),), ServerFailed),
    Fault("reset before headers", (reset,), ConnectionLost, pauses=AGAIN),
    Fault("closed before headers", (hangs_up,), ConnectionLost, pauses=AGAIN),
    Fault("wrong key", (refuses(401, error=f"Incorrect API key provided: {KEY}"),), Unauthorized),
    Fault("wrong path", (refuses(404),), EndpointNotFound),
    Fault("bad request", (refuses(400),), Rejected, next=False),
    Fault("context overflow", (refuses(400, error=LONG, code="context_length_exceeded"),), ContextOverflow),
    Fault("content filter", (refuses(400, error=FILTERED, code="content_filter"),), ContentFiltered, next=False),
    Fault("redirect to another origin", (redirected,), InvalidFormat),
    # No answer.
    Fault("refused connection", (good,), Unreachable, url="http://127.0.0.1:1/v1"),
    Fault("DNS failure", (good,), Unreachable, url="http://models.example.test/v1"),
    Fault("TLS failure", (good,), TlsFailed, url="https://127.0.0.1:{port}/v1"),
    Fault("another protocol", (other_protocol,), InvalidFormat),
    Fault("accepted and never answered", (silent,), TimedOut, tokens="estimated"),
    broken("headers then silence", head_then_silence, TimedOut, ""),
    broken("nothing but keep-alives", only_keepalives, TimedOut, ""),
    # An answer of another kind.
    broken("empty 200", replies(b""), InvalidFormat, ""),
    Fault("HTML 200", (replies(HTML, "text/html; charset=utf-8"),), InvalidFormat),
    broken("HTML 200 that claims to be JSON", replies(HTML), InvalidFormat, ""),
    broken("wrong JSON shape", replies(ANTHROPIC), InvalidFormat, "", forms=JSON),
    broken("wrong event shape", replies(b"data: " + ANTHROPIC + b"\n\n"), InvalidFormat, "", forms=EVENTS),
    broken("huge body", huge, InvalidFormat, ""),
    Fault("gzip bomb", (replies(BOMB, "application/json", "content-encoding: gzip"),), InvalidFormat),
    # Broken in the middle.
    broken("reset in the body", reset_in_body, StreamCut),
    broken("cut mid-answer", cut, StreamCut),
    broken("cut without a length", without_a_length, StreamCut),
    broken("shorter than announced", shorter_than_announced, StreamCut, "".join(PIECES[:2])),
    broken("stall mid-answer and then close", stall_then_close, StreamCut),
    broken("stall mid-answer", stall, TimedOut),
    broken("malformed mid-answer", malformed, InvalidFormat),
    broken("error mid-answer", error_inside, StreamFailed),
    broken("no reason why it ended", without(finish=None), StreamCut, TEXT, forms=EVENTS),
    broken("no reason in a JSON body", without(finish=None), StreamCut, forms=JSON, tasks=("inline",)),
    # A whole answer all the same.
    whole("healthy", good),
    whole("first token late", late),
    whole("no reason in a message that is whole", without(finish=None), forms=JSON, tasks=("chat",)),
    whole("no end marker", no_end_marker, forms=EVENTS),
    whole("neither usage nor end", neither_usage_nor_end, "estimated", forms=EVENTS),
    whole("reset after the reason why it ended", reset_after_the_reason, "estimated", forms=EVENTS),
    whole("no usage", without(usage=False), "estimated"),
    whole("one byte a packet", one_byte_a_packet),
    whole("UTF-8 split across packets", characters_in_halves),
)  # fmt: skip


class Cell(NamedTuple):
    """One fault, met in one way."""

    fault: Fault
    way: str
    form: Form
    task: str

    def __str__(self) -> str:
        return "-".join((self.fault.name, *self[1:])).replace(" ", "_")


CELLS = tuple(
    Cell(fault, way, form, task)
    for fault in FAULTS
    for way, form, task in product(("stream", "complete"), fault.forms, fault.tasks)
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """One for all, as opening it takes longer than most of the tests; each looks only at the rows that it adds."""
    database = await Database.open(tmp_path_factory.mktemp("matrix") / "ledger.db")
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def _own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of this machine, and no name server: loopback addresses resolve, names do not."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    really = socket.getaddrinfo

    def resolve(host: str, *more: object, **named: object) -> object:
        if host not in ("127.0.0.1", "localhost"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return really(host, *more, **named)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_alone(cell: Cell, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole answer or a clear error, no try too many, every try a row, and the next request is served."""
    fault, way, form, task = cell
    async with FaultServer([*fault.scripts], form) as server:
        first = replace(FIRST, endpoint_url=fault.url.format(port=server.port))
        async with opened(database, monkeypatch, first) as world:
            server.wait = world.clock.wait
            answered = fault.error is None or (fault.saved and task == "chat")

            got = await ask(world, way, REQUESTS[task])

            if answered:
                assert (got.text, got.model, got.finish, got.error) == (TEXT, first.id, FinishReason.STOP, None)
            else:
                assert_clear(got, fault.error)
                assert got.text == (fault.shown if (way, form) == ("stream", "events") else "")
            pauses = fault.pauses if task == "chat" else ()
            assert world.clock.pauses == list(pauses)
            if fault.url == HERE:
                assert len(server.asked) == 1 + len(pauses)
            await assert_rows(world, fault, form, task)
            assert got.rows_at_end == (len(await world.rows()) if got.finish else 0)
            assert [model for model, _ in world.kept] == [first.id] * answered

            await assert_served_again(world, server, way, REQUESTS[task], 0.0 if answered else fault.rests)


@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_with_another_model_behind(cell: Cell, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers, and is named, where that can only help; where text was shown, only if it goes on to the letter."""
    fault, way, form, task = cell
    async with FaultServer([*fault.scripts], form) as server, FaultServer([good], form) as other:
        first = replace(FIRST, endpoint_url=fault.url.format(port=server.port))
        second = replace(SECOND, endpoint_url=other.url)
        async with opened(database, monkeypatch, first, second) as world:
            server.wait = world.clock.wait
            answered = fault.error is None or (fault.saved and task == "chat")
            shown = fault.shown if form == "events" else ""
            # An answer that is not deterministic cannot be repeated to the letter.
            helped = not answered and fault.next and (not shown or task == "inline")

            got = await ask(world, way, REQUESTS[task])

            if answered or helped:
                model = second.id if helped else first.id
                assert (got.text, got.model, got.finish, got.error) == (TEXT, model, FinishReason.STOP, None)
            else:
                assert_clear(got, fault.error)
                assert got.text == (shown if way == "stream" else "")
            assert len(other.asked) == helped
            await assert_rows(world, fault, form, task, (second.id,) * helped)
            # What is remembered of a model is a whole answer, and its own.
            assert [model for model, _ in world.kept] == [first.id] * answered

            await world.turn_page()
            server.plays(good)
            again = await ask(world, way, REQUESTS[task])
            assert (again.text, again.error) == (TEXT, None)
            reachable = fault.url == HERE and world.breakers.resting(first.id) is None
            assert again.model == (first.id if reachable else second.id)


async def ask(world: World, way: str, request: Request) -> Got:
    """Ask in one of the two ways; nothing may take for ever."""
    how: Callable[[Request], Awaitable[Got]] = world.stream if way == "stream" else world.complete
    async with asyncio.timeout(15):
        return await how(request)


def assert_clear(got: Got, kind: type[BeastModeError] | None) -> None:
    """It failed, is not called complete, says what to do, and keeps the key to itself."""
    assert got.finish is None
    assert type(got.error) is kind
    assert isinstance(got.error, BeastModeError)
    assert got.error.message
    assert got.error.fix
    assert KEY not in str(got.error)


async def assert_rows(world: World, fault: Fault, form: Form, task: str, then: tuple[str, ...] = ()) -> None:
    """Every try left a row that says how it ended and what is known of its tokens; `then` others answered."""
    rows = await world.rows()
    tries = 1 + len(fault.pauses) if task == "chat" else 1
    saved = fault.saved and task == "chat"
    bad = tries - saved if fault.error else 0
    kind = fault.error.kind if fault.error else None
    assert [(row["model"], row["outcome"], row["error_kind"]) for row in rows] == [
        *[(FIRST.id, "failed", kind)] * bad,
        *[(FIRST.id, "ok", None)] * (saved or not fault.error),
        *[(model, "ok", None) for model in then],
    ]
    assert len({row["request_id"] for row in rows}) == 1
    for row in rows:
        assert KEY not in str(tuple(row))
        assert row["cached"] == 0
    for row in rows[:bad] or rows[:1]:
        assert_tokens(row, fault, form)
    for row in rows[bad:] if bad else ():
        assert (row["input_tokens"], row["output_tokens"], row["estimated"]) == (PROMPT_TOKENS, OUTPUT_TOKENS, 0)
    # How far apart the tries were, on the router's clock.
    starts = [row["started_at"] - START for row in rows[:tries]]
    assert starts == [sum(fault.pauses[:n]) for n in range(tries)]


def assert_tokens(row: sqlite3.Row, fault: Fault, form: Form) -> None:
    counts = row["input_tokens"], row["output_tokens"]
    if fault.tokens == "none":
        assert (counts, row["estimated"], row["connect_s"]) == ((None, None), 0, None)
    elif fault.tokens == "reported":
        assert (counts, row["estimated"]) == ((PROMPT_TOKENS, OUTPUT_TOKENS), 0)
    elif counts[0] == PROMPT_TOKENS:  # JSON that breaks after its usage
        assert row["estimated"] == 0
    else:
        shown = TEXT if fault.error is None else fault.shown if form == "events" else ""
        assert row["estimated"] == 1
        assert counts[0] > 0
        assert counts[1] == round(len(shown) / 3.5)


async def assert_served_again(world: World, server: FaultServer, way: str, request: Request, rests: float) -> None:
    """The endpoint is well again: a person is served at once, typing once the endpoint's own wait is over."""
    await world.turn_page()
    server.plays(good)
    if origin_of(server.url) != world.models[0].origin:
        world.models = (replace(world.models[0], endpoint_url=server.url),)
    if rests and request is INLINE:
        resting = await ask(world, way, request)
        assert_clear(resting, Resting)
        assert await world.rows() == [], "a model that rests is not asked"
        world.clock.now += rests
    got = await ask(world, way, request)
    assert (got.text, got.finish, got.error) == (TEXT, FinishReason.STOP, None)
    assert [row["outcome"] for row in await world.rows()] == ["ok"]
    assert world.clock.pauses == []


# What does not fit into the table.

FLAPPING_S, EVERY_S, STEP_S = 60.0, 5.0, 0.5


@pytest.mark.parametrize("task", REQUESTS)
async def test_a_primary_that_flaps_for_a_minute(
    task: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five seconds up, five seconds down: every answer is whole and names who gave it, and the dead are let rest."""
    async with FaultServer([good]) as server, FaultServer([good], pieces=("pass",)) as other:
        first, second = replace(FIRST, endpoint_url=server.url), replace(SECOND, endpoint_url=other.url)
        async with opened(database, monkeypatch, first, second) as world:
            downs = 0

            def is_down() -> bool:
                return (world.clock.now - START) // EVERY_S % 2 == 1

            async def flaps(client: Client) -> None:
                nonlocal downs
                downs += is_down()
                bad = (reset, refuses(503), hangs_up, refuses(500))[downs % 4]
                await (bad if is_down() else good)(client)

            server.plays(flaps)
            asked = asked_while_down = 0
            while world.clock.now < START + FLAPPING_S:
                asked, asked_while_down = asked + 1, asked_while_down + is_down()
                got = await ask(world, "stream", REQUESTS[task])
                assert (got.text, got.model) in {(TEXT, first.id), ("pass", second.id)}
                assert (got.finish, got.error) == (FinishReason.STOP, None)
                world.clock.now += STEP_S
            rows = await world.rows()
            assert len({row["request_id"] for row in rows if row["outcome"] == "ok"}) == asked
            assert {row["model"] for row in rows if row["outcome"] == "failed"} == {first.id}
            tried = {row["request_id"] for row in rows if row["outcome"] == "failed"}
            assert 0 < len(tried) < asked_while_down, "it is not asked each time while it is down"

            server.plays(good)
            world.clock.now += 60.0
            assert (await ask(world, "stream", REQUESTS[task])).model == first.id


@pytest.mark.parametrize("way", ["stream", "complete"])
async def test_a_fallback_that_refuses_the_prefill(
    way: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was promised to take one, and does not: the next one is asked; what is told is how the answer broke off."""
    refuse = refuses(400, error="Prefilling assistant messages is not supported for this model.")
    async with FaultServer([cut]) as server, FaultServer([refuse]) as other, FaultServer([good]) as last:
        first, second = replace(FIRST, endpoint_url=server.url), replace(SECOND, endpoint_url=other.url)
        third = replace(SECOND, id="custom:third", endpoint_url=last.url)
        async with opened(database, monkeypatch, first, second) as world:
            world.prefilling = {SECOND.provider}
            got = await ask(world, way, CHAT)
            assert_clear(got, StreamCut)
            assert got.text == (BEGUN if way == "stream" else "")
            assert other.asked[0]["messages"][-1] == {"role": "assistant", "content": BEGUN}
            assert [row["error_kind"] for row in await world.rows()] == ["stream_cut", "rejected"]

            async def goes_on(client: Client) -> None:
                await client.reply(200, body=b"".join(client.parts()[1:]), media_type="text/event-stream")

            last.plays(goes_on)
            world.models = (first, second, third)
            got = await ask(world, way, CHAT)
            assert (got.text, got.model, got.finish, got.error) == (TEXT, third.id, FinishReason.STOP, None)


async def test_a_tool_call_that_broke_off_is_not_mixed_with_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a call has been handed out: a second model's call would be appended to it."""
    call = {"index": 0, "id": "c1", "function": {"name": "delete", "arguments": '{"path": "/tm'}}

    async def half_a_call(client: Client) -> None:
        await client.head()
        await client.body(event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}))
        await asyncio.sleep(0.005)
        client.close()

    async with FaultServer([half_a_call]) as server, FaultServer([good]) as other:
        first, second = replace(FIRST, endpoint_url=server.url), replace(SECOND, endpoint_url=other.url)
        async with opened(database, monkeypatch, first, second) as world:
            for request in (CHAT, replace(CHAT, temperature=0.0)):
                got = await ask(world, "stream", request)
                assert len(got.calls) == 1
                assert_clear(got, StreamCut)
                assert other.asked == []


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("task", REQUESTS)
async def test_a_trickle_ends_when_the_time_for_all_is_over(
    form: Form, task: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither late nor silent, and yet no answer; the server is hung up on."""
    async with FaultServer([trickle], form) as server:
        first = replace(FIRST, endpoint_url=server.url)
        async with opened(database, monkeypatch, first) as world:
            server.wait = world.clock.wait
            got = await ask(world, "stream", REQUESTS[task])
            assert_clear(got, TimedOut)
            assert isinstance(got.error, TimedOut)
            # A body of JSON is no text before its end.
            assert got.error.phase == ("total" if form == "events" else "first_token")
            assert got.text.startswith(BEGUN if form == "events" else "")
            assert [row["error_kind"] for row in await world.rows()] == ["timed_out"]
            await assert_served_again(world, server, "stream", REQUESTS[task], 0.0)


@pytest.mark.parametrize("task", REQUESTS)
async def test_an_answer_without_an_end(task: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However fast it comes, it is not read for ever."""
    monkeypatch.setattr(transport_module, "LARGEST_ANSWER", 1 << 16)

    async def endless(client: Client) -> None:
        await client.head()
        while not client.writer.is_closing():
            await client.body(client.piece("x" * 1024))

    async with FaultServer([endless]) as server:
        first = replace(FIRST, endpoint_url=server.url)
        async with opened(database, monkeypatch, first) as world:
            got = await ask(world, "stream", REQUESTS[task])
            assert_clear(got, InvalidFormat)
            assert 0 < len(got.text) <= 1 << 16
            await assert_served_again(world, server, "stream", REQUESTS[task], 0.0)


@pytest.mark.parametrize("task", REQUESTS)
async def test_all_who_share_a_broken_answer_learn_of_it(
    task: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request, one row, and nobody is left waiting."""
    async with FaultServer([stall_then_close]) as server:
        first = replace(FIRST, endpoint_url=server.url)
        async with opened(database, monkeypatch, first) as world:
            for got in await asyncio.gather(*(ask(world, "stream", REQUESTS[task]) for _ in range(3))):
                assert_clear(got, StreamCut)
                assert got.text == BEGUN
            assert len(server.asked) == len(await world.rows()) == 1
            await assert_served_again(world, server, "stream", REQUESTS[task], 0.0)


@pytest.mark.parametrize("script", [silent, head_then_silence, stall])
@pytest.mark.parametrize("task", REQUESTS)
async def test_a_caller_that_goes_away_is_counted_and_hangs_up(
    script: Script, task: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint is not held on to, the try is a row with the tokens it burned, and says nothing about the model."""
    reached, left = asyncio.Event(), asyncio.Event()

    async def watched(client: Client) -> None:
        reached.set()
        await script(client)
        left.set()

    async with FaultServer([watched]) as server:
        first = replace(FIRST, endpoint_url=server.url)
        async with opened(database, monkeypatch, first) as world:
            task_ = asyncio.ensure_future(ask(world, "stream", REQUESTS[task]))
            await reached.wait()
            await asyncio.sleep(0.03)
            task_.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task_
            async with asyncio.timeout(15):
                await left.wait()
            (row,) = await world.rows()
            assert (row["outcome"], row["error_kind"], row["estimated"]) == ("cancelled", None, True)
            assert world.breakers.resting(first.id) is None
            await assert_served_again(world, server, "stream", REQUESTS[task], 0.0)

"""A model server on loopback that says what it is told to and misbehaves on demand. Standard library only.

Every test that needs an endpoint uses it, in process or as a program; it stands apart so that the bytes on the wire
come from code that shares nothing with the code under test.

In process::

    async with ModelServer(text="return a + b") as server:
        ...  # server.url is http://127.0.0.1:PORT, server.base is the same with /v1; server.stats counts

As a program: `python tests/support/model_server.py --port 0 --text "return a + b"` prints its URL as the first line.

Speaks POST /v1/chat/completions, /v1/completions, /v1/fim/completions, /v1/embeddings, /v1/messages and
/v1/messages/count_tokens (Anthropic's), /infill (also below /v1), /api/chat and /api/generate (Ollama's), GET
/v1/models, /health, /admin/stats, POST /admin/reset and /admin/script (a JSON object with "text" and/or "spec", for
what is answered from now on). What the answers look like is in model_replies.py.

Behaviour is a spec, `word[=value]` joined by `+`. It comes from a path prefix (`/m/drip=20+cut=3/v1/…`), else from
the model's name after its first `+` (`mock+lat=50`), else from --spec:

    lat=MS       wait before the head            ttft=MS     send the head, wait before the first text
    drip=MS      wait between pieces of text     bytes=K     send the body K bytes at a time
    400 401 403 404 405 408 413 429 500 502 503 529 (any other status too), each with a JSON error
    ra=VALUE     Retry-After of that error       rams=MS     retry-after-ms of that error
    echo         that error quotes the request's Authorization value back
    hang         accept, never answer            reset       close with a TCP reset before any byte
    stall=K      silent for ever after K pieces  cut=K       close the connection after K pieces
    errmid=K     an error object after K pieces  badjson=K   a broken event after K pieces
    nodone       no `[DONE]`, connection stays open          nousage    no usage, though asked for
    nofinish     no finish reason                empty       200 and an empty body
    html         200 and a web page              wrong=KIND  answers as chat, completions, infill, fim, anthropic,
                                                             ollama, generate
    redirect=URL 307 to it (percent-encoded)     gzip        says content-encoding: gzip, and is
    huge=KIB     an answer of that size          think=TEXT  reasoning before the answer
    tool=NAME    a call of that tool after it    cache=N     that many of the prompt's tokens came from a cache
    overflow     400: the prompt is too long     filter      400: against the provider's rules
    first=N      only the first N requests with this spec misbehave
"""

# the names of a test server's methods say what they do
from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import hashlib
import json
import re
import socket
import struct
import sys
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

if __package__ in (None, ""):  # run as a program
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.model_replies import DIALECTS, Reply, embeddings

if TYPE_CHECKING:
    import ssl

PIECE = re.compile(r"\s*\S+|\s+")
TEMPLATES = (
    re.compile(r"<\|fim_prefix\|>(?P<prefix>.*)<\|fim_suffix\|>(?P<suffix>.*)<\|fim_middle\|>\Z", re.DOTALL),
    re.compile(r"<fim_prefix>(?P<prefix>.*)<fim_suffix>(?P<suffix>.*)<fim_middle>\Z", re.DOTALL),
)
KINDS = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completions",
    "/v1/fim/completions": "fim",
    "/v1/messages": "anthropic",
    "/v1/embeddings": "embeddings",
    "/infill": "infill",
    "/v1/infill": "infill",
    "/api/chat": "ollama",
    "/api/generate": "generate",
}
OVERFLOW = {
    "chat": ("This model's maximum context length is 16 tokens", "context_length_exceeded"),
    "anthropic": ("prompt is too long: 99 tokens > 16 maximum", "invalid_request_error"),
    "infill": ("the request exceeds the available context size", "exceed_context_size_error"),
    "ollama": ("the input length exceeds the context length", ""),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server saw it; the values of secret headers are replaced by their SHA-256."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    spec: dict[str, str]

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def prefix(self) -> str:
        """What stands before the hole; of a chat, its last message."""
        if "messages" in self.body:
            said = self.body["messages"][-1]["content"]
            return "".join(str(part.get("text", "")) for part in said) if isinstance(said, list) else str(said)
        if "input" in self.body:
            given = self.body["input"]
            return given if isinstance(given, str) else "".join(map(str, given))
        prompt = str(self.body.get("input_prefix", self.body.get("prompt", "")))
        found = next((m for t in TEMPLATES if (m := t.search(prompt))), None)
        return found["prefix"] if found else prompt


Script = str | Callable[[Asked], str]


def rules_script(rules: list[dict[str, str]], otherwise: str) -> Script:
    """The text of the first rule that fits: `ends_with` on the text before the hole, `contains` anywhere in it.

    Blanks at the end count for nothing, as a client may hold them back.
    """

    def script(asked: Asked) -> str:
        prefix = asked.prefix.rstrip(" \t")
        for rule in rules:
            if "ends_with" in rule and not prefix.endswith(rule["ends_with"].rstrip(" \t")):
                continue
            if rule.get("contains", "") in prefix:
                return rule["text"]
        return otherwise

    return script


@dataclass(slots=True)
class Stats:
    """What happened so far.

    `aborted`: answers whose client went away before their end. `reported_in` and `reported_out`: the tokens of the
    streams that were told to their end.
    """

    requests: int = 0
    answered: int = 0
    aborted: int = 0
    connections: int = 0
    open: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    reported_in: int = 0
    reported_out: int = 0
    tokens_after_abort: int = 0
    by_path: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    last: deque[Asked] = field(default_factory=lambda: deque(maxlen=32))

    def as_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "last"}
        last = [{"method": a.method, "path": a.path, "headers": a.headers, "body": a.body} for a in self.last]
        return {**plain, "last": last}


class ModelServer:
    """The server; see the module for what it does. `key`: when given, any other Authorization gets a 401.

    `serves`: the paths that a model answers at; `also`: paths that answer with a JSON value of their own.
    """

    def __init__(
        self,
        text: Script = "return self.compute(value)",
        *,
        key: str | None = None,
        spec: str = "",
        models: tuple[str, ...] = ("mock",),
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        serves: Collection[str] = tuple(KINDS),
        also: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self.script = text
        self.key = key
        self.spec = spec
        self.models = models
        self.stats = Stats()
        self.connections: set[Connection] = set()
        self.misbehaved: Counter[str] = Counter()
        self._where = (host, port)
        self._tls = tls
        self.serves = serves
        self.also = also
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        host, port = self._where
        self._server = await loop.create_server(lambda: Connection(self), host, port, ssl=self._tls, backlog=256)
        self._where = (host, self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and every connection; starting again takes the same port."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.abort()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        return self._where[1]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._where[0]}:{self.port}"

    @property
    def base(self) -> str:
        return f"{self.url}/v1"

    def misbehaving(self, spec: str) -> str:
        """Where to send requests that shall meet this behaviour: a base URL ending in /v1."""
        return f"{self.url}/m/{spec}/v1"

    def behaviour(self, path: str, model: str) -> tuple[str, dict[str, str]]:
        """The path without its prefix, and the spec that holds for this request."""
        text = self.spec
        if path.startswith("/m/"):
            text, slash, path = path[3:].partition("/")
            path = slash + path
        elif "+" in model:
            text = model.partition("+")[2]
        spec = {w: v for w, _, v in (p.partition("=") for p in unquote(text).split("+")) if w}
        if "first" in spec:
            self.misbehaved[text] += 1
            spec = spec if self.misbehaved[text] <= int(spec["first"]) else {}
        return path, spec


class Connection(asyncio.Protocol):
    """One client: requests one after the other, each answered by a task that dies with the socket."""

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        self.buffer = b""
        self.gone = False
        self.task: asyncio.Task[None] | None = None
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP is what we listen on
        self.server.connections.add(self)
        self.server.stats.connections += 1
        self.server.stats.open += 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.next_request()

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:  # asyncio's signature
        if self.gone:
            return
        self.gone = True
        self.writable.set()
        self.server.connections.discard(self)
        self.server.stats.open -= 1
        if self.task is not None and not self.task.done():
            self.server.stats.aborted += 1
            self.task.cancel()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def abort(self) -> None:
        """Close with a reset, as a dying server does."""
        if (sock := self.transport.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def next_request(self) -> None:
        if self.task is not None and not self.task.done():
            return
        if not self.buffer[:1].isupper() and self.buffer:
            self.transport.close()  # somebody speaks TLS to us
            return
        head, blank, rest = self.buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        request_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        method, target, _ = request_line.split(" ")
        self.task = asyncio.get_running_loop().create_task(self.serve(method, target, headers, rest[:length]))
        self.task.add_done_callback(self.served)

    def served(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            print(f"model_server: {error!r}", file=sys.stderr)  # noqa: T201  # the one place that can say it
            self.transport.abort()
        elif not self.gone:
            self.next_request()

    async def serve(self, method: str, target: str, headers: dict[str, str], raw: bytes) -> None:
        server = self.server
        body: dict[str, Any] = json.loads(raw) if raw else {}
        path, spec = server.behaviour(target.partition("?")[0], str(body.get("model", "")))
        secret = headers.get("authorization") or f"Bearer {headers.get('x-api-key', '')}"
        for name in {"authorization", "x-api-key", "proxy-authorization"} & headers.keys():
            headers[name] = hashlib.sha256(headers[name].encode()).hexdigest()
        asked = Asked(method, path, headers, body, spec)
        if path.startswith("/admin/"):
            await self.administer(asked)
            return
        server.stats.requests += 1
        server.stats.by_path[path] += 1
        server.stats.last.append(asked)
        if await self.fail(asked, secret):
            return
        if server.key is not None and secret != f"Bearer {server.key}":
            await self.refuse(401, "Incorrect API key provided", "invalid_api_key", b"")
        elif path in server.also:
            await self.send_json(server.also[path])
        elif path == "/v1/messages/count_tokens" and "/v1/messages" in server.serves:
            await self.send_json({"input_tokens": 1000 + len(asked.prefix)})
        elif path in server.serves and method == "POST":
            await self.answer(asked, spec.get("wrong") or KINDS[path])
        elif path == "/v1/models":
            await self.send_json({"object": "list", "data": [{"id": m, "object": "model"} for m in server.models]})
        elif path in ("/health", "/v1/health"):
            await self.send_json({"status": "ok"})
        else:
            await self.refuse(404, f"no such path: {path}", "not_found", b"")
        server.stats.answered += 1

    async def administer(self, asked: Asked) -> None:
        if asked.path == "/admin/reset":
            self.server.stats = Stats(open=len(self.server.connections))
        elif asked.path == "/admin/script":
            self.server.script = asked.body.get("text", self.server.script)
            self.server.spec = asked.body.get("spec", self.server.spec)
        await self.send_json(self.server.stats.as_json())

    async def fail(self, asked: Asked, secret: str) -> bool:
        """Do what the spec says instead of an answer; False where it wants one."""
        spec = asked.spec
        await asyncio.sleep(float(spec["lat"]) / 1000) if "lat" in spec else None
        status = next((w for w in spec if w.isdigit()), None)
        if "hang" in spec:
            await asyncio.Event().wait()
        elif "reset" in spec:
            self.abort()
        elif "redirect" in spec:
            await self.send(307, f"location: {unquote(spec['redirect'])}\r\n".encode(), "text/plain", b"moved")
        elif status is not None:
            extra = f"retry-after: {spec['ra']}\r\n" if "ra" in spec else ""
            extra += f"retry-after-ms: {spec['rams']}\r\n" if "rams" in spec else ""
            quoted = f": the key was {secret}" if "echo" in spec else ""
            await self.refuse(int(status), f"scripted {status}{quoted}", "scripted", extra.encode())
        elif "overflow" in spec:
            kind = KINDS.get(asked.path, "chat")
            await self.refuse(400, *OVERFLOW.get(kind, OVERFLOW["chat"]), b"")
        elif "filter" in spec:
            await self.refuse(400, "blocked by the content policy", "content_filter", b"")
        elif "html" in spec:
            await self.send(200, b"", "text/html; charset=utf-8", b"<!DOCTYPE html><html><title>Sign in</title></html>")
        elif "empty" in spec:
            await self.send(200, b"", "application/json", b"")
        else:
            return False
        return True

    async def refuse(self, status: int, message: str, code: str, extra: bytes) -> None:
        error = {"error": {"message": message, "type": "scripted_error", "code": code}}
        await self.send(status, extra, "application/json", json.dumps(error).encode())

    async def send_json(self, value: object) -> None:
        await self.send(200, b"", "application/json", json.dumps(value).encode())

    async def send(self, status: int, extra: bytes, content_type: str, body: bytes) -> None:
        self.head(status, content_type, extra + b"content-length: %d\r\n" % len(body))
        self.transport.write(body)
        await self.writable.wait()

    def head(self, status: int, content_type: str, extra: bytes) -> None:
        self.server.stats.by_status[status] += 1
        lines = b"content-type: %s\r\nset-cookie: mock=1; path=/\r\n%s" % (content_type.encode(), extra)
        self.transport.write(b"HTTP/1.1 %d X\r\n%s\r\n" % (status, lines))

    async def answer(self, asked: Asked, kind: str) -> None:
        spec, body = asked.spec, asked.body
        if kind == "embeddings":
            self.server.stats.prompt_tokens += len(asked.prefix) // 4
            await self.send_json(
                embeddings(asked.model, body, len(asked.prefix) // 4, says_usage="nousage" not in spec)
            )
            return
        script = self.server.script
        text = script if isinstance(script, str) else script(asked)
        if "huge" in spec:
            text = "x" * 1023 + "\n"
            text *= int(spec["huge"])
        stops, limit = limits(body)
        cuts = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
        pieces = PIECE.findall(text[: min(cuts)] if cuts else text)
        asks_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        reason = "length" if len(pieces) > limit else "tool_calls" if "tool" in spec else "stop"
        counts = (len(asked.prefix) // 4, min(len(pieces), limit))
        self.server.stats.prompt_tokens += counts[0]
        reply = DIALECTS[kind](spec, asked.model or "mock", pieces[:limit], reason, counts, asks_usage=asks_usage)
        if body.get("stream", kind in ("ollama", "generate")):
            await self.stream(asked, reply)
            return
        self.count_tokens(len(reply.pieces))
        raw, extra = json.dumps(reply.whole(), ensure_ascii=False).encode(), b""
        if "gzip" in spec:
            raw, extra = gzip.compress(raw), b"content-encoding: gzip\r\n"
        if "cut" in spec:
            self.head(200, "application/json", b"content-length: %d\r\n" % len(raw))
            self.transport.write(raw[: len(raw) // 2])
            self.transport.close()
        else:
            await self.send(200, extra, "application/json", raw)

    async def stream(self, asked: Asked, reply: Reply) -> None:
        spec = asked.spec
        gz = "gzip" in spec
        extra = b"transfer-encoding: chunked\r\n" + (b"content-encoding: gzip\r\n" if gz else b"")
        self.head(200, reply.content_type, extra)
        await asyncio.sleep(float(spec["ttft"]) / 1000) if "ttft" in spec else None
        drip, size, texts = float(spec.get("drip", 0)) / 1000, int(spec.get("bytes", 0)), 0
        for frame, is_text in reply.frames():
            for word in ("cut", "stall"):
                if is_text and texts == int(spec.get(word, -1)):
                    await asyncio.Event().wait() if word == "stall" else self.transport.close()
                    return
            if is_text and texts and drip:
                await asyncio.sleep(drip)
            if is_text:
                self.count_tokens(1)
                texts += 1
            data = gzip.compress(frame) if gz else frame
            for at in range(0, len(data), size or len(data)):
                part = data[at : at + (size or len(data))]
                self.transport.write(b"%x\r\n%s\r\n" % (len(part), part))
                await (asyncio.sleep(0) if size else self.writable.wait())
        if not {"errmid", "badjson", "nofinish", "nousage"} & spec.keys():
            self.server.stats.reported_in += reply.prompt
            self.server.stats.reported_out += reply.out
        if "nodone" in spec:
            await asyncio.Event().wait()
        self.transport.write(b"0\r\n\r\n")

    def count_tokens(self, number: int) -> None:
        self.server.stats.tokens += number
        self.server.stats.tokens_after_abort += number if self.gone else 0


def limits(body: dict[str, Any]) -> tuple[list[str], int]:
    """Where a request wants its answer to end, by whatever names its dialect has for that."""
    options = {**body, **(body.get("options") or {})}
    names = ("max_tokens", "max_completion_tokens", "n_predict", "num_predict")
    limit = next((int(options[name]) for name in names if options.get(name)), 1 << 30)
    return options.get("stop") or options.get("stop_sequences") or [], limit


async def run(arguments: argparse.Namespace) -> None:
    script: Script = arguments.text
    if arguments.rules is not None:
        script = rules_script(json.loads(arguments.rules.read_text(encoding="utf-8")), arguments.text)
    models = tuple(arguments.models.split(","))
    where = {"host": arguments.host, "port": arguments.port}
    async with ModelServer(script, key=arguments.key, spec=arguments.spec, models=models, **where) as server:
        print(server.url, flush=True)  # noqa: T201  # whoever started this program reads it
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A loopback model server for tests; the module says what it can do.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--text", default="return self.compute(value)", help="what every answer says")
    parser.add_argument("--rules", type=Path, help='JSON list of {"ends_with": …, "contains": …, "text": …}')
    parser.add_argument("--key", help="answer 401 to any other Authorization than this key's")
    parser.add_argument("--spec", default="", help="behaviour of every request that names none")
    parser.add_argument("--models", default="mock", help="ids for GET /v1/models, joined by commas")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()

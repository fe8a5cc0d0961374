"""An editor as a language server sees it: a process, two pipes, JSON-RPC. It shares no code with what it measures."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from subprocess import PIPE
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

LIMIT_S = 60.0
"""Seconds that any answer may take before the benchmark is broken off."""

CAPABILITIES = {
    "general": {"positionEncodings": ["utf-16"]},
    "workspace": {"configuration": True, "workspaceFolders": True},
    "window": {"workDoneProgress": True},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": False}},
        "inlineCompletion": {},
        "synchronization": {"didSave": True},
    },
}

_NOT_FOR_USERS = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Set on some build machines; a user's Python compiles its modules and buffers its output."""


class Server:
    """One run of a language server, from its spawn (`born`, by the performance counter) to its exit."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: BinaryIO) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_USERS}
        self._command, self._environment, self._log = command, {**kept, **environment}, log
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[tuple[float, Any]]] = {}
        self.heard: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self.born = perf_counter()
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=self._log, env=self._environment, limit=1 << 24
        )
        self._system = psutil.Process(self._process.pid)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            async with asyncio.timeout(10):
                await self.ask("shutdown", None)
                self.send(notification("exit", None))
                await self._process.wait()
        except (TimeoutError, ConnectionError):
            self._process.kill()
            await self._process.wait()
        self._reading.cancel()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def rss_mb(self) -> float:
        """Memory of the process, in MB."""
        return self._system.memory_info().rss / 1e6

    @property
    def cpu_s(self) -> float:
        """Processor time that the process has used, in seconds."""
        times = self._system.cpu_times()
        return times.user + times.system

    def send(self, *messages: dict[str, Any]) -> None:
        """Write messages in one piece, as editors do."""
        self._process.stdin.write(b"".join(map(_framed, messages)))

    async def ask(self, method: str, params: Any, *, after: Sequence[dict[str, Any]] = ()) -> tuple[float, Any]:
        """The moment of the answer, and its result; `after` are notifications that go out just before the question.

        Raises:
            RuntimeError: the server answered with an error, or not at all.
        """
        _, waiting = self.begin(method, params, after=after)
        async with asyncio.timeout(LIMIT_S):
            moment, message = await waiting
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        return moment, message["result"]

    def begin(
        self, method: str, params: Any, *, after: Sequence[dict[str, Any]] = ()
    ) -> tuple[int, asyncio.Future[tuple[float, Any]]]:
        """Ask and do not wait: the request's id, and the moment and the message of its answer to come."""
        number = next(self._ids)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        self.send(*after, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number, waiting

    async def initialize(self, folder: str | None = None) -> float:
        """Seconds from the spawn to the answer; `folder` is the URI of the workspace, if it has one."""
        folders = None if folder is None else [{"uri": folder, "name": "bench"}]
        params = {
            "processId": os.getpid(),
            "rootUri": folder,
            "workspaceFolders": folders,
            "capabilities": CAPABILITIES,
        }
        moment, _ = await self.ask("initialize", params)
        return moment - self.born

    async def _read(self) -> None:
        output = self._process.stdout
        try:
            while True:
                head = await output.readuntil(b"\r\n\r\n")
                length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
                body = await output.readexactly(length)
                self._take(perf_counter(), json.loads(body))
        except asyncio.IncompleteReadError:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError("The server has gone"))

    def _take(self, moment: float, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is None:
            self._waiting.pop(message["id"]).set_result((moment, message))
            return
        self.heard[method] = self.heard.get(method, 0) + 1
        if "id" in message:
            result = [None for _ in message["params"]["items"]] if method == "workspace/configuration" else None
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": result})


class Typist:
    """Types into one document of one server, keystroke by keystroke, and asks after each; never the same text twice.

    Args:
        server: initialized.
        uri: of the document.
        text: what stands in it.
    """

    STATEMENTS = (
        "total += weights[index] * samples[index]",
        "for index, item in enumerate(values):",
        "return [transform(each) for each in items]",
        "if not isinstance(found, dict): continue",
        "result = self.compute(value, key=str.lower)",
    )

    def __init__(self, server: Server, uri: str, text: str) -> None:
        self._server, self._uri = server, uri
        self._lines = text.split("\n")
        self._version, self._round, self._todo = 1, 0, ""
        self._line = self._column = 0
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.opening = notification("textDocument/didOpen", {"textDocument": item})

    async def first_suggestion(self) -> float:
        """Open the document and ask at once; seconds from the spawn of the server to its suggestion."""
        self._server.send(notification("initialized", {}))
        at = len(self._lines) // 2
        self._line, self._column = at, len(self._lines[at])
        moment, items = await self._suggestions(after=[self.opening])
        if not items:
            raise RuntimeError("The first answer was empty")
        return moment - self._server.born

    async def press(self, wanted: str | None = None) -> tuple[float, str]:
        """Type the next character (or `wanted`) and ask: seconds until the answer, and the suggestion ('' for none)."""
        if wanted is None:
            if not self._todo:
                self.next_line()
            wanted, self._todo = self._todo[0], self._todo[1:]
        change = self._insert(wanted)
        began = perf_counter()
        moment, items = await self._suggestions(after=[change])
        return moment - began, items[0]["insertText"] if items else ""

    def next_line(self) -> None:
        """Begin a new line at one of five places all over the document."""
        place = len(self._lines) * (2 * (self._round % 5) + 1) // 10
        while not self._lines[place].startswith("    "):
            place += 1
        self._line, self._column = place, len(self._lines[place])
        self._server.send(self._insert("\n        "))
        # The number makes each line a new one: nothing that was asked before is asked again.
        self._todo = f"row{self._round} = {self.STATEMENTS[self._round % len(self.STATEMENTS)]}"
        self._round += 1

    def _insert(self, text: str) -> dict[str, Any]:
        at = {"line": self._line, "character": self._column}
        line = self._lines[self._line]
        written = (line[: self._column] + text + line[self._column :]).split("\n")
        self._lines[self._line : self._line + 1] = written
        self._line += len(written) - 1
        self._column = len(written[-1]) - len(line) + self._column if len(written) > 1 else self._column + len(text)
        self._version += 1
        change = {"range": {"start": at, "end": at}, "text": text}
        document = {"uri": self._uri, "version": self._version}
        return notification("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    async def _suggestions(self, after: Sequence[dict[str, Any]]) -> tuple[float, list[dict[str, Any]]]:
        where = {
            "textDocument": {"uri": self._uri},
            "position": {"line": self._line, "character": self._column},
            "context": {"triggerKind": 2},
        }
        moment, result = await self._server.ask("textDocument/inlineCompletion", where, after=after)
        return moment, (result or {}).get("items", [])


def notification(method: str, params: Any) -> dict[str, Any]:
    """A message that nobody answers."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _framed(message: dict[str, Any]) -> bytes:
    body = json.dumps(message, separators=(",", ":")).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)

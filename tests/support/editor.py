"""An editor in the same process: speaks JSON-RPC to a language server session without a pipe between them."""

from __future__ import annotations

import asyncio
import itertools
import json
from functools import cache
from pathlib import Path
from typing import Any, Self

from cattrs import Converter
from pygls.protocol import default_converter

from beastmode.faces.lsp.server import Session
from beastmode.settings import Settings

CAPABILITIES: dict[str, Any] = {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True},
    "workspace": {"configuration": True},
    "textDocument": {"inlineCompletion": {}},
    "notebookDocument": {"synchronization": {}},
}


@cache
def shared_converter() -> Converter:
    """One converter for every session: making it is most of what a session costs."""
    return default_converter()


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code = error["code"]


class Editor:
    """Opens a session, types, asks; remembers what the server said by itself."""

    def __init__(
        self, settings: Settings, configuration: dict[str, Any] | None = None, root: Path | None = None
    ) -> None:
        self.root = root
        self.session = Session(settings, converter=shared_converter)
        self.configuration = configuration or {}
        self.said: list[dict[str, Any]] = []
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Event()
        self.session.server.protocol.set_writer(self, include_headers=False)

    async def __aenter__(self) -> Self:
        self.initialized = await self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": None if self.root is None else self.root.as_uri(),
                "capabilities": CAPABILITIES,
            },
        )
        self.notify("initialized", {})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.request("shutdown", None)

    def write(self, data: bytes) -> None:
        """The server's side of the wire."""
        message = json.loads(data)
        if "method" not in message:
            waiting = self._waiting.pop(message["id"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
            return
        self.said.append(message)
        self._news.set()
        if "id" in message:
            answer = [self.configuration] if message["method"] == "workspace/configuration" else None
            asyncio.get_running_loop().call_soon(self._send, {"id": message["id"], "result": answer})

    def close(self) -> None:
        pass

    def _send(self, message: dict[str, Any]) -> None:
        protocol = self.session.server.protocol
        text = json.dumps({"jsonrpc": "2.0", **message})
        protocol.handle_message(json.loads(text, object_hook=protocol.structure_message))

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def begin(self, method: str, params: Any) -> tuple[int, asyncio.Future[Any]]:
        """Send a request; its id and the answer to come."""
        number = next(self._ids)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[number]
        self._send({"id": number, "method": method, "params": params})
        return number, waiting

    async def request(self, method: str, params: Any) -> Any:
        message = await self.begin(method, params)[1]
        if "error" in message:
            raise Refused(message["error"])
        return message["result"]

    async def command(self, name: str, argument: dict[str, Any] | None = None) -> Any:
        arguments = [] if argument is None else [argument]
        return await self.request("workspace/executeCommand", {"command": name, "arguments": arguments})

    def cancel(self, number: int) -> None:
        self.notify("$/cancelRequest", {"id": number})

    def open(self, text: str, uri: str = "file:///w/a.py", language: str = "python") -> str:
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})
        return uri

    def type(self, uri: str, line: int, character: int, text: str, version: int = 2) -> None:
        place = {"line": line, "character": character}
        change = {"range": {"start": place, "end": place}, "text": text}
        self.notify(
            "textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
        )

    @staticmethod
    def at(uri: str, line: int, character: int, *, explicit: bool = False) -> dict[str, Any]:
        return {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": 1 if explicit else 2},
        }

    async def suggestions(self, uri: str, line: int, character: int, *, explicit: bool = False) -> list[dict[str, Any]]:
        """What is suggested at a place."""
        where = self.at(uri, line, character, explicit=explicit)
        return (await self.request("textDocument/inlineCompletion", where))["items"]

    async def hears(self, method: str, fits: Any = lambda _params: True) -> dict[str, Any]:
        """Wait until the server has said something that fits."""
        while True:
            for message in self.said:
                if message["method"] == method and fits(message["params"]):
                    return message["params"]
            self._news.clear()
            async with asyncio.timeout(10):
                await self._news.wait()

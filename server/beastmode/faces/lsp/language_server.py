"""Five habits of pygls 2.1.1 changed, each a defect seen by running it.

- a request's coroutine begins when all that came in one piece has been read, so that a suggestion was looked for in a
  text that had moved on under its position;
- `workspace/executeCommand` ran its command under an id of its own, so that `$/cancelRequest` never reached it;
- every built-in notification left a future behind, two kilobytes a keystroke;
- `shutdown` failed when a request that it cancelled ended at once;
- an unexpected error opened a dialog in the editor.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from beastmode import __version__
from beastmode.faces.lsp.completion import to_asked
from beastmode.faces.lsp.documents import Documents
from beastmode.faces.lsp.notebooks import SYNC as NOTEBOOKS
from beastmode.faces.lsp.notebooks import Notebooks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future

    from cattrs import Converter

    from beastmode.faces.lsp.completion import Asked
    from beastmode.faces.lsp.documents import Watcher

log = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    """Routes document notifications to our own documents and commands to cancellable coroutines."""

    _server: Server

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> None:
        """A plain function where pygls has a generator: no future is made, none is left behind."""
        self._server.documents.open(params.text_document)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> None:
        """Apply the change at once, so that a request behind it sees the new text."""
        document = params.text_document
        self._server.documents.change(document.uri, document.version, params.content_changes)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> None:
        """Forget the document."""
        self._server.documents.close(params.text_document.uri)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: lsp.DidOpenNotebookDocumentParams) -> None:
        """The same for a notebook and its cells."""
        self._server.notebooks.open(params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(self, params: lsp.DidChangeNotebookDocumentParams) -> None:
        """Cells may come and go as well as change."""
        self._server.notebooks.change(params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: lsp.DidCloseNotebookDocumentParams) -> None:
        """Forget the notebook and its cells."""
        self._server.notebooks.close(params)

    def _handle_request(self, msg_id: str | int, method_name: str, params: Any) -> None:
        if method_name == lsp.TEXT_DOCUMENT_INLINE_COMPLETION:
            params = self._server.asked(params)
        super()._handle_request(msg_id, method_name, params)

    @lsp_method(lsp.SHUTDOWN)
    async def lsp_shutdown(self, _params: None) -> None:  # type: ignore[override]  # pygls has a generator here
        """Stop every request, then close what the session opened."""
        self._shutdown = True
        ours: object = asyncio.current_task()
        for future in list(self._request_futures.values()):
            if future is not ours:
                future.cancel()
        await self._server.close()

    @lsp_method(lsp.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]  # pygls has a generator here
        self, params: lsp.ExecuteCommandParams
    ) -> Any:
        """Run a command as a coroutine: pygls registers that under the request's own id, so it can be cancelled."""
        command = self.fm.commands.get(params.command)
        if command is None:
            raise JsonRpcInvalidParams(f"Unknown command: {params.command}")
        # Lua cannot tell an empty object from an empty list.
        argument = (params.arguments or [{}])[0] or {}
        return await command(argument)

    def _execute_handler(
        self,
        msg_id: str | int,
        handler: Callable[..., Any],
        callback: Callable[[Future[Any]], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        def forget(future: Future[Any]) -> None:
            self._request_futures.pop(msg_id, None)
            callback(future)

        super()._execute_handler(msg_id, handler, forget, args, kwargs)


class Server(LanguageServer):
    """A pygls server that owns the documents and never opens a dialog of its own accord.

    Args:
        watcher: learns from what happens in the documents.
        close: ends the session.
        converter: makes the converter between JSON and the protocol's types.
    """

    protocol: Protocol

    def __init__(
        self, watcher: Watcher, close: Callable[[], Awaitable[None]], converter: Callable[[], Converter]
    ) -> None:
        self.documents = Documents(watcher)
        self.notebooks = Notebooks(self.documents)
        self.close = close
        super().__init__(
            "beastmode",
            __version__,
            protocol_cls=Protocol,
            converter_factory=converter,
            notebook_document_sync=NOTEBOOKS,
        )
        self._tasks: set[asyncio.Task[None]] = set()

    def asked(self, params: lsp.InlineCompletionParams) -> Asked | None:
        """A request for suggestions, with the document as it is now; None where no such document is open."""
        uri = params.text_document.uri
        document = self.documents.get(uri)
        return None if document is None else to_asked(params, document, self.notebooks.preamble(uri))

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ARG002 - the signature is pygls'
        """To the log; a dialog in the middle of typing helps nobody."""
        log.error("%s: %s", type(error).__name__, error)

    def start(self, work: Awaitable[None]) -> None:
        """Run something in the background and keep it alive until it is done."""

        async def run() -> None:
            await work

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop_tasks(self) -> None:
        """Cancel what runs in the background, and wait until it has let go."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""`beastmode lsp`: builds the language server and runs it over stdio.

Start-up is what a user waits for, so only pygls is imported before the editor has its answer to `initialize`; the app
(database, registry, HTTP client) opens behind it.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.protocol import default_converter

from beastmode.completion.gate import Allowed
from beastmode.domain.errors import BeastModeError
from beastmode.faces.lsp import protocol
from beastmode.faces.lsp.commands import Commands, answering
from beastmode.faces.lsp.completion import to_focus, to_list, to_partly_accepted
from beastmode.faces.lsp.documents import path_of
from beastmode.faces.lsp.folders import Folders
from beastmode.faces.lsp.language_server import Server
from beastmode.faces.lsp.status import Broadcast, broken
from beastmode.faces.lsp.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cattrs import Converter

    from beastmode.app import App
    from beastmode.faces.lsp.completion import Asked
    from beastmode.settings import Settings

CONFIGURATION_LIMIT = 5.0
"""Seconds in which an editor must give its configuration; one that never does gets the defaults."""

FIRST = 1.0
"""Seconds that belong to the first suggestion; the search index, a process of its own, comes behind it."""

SETTLE = 10.0
"""Seconds after the start until the work begins that can wait."""

log = logging.getLogger(__name__)


def to_allowed(section: object) -> Allowed:
    """What the section `beastmode` of the editor's configuration leaves allowed; anything unknown in it is ignored."""
    if not isinstance(section, dict):
        return Allowed()
    languages = section.get("disabledLanguages")
    names = languages if isinstance(languages, list) else []
    return Allowed(
        enabled=section.get("enabled") is not False,
        local_only=section.get("localOnly") is True,
        languages_off=frozenset(name for name in names if isinstance(name, str)),
        code_lenses=section.get("codeLenses") is not False,
    )


class Session:
    """One editor's connection: its documents, its app, its workspace.

    Args:
        settings: the user's.
        notices: what had to be ignored in them.
        converter: between JSON and the protocol's types; making one takes half a second, so tests share it.
    """

    def __init__(
        self,
        settings: Settings,
        notices: Sequence[str] = (),
        converter: Callable[[], Converter] = default_converter,
    ) -> None:
        self._watching = Watching()
        self.server = Server(self._watching, self.close, converter)
        self._settings = settings
        self._notices = notices
        self._allowed = Allowed()
        self._folders = Folders()
        self._configured: asyncio.Task[None] | None = None
        self._app: asyncio.Task[App] | None = None
        self._broadcast = Broadcast(self.server)
        self._register()

    def _register(self) -> None:
        features: dict[str, tuple[Callable[[Any], Awaitable[Any]], Any]] = {
            lsp.INITIALIZE: (self._initialize, None),
            lsp.INITIALIZED: (self._initialized, None),
            lsp.WORKSPACE_DID_CHANGE_CONFIGURATION: (self._configuration_changed, None),
            # pygls advertises this provider only when it is given options.
            lsp.TEXT_DOCUMENT_INLINE_COMPLETION: (self._inline_completion, lsp.InlineCompletionOptions()),
            lsp.TEXT_DOCUMENT_CODE_LENS: (self._code_lenses, lsp.CodeLensOptions()),
            lsp.TEXT_DOCUMENT_DID_SAVE: (self._saved, None),
            lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: (self._folders_changed, None),
            protocol.CHAT: (self._chat, None),
            protocol.DID_FOCUS: (self._focused, None),
            protocol.DID_PARTIALLY_ACCEPT: (self._partly_accepted, None),
            protocol.POWER: (self._power_changed, None),
        }
        # pygls marks what it registers, and a bound method cannot be marked; a partial can.
        for name, (handler, options) in features.items():
            self.server.feature(name, options)(partial(handler))
        for name, command in self._commands().table().items():
            self.server.command(name)(answering(command))

    def _commands(self) -> Commands:
        return Commands(self.server, self.app, self._broadcast.changed, self._narrowed)

    async def app(self) -> App:
        """The app; opening it begins with the first need and is never done twice."""
        if self._app is None:
            self._app = asyncio.ensure_future(self._open())
        return await asyncio.shield(self._app)

    async def _open(self) -> App:
        # In a thread, so that the server goes on answering while Python imports.
        app_type = await asyncio.to_thread(_import_app)
        app = await app_type.open(
            self._settings, self._notices, changed=self._broadcast.changed, lines_of=self.server.documents.lines_of
        )
        app.is_trusted = False  # until the editor says otherwise
        self._watching.attach(app, self.server.documents)
        app.workspace.work_in(self._folders.paths())
        return app

    async def _initialize(self, params: lsp.InitializeParams) -> None:
        # Not every editor can be asked for its configuration, and one that can may not answer.
        options: Any = params.initialization_options
        self._allowed = to_allowed(options._asdict() if hasattr(options, "_asdict") else options)
        self._folders.take(params)

    async def _initialized(self, _params: lsp.InitializedParams) -> None:
        self._configured = asyncio.ensure_future(self._read_configuration())
        try:
            app = await self.app()
        except BeastModeError as error:
            log.error("%s", error)  # noqa: TRY400 - it says what is wrong and what to do; the way there is of no use
            self.server.protocol.notify(protocol.STATUS, broken(error))
            return
        self.server.start(self._broadcast.run(app))
        await asyncio.sleep(FIRST)
        await app.workspace.index()
        await asyncio.sleep(SETTLE)
        await app.settle()
        self._broadcast.changed()
        self.server.start(app.alerts.run())

    async def _narrowed(self) -> Allowed:
        """What the workspace leaves allowed; nothing is sent anywhere before that is known."""
        if self._configured is not None:
            await asyncio.shield(self._configured)
        return self._allowed

    async def _configuration_changed(self, params: lsp.DidChangeConfigurationParams) -> None:
        settings = params.settings
        if isinstance(settings, dict) and "beastmode" in settings:
            self._allow(to_allowed(settings["beastmode"]))
        else:
            self._configured = asyncio.ensure_future(self._read_configuration())
            await self._configured

    async def _read_configuration(self) -> None:
        workspace = self.server.client_capabilities.workspace
        if workspace is None or not workspace.configuration:
            return
        items = lsp.ConfigurationParams([lsp.ConfigurationItem(section="beastmode")])
        try:
            async with asyncio.timeout(CONFIGURATION_LIMIT):
                sections = await self.server.workspace_configuration_async(items)
        except (JsonRpcException, TimeoutError) as error:
            log.warning("The editor did not give its configuration: %s", error)
        else:
            self._allow(to_allowed(sections[0] if sections else None))

    async def _inline_completion(self, asked: Asked | None) -> lsp.InlineCompletionList:
        if asked is None:
            return lsp.InlineCompletionList([])
        try:
            app, allowed = await self.app(), await self._narrowed()
        except BeastModeError:  # the status says it; an error at each key would be a message at each key
            return lsp.InlineCompletionList([])
        cursor = asked.cursor
        app.workspace.session.visited(cursor.uri, cursor.line)
        answer = await app.engine.suggest(cursor, explicit=asked.explicit, in_menu=asked.in_menu, allowed=allowed)
        if answer.error is not None:
            app.condition.report(answer.error)
            self._broadcast.changed()
        return to_list(asked, answer.suggestions)

    async def _code_lenses(self, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        document = self.server.documents.get(params.text_document.uri)
        if document is None or not (await self._narrowed()).code_lenses:
            return []
        from beastmode.faces.lsp.lenses import lenses  # noqa: PLC0415 - not needed to start

        return await lenses(document)

    def _allow(self, allowed: Allowed) -> None:
        """Take over what the workspace leaves allowed; what the editor shows already is asked for anew."""
        lenses_changed = allowed.code_lenses is not self._allowed.code_lenses
        self._allowed = allowed
        capabilities = self.server.client_capabilities.workspace
        if lenses_changed and capabilities and capabilities.code_lens and capabilities.code_lens.refresh_support:
            self.server.workspace_code_lens_refresh(None)

    async def _saved(self, params: lsp.DidSaveTextDocumentParams) -> None:
        (await self.app()).workspace.saved(path_of(params.text_document.uri))

    async def _folders_changed(self, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        self._folders.change(params)
        workspace = (await self.app()).workspace
        workspace.work_in(self._folders.paths())
        await workspace.index()

    async def _focused(self, params: Any) -> None:
        place = to_focus(params)
        if place is not None:
            (await self.app()).workspace.session.visited(*place)

    async def _partly_accepted(self, params: Any) -> None:
        taken = to_partly_accepted(params)
        if taken is not None:
            (await self.app()).feedback.partly_accepted(*taken)

    async def _power_changed(self, params: Any) -> None:
        (await self.app()).workspace.save_power(on=getattr(params, "onBattery", None) is True)

    async def _chat(self, params: Any) -> dict[str, Any]:
        from beastmode.faces.lsp.chat import answer  # noqa: PLC0415 - not needed to start

        app, allowed = await self.app(), await self._narrowed()
        return await answer(self.server, app.chat, params, local_only=allowed.local_only)

    async def close(self) -> None:
        """Stop what runs and close the app; harmless when it is already closed."""
        await self.server.stop_tasks()
        opening, self._app = self._app, None
        if opening is not None:
            try:
                app = await opening
            except BeastModeError:
                return
            await app.close()


def _import_app() -> type[App]:
    """The app, and what its first request would import while the user waits for a suggestion."""
    from beastmode.app import App  # noqa: PLC0415 - see the module's docstring
    from beastmode.transport import load_network  # noqa: PLC0415 - as above

    load_network()
    return App

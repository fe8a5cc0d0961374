"""The commands of `workspace/executeCommand`: all that the palette offers, for any editor, with no extension of ours.

Each takes one object and answers with JSON. A key is never among its fields: what goes through LSP may be traced into
a log, so keys go through `beastmode models add` and `beastmode keys set`, which read them from a hidden prompt.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pygls.exceptions import JsonRpcInvalidParams

from beastmode.domain.errors import BeastModeError
from beastmode.domain.request import Task
from beastmode.faces.lsp import sessions
from beastmode.faces.lsp.progress import progress
from beastmode.faces.lsp.status import to_protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from beastmode.app import App
    from beastmode.completion.gate import Allowed
    from beastmode.faces.lsp.language_server import Server

Argument = dict[str, Any]
Handler = "Callable[[Argument], Awaitable[Any]]"


class Commands:
    """The table of commands.

    Args:
        server: for progress bars.
        app: opens when the server is initialized; a command that comes earlier waits for it.
        changed: to be called when something that the status shows was changed.
        allowed: what the workspace leaves allowed; None: nothing narrows it.
    """

    def __init__(
        self,
        server: Server,
        app: Callable[[], Awaitable[App]],
        changed: Callable[[], None],
        allowed: Callable[[], Awaitable[Allowed]] | None = None,
    ) -> None:
        self._server = server
        self._app = app
        self._changed = changed
        self._allowed = allowed

    def table(self) -> Mapping[str, Callable[[Argument], Awaitable[Any]]]:
        """Every command by its name."""
        return {
            "beastmode.accepted": self.accepted,
            "beastmode.chat.delete": self.chat_delete,
            "beastmode.chat.rename": self.chat_rename,
            "beastmode.chat.sessions": self.chat_sessions,
            "beastmode.chat.show": self.chat_show,
            "beastmode.completion.why": self.why,
            "beastmode.consent.decide": self.decide_consent,
            "beastmode.consent.show": self.show_consent,
            "beastmode.dashboard.open": self.dashboard,
            "beastmode.log": self.log,
            "beastmode.models.check": self.check,
            "beastmode.models.fetch": self.fetch,
            "beastmode.models.form": self.form,
            "beastmode.models.list": self.list,
            "beastmode.models.refresh": self.refresh,
            "beastmode.models.remove": self.remove,
            "beastmode.models.select": self.select,
            "beastmode.models.test": self.test,
            "beastmode.opportunities.find": self.opportunities,
            "beastmode.rejected": self.rejected,
            "beastmode.status": self.status,
            "beastmode.tasks.run": self.run_task,
        }

    async def accepted(self, argument: Argument) -> None:
        """{id}: the user took a suggestion."""
        (await self._app()).feedback.accepted(_text(argument, "id"))
        self._changed()

    async def rejected(self, argument: Argument) -> None:
        """{id}: the user turned a suggestion down."""
        (await self._app()).feedback.rejected(_text(argument, "id"))

    async def chat_delete(self, argument: Argument) -> None:
        """{id}: delete a chat session with all of its turns."""
        await (await self._app()).chat.history.delete(_text(argument, "id"))

    async def chat_rename(self, argument: Argument) -> dict[str, Any]:
        """{id, title} -> `ChatSession` under its new title."""
        return await sessions.rename(await self._app(), _text(argument, "id"), _text(argument, "title"))

    async def chat_sessions(self, _argument: Argument) -> list[dict[str, Any]]:
        """-> the workspace's sessions, `ChatSession` each, the one used last first."""
        return await sessions.sessions(await self._app())

    async def chat_show(self, argument: Argument) -> dict[str, Any] | None:
        """{id} -> {session: `ChatSession`, turns: `ChatTurn`[]}, the last 50; null where nothing is kept under it."""
        return await sessions.show(await self._app(), _text(argument, "id"))

    async def why(self, argument: Argument) -> dict[str, Any]:
        """{uri} -> {lines}: the story of the last answer in a document, in Markdown."""
        from beastmode.completion.why import explain  # noqa: PLC0415 - only where somebody wonders

        told = (await self._app()).engine.last(_text(argument, "uri"))
        if told is None:
            return {"lines": ["# No suggestion was asked for here yet", "", "Type something, or trigger a suggestion."]}
        return {"lines": explain(told)}

    async def decide_consent(self, argument: Argument) -> None:
        """{allowed, uri?, isTrusted}: whether the tests of the folder may be run; null: to be asked again."""
        from beastmode.faces.lsp.consent import decide  # noqa: PLC0415 - not needed to start

        await decide(await self._app(), argument)

    async def show_consent(self, argument: Argument) -> Any:
        """{task?, uri?, isTrusted} -> `Consent`: what the user said about running tests; what to say before."""
        from beastmode.faces.lsp.consent import show  # noqa: PLC0415 - as above

        return await show(await self._app(), argument)

    async def dashboard(self, _argument: Argument) -> dict[str, str]:
        """-> {url} of the gateway's dashboard, with a code that signs a browser in once, within a minute."""
        from beastmode.faces.lsp.dashboard import address  # noqa: PLC0415 - not needed to start

        return await address(await self._app())

    async def log(self, _argument: Argument) -> dict[str, str]:
        """-> {path} of the log file."""
        return {"path": str((await self._app()).settings.paths.log_file)}

    async def check(self, argument: Argument) -> str | None:
        """{field, value} -> what is wrong with it, or null."""
        from beastmode.registry.registration import check_field  # noqa: PLC0415 - only where somebody registers a model

        return check_field(_text(argument, "field"), argument.get("value"))

    async def fetch(self, _argument: Argument) -> dict[str, str]:
        """Download the built-in model -> {path}."""
        app = await self._app()
        async with progress(self._server, "Downloading the built-in model") as bar:
            path = await app.embedded.fetch(bar)
        self._changed()
        return {"path": str(path)}

    async def form(self, _argument: Argument) -> list[dict[str, Any]]:
        """-> the fields of a registration, in order."""
        from beastmode.registry.registration import FORM  # noqa: PLC0415 - as above

        return [
            asdict(field) | {"choices": [{"value": value, "title": title} for value, title in field.choices]}
            for field in FORM
        ]

    async def list(self, _argument: Argument) -> list[dict[str, Any]]:
        """-> every model, the selected one marked."""
        app = await self._app()
        await app.refresh()
        selected = app.registry.selected(Task.INLINE)
        return [
            {
                "id": model.id,
                "name": model.name,
                "provider": model.provider,
                "endpoint_url": model.endpoint_url,
                "description": model.description,
                "selected": selected is not None and model.id == selected.id,
                "has_key": model.has_key,
                "health": {
                    "level": app.health.of(model.id).level.value,
                    "issues": list(app.health.of(model.id).issues),
                },
            }
            for model in app.registry.models
        ]

    async def refresh(self, _argument: Argument) -> None:
        """Another program registered or removed a model."""
        await (await self._app()).refresh()
        self._changed()

    async def remove(self, argument: Argument) -> None:
        """{id}: forget a model and its key."""
        await (await self._app()).registry.remove(_text(argument, "id"))
        self._changed()

    async def select(self, argument: Argument) -> None:
        """{id, task?}: use a model from now on."""
        task = argument.get("task")
        try:
            await (await self._app()).registry.select(_text(argument, "id"), None if task is None else Task(task))
        except ValueError:
            raise JsonRpcInvalidParams(f"No such task: {task}. Use one of {', '.join(Task)}") from None
        self._changed()

    async def test(self, argument: Argument) -> dict[str, Any]:
        """{id} -> {ok, checks, summary}."""
        app, model_id = await self._app(), _text(argument, "id")
        async with progress(self._server, f"Testing {model_id}") as bar:
            report = await app.models.test(model_id, bar)
        failed = [check for check in report.checks if not check.ok]
        self._changed()
        return {
            "ok": not failed,
            "checks": [asdict(check) for check in report.checks],
            "summary": f"{model_id}: {failed[0].evidence}"
            if failed
            else f"{model_id} passed {len(report.checks)} checks",
        }

    async def opportunities(self, argument: Argument) -> Any:
        """{uri?, kinds?, minSeverity?} -> `Opportunity[]`: where code could be better, by its syntax. Cancellable."""
        from beastmode.faces.lsp.opportunities import find  # noqa: PLC0415 - not needed to start

        return await find(self._server, await self._app(), argument)

    async def run_task(self, argument: Argument) -> dict[str, Any]:
        """`TaskParams` -> `TaskResult`: a feature, a refactoring, … as edits; nothing is written. Cancellable."""
        from beastmode.faces.lsp.tasks import run  # noqa: PLC0415 - not needed to start

        app, allowed = await self._app(), await self._allowed() if self._allowed else None
        return await run(self._server, app, argument, local_only=allowed is not None and allowed.local_only)

    async def status(self, _argument: Argument) -> Any:
        """-> `Status`, as the notification carries it."""
        return to_protocol(await (await self._app()).condition.status())


def answering(handler: Callable[[Argument], Awaitable[Any]]) -> Callable[[Argument], Awaitable[Any]]:
    """Turn our errors into the protocol's, with their fix, and arguments of another shape into a clear refusal."""

    # Not `object`: pygls hands itself to a first parameter that a server would fit.
    async def answer(argument: Argument | list[Any] | None) -> Any:
        if not isinstance(argument, dict):
            raise JsonRpcInvalidParams("The argument must be one object")
        try:
            return await handler(argument)
        except BeastModeError as error:
            raise JsonRpcInvalidParams(str(error)) from None

    return answer


def _text(argument: Argument, name: str) -> str:
    value = argument.get(name)
    if not isinstance(value, str) or not value:
        raise JsonRpcInvalidParams(f"The argument needs `{name}`, a string")
    return value

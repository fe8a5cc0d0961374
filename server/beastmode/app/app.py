"""The whole: what answers requests, and what is made when somebody first asks for it, so that an editor starts fast."""

from __future__ import annotations

import asyncio
from time import monotonic, time
from typing import TYPE_CHECKING

from beastmode.app.core import Core
from beastmode.domain.errors import UserError
from beastmode.router.breaker import Breakers
from beastmode.router.flights import Flights
from beastmode.router.latency import Latencies
from beastmode.router.router import Router

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from beastmode.context.session import Session
    from beastmode.operations.check import LastCheck
    from beastmode.operations.counting import Counter
    from beastmode.operations.evaluate.evaluator import Evaluator
    from beastmode.operations.reconcile.bill import Bill
    from beastmode.operations.reconcile.compare import Comparison
    from beastmode.operations.report.report import Report
    from beastmode.operations.report.span import Span
    from beastmode.tasks.chat import Chat
    from beastmode.tasks.verify import Consent
    from beastmode.tasks.work import Work

# Imports within a function: a language server starts without what they bring.


class App(Core):
    """Everything that a door can call; made by `open`."""

    _chat: Chat | None = None
    _work: Work | None = None

    @property
    def chat(self) -> Chat:
        """Answers questions about the workspace, and keeps them."""
        if self._chat is None:
            self._chat = self.chat_about(self.workspace.session)
        return self._chat

    def chat_about(self, workspace: Session) -> Chat:
        """The same sessions, about another workspace; whoever takes it closes it."""
        from beastmode.tasks.chat import Chat, History  # noqa: PLC0415 - no language server starts with it

        return Chat(
            self.router,
            History(self._database, time),
            self._database,
            workspace,
            indexes=self.settings.paths.home / "index" if self.settings.context.index else None,
            clock=time,
        )

    @property
    def work(self) -> Work:
        """Carries out tasks that change code, up to the change that is shown."""
        if self._work is None:
            from beastmode.tasks.covering import Covering  # noqa: PLC0415 - as above
            from beastmode.tasks.testing.trials import Trials  # noqa: PLC0415 - as above
            from beastmode.tasks.work import Work  # noqa: PLC0415 - as above

            home = self.settings.paths.home
            copies, hidden = home / "copies", [home]
            self._work = Work(
                self.router,
                self._database,
                self.workspace.session,
                indexes=home / "index" if self.settings.context.index else None,
                tests=Covering(self.consent, copies, hidden),
                trials=Trials(self.consent, copies, hidden),
            )
        return self._work

    @property
    def counter(self) -> Counter:
        """Counts the tokens of a conversation."""
        from beastmode.operations.counting import Counter  # noqa: PLC0415 - as above

        return Counter(self.router, self._endpoints, self._transport, self._masker)

    @property
    def consent(self) -> Consent:
        """What the user allowed to be run, workspace by workspace."""
        from beastmode.tasks.verify.consent import Consent  # noqa: PLC0415 - as above
        from beastmode.tasks.verify.decisions import StoredDecisions  # noqa: PLC0415 - as above

        return Consent(StoredDecisions(self._database), lambda _root: self.is_trusted)

    async def cost_report(self, span: Span) -> Report:
        """What some days cost and saved."""
        from beastmode.operations.report.read import read_report  # noqa: PLC0415 - as above

        return await read_report(self._database, span, time(), self.settings.baseline)

    async def reconcile(self, bill: Bill, first: date, last: date) -> Comparison:
        """A provider's bill beside the ledger, between two UTC days, both included."""
        from beastmode.operations.reconcile.compare import compare, read_ours  # noqa: PLC0415 - as above
        from beastmode.operations.reconcile.doors import doors  # noqa: PLC0415 - as above

        ours = await read_ours(self._database, bill, first, last, doors(self.registry.models))
        return compare(bill, ours, first, last)

    @property
    def last_check(self) -> LastCheck:
        """What `beastmode check` found the last time."""
        from beastmode.operations.check import LastCheck  # noqa: PLC0415 - as above

        return LastCheck(self._database)

    @property
    def journals(self) -> Path:
        """Where changes are written down before they are made; see `tasks/edits`."""
        return self.settings.paths.home / "journal"

    def evaluator(self, environment: Mapping[str, str]) -> Evaluator:
        """Compares models on repositories; what the model that is asked does not answer, no other one does.

        Args:
            environment: variables for a repository's own tests.
        """
        from beastmode.operations.evaluate.alone import Alone  # noqa: PLC0415 - no language server starts with it
        from beastmode.operations.evaluate.evaluator import Evaluator  # noqa: PLC0415 - as above

        router = Router(
            Alone(self.registry),
            self._endpoints,
            self.router.asker,
            breakers=Breakers(monotonic),
            latencies=Latencies(),
            flights=Flights(),
            spending=self._spending,
            answers=self._answers,
            splices=False,
        )
        return Evaluator(
            router,
            self.settings.completion,
            models=self.registry.get,
            is_paid=self.registry.is_paid,
            price=self._price_of,
            home=self.settings.paths.home / "evaluations",
            environment=environment,
        )

    async def shrink(self) -> tuple[int, int]:
        """Give the room of removed rows back to the disk; bytes of the database before and after."""
        from beastmode.store.upkeep import shrink  # noqa: PLC0415 - as above

        path = self.settings.paths.database
        if self._database.name != str(path):
            raise UserError(f"{self._database.name} is no file of ours", "Its own server makes it smaller (autovacuum)")
        return await asyncio.to_thread(shrink, path)

    async def close(self) -> None:
        """Let go of everything."""
        if self._chat is not None:
            await self._chat.aclose()
        if self._work is not None:
            await self._work.aclose()
        await super().close()

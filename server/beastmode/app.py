"""The composition root: the only file that names concrete classes. Every door opens an App and calls it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING

from beastmode.completion.audience import Audience
from beastmode.completion.engine import Engine
from beastmode.completion.feedback import Feedback
from beastmode.domain.errors import BeastModeError, Resting, UserError
from beastmode.domain.model import BUILTIN_ID, is_loopback
from beastmode.domain.request import Task
from beastmode.domain.routing import Health, HealthLevel, Outcome
from beastmode.embedded import Embedded
from beastmode.ledger.days import FOREVER, midnight
from beastmode.ledger.feedback import FeedbackLog
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.prices import PriceBook
from beastmode.ledger.tally import Tally
from beastmode.operations.endpoints import Endpoints
from beastmode.operations.models import Models
from beastmode.operations.receipts import Receipts
from beastmode.operations.status import Notice, Status
from beastmode.operations.workspace import Workspace
from beastmode.registry import Registry, SystemKeyring, Vault
from beastmode.registry.sign_in_codes import SignInCodes
from beastmode.router.answers import Answers
from beastmode.router.ask import Asker
from beastmode.router.breaker import Breakers
from beastmode.router.detector import SecretDetector
from beastmode.router.flights import Flights
from beastmode.router.health import WINDOW_SECONDS, HealthBook, Sample
from beastmode.router.latency import Latencies
from beastmode.router.line import Line
from beastmode.router.masking import Masker
from beastmode.router.replicas import Replicas
from beastmode.router.router import Router
from beastmode.router.shared import SharedBreakers, SharedRooms
from beastmode.router.spending import Spending
from beastmode.router.wiring import is_hosted
from beastmode.store import Database
from beastmode.transport import Network, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

    from beastmode.context.session import Session
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.routing import Attempt
    from beastmode.domain.usage import Price
    from beastmode.operations.alerts.alerts import Alerts
    from beastmode.operations.check import LastCheck
    from beastmode.operations.counting import Counter
    from beastmode.operations.evaluate.evaluator import Evaluator
    from beastmode.operations.reconcile.bill import Bill
    from beastmode.operations.reconcile.compare import Comparison
    from beastmode.operations.report.report import Report
    from beastmode.operations.report.span import Span
    from beastmode.router.ask import Observer
    from beastmode.router.hub import Hub
    from beastmode.settings import Settings
    from beastmode.tasks.chat import Chat
    from beastmode.tasks.verify import Consent
    from beastmode.tasks.work import Work

log = logging.getLogger(__name__)


class App:
    """Everything that runs, wired together; made by `open`.

    Args:
        settings: the user's.
        database: open.
        registry: open.
        vault: of the keys.
        embedded: the built-in model.
        notices: what the user should know about the start.
        changed: called after every try, on the event loop.
        lines_of: the lines of an open document as they are now.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        registry: Registry,
        vault: Vault,
        embedded: Embedded,
        notices: Sequence[Notice],
        changed: Callable[[], None],
        lines_of: Callable[[str], Sequence[str] | None],
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.vault = vault
        self.embedded = embedded
        self.notices = list(notices)
        self.prices = PriceBook(database)
        self.ledger = Ledger(database, self.prices, settings.baseline)
        self.health = HealthBook(time)
        self.sign_in_codes = SignInCodes(database, time)
        self._database = database
        self._transport = Transport(Network(settings.network.ca_bundle))
        endpoints = Endpoints(registry, embedded)
        self._changed = changed
        self._trouble: Notice | None = None
        self._chat: Chat | None = None
        self._work: Work | None = None
        self._alerts: Alerts | None = None
        self.is_trusted = True
        """Whether the workspace's own code may be run where its user allowed it; an editor sets it."""
        self.receipts = Receipts(self.prices.remembered)
        self._watchers = _Watchers()  # the first, as they never wait: what is cancelled twice is seen all the same
        observers = (self._watchers, self.ledger, self.health, self.receipts, _Told(self._over))
        self._rooms = SharedRooms()
        self._breakers, latencies = SharedBreakers(monotonic), Latencies()
        self.replicas = Replicas(database, self._breakers, time) if settings.database_url else None
        """The team's other gateways; None where the database is this machine's own."""
        self._line = Line(settings.paths.run_dir, self._breakers, self._rooms)
        self._spending = Spending(
            policy=registry.policy,
            budget=registry.users.budget,
            holds=self.ledger.holds,
            price_of=self._price_of,
            is_paid=registry.is_paid,
            clock=time,
            always=settings.database_url is not None,
        )
        self._masker = Masker(SecretDetector(settings.paths.models_dir.parent / "rules"))
        self._answers = Answers(settings.cache, database, registry.key_mark, time)
        asker = Asker(
            self._transport,
            rooms=self._rooms,
            breakers=self._breakers,
            latencies=latencies,
            masker=self._masker,
            observers=observers,
            clock=time,
        )
        self.router = Router(
            registry,
            endpoints,
            asker,
            breakers=self._breakers,
            latencies=latencies,
            flights=Flights(),
            spending=self._spending,
            answers=self._answers,
            splices=settings.routing.splice,
        )
        self._endpoints = endpoints
        self.models = Models(registry, endpoints, asker, self._spending, self._transport)
        self.workspace = Workspace(settings.paths.home / "index", monotonic, indexes=settings.context.index)
        self._feedback_log, self._tally = FeedbackLog(database), Tally(database, time)
        self.feedback = Feedback(self._feedback_log, time, lines_of)
        self.engine = Engine(
            self.router,
            settings.completion,
            monotonic,
            registry.selected,
            context=self.workspace,
            listener=Audience(self.feedback, self._tally),
            fetches_ahead=self._fetches_ahead,
        )

    @classmethod
    async def open(
        cls,
        settings: Settings,
        notices: Sequence[str] = (),
        changed: Callable[[], None] = lambda: None,
        lines_of: Callable[[str], Sequence[str] | None] = lambda _uri: None,
    ) -> App:
        """Open the database and all that stands on it.

        Raises:
            BeastModeError: the database cannot be opened.
        """
        url = settings.database_url
        database = await (Database.connect(url.reveal()) if url else Database.open(settings.paths.database))
        passphrase = settings.encryption_key.reveal() if settings.encryption_key else None
        vault = Vault(database, key_file=settings.paths.key_file, passphrase=passphrase, keyring=SystemKeyring())
        builtin = settings.builtin
        embedded = Embedded(
            settings.paths.models_dir, settings.paths.run_dir, builtin.model, builtin.model_path, builtin.threads
        )
        registry = await Registry.open(
            database, vault, embedded.spec() if builtin.enabled else None, settings.provider_keys
        )
        said = [Notice(text) for text in (*notices, *database.notices)]
        app = cls(
            settings,
            database=database,
            registry=registry,
            vault=vault,
            embedded=embedded,
            notices=said,
            changed=changed,
            lines_of=lines_of,
        )
        await app.ledger.recall()
        for row in await app.ledger.since(time() - WINDOW_SECONDS):
            sample = Sample(row["started_at"], row["outcome"] == Outcome.OK, row["total_s"], row["error"])
            app.health.recall(row["model"], sample)
        return app

    @property
    def database_name(self) -> str:
        """The path of the database's file, or where else it is."""
        return self._database.name

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
    def alerts(self) -> Alerts:
        """Watches, and tells the user's targets."""
        if self._alerts is None:
            from beastmode.operations.alerts.alerts import Alerts  # noqa: PLC0415 - as above

            self._alerts = Alerts(self._database, self.ledger, self.registry, self.vault, time)
        return self._alerts

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

    def watch(self, observer: Observer) -> None:
        """Tell somebody else of every try as well, before it is in the ledger; they must not wait for anything."""
        self._watchers.added.append(observer)

    async def close(self) -> None:
        """Let go of the models, the network and the database, in this order."""
        await self.engine.aclose()
        if self._chat is not None:
            await self._chat.aclose()
        if self._work is not None:
            await self._work.aclose()
        await self.workspace.aclose()
        await self.feedback.aclose()
        await self._feedback_log.aclose()
        await self._tally.aclose()
        await self._line.aclose()
        await self.ledger.holds.aclose()
        await self._transport.aclose()
        await self.embedded.release()
        await self._database.close()

    async def status(self) -> Status:
        """One picture of how things are."""
        await self.vault.look()
        since = midnight(time())
        today = await self.ledger.summary(since)
        acceptance = await self.ledger.acceptance(since, FOREVER, "model")
        silence = await self.ledger.silence(since, FOREVER)
        undelivered = len(await self.alerts.lost())
        # From here on nothing is awaited, so that the parts fit each other.
        model = self.registry.selected(Task.INLINE)
        return Status(
            activity="loading" if self.embedded.starting else "working" if self._rooms.under_way else "idle",
            model=model,
            health=self._health(model) if model else Health(HealthLevel.UNKNOWN),
            today=today,
            acceptance=acceptance.total,
            silence=silence,
            indexes=self.workspace.states(),
            notice=self._notice(model),
            key_source=self.vault.source,
            undelivered=undelivered,
        )

    async def spent_today(self, user: str) -> Decimal:
        """Dollars that paid models cost a user since local midnight."""
        return await self.ledger.spent(midnight(time()), user)

    def _health(self, model: ModelSpec) -> Health:
        health, rest = self.health.of(model.id), self._breakers.resting(model.id)
        if rest is None:
            return health
        return replace(health, issues=(*health.issues, f"left alone for {rest[0]:.0f} s more"))

    def _notice(self, model: ModelSpec | None) -> Notice | None:
        if model is not None and model.id == BUILTIN_ID and not self.embedded.fetched:
            return Notice(
                "The built-in model is not downloaded",
                f"Download it once ({self.embedded.download_size // 1_000_000} MB), or register a model of your own",
                "beastmode.models.fetch",
            )
        return self._trouble or (self.notices[0] if self.notices else None)

    def report(self, error: BeastModeError) -> None:
        """Something went wrong while the user typed: said in the log once, and in the status until it is over."""
        if self._trouble is not None and (isinstance(error, Resting) or self._trouble.text == error.message):
            return  # what made it rest is said already
        log.warning("%s", error)
        self._trouble = Notice(error.message, error.fix)

    def _over(self, attempt: Attempt) -> None:
        selected = self.registry.selected(attempt.task)
        if attempt.outcome is Outcome.OK and not attempt.cached and selected and attempt.model == selected.id:
            self._trouble = None
        self._changed()

    async def refresh(self) -> bool:
        """Take over what another process has changed; True where there was something; then nothing rests any more."""
        changed = await self.registry.refresh()
        if changed:
            self._breakers.forget()
        return changed

    def join_router(self) -> None:
        """Share breakers and limits with the user's other processes while a gateway runs; alone otherwise.

        Costs a look at a file; to be called now and then, for a gateway may come at any time.
        """
        self._line.look()

    async def host_router(self) -> Hub | None:
        """Let the user's other processes share the breakers and limits of this one; whoever takes it closes it.

        None where another gateway does that already; this process then shares with that one.
        """
        from beastmode.router.hub import Hub  # noqa: PLC0415 - only a gateway hosts

        if self._line.is_open or await is_hosted(self.settings.paths.run_dir):
            self._line.look()
            return None
        try:
            return await Hub.open(self.settings.paths.run_dir, self._breakers, self._rooms)
        except OSError as error:
            log.warning("Other processes cannot share the router: %s", error.strerror)
            return None

    async def settle(self) -> None:
        """What can wait until the first answers have been given: prices, old answers, the rules that find secrets."""
        with suppress(OSError, BeastModeError):  # each is tried again, or said, when it is needed
            await self.ledger.settle()
            await self.ledger.holds.sweep()
            await self.trim()
            await self._answers.tidy()
            if any(not is_loopback(model.endpoint_url) for task in Task for model in self.registry.route(task)):
                await self._masker.prepare()

    async def trim(self) -> int:
        """Remove the rows that the setting `ledger.keep_days` does not keep; how many."""
        days = self.settings.ledger.keep_days
        return 0 if days is None else await self.ledger.remove_old(days, time())

    async def shrink(self) -> tuple[int, int]:
        """Give the room of removed rows back to the disk; bytes of the database before and after."""
        from beastmode.store.upkeep import shrink  # noqa: PLC0415 - as above

        path = self.settings.paths.database
        if self._database.name != str(path):
            raise UserError(f"{self._database.name} is no file of ours", "Its own server makes it smaller (autovacuum)")
        return await asyncio.to_thread(shrink, path)

    def _fetches_ahead(self, model: ModelSpec) -> bool:
        """What nobody has asked for yet is asked only of a model that is free, awake and has nothing else to do."""
        is_free = self.settings.completion.fetch_ahead and not self.registry.is_paid(model)
        return is_free and not self._rooms.under_way and self._breakers.resting(model.id) is None

    async def _price_of(self, model: ModelSpec) -> Price | None:
        return model.price or await self.prices.find(model.id)


class _Watchers:
    """Passes tries on to observers that a door has added."""

    def __init__(self) -> None:
        self.added: list[Observer] = []

    async def observe(self, attempt: Attempt) -> None:
        for each in self.added:
            await each.observe(attempt)


class _Told:
    """Passes tries on to a plain function; an observer of the router."""

    def __init__(self, tell: Callable[[Attempt], None]) -> None:
        self._tell = tell

    async def observe(self, attempt: Attempt) -> None:
        self._tell(attempt)

"""What answers requests, wired together: there from the start, in the language server too."""

from __future__ import annotations

import logging
from contextlib import suppress
from time import monotonic, time
from typing import TYPE_CHECKING

from beastmode.completion.audience import Audience
from beastmode.completion.engine import Engine
from beastmode.completion.feedback import Feedback
from beastmode.domain.errors import BeastModeError
from beastmode.domain.model import is_loopback
from beastmode.domain.request import Task
from beastmode.domain.routing import Outcome
from beastmode.embedded import Embedded
from beastmode.ledger.days import midnight
from beastmode.ledger.feedback import FeedbackLog
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.prices import PriceBook
from beastmode.ledger.tally import Tally
from beastmode.operations.condition import Condition
from beastmode.operations.endpoints import Endpoints
from beastmode.operations.models import Models
from beastmode.operations.receipts import Receipts
from beastmode.operations.status import Notice
from beastmode.operations.workspace import Workspace
from beastmode.registry import Registry, SystemKeyring, Vault
from beastmode.registry.sign_in_codes import SignInCodes
from beastmode.router.answers import Answers
from beastmode.router.ask import Asker
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
    from collections.abc import Callable, Sequence
    from decimal import Decimal
    from typing import Self

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.routing import Attempt
    from beastmode.domain.usage import Price
    from beastmode.operations.alerts.alerts import Alerts
    from beastmode.router.ask import Observer
    from beastmode.router.hub import Hub
    from beastmode.settings import Settings

log = logging.getLogger(__name__)


class Core:
    """Everything that a request passes; made by `open`.

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
        self.prices = PriceBook(database)
        self.ledger = Ledger(database, self.prices, settings.baseline)
        self.health = HealthBook(time)
        self.sign_in_codes = SignInCodes(database, time)
        self._database = database
        self._transport = Transport(Network(settings.network.ca_bundle))
        endpoints = Endpoints(registry, embedded)
        self._alerts: Alerts | None = None
        self.is_trusted = True
        """Whether the workspace's own code may be run where its user allowed it; an editor sets it."""
        self.receipts = Receipts(self.prices.remembered)
        self._watchers = _Watchers()  # the first, as they never wait: what is cancelled twice is seen all the same
        self._rooms = SharedRooms()
        self._breakers, latencies = SharedBreakers(monotonic), Latencies()
        self.workspace = Workspace(settings.paths.home / "index", monotonic, indexes=settings.context.index)
        self.condition = Condition(
            registry,
            vault,
            embedded,
            self.workspace,
            ledger=self.ledger,
            health=self.health,
            breakers=self._breakers,
            rooms=self._rooms,
            undelivered=self._undelivered,
            notices=notices,
            changed=changed,
        )
        observers = (self._watchers, self.ledger, self.health, self.receipts, self.condition)
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
    ) -> Self:
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
    def alerts(self) -> Alerts:
        """Watches, and tells the user's targets."""
        if self._alerts is None:
            from beastmode.operations.alerts.alerts import Alerts  # noqa: PLC0415 - whoever has no rules needs none of it

            self._alerts = Alerts(self._database, self.ledger, self.registry, self.vault, time)
        return self._alerts

    def watch(self, observer: Observer) -> None:
        """Tell somebody else of every try as well, before it is in the ledger; they must not wait for anything."""
        self._watchers.added.append(observer)

    async def close(self) -> None:
        """Let go of the models, the network and the database, in this order."""
        await self.engine.aclose()
        await self.workspace.aclose()
        await self.feedback.aclose()
        await self._feedback_log.aclose()
        await self._tally.aclose()
        await self._line.aclose()
        await self.ledger.holds.aclose()
        await self._transport.aclose()
        await self.embedded.release()
        await self._database.close()

    async def spent_today(self, user: str) -> Decimal:
        """Dollars that paid models cost a user since local midnight."""
        return await self.ledger.spent(midnight(time()), user)

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

    def _fetches_ahead(self, model: ModelSpec) -> bool:
        """What nobody has asked for yet is asked only of a model that is free, awake and has nothing else to do."""
        is_free = self.settings.completion.fetch_ahead and not self.registry.is_paid(model)
        return is_free and not self._rooms.under_way and self._breakers.resting(model.id) is None

    async def _undelivered(self) -> int:
        return len(await self.alerts.lost())

    async def _price_of(self, model: ModelSpec) -> Price | None:
        return model.price or await self.prices.find(model.id)


class _Watchers:
    """Passes tries on to observers that a door has added."""

    def __init__(self) -> None:
        self.added: list[Observer] = []

    async def observe(self, attempt: Attempt) -> None:
        for each in self.added:
            await each.observe(attempt)

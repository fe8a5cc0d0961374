"""The composition root: the only file that names concrete classes. Every door opens an App and calls it."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING

from beastmode.completion.engine import Engine
from beastmode.domain.errors import BeastModeError, Resting, Unauthorized, UserError
from beastmode.domain.model import BUILTIN_ID, is_loopback
from beastmode.domain.request import Task
from beastmode.domain.routing import Health, HealthLevel, Outcome
from beastmode.embedded import Embedded
from beastmode.ledger.days import midnight
from beastmode.ledger.ledger import Ledger
from beastmode.ledger.prices import PriceBook
from beastmode.operations.model_checks import Check, check_model
from beastmode.operations.served_models import how_to_set_key, served_models
from beastmode.operations.status import Notice, Status
from beastmode.registry import Registry, SystemKeyring, Vault
from beastmode.registry.registration import parse
from beastmode.router.answers import Answers
from beastmode.router.ask import Asker, Endpoint
from beastmode.router.attempt import auth_headers
from beastmode.router.breaker import Breakers
from beastmode.router.detector import SecretDetector
from beastmode.router.flights import Flights
from beastmode.router.health import WINDOW_SECONDS, HealthBook, Sample
from beastmode.router.latency import Latencies
from beastmode.router.masking import Masker
from beastmode.router.room import Rooms
from beastmode.router.router import Router
from beastmode.router.spending import Spending
from beastmode.store import Database
from beastmode.transport import Network, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.routing import Attempt
    from beastmode.domain.usage import Price
    from beastmode.operations.diagnosis import Diagnosis
    from beastmode.operations.model_checks import Report
    from beastmode.operations.model_doctor import Plan
    from beastmode.operations.probing import Progress
    from beastmode.registry.providers import ProviderRow
    from beastmode.settings import Settings

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
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.vault = vault
        self.embedded = embedded
        self.notices = list(notices)
        self.prices = PriceBook(database)
        self.ledger = Ledger(database, self.prices, settings.baseline)
        self.health = HealthBook(time)
        self._database = database
        self._transport = Transport(Network(settings.network.ca_bundle))
        self._endpoints = _Endpoints(registry, embedded)
        self._changed = changed
        self._trouble: Notice | None = None
        observers = (self.ledger, self.health, _Told(self._over))
        self._rooms = Rooms()
        self._breakers, latencies = Breakers(monotonic), Latencies()
        self._spending = Spending(
            policy=registry.policy,
            spent=self.ledger.spent,
            price_of=self._price_of,
            is_paid=registry.is_paid,
            clock=time,
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
            self._endpoints,
            asker,
            breakers=self._breakers,
            latencies=latencies,
            flights=Flights(),
            spending=self._spending,
            answers=self._answers,
            splices=settings.routing.splice,
        )
        self.engine = Engine(self.router, settings.completion, monotonic, registry.selected)

    @classmethod
    async def open(
        cls, settings: Settings, notices: Sequence[str] = (), changed: Callable[[], None] = lambda: None
    ) -> App:
        """Open the database and all that stands on it.

        Raises:
            BeastModeError: the database cannot be opened.
        """
        database = await Database.open(settings.paths.database)
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
        )
        await app.ledger.recall()
        for row in await app.ledger.since(time() - WINDOW_SECONDS):
            sample = Sample(row["started_at"], row["outcome"] == Outcome.OK, row["total_s"], row["error"])
            app.health.recall(row["model"], sample)
        return app

    async def close(self) -> None:
        """Let go of the models, the network and the database, in this order."""
        await self.engine.aclose()
        await self._transport.aclose()
        await self.embedded.release()
        await self._database.close()

    async def status(self) -> Status:
        """One picture of how things are."""
        await self.vault.look()
        today = await self.ledger.summary(midnight(time()))
        # From here on nothing is awaited, so that the parts fit each other.
        model = self.registry.selected(Task.INLINE)
        return Status(
            activity="loading" if self.embedded.starting else "working" if self._rooms.under_way else "idle",
            model=model,
            health=self._health(model) if model else Health(HealthLevel.UNKNOWN),
            today=today,
            notice=self._notice(model),
            key_source=self.vault.source,
        )

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

    async def test(self, model_id: str, say: Callable[[str], None]) -> Report:
        """Test a registered model; raises ModelNotFound, or AttemptFailed where its key cannot be opened."""
        model = self.registry.get(model_id)
        endpoint = await self._endpoints.locate(model)
        report = await check_model(
            model,
            self.registry.provider(model.provider),
            endpoint,
            self.router.asker,
            hold=self._spending.hold,
            say=say,
        )
        exists = Check("Model exists in database", ok=True, evidence=f"{model.id}, {model.name}")
        return replace(report, checks=(exists, *report.checks))

    async def register(
        self, fields: Mapping[str, object], say: Callable[[str], None], *, force: bool = False
    ) -> Report:
        """Check the fields, try the endpoint, and save the model if it answered (or if `force`).

        Whether it was saved can be seen from `report.ok or force`.

        Raises:
            InvalidModel: with what is wrong, field by field.
        """
        model, key = parse(fields)
        provider = self.registry.provider(model.provider)
        endpoint = Endpoint(model.endpoint_url, auth_headers(provider.auth, key))
        report = await check_model(model, provider, endpoint, self.router.asker, hold=self._spending.hold, say=say)
        if report.ok:
            await self.registry.add(report.model, key, replace=True)
        elif force:
            await self.registry.add(model, key, replace=True)  # with its provider's first formats, as parsed
        return report

    def doctor_plan(self, model_id: str) -> tuple[Plan, bool]:
        """What examining a model sends at most, and whether that costs money; raises ModelNotFound."""
        from beastmode.operations.model_doctor import plan  # noqa: PLC0415 - no language server starts with it

        model = self.registry.get(model_id)
        return plan(self.registry.provider(model.provider)), self.registry.is_paid(model)

    async def doctor(self, model_id: str, say: Progress, *, yes: bool = False) -> Diagnosis:
        """Find out what a model's endpoint can do, and propose its row; changes nothing.

        Args:
            model_id: of any model, registered or a provider's.
            say: told what is being tried, and how much of it is done.
            yes: the user agreed to pay for it.

        Raises:
            ModelNotFound: there is none.
            UserError: it costs money, and nobody has agreed.
            NotAllowed: it could pass one of the spending caps.
            AttemptFailed: the model's key cannot be opened, or the built-in model cannot run.
        """
        from beastmode.operations.model_doctor import diagnose  # noqa: PLC0415 - as above
        from beastmode.operations.probing import Prober  # noqa: PLC0415 - as above

        agreed, costs = self.doctor_plan(model_id)
        if costs and not yes:
            raise UserError(f"Examining {model_id} costs money: it sends {agreed}", "Repeat with --yes to agree")
        model = self.registry.get(model_id)
        url, key = await self._endpoints.door(model)
        prober = Prober(
            self.router.asker,
            lambda auth: Endpoint(url, auth_headers(auth, key)),
            hold=self._spending.hold,
            most=agreed.requests,
            progress=say,
        )
        return await diagnose(model, self.registry.provider(model.provider), prober, self._transport)

    def own_row(self, model_id: str) -> ModelSpec:
        """The row of a registered model, which its user may change.

        Raises:
            ModelNotFound: there is none.
            UserError: it is the built-in model, or a provider's that has no row.
        """
        model = self.registry.get(model_id)
        if model.id == BUILTIN_ID or model not in self.registry.models:
            raise UserError(
                f"{model.id} has no row of its own to write to",
                "Register it with `beastmode models add`, or leave --apply out",
            )
        return model

    async def apply(self, diagnosis: Diagnosis) -> ModelSpec:
        """Write the doctor's proposals into the model's row; its key, prices and everything else stay.

        Raises:
            ModelNotFound, UserError: see `own_row`; or the model was changed meanwhile, and nothing was written.
        """
        await self.refresh()
        if self.own_row(diagnosis.model.id) != diagnosis.model:
            raise UserError(f"{diagnosis.model.id} was changed while it was examined", "Examine it again")
        await self.registry.add(diagnosis.proposed, None, replace=True)
        return self.registry.get(diagnosis.model.id)

    async def served(self, provider_id: str) -> tuple[ModelSpec, ...]:
        """Ask a provider which models it has; free.

        Raises:
            UserError: there is no such provider, or it has no address of its own.
            AttemptFailed: it could not be asked, or gave no list.
        """
        row = self.registry.provider_row(provider_id)
        return await served_models(row, await self._endpoints.headers(row), self._transport)

    async def settle(self) -> None:
        """What can wait until the first answers have been given: prices, old answers, the rules that find secrets."""
        with suppress(OSError, BeastModeError):  # each is tried again, or said, when it is needed
            await self.ledger.settle()
            await self._answers.tidy()
            if any(not is_loopback(model.endpoint_url) for task in Task for model in self.registry.route(task)):
                await self._masker.prepare()

    async def _price_of(self, model: ModelSpec) -> Price | None:
        return model.price or await self.prices.find(model.id)


class _Endpoints:
    """Finds where a model answers: the built-in one where its process listens, any other where its row says."""

    def __init__(self, registry: Registry, embedded: Embedded) -> None:
        self._registry = registry
        self._embedded = embedded

    async def locate(self, model: ModelSpec) -> Endpoint:
        """The endpoint with its key; AttemptFailed where there is none."""
        url, key = await self.door(model)
        return Endpoint(url, auth_headers(self._registry.provider(model.provider).auth, key))

    async def door(self, model: ModelSpec) -> tuple[str, str | None]:
        """The same before it is decided how the key travels."""
        if model.id == BUILTIN_ID:
            return await self._embedded.endpoint()
        row = self._registry.provider_row(model.provider)
        key = await self._registry.key_of(model)
        if key is None and row.provider.is_paid:
            raise Unauthorized(f"There is no API key for {row.provider.title}", how_to_set_key(row), status=401)
        return model.endpoint_url, key

    async def headers(self, row: ProviderRow) -> Mapping[str, str]:
        """The headers with a provider's key, for its own address; none where there is no key."""
        any_model = row.model("any", has_key=True)
        key = await self._registry.key_of(any_model) if any_model else None
        return auth_headers(row.provider.auth, key)


class _Told:
    """Passes tries on to a plain function; an observer of the router."""

    def __init__(self, tell: Callable[[Attempt], None]) -> None:
        self._tell = tell

    async def observe(self, attempt: Attempt) -> None:
        self._tell(attempt)

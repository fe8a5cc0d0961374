"""What a person does with models: try one, register one, have one examined, ask a provider which it has."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from beastmode.domain.errors import BeastModeError, UserError
from beastmode.domain.model import BUILTIN_ID
from beastmode.operations.model_checks import EXISTS, Check, Report, check_model
from beastmode.operations.served_models import served_models
from beastmode.registry.registration import fields_of, parse
from beastmode.router.ask import Endpoint
from beastmode.router.attempt import auth_headers
from beastmode.transport import load_network
from beastmode.wire.base import endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from beastmode.domain.model import ModelSpec
    from beastmode.operations.diagnosis import Diagnosis
    from beastmode.operations.endpoints import Endpoints
    from beastmode.operations.loadtest.load import Expense, Load
    from beastmode.operations.loadtest.result import Result
    from beastmode.operations.model_doctor import Plan
    from beastmode.operations.probing import Progress
    from beastmode.registry.registry import Registry
    from beastmode.router.ask import Asker
    from beastmode.router.spending import Spending
    from beastmode.transport import Transport

REACH_S = 5.0
"""Seconds that a free question may take."""
_UNAUTHORIZED = {401, 403}
_BROKEN = 500


class Models:
    """The user's models, as a person handles them.

    Args:
        registry: where they are kept.
        endpoints: where they answer.
        asker: tries them.
        spending: keeps the caps.
        transport: for questions that no model answers.
    """

    def __init__(
        self, registry: Registry, endpoints: Endpoints, asker: Asker, spending: Spending, transport: Transport
    ) -> None:
        self._registry = registry
        self._endpoints = endpoints
        self._asker = asker
        self._spending = spending
        self._transport = transport

    async def test(self, model_id: str, say: Callable[[str], None]) -> Report:
        """Test a registered model; raises ModelNotFound, or AttemptFailed where its key cannot be opened."""
        model = self._registry.get(model_id)
        endpoint = await self._endpoints.locate(model)
        report = await self._check(model, endpoint, say)
        exists = Check(EXISTS, ok=True, evidence=f"{model.id}, {model.name}")
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
        endpoint = Endpoint(model.endpoint_url, auth_headers(self._registry.provider(model.provider).auth, key))
        report = await self._check(model, endpoint, say)
        if report.ok:
            await self._registry.add(report.model, key, replace=True)
        elif force:
            await self._registry.add(model, key, replace=True)  # with its provider's first formats, as parsed
        return report

    async def _check(self, model: ModelSpec, endpoint: Endpoint, say: Callable[[str], None]) -> Report:
        await asyncio.to_thread(load_network)  # what is timed is the endpoint, and not our own imports
        provider = self._registry.provider(model.provider)
        return await check_model(model, provider, endpoint, self._asker, hold=self._spending.hold, say=say)

    async def reach(self, model: ModelSpec) -> Check:
        """Whether a model's endpoint answers and takes its key: one free question, no model is asked."""
        name = f"Endpoint of {model.id}"
        try:
            at = await self._endpoints.locate(model)
            status, _ = await self._transport.get(endpoint(at.url, "/models"), at.secret_headers, timeout=REACH_S)
        except BeastModeError as error:
            return Check(name, ok=False, evidence=error.message, fix=error.fix)
        if status in _UNAUTHORIZED:
            fix = f"Run `beastmode keys set {model.id}`"
            return Check(name, ok=False, evidence=f"{model.origin} did not accept the key ({status})", fix=fix)
        if status >= _BROKEN:
            return Check(name, ok=False, evidence=f"{model.origin} failed ({status})", fix="Look at the server's log")
        return Check(name, ok=True, evidence=f"{model.origin} answers")

    async def change(
        self, model_id: str, fields: Mapping[str, object], say: Callable[[str], None], *, force: bool = False
    ) -> Report:
        """Change some fields of a registered model's row; what is not named stays.

        Where the endpoint, its kind or the key changes, the endpoint is tried first, as at the registration; whether
        the row was saved can be seen from `report.ok or force`.

        Raises:
            ModelNotFound, UserError: see `own_row`.
            InvalidModel: with what is wrong, field by field.
        """
        before = self.own_row(model_id)
        model, key = parse({**fields_of(before), **fields, "model_id": before.id})
        model = replace(model, upstream_id=before.upstream_id, price=model.price if "price" in fields else before.price)
        if (model.endpoint_url, model.provider, key) == (before.endpoint_url, before.provider, None):
            formats = (before.chat_format, before.fim_format, before.fim_template)
            model = replace(
                model, chat_format=formats[0], fim_format=formats[1], fim_template=formats[2], has_key=before.has_key
            )
            await self._registry.add(model, None, replace=True)
            return Report(model, ())
        used = key
        if key is None and model.origin == before.origin:  # a key never moves to another origin
            used = await self._registry.key_of(before)
        endpoint = Endpoint(model.endpoint_url, auth_headers(self._registry.provider(model.provider).auth, used))
        report = await self._check(model, endpoint, say)
        if report.ok or force:
            await self._registry.add(report.model if report.ok else model, key, replace=True)
        return report

    def doctor_plan(self, model_id: str) -> tuple[Plan, bool]:
        """What examining a model sends at most, and whether that costs money; raises ModelNotFound."""
        from beastmode.operations.model_doctor import plan  # noqa: PLC0415 - no language server starts with it

        model = self._registry.get(model_id)
        return plan(self._registry.provider(model.provider)), self._registry.is_paid(model)

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
        model = self._registry.get(model_id)
        url, key = await self._endpoints.door(model)
        prober = Prober(
            self._asker,
            lambda auth: Endpoint(url, auth_headers(auth, key)),
            hold=self._spending.hold,
            most=agreed.requests,
            progress=say,
        )
        return await diagnose(model, self._registry.provider(model.provider), prober, self._transport)

    async def load_expense(self, model_id: str, load: Load) -> Expense:
        """What a load test sends, what it can cost, and whether it stays on this machine; raises ModelNotFound."""
        from beastmode.operations.loadtest.load import expense  # noqa: PLC0415 - as above

        model = self._registry.get(model_id)
        price = await self._spending.price_of(model)
        return expense(load, model, price, is_paid=self._registry.is_paid(model))

    async def load_test(
        self, model_id: str, load: Load, say: Progress, *, max_cost: Decimal | None = None, yes: bool = False
    ) -> Result:
        """Find out how much load a model's endpoint bears; every request is in the ledger, as a test.

        Args:
            model_id: of any model, registered or a provider's.
            load: what to send.
            say: told how much of it is done.
            max_cost: dollars that it may cost.
            yes: the user agreed to load a machine other than this one.

        Raises:
            ModelNotFound: there is none.
            UserError: nobody agreed, it may cost more than `max_cost`, or none of the first requests was answered.
            NotAllowed: no request could be sent within the user's caps.
            AttemptFailed: the model's key cannot be opened, or the built-in model cannot run.
        """
        from beastmode.operations.loadtest.load import require_affordable  # noqa: PLC0415 - as above
        from beastmode.operations.loadtest.run import run_load  # noqa: PLC0415 - as above

        load.check()
        model = self._registry.get(model_id)
        spends = await self.load_expense(model_id, load)
        require_affordable(spends, model.id, max_cost)
        if not spends.is_local and not yes:
            raise UserError(
                f"{model.id} answers at {model.origin}, which is not this machine: a load test may disturb others",
                "Repeat with --yes if it is yours to test",
            )
        return await run_load(
            load,
            model,
            await self._endpoints.locate(model),
            self._asker,
            hold=self._spending.hold,
            price=await self._spending.price_of(model),
            max_cost=max_cost,
            say=say,
        )

    def own_row(self, model_id: str) -> ModelSpec:
        """The row of a registered model, which its user may change.

        Raises:
            ModelNotFound: there is none.
            UserError: it is the built-in model, or a provider's that has no row.
        """
        model = self._registry.get(model_id)
        if model.id == BUILTIN_ID or model not in self._registry.models:
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
        await self._registry.refresh()
        if self.own_row(diagnosis.model.id) != diagnosis.model:
            raise UserError(f"{diagnosis.model.id} was changed while it was examined", "Examine it again")
        await self._registry.add(diagnosis.proposed, None, replace=True)
        return self._registry.get(diagnosis.model.id)

    async def served(self, provider_id: str) -> tuple[ModelSpec, ...]:
        """Ask a provider which models it has; free.

        Raises:
            UserError: there is no such provider, or it has no address of its own.
            AttemptFailed: it could not be asked, or gave no list.
        """
        row = self._registry.provider_row(provider_id)
        return await served_models(row, await self._endpoints.headers(row), self._transport)

"""What `beastmode evaluate` does, from a wish to a summary: the parts of this room put together."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from beastmode.domain.errors import BeastModeError, UserError
from beastmode.domain.usage import Usage
from beastmode.operations.evaluate.code import ENGINE, QUESTIONS, digest
from beastmode.operations.evaluate.context import Contexts, source_names
from beastmode.operations.evaluate.holes import Kind
from beastmode.operations.evaluate.run import Evaluation, plan
from beastmode.operations.evaluate.store import Run, earlier_answers
from beastmode.operations.evaluate.summary import summarize
from beastmode.operations.evaluate.trial import Trial
from beastmode.operations.evaluate.variants import Asks, variants_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.usage import Price
    from beastmode.operations.evaluate.asking import RouterLike
    from beastmode.operations.evaluate.files import SourceFile
    from beastmode.operations.evaluate.run import Progress
    from beastmode.operations.evaluate.store import Plan, Row
    from beastmode.operations.evaluate.summary import Summary
    from beastmode.settings import CompletionSettings


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for; see `plan` and `variants_of`."""

    roots: tuple[Path, ...]
    models: tuple[str, ...]
    holes: int = 200
    seed: int = 1
    kinds: tuple[Kind, ...] = tuple(Kind)
    languages: tuple[str, ...] = ()
    naive: bool = False
    without: tuple[str, ...] = ()
    with_tests: bool = False
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expense:
    """What a plan sends at most, to each model that costs money; `dollars` None where a price is not known."""

    requests: int
    tokens: int
    models: tuple[str, ...]
    dollars: Decimal | None

    def __str__(self) -> str:
        price = "" if self.dollars is None else f", at most ${self.dollars:.2f}"
        return f"{self.requests} requests with up to {self.tokens:,} tokens to {', '.join(self.models)}{price}"


@dataclass(frozen=True, slots=True)
class Result:
    """A run, finished or not; `error` is what broke it off."""

    run: Run
    rows: tuple[Row, ...]
    files: Mapping[str, SourceFile]
    summary: Summary
    error: BeastModeError | None = None


class Evaluator:
    """Evaluates models.

    Args:
        router: asks the model that a request names, and no other.
        settings: of the engine.
        models: finds a model by its id, or raises ModelNotFound.
        is_paid: whether asking a model costs money.
        price: what a model costs; None where nobody knows.
        home: the folder of all runs.
        environment: variables for a repository's tests.
    """

    def __init__(
        self,
        router: RouterLike,
        settings: CompletionSettings,
        *,
        models: Callable[[str], ModelSpec],
        is_paid: Callable[[ModelSpec], bool],
        price: Callable[[ModelSpec], Awaitable[Price | None]],
        home: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._router = router
        self._settings = settings
        self._models = models
        self._is_paid = is_paid
        self._price = price
        self._home = home
        self._environment = environment

    def plan(self, wish: Wish) -> Plan:
        """Cut the holes; asks nobody.

        Raises:
            UserError: there is nothing to cut, or no such model or source.
        """
        models = {name: self._models(name) for name in wish.models}
        ids = tuple(dict.fromkeys(model.id for model in models.values()))
        unable = [model.id for model in models.values() if model.fim_format is None]
        if unable:
            raise UserError(f"{unable[0]} cannot complete code", "Leave it out, or examine it: beastmode models doctor")
        return plan(
            tuple(root.resolve() for root in wish.roots),
            variants_of(ids, source_names(), naive=wish.naive, without=wish.without),
            {name: self._models(name) for name in ids},
            number=wish.holes,
            seed=wish.seed,
            kinds=wish.kinds,
            languages=wish.languages,
            with_tests=wish.with_tests,
            tests=wish.tests,
            engine=digest(ENGINE),
        )

    def begin(self, of: Plan) -> Run:
        """Write the plan down, below a name that says when."""
        return Run.begin(self._home, of, f"{datetime.now().astimezone():%Y%m%d-%H%M%S}")

    def resume(self, name: str) -> Run:
        """A run that was begun earlier; raises UserError where there is none."""
        return Run.resume(self._home, name)

    async def expense(self, of: Plan) -> Expense | None:
        """What a plan could cost; None where it costs nothing."""
        paid = [variant.model for variant in of.variants if self._is_paid(self._models(variant.model))]
        if not paid:
            return None
        settings = self._settings
        read = settings.prefix_tokens + settings.suffix_tokens + settings.context_tokens
        written = max(settings.max_tokens, settings.multiline_max_tokens)
        dollars: Decimal | None = Decimal(0)
        for model in paid:
            price = await self._price(self._models(model))
            each = price.cost(Usage(read, written)) if price is not None else None
            dollars = None if each is None or dollars is None else dollars + each * len(of.holes)
        requests = len(paid) * len(of.holes)
        return Expense(requests, requests * (read + written), tuple(dict.fromkeys(paid)), dollars)

    async def evaluate(self, run: Run, say: Progress, *, reuse: bool = False) -> Result:
        """Do what is left of a run. What breaks it off is in the result, with what was done until then.

        Args:
            run: begun or resumed.
            say: told what is done, and how much of it.
            reuse: take what models said to the same questions in earlier runs.

        Raises:
            UserError: it cannot even begin: a file, a model or the engine has changed, an index cannot be made.
        """
        of = run.plan
        if of.engine != digest(ENGINE):
            raise UserError(f"The engine changed since the run {run.id} was begun", "Begin a new one, with --reuse")
        roots = [Path(root) for root in of.roots]
        async with Contexts(roots, run.folder / "index") as contexts:
            code = digest(QUESTIONS)
            asks = Asks(self._router, self._settings, self._models, contexts.make, source_names(), code=code)
            with Trial(of.tests, self._environment) if of.tests else nullcontext() as trial:
                memory = earlier_answers(self._home) if reuse else {}
                evaluation = Evaluation(run, asks, self._models, self._price, trial=trial, memory=memory)
                await contexts.index(say)
                error: BeastModeError | None = None
                try:
                    await evaluation.go(say)
                except BeastModeError as failure:
                    error = failure
        return self._result(run, evaluation.rows, evaluation.files, evaluation.failures, error)

    def _result(
        self,
        run: Run,
        rows: Sequence[Row],
        files: Mapping[str, SourceFile],
        failures: Sequence[str],
        error: BeastModeError | None,
    ) -> Result:
        return Result(run, tuple(rows), files, summarize(run.id, run.plan, rows, failures), error)

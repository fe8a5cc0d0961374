"""One run from its plan to its last row."""

from __future__ import annotations

import hashlib
from collections import Counter
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from beastmode.context.syntax import has_grammar, parses, place
from beastmode.domain.errors import AttemptFailed, BeastModeError, NotAllowed, UserError
from beastmode.operations.evaluate.editor import editor
from beastmode.operations.evaluate.files import source_files
from beastmode.operations.evaluate.holes import Kind, cut_holes
from beastmode.operations.evaluate.score import score
from beastmode.operations.evaluate.store import Plan, Row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from beastmode.domain.model import ModelSpec
    from beastmode.domain.usage import Price
    from beastmode.operations.evaluate.asking import Said
    from beastmode.operations.evaluate.files import SourceFile
    from beastmode.operations.evaluate.holes import Hole
    from beastmode.operations.evaluate.store import Run
    from beastmode.operations.evaluate.trial import Trial
    from beastmode.operations.evaluate.variants import Asks, Given, Variant

    Progress = Callable[[str, float | None], None]

MOST_FAILURES = 3
"""In a row; then the model is not asked any more."""


def files_of(roots: Sequence[Path], languages: Collection[str], *, with_tests: bool) -> dict[str, SourceFile]:
    """The files of several repositories by name.

    Raises:
        UserError: two of them have the same name, or one is no folder.
    """
    found: dict[str, SourceFile] = {}
    if len({root.name for root in roots}) < len(roots):
        raise UserError("Two of the folders have the same name", "Evaluate them one at a time")
    for root in roots:
        if not root.is_dir():
            raise UserError(f"{root} is no folder", "Give the folder of a repository")
        found |= {file.name: file for file in source_files(root, languages=languages, with_tests=with_tests)}
    return found


def plan(
    roots: Sequence[Path],
    variants: Sequence[Variant],
    models: Mapping[str, ModelSpec],
    *,
    number: int,
    seed: int,
    kinds: Collection[Kind] = tuple(Kind),
    languages: Collection[str] = (),
    with_tests: bool = False,
    tests: Sequence[str] = (),
    engine: str = "",
) -> Plan:
    """Cut the holes and write down what is to be done; reads the repositories.

    Raises:
        UserError: there is nothing to cut.
    """
    files = files_of(roots, languages, with_tests=with_tests)
    # As many from each repository, however large it is.
    shares = [number // len(roots) + (index < number % len(roots)) for index in range(len(roots))]
    cut = [
        cut_holes(
            [file for file in files.values() if file.root == root],
            share,
            seed,
            place=in_code,
            kinds=kinds,
            turn=index,
        )
        for index, (root, share) in enumerate(zip(roots, shares, strict=True))
    ]
    holes = tuple(hole for step in range(max(shares)) for each in cut for hole in each[step : step + 1])
    if not holes:
        raise UserError(
            f"There is no code in {', '.join(map(str, roots))} to cut holes in",
            "Give a folder with source code, and see that no ignore rule hides it; tests need --include-tests",
        )
    return Plan(
        roots=tuple(map(str, roots)),
        seed=seed,
        variants=tuple(variants),
        holes=holes,
        files={hole.file: _digest(files[hole.file]) for hole in holes},
        models={name: _digest_of(repr(model)) for name, model in models.items()},
        engine=engine,
        languages=tuple(languages),
        with_tests=with_tests,
        tests=tuple(tests),
    )


class Evaluation:
    """Does what a plan says, from where an earlier process left off.

    Args:
        run: the plan and its rows.
        asks: asks the models.
        models: finds a model by its id.
        price: what a model costs; None where nobody knows.
        trial: runs tests; None where none may run.
        memory: answers that are known from elsewhere, by key.

    Raises:
        UserError: a file or a model has changed since the run was begun.
    """

    def __init__(
        self,
        run: Run,
        asks: Asks,
        models: Callable[[str], ModelSpec],
        price: Callable[[ModelSpec], Awaitable[Price | None]],
        *,
        trial: Trial | None = None,
        memory: Mapping[str, Said] | None = None,
    ) -> None:
        self._run = run
        self._asks = asks
        self._models = models
        self._price = price
        self._trial = trial
        self._memory = dict(memory or {})
        plan = run.plan
        self.files = files_of([Path(root) for root in plan.roots], plan.languages, with_tests=plan.with_tests)
        self._of_root = {root: [f for f in self.files.values() if str(f.root) == root] for root in plan.roots}
        changed = [name for name, digest in plan.files.items() if _changed(self.files.get(name), digest)]
        changed += [name for name, digest in plan.models.items() if _digest_of(repr(models(name))) != digest]
        if changed:
            raise UserError(f"{', '.join(changed[:3])} changed since the run {run.id} was begun", "Begin a new one")
        self.rows = run.rows()
        self.failures: list[str] = []

    async def go(self, say: Progress) -> None:
        """Ask every variant for every hole that it has no row for.

        Raises:
            UserError: a model fails again and again, tests cannot be run, or a row cannot be written; the run can be
                resumed.
        """
        plan = self._run.plan
        done = {(row.hole, row.variant) for row in self.rows}
        memory = self._memory | {row.key: row.said for row in self.rows if row.said is not None}
        if self._trial is not None:
            for root in plan.roots:
                say(f"Running the tests of {root}", None)
                await self._trial.copy(Path(root))
        steps, failing = len(plan.holes) * len(plan.variants), Counter[str]()
        for index, hole in enumerate(plan.holes):
            # Taking turns, as whoever comes second finds the server's memory warm.
            turn = index % len(plan.variants)
            for variant in (*plan.variants[turn:], *plan.variants[:turn]):
                if (hole.id, variant.name) in done:
                    continue
                say(f"{hole.kind} in {hole.file}: {variant.name}", len(done) / steps)
                file = self.files[hole.file]
                place_in = partial(editor, hole, file, self._of_root[str(file.root)])
                given = await self._asks.ask(variant, place_in, memory)
                if given.error is not None:
                    failing[variant.model] += 1
                    self._failed(variant, given.error, failing[variant.model])
                    continue
                failing[variant.model] = 0
                check(hole, file, given)
                row = await self._row(hole, variant, given)
                self._run.add(row)
                self.rows.append(row)
                done.add((hole.id, variant.name))

    def _failed(self, variant: Variant, error: BeastModeError, times: int) -> None:
        self.failures.append(f"{variant.name}: {error.message}")
        again = f"`beastmode evaluate --resume {self._run.id}` goes on from here"
        if isinstance(error, NotAllowed) or times >= MOST_FAILURES:
            fix = f"{error.fix}. {again}" if error.fix else again
            raise UserError(f"{variant.model} does not answer: {error.message}", fix) from error
        if not isinstance(error, AttemptFailed):
            raise error

    async def _row(self, hole: Hole, variant: Variant, given: Given) -> Row:
        file = self.files[hole.file]
        scored = score(hole.cut(file.text), given.text, given.replaced, partial(parses, language=file.language))
        passes = None
        if self._trial is not None:
            passes = await self._trial.passes(hole, file, given.text, given.replaced, exact=scored.exact)
        first = given.asked[0] if given.asked else None
        then = [each.said.total_s for each in given.asked if each.replayed]
        return Row(
            hole=hole.id,
            variant=variant.name,
            text=given.text,
            replaced=given.replaced,
            reason=given.reason,
            seconds=given.seconds + sum(then) if given.asked else None,
            replayed=bool(then),
            key=first.key if first else "",
            said=first.said if first else None,
            sources=dict(Counter(snippet.source for snippet in first.request.snippets)) if first else {},
            cost=await self._cost(variant, given),
            score=scored,
            tests=passes,
        )

    async def _cost(self, variant: Variant, given: Given) -> str | None:
        """What it costs to ask this, whether or not it was asked just now."""
        price = await self._price(self._models(variant.model))
        if price is None:
            return None
        costs = [price.cost(each.said.usage, each.said.total_s) for each in given.asked]
        return None if None in costs else str(sum((cost for cost in costs if cost is not None), Decimal(0)))


class Leaked(BeastModeError):
    """A source showed the model what was taken out: nothing that was measured could be trusted."""

    kind = "leaked"


def check(hole: Hole, file: SourceFile, given: Given) -> None:
    """See that nothing was shown of the file with the hole that does not stand in it any more.

    Raises:
        Leaked: something was.
    """
    before, truth, after = hole.cut(file.text)
    first = before.count("\n")
    whole = file.text.split("\n")[first : first + truth.count("\n") + 1]
    gone = {line.strip() for line in whole} - {line.strip() for line in (before + after).split("\n")}
    for snippet in (snippet for asked in given.asked for snippet in asked.request.snippets):
        if snippet.path == file.path and gone & {line.strip() for line in snippet.text.split("\n")}:
            raise Leaked(f"The source {snippet.source} has shown lines of {file.name} that were taken out", "Report it")


def in_code(before: str, after: str, language: str) -> str:
    """What stands between two texts; all is code in a language without a grammar."""
    return place(before, after, language) if has_grammar(language) else "code"


def _changed(file: SourceFile | None, digest: str) -> bool:
    return file is None or _digest(file) != digest


def _digest(file: SourceFile) -> str:
    return _digest_of(file.text)


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

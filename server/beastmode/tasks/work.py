"""The shared run of every task that changes code: see, ask, read the change, check it, have it mended, propose it.

Nothing here writes to the workspace. What a model answers becomes a `Proposal` or a `Failed`, and a door does the rest.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from beastmode.domain.errors import BeastModeError, UserError
from beastmode.domain.request import ChatRequest, Message
from beastmode.domain.response import Finished, FinishReason, ReasoningDelta, Started, TextDelta
from beastmode.ledger.spent import spent_on
from beastmode.tasks.base import prompt
from beastmode.tasks.chat.clean import clean
from beastmode.tasks.chat.fitting import MESSAGE
from beastmode.tasks.chat.pieces import size
from beastmode.tasks.chat.retrieval import Shelves
from beastmode.tasks.course import Editing
from beastmode.tasks.edits import FORMATS, CannotApply, Guard, WorkspaceFiles
from beastmode.tasks.materials import bytes_of, desk_of, gather, planned_targets
from beastmode.tasks.plan import read_plan
from beastmode.tasks.proposal import (
    AnswerCut,
    Check,
    CheckFailed,
    Doing,
    Failed,
    Part,
    Planned,
    Proposal,
    Proposed,
    Thought,
)
from beastmode.tasks.recipes import recipe
from beastmode.tasks.running import (
    ANSWER_SHARE,
    Running,
    buffers,
    framed,
    limit,
    mending,
    paths,
    question,
    system,
)
from beastmode.tasks.telling import telling

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from decimal import Decimal
    from pathlib import Path

    from beastmode.context.session import Session as Workspace
    from beastmode.domain.model import ModelSpec
    from beastmode.domain.request import Request
    from beastmode.domain.response import StreamEvent
    from beastmode.router.plan import Verdict
    from beastmode.store import Database
    from beastmode.tasks.course import Course, Covers, Result
    from beastmode.tasks.edits import Limits
    from beastmode.tasks.materials import Target
    from beastmode.tasks.proposal import Event, Order
    from beastmode.tasks.testing.trials import Trials

MOST_CHARACTERS = 1_000_000
"""Of one answer with its reasoning; an endpoint that says more than that never ends."""
USUAL_FORMAT = "search-replace"


class Router(Protocol):
    """What a task needs of the router."""

    def stream(self, request: Request) -> AsyncGenerator[StreamEvent]:
        """The answer as it comes."""
        ...

    def explain(self, request: Request) -> Sequence[Verdict]:
        """Every model that could answer, in its order."""
        ...


@dataclass(slots=True)
class _Answer:
    """What has come of one answer."""

    text: list[str] = field(default_factory=list)
    characters: int = 0
    finish: FinishReason | None = None


class Work:
    """Carries out orders.

    Args:
        router: finds the model and asks it.
        database: whose ledger knows what a request cost.
        workspace: the folders and the open documents; may change at any time.
        indexes: the folder of the search indexes; None: nothing is searched for.
        limits: how much one change may do.
        tests: runs the tests that cover a change where the user allowed it, and says what was seen; None: never.
        trials: where generated tests are run; None: there are no such tasks.
    """

    def __init__(
        self,
        router: Router,
        database: Database,
        workspace: Workspace,
        *,
        indexes: Path | None,
        limits: Limits | None = None,
        tests: Covers | None = None,
        trials: Trials | None = None,
    ) -> None:
        self._router = router
        self._database = database
        self._workspace = workspace
        self._shelves = Shelves(indexes)
        self._limits = limits
        self._tests = tests
        self._trials = trials

    async def run(self, order: Order, root: Path) -> AsyncGenerator[Event]:
        """The events of one order, the last of them Proposed or Failed; use it under `contextlib.aclosing`.

        Closing it early, or cancelling the task that reads it, stops the model; nothing is left behind.

        Args:
            order: what the user wants.
            root: the folder of the workspace that it is about.
        """
        began, run = monotonic(), None
        try:
            run = await self._begin(order, root)
            async with aclosing(self._carried_out(run)) as events:
                async for event in events:
                    yield event
        except BeastModeError as error:
            cost = None if run is None else await self._cost(run)
            yield Failed(error, "" if run is None else run.model, cost, monotonic() - began)

    async def aclose(self) -> None:
        """Let go of the indexes."""
        await self._shelves.aclose()

    async def _begin(self, order: Order, root: Path) -> Running:
        """Everything that can be known to be wrong before a model is asked."""
        what = recipe(order.task)
        if what.needs_file and not order.files and order.place is None:
            raise UserError(f"{what.title}: no file was given", "Name the file, or select the code")
        what.words(order)
        documents = self._workspace.documents
        desk = desk_of(str(root), documents)
        texts = buffers(documents, root)  # before anything is awaited: a moment's picture of what is open
        guard = await asyncio.to_thread(Guard.of, root, self._limits)
        files = WorkspaceFiles(guard.root, texts)
        return Running(order, what, guard.root, guard, files, desk, texts)

    async def _carried_out(self, run: Running) -> AsyncGenerator[Event]:
        targets = await asyncio.to_thread(run.targets)
        if run.recipe.plans:
            async for event in self._planned(run, targets):
                yield event
            more, missing = await asyncio.to_thread(planned_targets, run.plan, run.desk)
            known = {target.path for target in targets}
            targets += [target for target in more if target.path not in known]
            run.left_out += missing
        course = await self._course(run, targets)
        async with aclosing(self._followed(run, course)) as events:
            async for event in events:
                yield event

    async def _course(self, run: Running, targets: Sequence[Target]) -> Course:
        if run.recipe.makes_tests and self._trials is not None:
            return await self._trials.course(run, targets)
        return Editing(run, targets, self._tests)

    async def _followed(self, run: Running, course: Course) -> AsyncGenerator[Event]:
        """Ask the model, and let it mend its answer, until there is a result."""
        route = self._route(run)
        asked = self._asked(route)
        yield Doing("Reading the workspace")
        answer_tokens = min(asked.max_tokens, asked.context_window // ANSWER_SHARE)
        instructions, words = prompt(run.recipe.name), course.words
        name = course.format_for(asked.edit_format or USUAL_FORMAT, is_whole=True)
        formats = FORMATS[name].instructions if name else ""
        fixed = size(instructions) + size(formats) + size(words) + 2_000 + 4 * MESSAGE
        room = bytes_of(asked.context_window - answer_tokens) - fixed
        materials = await gather(words, course.shown, self._shelves.of(run.folder), run.desk, room)
        run.left_out += materials.left_out
        if course.shown and not materials.targets:
            raise UserError(
                f"{course.shown[-1].path} has no room in the window of {asked.id} ({asked.context_window:,} tokens)",
                "Select fewer lines, or choose a model with a larger context window",
            )
        name = course.format_for(asked.edit_format or USUAL_FORMAT, is_whole=materials.are_whole)
        voice = system(instructions, FORMATS[name].instructions if name else "")
        yield Doing("Asking the model")
        said: tuple[Message, ...] = (voice, Message("user", question(run, materials, words)))
        while True:
            answer = _Answer()
            most = limit(asked, said, answer_tokens)
            async with aclosing(self._listen(run, replace(route, messages=said, max_tokens=most), answer)) as events:
                async for event in events:
                    yield event
            text = "".join(answer.text)
            if not run.recipe.edits:
                yield Proposed(await self._proposal(run, None, text))
                return
            yield Doing("Checking the change")
            results: list[Result] = []
            try:
                async with aclosing(telling(partial(course.judge, text, name), results)) as doing:
                    async for event in doing:
                        yield event
            except (CannotApply, CheckFailed) as error:
                if run.may_mend("check" if isinstance(error, CheckFailed) else "form"):
                    yield Doing(f"Asking the model to mend its answer: {error.message}")
                    said = mending(run, asked, voice, (materials, words), (text, error.for_model))
                    continue
                results.append(course.settle(error))
            yield Proposed(await self._proposal(run, results[-1], text))
            return

    async def _planned(self, run: Running, targets: Sequence[Target]) -> AsyncGenerator[Event]:
        """Ask for the plan and read it."""
        yield Doing("Planning")
        route = self._route(run)
        asked = self._asked(route)
        words = run.recipe.words(run.order)
        instructions = prompt(f"{run.recipe.name}_plan")
        answer_tokens = min(asked.max_tokens, asked.context_window // (2 * ANSWER_SHARE))
        names = await asyncio.to_thread(paths, run.root)
        listed = f"The files of the workspace, as data:\n{names}\n" if names else ""
        fixed = size(instructions) + size(listed) + size(words) + 1_000
        room = bytes_of(asked.context_window - answer_tokens) - fixed
        materials = await gather(words, targets, self._shelves.of(run.folder), run.desk, room)
        asking = f"{listed}{framed(materials.text())}{words}"
        said = (Message("system", instructions), Message("user", asking))
        answer = _Answer()
        request = replace(route, messages=said, max_tokens=limit(asked, said, answer_tokens))
        async with aclosing(self._listen(run, request, answer)) as events:
            async for event in events:
                yield event
        run.plan, refused = await asyncio.to_thread(read_plan, "".join(answer.text), run.guard)
        run.left_out += refused
        yield Planned(run.plan)

    async def _listen(self, run: Running, request: ChatRequest, answer: _Answer) -> AsyncGenerator[Event]:
        """The model's events as ours.

        Raises:
            AnswerCut: it ended before it was complete, or says too much.
        """
        async with aclosing(self._router.stream(request)) as events:
            async for event in events:
                match event:
                    case Started():
                        run.model = event.model
                        if event.request_id not in run.request_ids:
                            run.request_ids.append(event.request_id)
                    case TextDelta():
                        answer.characters += len(event.text)
                        # As it came: an edit may hold any letter. What is shown is made harmless.
                        answer.text.append(event.text)
                        yield Part(clean(event.text))
                    case ReasoningDelta():
                        answer.characters += len(event.text)
                        yield Thought(clean(event.text))
                    case Finished():
                        answer.finish = event.reason
                    case _:
                        pass
                if answer.characters > MOST_CHARACTERS:
                    raise AnswerCut(
                        f"{run.model} said more than {MOST_CHARACTERS:,} characters, and was stopped",
                        "Nothing was written: ask for less at once",
                    )
        run.is_cut = answer.finish is FinishReason.LENGTH
        # What is whole of a file of tests is run, and then it is known whether it is any good.
        if run.is_cut and run.recipe.edits and not run.recipe.makes_tests:
            raise AnswerCut(
                f"The answer of {run.model} was cut off by its token limit, and half of a change is none",
                "Nothing was written: select fewer lines, or raise max_tokens of the model",
            )

    async def _proposal(self, run: Running, result: Result | None, text: str) -> Proposal:
        return Proposal(
            result.change if result else None,
            result.checks if result else _of_text(run),
            clean(text),
            run.model,
            tuple(run.request_ids),
            await self._cost(run),
            monotonic() - run.began,
            len(run.repairs),
            run.plan,
            tuple(run.left_out),
            result.verdict if result else None,
        )

    async def _cost(self, run: Running) -> Decimal | None:
        """Of all its requests; None where one of them has no known price."""
        total: Decimal | None = None
        for request_id in run.request_ids:
            spent = await self._database.query(lambda connection, key=request_id: spent_on(connection, key))  # type: ignore[misc]
            if spent.cost is None:
                return None
            total = spent.cost if total is None else total + spent.cost
        return total

    def _route(self, run: Running) -> ChatRequest:
        order = run.order
        return ChatRequest(
            (Message("user", "-"),), run.recipe.task, order.model, local_only=order.local_only, user=order.user
        )

    def _asked(self, route: ChatRequest) -> ModelSpec:
        """The model that will most likely answer: whose window and whose edit format count."""
        verdicts = self._router.explain(route)
        return next((each for each in verdicts if each.against is None), verdicts[0]).model


def _of_text(run: Running) -> tuple[Check, ...]:
    """What is to be said of an answer that is the result itself."""
    said = f"the token limit of {run.model} ended the answer; raise max_tokens of the model for all of it"
    return (Check("Cut off", ok=False, evidence=said, is_needed=False),) if run.is_cut else ()

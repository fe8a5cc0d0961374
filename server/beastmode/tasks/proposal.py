"""The words of the tasks that change code: what is asked for, what is heard while it is done, what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from beastmode.domain.errors import BeastModeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from beastmode.domain.request import Task
    from beastmode.tasks.chat import Attachment
    from beastmode.tasks.edits import Change, FileEdit
    from beastmode.tasks.verify.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a file that something is said about: a diagnostic, an opportunity.

    Attributes:
        path: relative to the workspace, or absolute.
        line, end_line: from zero, both included.
        message: what is said.
        kind: of what sort: `error`, `long-function`.
    """

    path: str
    line: int
    end_line: int
    message: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What the user wants done.

    Attributes:
        task: the name of a task.
        instruction: the user's words, may be empty where the task says enough.
        files: what it is about: whole files or lines of them.
        place: the opportunity or the diagnostic that it is about.
        model: an id; None: the user's route decides.
        local_only: nothing may leave this machine.
        user: who wants it; '' is the owner of this machine.
    """

    task: str
    instruction: str = ""
    files: tuple[Attachment, ...] = ()
    place: Place | None = None
    model: str | None = None
    local_only: bool = False
    user: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One file of a plan: what becomes of it, and why."""

    kind: Literal["create", "change", "rename", "delete"]
    path: str
    why: str
    new_path: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at in a change, and what was seen; only what was really looked at is listed.

    Attributes:
        name: for people.
        ok: whether it is as it should be.
        evidence: one sentence.
        is_needed: a change for which it is not ok is not shown.
    """

    name: str
    ok: bool
    evidence: str
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Recipe:
    """A task: its name is that of its file and of its prompt.

    Attributes:
        name: `refactor`.
        title: what a progress bar says.
        task: which of the user's routes answers, and how the ledger counts it.
        words: the order as the model reads it; raises UserError where something is missing.
        examine: the checks of a change besides that it parses.
        plans: a plan is asked for first.
        edits: it makes a change; otherwise its result is text.
        only_given: it may touch nothing but the files that it was given.
        needs_file: there is nothing to do without one.
        makes_tests: its result is tests for the code that it was given; see `testing/`.
        repairs: how often the model may mend its answer, in all; None: once for each way of being wrong.
    """

    name: str
    title: str
    task: Task
    words: Callable[[Order], str]
    examine: Callable[[Change, Order], list[Check]] = lambda _change, _order: []
    plans: bool = False
    edits: bool = True
    only_given: bool = False
    needs_file: bool = True
    makes_tests: bool = False
    repairs: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """The result of a task. Nothing is written yet: a door shows it, and writes it when the user says yes.

    Attributes:
        change: None where the result is text.
        checks: what was looked at.
        text: the model's answer, without characters that could do harm on a screen.
        model: who gave it.
        request_ids: of every question that it took.
        cost: US dollars of all of them; None where no price is known.
        latency: seconds from the order to the result.
        repaired: how many times the model was asked to mend its answer.
        plan: what was planned, where the task plans.
        left_out: what the model should have seen and had no room for, as sentences.
        verdict: of generated tests, what running them has shown; None where nothing was run.
    """

    change: Change | None
    checks: tuple[Check, ...]
    text: str
    model: str
    request_ids: tuple[str, ...]
    cost: Decimal | None
    latency: float
    repaired: int = 0
    plan: tuple[Step, ...] = ()
    left_out: tuple[str, ...] = ()
    verdict: Verdict | None = None

    @property
    def diff(self) -> str:
        """The change as a unified diff; '' where the result is text."""
        from beastmode.tasks.edits import diff  # noqa: PLC0415 - who only reads the words needs none of it

        return diff(self.change) if self.change else ""


@dataclass(frozen=True, slots=True)
class Doing:
    """What happens now, for a progress bar."""

    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the model's answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of its reasoning; never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, before the edits are asked for."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Proposed:
    """The last event of a task that came to a result."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of a task that came to none; `cost` is what was spent until then."""

    error: BeastModeError
    model: str = ""
    cost: Decimal | None = None
    latency: float = 0.0


Event = Doing | Part | Thought | Planned | Proposed | Failed


class CheckFailed(BeastModeError):
    """A change that is not as it should be, after the model was asked to mend it. It is not shown."""

    kind = "check_failed"

    def __init__(self, checks: tuple[Check, ...]) -> None:
        self.checks = tuple(each for each in checks if each.is_needed and not each.ok)
        said = "; ".join(f"{each.name}: {each.evidence}" for each in self.checks)
        super().__init__(
            f"The model's change is not shown, because it failed its checks ({said})",
            "Nothing was written: say more exactly what you want, or choose another model",
        )

    @property
    def for_model(self) -> str:
        """What to tell the model in the repair round."""
        said = "\n".join(f"- {each.name}: {each.evidence}" for each in self.checks)
        return (
            f"Your change was not accepted, and nothing was written:\n{said}\n"
            "Give the complete answer again, in the same format, against the files as you were shown them."
        )


class AnswerCut(BeastModeError):
    """An answer that ended before it was complete: half of a change is none."""

    kind = "answer_cut"


def moved(edit: FileEdit) -> str:
    """Where a file is after an edit."""
    return edit.new_path or edit.path

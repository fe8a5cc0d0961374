"""One order while it is worked on, and the messages of its requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from beastmode.context.session import Session
from beastmode.domain.request import Message
from beastmode.tasks.chat.attachments import Attachment
from beastmode.tasks.chat.clean import whole
from beastmode.tasks.chat.fitting import MESSAGE
from beastmode.tasks.chat.pieces import tokens
from beastmode.tasks.edits import CannotApply
from beastmode.tasks.materials import targets_of
from beastmode.tasks.proposal import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from beastmode.context.session import OpenDocument
    from beastmode.domain.model import ModelSpec
    from beastmode.tasks.chat.reading import Desk
    from beastmode.tasks.edits import Change, Guard, WorkspaceFiles
    from beastmode.tasks.materials import Materials, Target
    from beastmode.tasks.proposal import Order, Recipe, Step

ANSWER_SHARE = 3
"""One part of so many of a window is kept for the answer: an edit repeats what it replaces."""
MOST_PATHS = 150
"""Files that a plan is told of by name."""


@dataclass(slots=True)
class Running:
    """One order while it is worked on.

    Attributes:
        repairs: what was mended, by what was wrong.
        texts: of the documents that are open, by their paths in the workspace.
        into: the file that the answer becomes, where it is none of those that are shown.
        is_cut: whether the last answer ended at its token limit.
    """

    order: Order
    recipe: Recipe
    root: Path
    guard: Guard
    files: WorkspaceFiles
    desk: Desk
    texts: Mapping[str, str]
    began: float = field(default_factory=monotonic)
    model: str = ""
    request_ids: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    plan: tuple[Step, ...] = ()
    given: frozenset[str] = frozenset()
    left_out: list[str] = field(default_factory=list)
    into: str = ""
    is_cut: bool = False

    def may_mend(self, wrong: str) -> bool:
        """Whether the model may try again; if so, it is taken note of."""
        most = self.recipe.repairs
        if wrong in self.repairs if most is None else len(self.repairs) >= most:
            return False
        self.repairs.append(wrong)
        return True

    @property
    def folder(self) -> Session:
        """The workspace as one that has this folder only."""
        return Session(lambda: 0.0, [str(self.root)])

    def targets(self) -> list[Target]:
        """The files of the order; one that no model may write is refused before any is asked. Reads the disk.

        Raises:
            CannotAttach: one of them must not or cannot be shown to a model.
            PathRefused: no model may write there.
        """
        order, files = self.order, list(self.order.files)
        if order.place is not None:
            files.append(Attachment(order.place.path, order.place.line, order.place.end_line))
        targets = targets_of(files, self.desk)
        self.given = frozenset(target.path for target in targets)
        for target in targets if self.recipe.edits and not self.recipe.makes_tests else ():
            self.guard.check(target.path)
        return targets

    def check_given(self, change: Change) -> None:
        """Only files that were given are changed.

        Raises:
            CannotApply: another one is, or one is made, renamed or deleted.
        """
        for edit in change.edits:
            if edit.kind != "change" or edit.path not in self.given:
                raise CannotApply(
                    f"{edit.path} was not given to be changed",
                    f"Change only {', '.join(sorted(self.given))}, and neither create, rename nor delete files.",
                    path=edit.path,
                )


def buffers(documents: Sequence[OpenDocument], root: Path) -> dict[str, str]:
    """The texts of the documents that are open below a folder, by their paths in it."""
    found: dict[str, str] = {}
    places = {str(root).rstrip("/\\"), str(root.resolve()).rstrip("/\\")}
    for document in documents:
        for place in places:
            if document.path.startswith(place) and document.path[len(place) : len(place) + 1] in ("/", "\\"):
                found[document.path[len(place) + 1 :].replace("\\", "/")] = "\n".join(document.lines)
    return found


def system(instructions: str, formats: str) -> Message:
    """The voice of the task, and how edits are to be given."""
    return Message("system", f"{instructions}\n\n{formats}" if formats else instructions)


def framed(materials: str) -> str:
    """What is shown of the workspace, told to be data; nothing where nothing is shown."""
    return f"From the workspace, as data:\n\n{materials}\n" if materials else ""


def question(run: Running, materials: Materials, words: str, *, with_found: bool = True) -> str:
    """What is shown, what is planned, and the order."""
    plan = "".join(f"- {each.kind} {each.path}{f' to {each.new_path}' if each.new_path else ''}\n" for each in run.plan)
    planned = f"The plan:\n{plan}\n" if plan else ""
    names = run.into or ", ".join(block.path for block in materials.targets)
    # Last, where a small model still knows it: it would otherwise take the path of the format's example.
    named = f"\n\nThe path of the file: {names}" if names and run.recipe.edits else ""
    return f"{framed(materials.text(with_found=with_found))}{planned}{words}{named}"


def limit(asked: ModelSpec, said: Sequence[Message], least: int) -> int | None:
    """Tokens that the answer may have where the window leaves less than the model's row allows."""
    left = asked.context_window - sum(tokens(each.text) for each in said) - MESSAGE
    return None if left >= asked.max_tokens else max(left, least // ANSWER_SHARE, 1)


def paths(root: Path) -> str:
    """The first files of the workspace by name, the shallow ones first."""
    from beastmode.context.index.walk import walk  # noqa: PLC0415 - only where something is planned

    names: list[str] = []
    for found in walk(root):
        if found is not None:
            path = found.key.decode("utf-8", "replace")
            if path.isprintable():
                names.append(f"  {path}")
        if len(names) >= MOST_PATHS:
            break
    return "\n".join(names)


def as_planned(change: Change, plan: Sequence[Step]) -> Check:
    """Whether the change touches the files of the plan and no others; it is said, and no reason to refuse."""
    planned = {path for step in plan for path in (step.path, step.new_path) if path}
    touched = {path for edit in change.edits for path in (edit.path, edit.new_path) if path}
    more, fewer = sorted(touched - planned), sorted(path for path in planned - touched)
    said = [f"not planned: {', '.join(more[:5])}"] if more else []
    said += [f"planned and not touched: {', '.join(fewer[:5])}"] if fewer else []
    return Check("As planned", ok=not said, evidence="; ".join(said) or "every file of the plan", is_needed=False)


def mending(
    run: Running,
    asked: ModelSpec,
    system: Message,
    shown: tuple[Materials, str],
    refused: tuple[str, str],
) -> tuple[Message, ...]:
    """The question again, the answer and what is wrong with it; what was only found goes where room is short."""
    (materials, words), (answer, problem) = shown, refused
    behind = (Message("assistant", whole(answer)), Message("user", problem))
    for with_found in (True, False):
        said = (system, Message("user", question(run, materials, words, with_found=with_found)), *behind)
        if asked.context_window - sum(tokens(each.text) for each in said) > tokens(answer):
            return said
    return (system, Message("user", f"{question(run, materials, words, with_found=False)}\n\n{problem}"))

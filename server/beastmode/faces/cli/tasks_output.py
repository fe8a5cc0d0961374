"""What a task looks like in a terminal: its progress on standard error, its change as a coloured diff, or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol, Self

import typer
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from beastmode.faces.cli.render import err, out
from beastmode.operations.status import dollars
from beastmode.tasks.edits import diff, preview
from beastmode.tasks.proposal import Doing, Part, Planned
from beastmode.tasks.testing.said import as_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.tasks.edits import Change
    from beastmode.tasks.proposal import Event, Proposal, Step

_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_HEADS = ("diff --git", "--- ", "+++ ", "rename ", "new file", "deleted file")


class Output(Protocol):
    """Shows the events of a task; entered for each."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def show(self, event: Event) -> None:
        """One event."""
        ...


class Quiet:
    """Says what is done a line at a time, where nobody looks at a screen."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        """One event."""
        match event:
            case Doing():
                err().print(Text(visible(event.text), "dim"))
            case Planned():
                for line in plan_lines(event.steps):
                    err().print(Text(line))
            case _:
                pass


class Shown:
    """One line that moves: what is done, and how much of the answer has come; the plan stays above it."""

    def __init__(self, title: str) -> None:
        self._doing = title
        self._characters = 0
        self._live = Live(console=err(), transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """One event."""
        match event:
            case Doing():
                self._doing, self._characters = visible(event.text), 0
            case Part():
                self._characters += len(event.text)
            case Planned():
                for line in plan_lines(event.steps):
                    self._live.console.print(Text(line))
            case _:
                pass
        come = f" ({self._characters:,} characters)" if self._characters else ""
        self._live.update(Spinner("dots", Text(f"{self._doing}{come}", "dim")))


def plan_lines(steps: tuple[Step, ...]) -> Iterator[str]:
    """A plan for people."""
    if not steps:
        yield "The model gave no plan that can be read; it goes on without one"
    for step in steps:
        new = f" -> {step.new_path}" if step.new_path else ""
        yield visible(f"  {step.kind} {step.path}{new}{': ' if step.why else ''}{step.why}")


def print_diff(change: Change) -> None:
    """The whole change; what a terminal could take for a command is spelt out."""
    console = out()
    for line in diff(change).split("\n")[:-1]:
        style = "bold" if line.startswith(_HEADS) else _STYLES.get(line[:1], "")
        if console.is_terminal:
            console.print(Text(visible(line), style))
        else:
            typer.echo(visible(line))


def tell(proposal: Proposal) -> None:
    """Checks, what was left out, model and cost."""
    for sentence in proposal.left_out:
        err().print(Text(f"Not shown to the model: {visible(sentence)}", "yellow"))
    for check in proposal.checks:
        mark = Text("✓ ", "green") if check.ok else Text("! ", "yellow")
        err().print(mark.append(f"{visible(check.name)}: ", "bold").append(visible(check.evidence), "default"))
    cost = dollars(proposal.cost) or "cost unknown"
    times = {0: "", 1: ", mended once", 2: ", mended twice"}
    mended = times.get(proposal.repaired, f", mended {proposal.repaired} times")
    err().print(Text(f"({proposal.model}, {cost}, {proposal.latency:.1f} s{mended})", "dim"))


def visible(text: str) -> str:
    """Text from elsewhere for a terminal: tabs stay, every other control or invisible character is spelt out."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\t " else ascii(each)[1:-1] for each in text)


def as_json(proposal: Proposal) -> dict[str, object]:
    """A result for a script."""
    change = proposal.change
    return {
        "summary": change.summary if change else "",
        "diff": diff(change) if change else "",
        "files": [
            {"kind": each.kind, "path": each.path, "new_path": each.new_path, "added": each.added,
             "removed": each.removed}
            for each in (preview(change) if change else ())
        ],
        "checks": [{"name": each.name, "ok": each.ok, "evidence": each.evidence} for each in proposal.checks],
        "plan": [
            {"kind": each.kind, "path": each.path, "new_path": each.new_path, "why": each.why} for each in proposal.plan
        ],
        "text": proposal.text,
        "left_out": list(proposal.left_out),
        "model": proposal.model,
        "request_ids": list(proposal.request_ids),
        "cost": None if proposal.cost is None else f"{proposal.cost:f}",
        "latency": proposal.latency,
        "repaired": proposal.repaired,
        "tests": as_data(proposal.verdict) if proposal.verdict else None,
    }  # fmt: skip


def print_json(value: dict[str, object]) -> None:
    """One line."""
    typer.echo(json.dumps(value))

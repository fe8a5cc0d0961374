"""A comparison with a bill in words and tables, for the terminal and as Markdown. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from beastmode.operations.reconcile.compare import Cause
from beastmode.operations.status import dollars
from beastmode.operations.table import Table

if TYPE_CHECKING:
    from beastmode.operations.reconcile.compare import Comparison, Line

PLACES = 4
"""Of a dollar; what is less is told as nothing."""


def headline(found: Comparison) -> str:
    """Whether they agree, and by how much they do not."""
    if not found.lines:
        return f"Neither the ledger nor {found.title} has anything in these days."
    here = sum((line.ours for line in found.lines), Decimal(0))
    there = sum((line.theirs or Decimal(0) for line in found.lines), Decimal(0))
    agree = sum(line.cause is Cause.AGREES for line in found.lines)
    said = f"{agree} of {len(found.lines)} days and models agree with {found.title}."
    if all(line.theirs is None for line in found.lines):
        return f"{said} It has tokens and no costs."
    return f"{said} There {dollars(there)}, here {dollars(here)}: {_signed(there - here)}."


def causes(found: Comparison) -> Table:
    """How much each cause explains; the last row is the whole difference."""
    rows = [(str(cause), f"{count}", _signed(amount)) for cause, (count, amount) in found.sums().items()]
    whole = sum((line.difference for line in found.lines), Decimal(0))
    return Table(("cause", "days and models", "there more"), (*rows, ("total", f"{len(found.lines)}", _signed(whole))))


def differences(found: Comparison) -> Table:
    """One row for every day and model that does not agree."""
    columns = ("day (UTC)", "model", "here", "there", "tokens here", "there", "cause", "why")
    return Table(columns, tuple(_row(line) for line in found.lines if line.cause is not Cause.AGREES))


def as_markdown(found: Comparison) -> str:
    """The whole document."""
    blocks = ["# The ledger beside a bill", headline(found), causes(found).markdown()]
    if not found.agrees:
        blocks.append(differences(found).markdown())
    return "\n\n".join(blocks) + "\n"


def _row(line: Line) -> tuple[str, ...]:
    return (
        line.day.isoformat(),
        line.model,
        str(dollars(line.ours)),
        dollars(line.theirs) or "-",
        f"{line.our_tokens:,}",
        "-" if line.their_tokens is None else f"{line.their_tokens:,}",
        str(line.cause),
        line.why,
    )


def _signed(amount: Decimal) -> str:
    shown = round(amount, PLACES)
    return ("+" if shown > 0 else "") + str(dollars(shown))

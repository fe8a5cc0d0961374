"""What is found: a place where code could be better, why, and what to do about it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from beastmode.context.opportunities.code import Code


class Severity(StrEnum):
    """How much it costs whoever works there."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0, 1 or 2: they sort as text in another order."""
        return ("low", "medium", "high").index(self)

    def at_most(self, other: Severity) -> Severity:
        """The lower one."""
        return self if self.rank <= other.rank else other


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a file from zero, both included; `path` is relative to the workspace with `/`."""

    path: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one place in the file that it looked at.

    Attributes:
        line, end_line: from zero, both included.
        name: of the function or class that it is about or in, `Class.method`; '' for the file itself.
        mark: what tells it from others of its kind in the same function, and does not change with every edit.
        unless: it is wrong where another file of the workspace says this (see `facts.py`); '' where no file can.
        is_local: it holds even where no other file was looked at.
    """

    severity: Severity
    line: int
    end_line: int
    name: str
    reason: str
    suggestion: str
    mark: str = ""
    unless: str = ""
    is_local: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of opportunity, and how it is found in one file.

    Attributes:
        kind: its name in the tables, on the command line and in the protocol.
        says: what it is, for a person who chooses among the kinds.
    """

    kind: str
    says: str
    find: Callable[[Code], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A place where code could be better: the specification's `opportunity`.

    Attributes:
        id: the same after an edit elsewhere in the file, and in another checkout.
        path: relative to the workspace with `/`.
        line, end_line: from zero, both included.
        name: of the function or class, '' for the file.
        reason: why, with the numbers.
        suggestion: what to do.
        others: the other places of a duplicate.
    """

    id: str
    kind: str
    severity: Severity
    path: str
    line: int
    end_line: int
    name: str
    reason: str
    suggestion: str
    others: tuple[Place, ...] = ()

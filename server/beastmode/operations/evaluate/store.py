"""A run as files: what it was to do, and one line for everything that it has done, so that it can go on after anything.

`plan.json` is written once. `rows.jsonl` grows by whole lines, each on the disk before the next is begun: a killed
process loses the line that it was writing and no other. Both hold the user's code and are for the user's eyes only.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from beastmode.domain.errors import UserError
from beastmode.domain.response import FinishReason
from beastmode.domain.usage import Usage
from beastmode.operations.evaluate.asking import Said
from beastmode.operations.evaluate.holes import Hole, Kind
from beastmode.operations.evaluate.score import Score
from beastmode.operations.evaluate.variants import Variant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 1
LAST = "last"
_ID = re.compile(r"[0-9]{8}-[0-9]{6}(-[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do.

    Attributes:
        roots: absolute paths of the repositories.
        seed: the holes were cut with.
        variants: the first is the one that the others are compared with.
        holes: in their order.
        files: the SHA-256 of each file's text that a hole lies in, by name.
        models: what was known of each model, so that a run does not go on with another one of the same name.
        engine: what code it was begun with; see `code.digest`.
        tests: the command that runs the repository's tests with each suggestion; () where none may run.
    """

    roots: tuple[str, ...]
    seed: int
    variants: tuple[Variant, ...]
    holes: tuple[Hole, ...]
    files: dict[str, str]
    models: dict[str, str]
    engine: str = ""
    languages: tuple[str, ...] = ()
    with_tests: bool = False
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """What one variant did at one hole.

    Attributes:
        hole, variant: their id and name.
        text, replaced, reason: of the suggestion; see `Given`.
        seconds: to the suggestion; None where no model was asked.
        replayed: the same had been asked before, and `seconds` has the time that it took then.
        key, said: the question and its answer, where one was asked; for going on, and for asking nothing twice.
        sources: how many pieces of context each source gave.
        cost: US dollars as text; None where no price is known.
        tests: whether the repository's tests pass with it; None where they were not run.
    """

    hole: str
    variant: str
    text: str
    replaced: int
    reason: str
    seconds: float | None
    replayed: bool
    key: str
    said: Said | None
    sources: dict[str, int]
    cost: str | None
    score: Score
    tests: bool | None = None


class Run:
    """One run's folder.

    Args:
        folder: of this run.
        plan: of it.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan

    @property
    def id(self) -> str:
        """What it is resumed by."""
        return self.folder.name

    @classmethod
    def begin(cls, home: Path, plan: Plan, name: str) -> Run:
        """A new run below the folder of all runs; `name` is a time, as YYYYMMDD-HHMMSS.

        Raises:
            UserError: the folder cannot be made.
        """
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder, number = home / name, 1
            while folder.exists():
                number += 1
                folder = home / f"{name}-{number}"
            folder.mkdir(mode=0o700)
            whole = {"version": VERSION, **asdict(plan)}
            _write_new(folder / "plan.json", json.dumps(whole, indent=1).encode())
        except OSError as error:
            raise UserError(f"{home} cannot be written to: {error.strerror}", "Make room or mend its rights") from error
        return cls(folder, plan)

    @classmethod
    def resume(cls, home: Path, name: str) -> Run:
        """A run that was begun earlier, by its id or `last`.

        Raises:
            UserError: there is none, or it was begun by another version.
        """
        if name == LAST:
            name = _latest(home)
        if not _ID.fullmatch(name):
            raise UserError(f"There is no run called {name}" if name else "There is no run yet", _known(home))
        try:
            whole = json.loads((home / name / "plan.json").read_bytes())
            if whole.pop("version") != VERSION:
                raise UserError(f"The run {name} was begun by another version", "Begin a new one")
            return cls(home / name, _plan(whole))
        except OSError:
            raise UserError(f"There is no run called {name}", _known(home)) from None
        except (ValueError, LookupError, TypeError) as error:
            raise UserError(f"The plan of the run {name} is damaged", "Begin a new one") from error

    def rows(self) -> list[Row]:
        """All that was done so far; a line that was cut off by the end of a process is left out, and done anew."""
        try:
            lines = (self.folder / "rows.jsonl").read_bytes().split(b"\n")[:-1]
        except OSError:
            return []
        return [row for row in map(_row, lines) if row is not None]

    def add(self, row: Row) -> None:
        """Keep a row; it is on the disk when this returns.

        Raises:
            UserError: it cannot be written.
        """
        line = json.dumps(asdict(row)).encode()  # in ASCII, so that half of a surrogate pair survives
        try:
            handle = os.open(self.folder / "rows.jsonl", os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
            with os.fdopen(handle, "rb+", buffering=0) as file:
                if file.seek(0, os.SEEK_END) and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
                    line = b"\n" + line  # behind what a killed process left
                file.write(line + b"\n")
                os.fsync(file.fileno())
        except OSError as error:
            raise UserError(
                f"{self.folder} cannot be written to: {error.strerror}",
                f"Make room, then `beastmode evaluate --resume {self.id}`",
            ) from error


def earlier_answers(home: Path) -> dict[str, Said]:
    """What models said in all runs below a folder, by the key of the question."""
    runs = (Run.resume(home, name) for name in sorted(_runs(home)))
    return {row.key: row.said for run in runs for row in run.rows() if row.said is not None}


def _write_new(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _runs(home: Path) -> Iterator[str]:
    return (plan.parent.name for plan in home.glob("*/plan.json") if _ID.fullmatch(plan.parent.name))


def _latest(home: Path) -> str:
    return max(_runs(home), default="")


def _known(home: Path) -> str:
    known = sorted(_runs(home))[-5:]
    return f"The latest are {', '.join(known)}" if known else "Begin one with `beastmode evaluate FOLDER`"


def _plan(whole: dict[str, Any]) -> Plan:
    fields_of: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in whole.items()
    }
    fields_of["variants"] = tuple(Variant(**each) for each in whole["variants"])
    fields_of["holes"] = tuple(Hole(**{**each, "kind": Kind(each["kind"])}) for each in whole["holes"])
    return Plan(**fields_of)


def _row(line: bytes) -> Row | None:
    try:
        whole = json.loads(line)
        said = whole["said"]
        if said is not None:
            finish = FinishReason(said["finish"]) if said["finish"] is not None else None
            whole["said"] = Said(**{**said, "finish": finish, "usage": Usage(**said["usage"])})
        whole["score"] = Score(**whole["score"])
        return Row(**{each.name: whole[each.name] for each in fields(Row)})
    except (ValueError, LookupError, TypeError):
        return None

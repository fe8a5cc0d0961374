"""Which lines of one file are run, and another order, for our drivers of Python's test runners.

Runs in the user's own Python, of any version from 3.8 on: standard library only, and no part of the package, for the
sandbox puts this folder on the program's path.
"""

from __future__ import annotations

import dis
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType


class Lines:
    """Traces the file that BEASTMODE_COVER names; does nothing where it names none."""

    def __init__(self) -> None:
        self._file = os.environ.get("BEASTMODE_COVER", "")
        self._out = os.environ.get("BEASTMODE_COVER_OUT", "")
        self._run: set[int] = set()
        self._known: dict[str, bool] = {}

    def start(self) -> None:
        """From now on."""
        if self._file:
            threading.settrace(self._trace)
            sys.settrace(self._trace)

    def stop(self) -> None:
        """Write what was run: {"lines": […], "run": […]}, from zero."""
        if not self._file:
            return
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type,unused-ignore]  # allowed, whatever older stubs say
        found = {"lines": sorted(self._all()), "run": sorted(line - 1 for line in self._run)}
        Path(self._out).write_text(json.dumps(found), encoding="utf-8")

    def _trace(self, frame: FrameType, _event: str, _arg: object) -> Any:
        name = frame.f_code.co_filename
        is_it = self._known.get(name)
        if is_it is None:
            is_it = self._known[name] = os.path.realpath(name) == self._file
        return self._line if is_it else None

    def _line(self, frame: FrameType, event: str, _arg: object) -> Any:
        if event == "line":
            self._run.add(frame.f_lineno)
        return self._line

    def _all(self) -> set[int]:
        """Every line that the compiler made code for."""
        waiting = [compile(Path(self._file).read_bytes(), self._file, "exec", dont_inherit=True)]
        found: set[int] = set()
        while waiting:
            code = waiting.pop()
            # Entering a function is no line of its own: the line that defines it belongs to what is around it.
            first = None if code.co_name == "<module>" else code.co_firstlineno
            found.update(line - 1 for line in _lines(code) if line and line != first)
            waiting += [each for each in code.co_consts if hasattr(each, "co_code")]
        return found


def _lines(code: CodeType) -> set[int]:
    return {line for _, line in dis.findlinestarts(code) if line}


def order(items: list[Any]) -> None:
    """Turn them round where BEASTMODE_SEED asks for another order, in place.

    The one order in which each of them comes before all that it came after: nothing that leans on another is missed.
    """
    if os.environ.get("BEASTMODE_SEED"):
        items.reverse()

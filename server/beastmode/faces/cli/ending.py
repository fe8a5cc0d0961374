"""How a command ends: with an exit code that cron and CI can trust, and a message where it failed.

docs/cli.md has the table; what is raised in a command comes here at last.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import TYPE_CHECKING

import typer

from beastmode.domain.errors import BeastModeError, InvalidModel

if TYPE_CHECKING:
    from collections.abc import Iterator


class Code(IntEnum):
    """The exit codes; a command names in its help what a 1 means there."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130
    """128 and the number of SIGINT, as shells have it."""
    CLOSED = 141
    """128 and the number of SIGPIPE: whoever read our output has gone."""


_FIXES = {
    errno.ENOSPC: "Free some disk space",
    errno.EDQUOT: "Free some disk space",
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "Name a folder that can be written, or set BEASTMODE_HOME to one",
    errno.EACCES: "Make the file and its folder readable and writable for you, or set BEASTMODE_HOME to another folder",
    errno.EPERM: "Make the file and its folder readable and writable for you, or set BEASTMODE_HOME to another folder",
}


@contextmanager
def ending() -> Iterator[None]:
    """Turn what goes wrong inside into a message on standard error and one of the exit codes.

    Errors of the program itself pass: their traceback is what a bug report needs.
    """
    try:
        yield
        sys.stdout.flush()  # a full disk or a closed pipe may only show now
    except BaseException as error:
        code = _broken_off(error) or _failed(error)
        if code is None:
            raise
        raise typer.Exit(code) from None


def _broken_off(error: BaseException) -> Code | None:
    """The code of what somebody outside has ended: there is nothing to be said."""
    # rich ends the program itself where the reader has gone, and a question ends with Abort, whatever ended it.
    cause = error.__context__ if isinstance(error, SystemExit | typer.Abort) else error
    if isinstance(cause, BrokenPipeError):
        _say_no_more()
        return Code.CLOSED
    return Code.INTERRUPTED if isinstance(cause, KeyboardInterrupt) else None


def _failed(error: BaseException) -> Code | None:
    """The code of what failed, after it was told; None for an error of the program itself."""
    if isinstance(error, InvalidModel):
        for field, problem in error.problems.items():
            _complain(f"{field}: {problem}")
    elif isinstance(error, BeastModeError):
        _complain(error.message, error.fix)
    elif isinstance(error, OSError) and error.errno is not None:
        what = f"{error.filename}: " if error.filename is not None else ""
        _complain(f"{what}{error.strerror}", _FIXES.get(error.errno, ""))
        _say_no_more()
    else:
        return None
    return Code.FAILED


def _complain(text: str, fix: str = "") -> None:
    from beastmode.faces.cli.render import complain  # noqa: PLC0415 - most commands end without a complaint

    with suppress(OSError):  # standard error may be what is full or closed
        complain(text, fix)


def _say_no_more() -> None:
    """What is still in the buffer cannot be written: the interpreter would complain about it once more."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)

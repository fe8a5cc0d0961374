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
    except BrokenPipeError:
        _say_no_more()
        raise typer.Exit(Code.CLOSED) from None
    except SystemExit as ended:  # rich has its own way of ending where the reader has gone
        if isinstance(ended.__context__, BrokenPipeError):
            raise typer.Exit(Code.CLOSED) from None
        raise
    except KeyboardInterrupt:
        raise typer.Exit(Code.INTERRUPTED) from None
    except typer.Abort as error:  # a question that was not answered: with Ctrl-C, the end of the input, or no
        if isinstance(error.__context__, KeyboardInterrupt):
            raise typer.Exit(Code.INTERRUPTED) from None
        raise
    except InvalidModel as error:
        for field, problem in error.problems.items():
            _complain(f"{field}: {problem}")
        raise typer.Exit(Code.FAILED) from None
    except BeastModeError as error:
        _complain(error.message, error.fix)
        raise typer.Exit(Code.FAILED) from None
    except OSError as error:
        if error.errno is None:
            raise
        what = f"{error.filename}: " if error.filename is not None else ""
        _complain(f"{what}{error.strerror}", _FIXES.get(error.errno, ""))
        _say_no_more()
        raise typer.Exit(Code.FAILED) from None


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

"""Runs a repository's tests with a suggestion in it: in a copy, with a limit, and only where the user allows it.

What a model wrote is executed here, with the user's rights. The copy keeps the repository's own files whole; it is no
prison. Variables that look like keys are not passed on.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from beastmode.domain.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from beastmode.operations.evaluate.files import SourceFile
    from beastmode.operations.evaluate.holes import Hole

LIMIT_S = 300.0
"""Seconds that one run of the tests may take."""
_NOT_COPIED = shutil.ignore_patterns(".git", "__pycache__", "*.pyc")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSPHRASE|CREDENTIAL|^BEASTMODE_", re.IGNORECASE)


class Trial:
    """Copies of repositories, in which their tests are run; use it as a context.

    Args:
        command: that runs the tests, and ends with 0 where they pass; run in the root of the copy.
        environment: variables for it, without those that look like secrets.
        limit_s: see `LIMIT_S`.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], limit_s: float = LIMIT_S) -> None:
        self._command = tuple(command)
        self._environment = {name: value for name, value in environment.items() if not _SECRET.search(name)}
        # Files change within a second and keep their length: a compiled one could not be told from an old one.
        self._environment["PYTHONDONTWRITEBYTECODE"] = "1"
        self._limit_s = limit_s
        self._folder = TemporaryDirectory(prefix="beastmode-evaluate-", ignore_cleanup_errors=True)
        self._copies: dict[Path, Path] = {}
        self._covered: dict[str, bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    async def copy(self, root: Path) -> None:
        """Copy a repository and see that its tests pass as it is.

        Raises:
            UserError: they do not, or it cannot be copied.
        """
        to = Path(self._folder.name) / str(len(self._copies)) / root.name
        try:
            await asyncio.to_thread(shutil.copytree, root, to, symlinks=True, ignore=_NOT_COPIED)
        except (OSError, shutil.Error) as error:
            raise UserError(f"{root} cannot be copied for its tests: {error}", "Leave --tests out") from error
        self._copies[root] = to
        if not await self._passes(to):
            raise UserError(
                f"The tests of {root} do not pass as it is: {' '.join(self._command)}",
                "Mend them, or leave --tests out",
            )

    async def passes(self, hole: Hole, file: SourceFile, text: str, replaced: int, *, exact: bool) -> bool | None:
        """Whether the tests pass with a suggestion in a hole; None where they pass with an empty hole, too."""
        before, truth, after = hole.cut(file.text)
        if hole.id not in self._covered:
            self._covered[hole.id] = not await self._with(file, before + after)
        if not self._covered[hole.id]:
            return None
        if exact and text == truth:
            return True
        return await self._with(file, before + text + after[replaced:])

    async def _with(self, file: SourceFile, text: str) -> bool:
        copy = self._copies[file.root]
        path = copy / file.path
        original = path.read_bytes()
        try:
            path.write_bytes(text.encode("utf-8", "replace"))
            return await self._passes(copy)
        finally:
            path.write_bytes(original)

    async def _passes(self, folder: Path) -> bool:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise UserError(
                f"{self._command[0]} cannot be run: {error.strerror}", "Give --tests another command"
            ) from error
        try:
            async with asyncio.timeout(self._limit_s):
                return await process.wait() == 0
        except TimeoutError:
            return False
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:
            process.kill()
    await process.wait()

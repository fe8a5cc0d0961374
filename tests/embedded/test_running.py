from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from beastmode.domain.errors import ModelUnavailable
from beastmode.embedded.order import Order
from beastmode.embedded.running import Running, forget_running, private_folder, read_running, write_running

if TYPE_CHECKING:
    from pathlib import Path

SERVER = Running(pid=7, port=8, lease_port=9, key="secret")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Another process learns exactly what the server said of itself, and only its user can."""
    write_running(tmp_path / "s.json", SERVER)
    assert read_running(tmp_path / "s.json") == SERVER
    assert (tmp_path / "s.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}", b'{"pid":"7","port":8,"lease_port":9,"key":"k"}', b"\xff\xff"],
)
def test_a_file_without_sense_means_no_server(tmp_path: Path, content: bytes) -> None:
    """Half a file, an old one or somebody's joke never raises: a new server is started."""
    (tmp_path / "s.json").write_bytes(content)
    assert read_running(tmp_path / "s.json") is None


def test_a_server_forgets_only_itself(tmp_path: Path) -> None:
    """An old server that ends late does not hide its successor."""
    write_running(tmp_path / "s.json", SERVER)
    forget_running(tmp_path / "s.json", 6)
    assert read_running(tmp_path / "s.json") == SERVER
    forget_running(tmp_path / "s.json", 7)
    assert read_running(tmp_path / "s.json") is None


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
def test_the_folder_is_closed_to_others(tmp_path: Path) -> None:
    """Also one that an older umask left open."""
    (tmp_path / "run").mkdir(mode=0o755)
    private_folder(tmp_path / "run")
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name != "posix", reason="symbolic links need rights on Windows")
def test_a_link_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    """A key is never written to where somebody else points."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelUnavailable, match="does not belong to you"):
        private_folder(tmp_path / "run")


def test_the_same_wish_finds_the_same_server(tmp_path: Path) -> None:
    """Two windows with one setting share; another number of threads is another server."""
    order = Order("m", "/m.gguf", "ab", 1, 512, None, 60)
    assert order.placed(tmp_path) == order.placed(tmp_path)
    other = Order("m", "/m.gguf", "ab", 1, 512, 3, 60)
    assert order.placed(tmp_path).state != other.placed(tmp_path).state


def test_an_order_arrives_as_it_was_sent(tmp_path: Path) -> None:
    """The line on the server's standard input is the whole order."""
    order = Order("m", "/m.gguf", "ab", 1, 512, None, 60).placed(tmp_path)
    assert Order.from_line(order.to_line("key")) == (order, "key")

"""The log files."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from beastmode import logs

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_full_log_is_set_aside_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is written to a new file once the old one has reached its size, and none is lost or torn."""
    monkeypatch.setattr(logs, "MEGABYTE", 10)
    file, logger = tmp_path / "lines.log", logging.getLogger("beastmode.tested")
    logs.lines_to(file, logger.name)
    lines = [character * 60 for character in "abc"]
    try:
        for line in lines:
            logger.info("%s", line)
    finally:
        logger.handlers.pop().close()
    assert (tmp_path / "lines.log.1").read_text("utf-8").splitlines() == lines[:2]
    assert file.read_text("utf-8").splitlines() == lines[2:]

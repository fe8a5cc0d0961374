"""Many streams at once, failing models, vanishing clients: nothing is left behind, and the ledger knows everything."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.gateway_weather import weather

pytestmark = pytest.mark.e2e


def test_the_ledger_knows_what_the_model_did(tmp_path: Path) -> None:
    """Every request that reached the model is a row, tokens add up to what it reported, nothing stays open or grows."""
    found = weather(tmp_path / "home", streams=100, seconds=12.0)
    assert found.problems() == []
    assert found.seen.counts["whole"] > found.streams
    assert found.seen.counts["told"] > 0
    assert found.seen.counts["vanished"] > 0

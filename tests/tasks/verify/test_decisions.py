"""What the user decided stays decided, for this workspace and this kind of run only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from beastmode.store import Database
from beastmode.tasks.verify import Consent, Kind, NotAllowedToRun
from beastmode.tasks.verify.decisions import StoredDecisions

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_decision_outlives_the_program(tmp_path: Path) -> None:
    """A yes is there after a restart, and holds for nothing else; forgotten, it has to be asked for again."""
    database = await Database.open(tmp_path / "beastmode.db")
    await Consent(StoredDecisions(database), lambda _: True).decide(tmp_path, Kind.TESTS, allowed=True)
    await database.close()

    database = await Database.open(tmp_path / "beastmode.db")
    consent = Consent(StoredDecisions(database), lambda _: True)
    try:
        assert await consent.answer(tmp_path, Kind.TESTS) is True
        assert await consent.answer(tmp_path, Kind.CODE) is None
        assert await consent.answer(tmp_path / "other", Kind.TESTS) is None
        await consent.decide(tmp_path, Kind.TESTS, allowed=False)
        assert await consent.answer(tmp_path, Kind.TESTS) is False
        await consent.decide(tmp_path, Kind.TESTS, allowed=None)
        with pytest.raises(NotAllowedToRun, match="not asked yet"):
            await consent.require(tmp_path, Kind.TESTS)
    finally:
        await database.close()

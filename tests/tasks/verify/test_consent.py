"""Who allowed that code is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from beastmode.domain.errors import NotAllowed
from beastmode.tasks.verify.consent import Consent, Kind, NotAllowedToRun


class Kept:
    """Decisions in memory."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], bool | None] = {}

    async def read(self, workspace: str, kind: str) -> bool | None:
        return self.answers.get((workspace, kind))

    async def write(self, workspace: str, kind: str, allowed: bool | None) -> None:  # noqa: FBT001  # the protocol's
        self.answers[workspace, kind] = allowed


async def test_nothing_is_allowed_before_a_yes(tmp_path: Path) -> None:
    """Off until the user says yes; the error says what to do."""
    consent = Consent(Kept(), lambda _: True)
    assert await consent.answer(tmp_path, Kind.TESTS) is None
    with pytest.raises(NotAllowedToRun, match="not asked") as caught:
        await consent.require(tmp_path, Kind.TESTS)
    assert "beastmode allow" in caught.value.fix
    assert isinstance(caught.value, NotAllowed)


async def test_a_yes_counts_for_one_workspace_and_one_kind(tmp_path: Path) -> None:
    """Tests are not code, and a folder is not another."""
    consent = Consent(Kept(), lambda _: True)
    await consent.decide(tmp_path / "a", Kind.TESTS, allowed=True)
    permission = await consent.require(tmp_path / "a", Kind.TESTS)
    assert permission.kind is Kind.TESTS
    for root, kind in ((tmp_path / "a", Kind.CODE), (tmp_path / "b", Kind.TESTS)):
        with pytest.raises(NotAllowedToRun):
            await consent.require(root, kind)


async def test_a_link_to_the_workspace_is_the_workspace(tmp_path: Path) -> None:
    """The decision is about the real folder."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    consent = Consent(Kept(), lambda _: True)
    await consent.decide(tmp_path / "link", Kind.TESTS, allowed=True)
    assert await consent.answer(tmp_path / "real", Kind.TESTS) is True


async def test_a_no_stays_a_no(tmp_path: Path) -> None:
    """It says so, and is not asked again by itself."""
    consent = Consent(Kept(), lambda _: True)
    await consent.decide(tmp_path, Kind.CODE, allowed=False)
    with pytest.raises(NotAllowedToRun, match="you said no"):
        await consent.require(tmp_path, Kind.CODE)
    assert await consent.answer(tmp_path, Kind.CODE) is False


async def test_an_untrusted_workspace_runs_nothing_whatever_was_said(tmp_path: Path) -> None:
    """Trust can be taken back after a yes, and no yes can be given without it."""
    trusted = [True]
    consent = Consent(Kept(), lambda _: trusted[0])
    await consent.decide(tmp_path, Kind.TESTS, allowed=True)
    trusted[0] = False
    assert await consent.answer(tmp_path, Kind.TESTS) is False
    with pytest.raises(NotAllowedToRun, match="not trusted"):
        await consent.require(tmp_path, Kind.TESTS)
    with pytest.raises(NotAllowedToRun, match="not trusted"):
        await consent.decide(tmp_path, Kind.TESTS, allowed=True)

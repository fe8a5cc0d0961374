"""A small slice of `make prove-tests`: one real package, the scripted model, and a fresh checkout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scripts.prove_tests import SUBJECTS, prove

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


async def test_tests_for_a_real_package_pass_in_a_fresh_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of seven tests one is wrong, one notices nothing, one leans on another; the rest is kept and passes afresh."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    (subject,) = (each for each in SUBJECTS if each.folder == "semver")
    (row,) = await prove((subject,), "scripted", tmp_path)
    assert (row.generated, row.collected, row.passed, row.stable, row.killing) == (7, 7, 6, 5, 4)
    assert row.kept == row.passing_afresh == 4
    assert row.coverage == "3 of 3"

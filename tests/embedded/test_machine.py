from __future__ import annotations

import pytest

from beastmode.domain.errors import ModelUnavailable
from beastmode.embedded import machine


def test_short_memory_is_said_before_loading() -> None:
    """Both figures and the ways out are named."""
    with pytest.raises(ModelUnavailable, match=r"needs 1000000\.0 GB of free memory, this machine has .*smaller"):
        machine.check_memory(10**15)


@pytest.mark.parametrize(("wanted", "expected"), [(0, 1), (1, 1), (10**6, 4)])
def test_threads_stay_within_the_machine(monkeypatch: pytest.MonkeyPatch, wanted: int, expected: int) -> None:
    """A setting copied from a larger machine does not oversubscribe this one."""
    monkeypatch.setattr(machine, "_logical", lambda: 4)
    assert machine.thread_count(wanted) == expected


@pytest.mark.parametrize(("logical", "expected"), [(1, 1), (2, 2), (4, 3), (64, 8)])
def test_a_core_is_left_to_the_editor(monkeypatch: pytest.MonkeyPatch, logical: int, expected: int) -> None:
    """All but one, at most eight; a small machine needs both."""
    monkeypatch.setattr(machine, "_logical", lambda: logical)
    monkeypatch.setattr(machine, "_physical", lambda: logical)
    assert machine.thread_count(None) == expected


def test_an_old_processor_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Better a sentence than a process that dies of an illegal instruction."""
    monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(machine, "_has_avx2", lambda: False)
    with pytest.raises(ModelUnavailable, match="AVX2"):
        machine.check_processor()


def test_arm_needs_no_avx2(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is for x86 alone."""
    monkeypatch.setattr(machine.platform, "machine", lambda: "arm64")
    monkeypatch.setattr(machine, "_has_avx2", lambda: False)
    machine.check_processor()

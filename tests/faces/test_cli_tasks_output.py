"""What a terminal says of a task's result."""

from __future__ import annotations

import pytest

from beastmode.faces.cli.tasks_output import tell
from beastmode.tasks.proposal import Proposal


@pytest.mark.parametrize(("times", "said"), [(0, "1.0 s)"), (1, "mended once)"), (2, "mended twice)"), (3, "3 times)")])
def test_how_often_an_answer_was_mended(times: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In words, and as often as it was."""
    tell(Proposal(None, (), "", "custom:mine", (), None, 1.0, times))
    assert " ".join(capsys.readouterr().err.split()).endswith(said)

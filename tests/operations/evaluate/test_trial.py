"""A repository's tests with a suggestion in it: real processes in a real copy."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from beastmode.domain.errors import UserError
from beastmode.operations.evaluate.files import SourceFile
from beastmode.operations.evaluate.holes import Hole, Kind
from beastmode.operations.evaluate.trial import Trial

CODE = "def double(number):\n    return number * 2\n\n\nunused = 1\n"
CHECK = "from work import double\nassert double(4) == 8\n"
COMMAND = (sys.executable, "check.py")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "work.py").write_text(CODE, encoding="utf-8")
    (root / "check.py").write_text(CHECK, encoding="utf-8")
    return root


def hole_of(text: str) -> Hole:
    return Hole("repo/work.py", Kind.SPAN, CODE.index(text), CODE.index(text) + len(text))


async def test_right_and_wrong_and_not_covered(repository: Path) -> None:
    """Tests tell a right filling from a wrong one, and say nothing about a hole that they pass without."""
    file = SourceFile(repository, "work.py", "python", CODE)
    with Trial(COMMAND, os.environ) as trial:
        await trial.copy(repository)
        hole = hole_of("number * 2")
        assert await trial.passes(hole, file, "number + number", 0, exact=False) is True
        assert await trial.passes(hole, file, "number", 0, exact=False) is False
        assert await trial.passes(hole, file, "number * 2", 0, exact=True) is True
        assert await trial.passes(hole_of(" * 2"), file, " * 2", 0, exact=True) is True
        assert await trial.passes(hole_of("unused = 1"), file, "unused = 2", 0, exact=False) is None
        copy = trial._copies[repository] / "work.py"
        assert copy.read_text(encoding="utf-8") == CODE, "the next hole would meet the last suggestion"
    assert (repository / "work.py").read_text(encoding="utf-8") == CODE
    assert not list(repository.rglob("__pycache__"))


async def test_tests_that_fail_anyway(repository: Path) -> None:
    """Nothing can be learnt from them."""
    (repository / "check.py").write_text("raise SystemExit(1)\n", encoding="utf-8")
    with Trial(COMMAND, os.environ) as trial, pytest.raises(UserError, match="do not pass as it is"):
        await trial.copy(repository)
    with Trial(("no-such-command-anywhere",), os.environ) as trial, pytest.raises(UserError, match="cannot be run"):
        await trial.copy(repository)


async def test_no_key_is_handed_on(repository: Path) -> None:
    """What a model wrote must not find the user's keys in the environment."""
    (repository / "check.py").write_text(
        "import os\nassert not [n for n in os.environ if 'KEY' in n or 'TOKEN' in n]\nassert os.environ['PLAIN']\n",
        encoding="utf-8",
    )
    secret = {"OPENAI_API_KEY": "sk", "ENCRYPTION_KEY": "x", "GITHUB_TOKEN": "t", "BEASTMODE_HOME": "/h", "PLAIN": "1"}
    with Trial(COMMAND, {**os.environ, **secret}) as trial:
        await trial.copy(repository)


async def test_a_suggestion_that_never_ends(repository: Path) -> None:
    """The limit ends it with all that it has started, and it counts as failed."""
    file = SourceFile(repository, "work.py", "python", CODE)
    with Trial(COMMAND, os.environ, limit_s=3.0) as trial:
        await trial.copy(repository)
        trial._limit_s = 0.3
        assert (
            await trial.passes(
                hole_of("number * 2"), file, "double(number) if 0 else exec('while 1: pass')", 0, exact=False
            )
            is False
        )

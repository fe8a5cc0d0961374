"""The doctor in front of the real built-in model, of which it is told nothing but a URL."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import platformdirs
import pytest

from beastmode.app import App
from beastmode.domain.model import ModelSpec
from beastmode.embedded.embedded import QWEN_FIM
from beastmode.embedded.weights import weights_named
from beastmode.operations.fim_templates import same_tokens
from beastmode.operations.fim_trial import Way
from beastmode.settings import load

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = (
    platformdirs.user_cache_path("beastmode", appauthor=False) / "models" / weights_named("qwen2.5-coder-0.5b").file
)


@pytest.mark.e2e
@pytest.mark.skipif(not WEIGHTS.is_file(), reason="run `beastmode models fetch` first")
async def test_the_built_in_model_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a plain URL its template is found, does far better than the text before alone, and is kept in the row."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    settings, _ = load({"BEASTMODE_HOME": str(tmp_path), "BEASTMODE_MODEL_PATH": str(WEIGHTS)})
    app = await App.open(settings)
    try:
        url, key = await app.embedded.endpoint()
        plain = ModelSpec("custom:m", "M", "openai-compatible", url, "any", "openai-chat", "openai-completions")
        await app.registry.add(plain, key)
        diagnosis = await app.models.doctor("m", lambda message, part: print(f"{part:.0%} {message}", file=sys.stderr))  # noqa: T201  # it takes minutes
        for trial in (*diagnosis.fim.trials, diagnosis.fim.blind):
            print(trial and (trial.way.title, trial.line(), trial.verdicts), file=sys.stderr)  # noqa: T201  # likewise
        applied = await app.models.apply(diagnosis)
        assert await app.registry.key_of(applied) == key
    finally:
        await app.close()
    best, blind = diagnosis.fim.trials[0], diagnosis.fim.blind
    assert best.way.template is not None
    assert same_tokens(best.way.template, QWEN_FIM)
    assert applied.fim_template is not None
    assert same_tokens(applied.fim_template, QWEN_FIM)
    assert blind is not None
    assert best.points >= blind.points + 3
    ignored = diagnosis.fim.of(Way("openai-completions"))
    assert ignored is not None
    assert ignored.sees_suffix is False
    assert applied.context_window == 8192

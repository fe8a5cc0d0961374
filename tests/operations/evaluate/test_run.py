"""Whole runs, with the real router and engine, against a scripted model on a real socket."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.model_server import ModelServer

from beastmode.app import App
from beastmode.domain.context import Snippet
from beastmode.domain.errors import ModelNotFound, UserError
from beastmode.domain.model import ModelSpec
from beastmode.domain.request import FimRequest
from beastmode.domain.usage import Usage
from beastmode.operations.evaluate.asking import Asked, Said
from beastmode.operations.evaluate.context import Contexts
from beastmode.operations.evaluate.evaluator import Wish
from beastmode.operations.evaluate.files import SourceFile
from beastmode.operations.evaluate.holes import Hole, Kind
from beastmode.operations.evaluate.run import Leaked, check
from beastmode.operations.evaluate.variants import Given
from beastmode.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.model_server import Asked as Request

    from beastmode.operations.evaluate.evaluator import Evaluator, Result

WAYS = ("naive", "one line")
MODULE = "\n\n".join(
    f"def area_{number}(width, height):\n    result = width * height + {number}\n    return result\n"
    for number in range(12)
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return load({"BEASTMODE_HOME": str(tmp_path / "home"), "BEASTMODE_BUILTIN__ENABLED": "false"})[0]


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    app = await App.open(settings)
    try:
        yield app
    finally:
        await app.close()


@pytest.fixture(autouse=True)
def _no_index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index takes a process; one test has it. And whoever edits the engine meanwhile changes no test."""
    monkeypatch.setattr("beastmode.operations.evaluate.evaluator.ENGINE", ())

    async def nothing(*_: object) -> None:
        """The sources do without."""

    if request.node.name != "test_from_holes_to_differences":
        monkeypatch.setattr(Contexts, "index", nothing)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    for name in ("one", "two", "three"):
        (root / f"{name}.py").write_text(f'"""{name}"""\n\n{MODULE}', encoding="utf-8")
    return root


def knows_it_all(asked: Request) -> str:
    """Goes on as the module does, and a little too far."""
    start = MODULE.find(asked.prefix[-30:].lstrip())
    return MODULE[start + len(asked.prefix[-30:].lstrip()) :][:200] if start >= 0 else "pass"


async def add(app: App, url: str, name: str = "mine") -> None:
    model = ModelSpec(
        f"custom:{name}", name, "openai-compatible", f"{url}/v1", "mock", "openai-chat", "openai-completions"
    )
    await app.registry.add(model, None)


def wish(repository: Path, *models: str, **more: object) -> Wish:
    return Wish((repository,), models or ("mine",), **{"holes": 8, **more})  # type: ignore[arg-type]  # fields of a wish


async def do(evaluator: Evaluator, wished: Wish) -> Result:
    return await evaluator.evaluate(evaluator.begin(evaluator.plan(wished)), lambda _message, _part: None)


async def test_from_holes_to_differences(app: App, repository: Path) -> None:
    """Each variant answers every hole; the engine cuts what the bare model says too much; the same is asked once."""
    async with ModelServer(knows_it_all) as server:
        await add(app, server.url)
        result = await do(app.evaluator(os.environ), wish(repository, naive=True, without=("search", "context")))
        questions = server.stats.requests
    assert result.error is None
    summary = result.summary
    assert summary.holes == 8
    assert [each.name for each in summary.figures[:4]] == ["full", "naive", "naive, one line", "without search"]
    full, naive = summary.figures[:2]
    assert full.measures["similarity"].value > naive.measures["similarity"].value
    assert len(result.rows) == 8 * len(summary.figures)
    lines = {hole.id for hole in result.run.plan.holes if hole.kind is Kind.LINE}
    told = {way: [row.text for row in result.rows if row.variant.endswith(way) and row.hole in lines] for way in WAYS}
    assert any("\n" in text for text in told["naive"])
    assert not any("\n" in text for text in told["one line"])
    assert questions < len(result.rows), "identical questions were asked again"
    assert any(row.replayed for row in result.rows)
    assert all(row.seconds is not None for row in result.rows)
    rows = await app.ledger.tail(200)
    assert len(rows) == questions
    assert {row["task"] for row in rows} == {"probe"}
    assert {path.name for path in repository.iterdir()} == {"one.py", "two.py", "three.py"}, "the folder was written to"


async def test_what_was_done_is_not_done_again(app: App, repository: Path) -> None:
    """Broken off in the middle, as by Ctrl-C, a run goes on where it was, and then has nothing left to ask."""
    async with ModelServer(knows_it_all) as server:
        await add(app, server.url)
        evaluator = app.evaluator(os.environ)
        begun = evaluator.begin(evaluator.plan(wish(repository, naive=True)))
        shown = 0

        def stop(_message: str, part: float | None) -> None:
            nonlocal shown
            shown += part is not None
            if shown == 8:
                task.cancel()

        task = asyncio.create_task(evaluator.evaluate(begun, stop))
        with pytest.raises(asyncio.CancelledError):
            await task
        done = len(begun.rows())
        assert 0 < done < 24
        result = await evaluator.evaluate(evaluator.resume("last"), lambda _message, _part: None)
        assert len(result.rows) == 24
        assert list(result.rows[:done]) == begun.rows()[:done]
        questions = server.stats.requests
        again = await evaluator.evaluate(evaluator.resume(begun.id), lambda _message, _part: None)
        assert server.stats.requests == questions
        assert again.summary == result.summary


async def test_a_model_that_fails_is_left_alone(app: App, repository: Path) -> None:
    """After three failures in a row the run stops with the reason; nobody steps in; later it can go on."""
    async with ModelServer(knows_it_all) as server, ModelServer("return 1") as other:
        await add(app, f"{server.url}/m/401", "broken")
        await add(app, other.url, "fallback")
        await app.registry.select("fallback")
        evaluator = app.evaluator(os.environ)
        result = await do(evaluator, wish(repository, "broken"))
        assert result.error is not None
        assert "custom:broken does not answer" in result.error.message
        assert "stepped in" not in result.error.message, "the model's own failure is what has to be told"
        assert f"--resume {result.run.id}" in result.error.fix
        assert (server.stats.requests, other.stats.requests) == (3, 0)
        assert result.rows == ()


async def test_a_changed_file_or_model_ends_a_run(app: App, repository: Path) -> None:
    """Holes would no longer be where they were, and answers no longer of one model."""
    async with ModelServer(knows_it_all) as server:
        await add(app, server.url)
        evaluator = app.evaluator(os.environ)
        begun = evaluator.begin(evaluator.plan(wish(repository)))
        await app.registry.add(replace(app.registry.get("mine"), upstream_id="other"), None, replace=True)
        with pytest.raises(UserError, match="custom:mine changed"):
            await evaluator.evaluate(begun, lambda _message, _part: None)
        begun = evaluator.begin(evaluator.plan(wish(repository)))
        for name in ("one", "two", "three"):
            (repository / f"{name}.py").write_text("x = 1\n" * 100, encoding="utf-8")
        with pytest.raises(UserError, match="changed since"):
            await evaluator.evaluate(begun, lambda _message, _part: None)
        assert server.stats.requests == 0


async def test_earlier_answers_can_be_taken(app: App, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --reuse a second run asks nothing that the first has asked; and no run goes on with another engine."""
    async with ModelServer(knows_it_all) as server:
        await add(app, server.url)
        evaluator = app.evaluator(os.environ)
        first = await do(evaluator, wish(repository))
        questions = server.stats.requests
        begun = evaluator.begin(evaluator.plan(wish(repository)))
        second = await evaluator.evaluate(begun, lambda _message, _part: None, reuse=True)
        assert server.stats.requests == questions
        assert second.summary.figures[0].measures == first.summary.figures[0].measures
        await do(evaluator, wish(repository))
        assert server.stats.requests == 2 * questions
        monkeypatch.setattr("beastmode.operations.evaluate.evaluator.ENGINE", ("wire",))
        with pytest.raises(UserError, match="engine changed"):
            await evaluator.evaluate(begun, lambda _message, _part: None)


async def test_a_wish_that_cannot_be_granted(app: App, repository: Path, tmp_path: Path) -> None:
    """An unknown model or source, a folder without code, a model that cannot complete."""
    async with ModelServer("x") as server:
        await add(app, server.url)
        await app.registry.add(replace(app.registry.get("mine"), id="custom:chat", fim_format=None), None)
    evaluator = app.evaluator(os.environ)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelNotFound):
        evaluator.plan(wish(repository, "nobody"))
    with pytest.raises(UserError, match="no source of context called x"):
        evaluator.plan(wish(repository, without=("x",)))
    with pytest.raises(UserError, match="no code"):
        evaluator.plan(wish(tmp_path / "empty"))
    with pytest.raises(UserError, match="cannot complete"):
        evaluator.plan(wish(repository, "chat"))


async def test_two_repositories_have_equal_shares(app: App, repository: Path, tmp_path: Path) -> None:
    """However different their size is."""
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "a.py").write_text(MODULE[:900], encoding="utf-8")
    async with ModelServer("x") as server:
        await add(app, server.url)
    evaluator = app.evaluator(os.environ)
    plan = evaluator.plan(Wish((repository, tmp_path / "small"), ("mine",), holes=9))
    of = [hole.file.split("/")[0] for hole in plan.holes]
    assert (of.count("repo"), of.count("small")) == (5, 4)
    assert of[:4] == ["repo", "small", "repo", "small"], "an unfinished run has some of each"


def test_a_leak_is_noticed() -> None:
    """Lines that were taken out of the file must not come back as context; those that stand in it twice may."""
    file = SourceFile(Path("/repo"), "a.py", "python", "import x\nresult = secret()\nother = 1\nother = 1\n")
    said = Said("", None, Usage(), estimated=True, first_token_s=None, total_s=0.0)

    def given(path: str, text: str) -> Given:
        request = FimRequest("", "", snippets=(Snippet(path, text, 0, "search", "", 1.0),))
        return Given("", 0, "", 0.0, (Asked("", request, said, replayed=False),))

    start = file.text.index("secret")
    hole = Hole("repo/a.py", Kind.LINE, start, start + len("secret()"))
    check(hole, file, given("a.py", "import x\nother = 1\n"))
    check(hole, file, given("b.py", "result = secret()\n"))
    with pytest.raises(Leaked, match="search"):
        check(hole, file, given("a.py", "    result = secret()\n"))
    twice = Hole("repo/a.py", Kind.LINES, file.text.index("other"), file.text.index("\nother = 1\n") + 10)
    check(twice, file, given("a.py", "other = 1\n"))

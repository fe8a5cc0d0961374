from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from beastmode.domain.errors import InvalidSetting, ModelUnavailable
from beastmode.domain.model import BUILTIN_ID
from beastmode.domain.usage import Usage
from beastmode.embedded import Embedded, process
from beastmode.embedded.running import Running
from beastmode.embedded.weights import weights_named

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.embedded.order import Order


@dataclass
class Lease:
    """A share that ends when the test says so."""

    alive: bool = True

    async def close(self) -> None:
        self.alive = False


@dataclass
class Starter:
    """Stands for `join_or_start`: counts, waits for `gate`, fails with `error`."""

    error: ModelUnavailable | None = None
    calls: list[Order] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, order: Order) -> tuple[Running, Lease]:
        self.calls.append(order)
        await self.gate.wait()
        if self.error:
            raise self.error
        self.leases.append(Lease())
        return Running(1, 8000 + len(self.leases), 2, "key"), self.leases[-1]


@pytest.fixture
def starter(monkeypatch: pytest.MonkeyPatch) -> Starter:
    starter = Starter()
    starter.gate.set()
    monkeypatch.setattr(process, "join_or_start", starter)
    monkeypatch.setattr("beastmode.embedded.embedded.find_spec", lambda _: True)
    return starter


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def embedded(tmp_path: Path, now: list[float]) -> Embedded:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF")
    return Embedded(tmp_path, tmp_path / "run", "smollm2-135m", own, None, clock=lambda: now[0])


def test_an_unknown_model_is_a_wrong_setting(tmp_path: Path) -> None:
    """The error comes at the start and names what could have been meant."""
    with pytest.raises(InvalidSetting, match="smollm2-135m"):
        Embedded(tmp_path, tmp_path, "gpt-9", None, None)


@pytest.mark.parametrize("name", ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "smollm2-135m"])
def test_the_row_says_how_the_model_is_asked(tmp_path: Path, name: str) -> None:
    """A row like any other; only a model that knows the tokens has a template, and it costs nothing."""
    spec = Embedded(tmp_path, tmp_path, name, None, None).spec()
    assert (spec.id, spec.provider, spec.fim_format) == (BUILTIN_ID, "builtin", "openai-completions")
    assert (spec.fim_template is not None) is name.startswith("qwen")
    assert spec.price is not None
    assert spec.price.cost(Usage(1000, 1000)) == 0


def test_fetched_is_a_look_at_the_size(tmp_path: Path) -> None:
    """Half a file is not there."""
    embedded = Embedded(tmp_path, tmp_path, "smollm2-135m", None, None)
    assert not embedded.fetched
    embedded.path.write_bytes(b"GGUF")
    assert not embedded.fetched
    with embedded.path.open("r+b") as file:
        file.truncate(weights_named("smollm2-135m").size)
    assert embedded.fetched


async def test_missing_weights_say_which_command_fetches_them(tmp_path: Path, starter: Starter) -> None:
    """No process is started for a file that is not there."""
    embedded = Embedded(tmp_path, tmp_path / "run", "smollm2-135m", None, None)
    with pytest.raises(ModelUnavailable, match="Run `beastmode models fetch`"):
        await embedded.endpoint()
    assert starter.calls == []


async def test_a_missing_runtime_says_how_to_install_it(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain `pip install beastmode` has no runtime; the sentence is the whole way to it."""
    monkeypatch.setattr("beastmode.embedded.embedded.find_spec", lambda _: None)
    with pytest.raises(ModelUnavailable, match=r"pip install 'beastmode\[builtin\]'"):
        await embedded.endpoint()


async def test_all_callers_share_one_start(embedded: Embedded, starter: Starter) -> None:
    """Ten requests at once start one process; later ones find it without a question."""
    answers = await asyncio.gather(*(embedded.endpoint() for _ in range(10)))
    assert set(answers) == {("http://127.0.0.1:8001/v1", "key")}
    assert await embedded.endpoint() == answers[0]
    assert len(starter.calls) == 1


async def test_a_cancelled_caller_does_not_stop_the_start(embedded: Embedded, starter: Starter) -> None:
    """Every keystroke cancels the request before it; the model must get ready all the same."""
    starter.gate.clear()
    first = asyncio.create_task(embedded.endpoint())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    starter.gate.set()
    await embedded.endpoint()
    assert len(starter.calls) == 1


async def test_a_server_that_died_is_started_again(embedded: Embedded, starter: Starter) -> None:
    """The next request after a death gets a new address."""
    await embedded.endpoint()
    starter.leases[0].alive = False
    assert (await embedded.endpoint())[0] == "http://127.0.0.1:8002/v1"


async def test_a_server_that_keeps_dying_is_left_alone(embedded: Embedded, starter: Starter, now: list[float]) -> None:
    """After three quick deaths the error says what its log says; after a while it is tried again."""
    for _ in range(3):
        await embedded.endpoint()
        starter.leases[-1].alive = False
    await asyncio.to_thread(lambda: _write_log(starter.calls[-1].log))
    with pytest.raises(ModelUnavailable, match="stopped 3 times within 0 s: GGML_ASSERT failed") as caught:
        await embedded.endpoint()
    assert caught.value.retry_after == 120
    now[0] += 121
    await embedded.endpoint()
    assert len(starter.calls) == 4


def _write_log(path: str) -> None:
    with open(path, "w", encoding="utf-8") as log:  # noqa: PTH123  # the order names its log as a string
        log.write("loading\nGGML_ASSERT failed\n\n")


async def test_a_failed_start_is_not_repeated_at_every_keystroke(
    embedded: Embedded, starter: Starter, now: list[float]
) -> None:
    """The same reason is given again at once, until it may have changed."""
    starter.error = ModelUnavailable("no memory", "close something")
    for _ in range(5):
        with pytest.raises(ModelUnavailable, match="no memory"):
            await embedded.endpoint()
    assert len(starter.calls) == 1
    starter.error = None
    now[0] += 16
    await embedded.endpoint()


async def test_release_gives_the_share_back(embedded: Embedded, starter: Starter) -> None:
    """Also in the middle of a start; and the model can be had again afterwards."""
    await embedded.endpoint()
    await embedded.release()
    assert not starter.leases[0].alive
    starter.gate.clear()
    waiting = asyncio.create_task(embedded.endpoint())
    await asyncio.sleep(0)
    await embedded.release()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    starter.gate.set()
    await embedded.endpoint()
    await embedded.release()


async def test_an_own_file_is_run_as_it_is(embedded: Embedded, starter: Starter) -> None:
    """The user's file is named in the row and has no hash to meet."""
    await embedded.endpoint()
    order = starter.calls[0]
    assert (order.name, order.sha256) == ("own", "")
    assert embedded.spec().name == "Built-in (own)"
    assert embedded.download_size == 0

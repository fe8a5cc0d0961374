"""Whatever a model puts into tests: what it touches is thrown away, and what it says of itself counts for nothing."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.support.shop import Shop, block

from beastmode.tasks.chat import Attachment
from beastmode.tasks.proposal import Doing, Failed, Order
from beastmode.tasks.verify import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from beastmode.tasks.proposal import Event

TEST = "from cart import total\n\n\ndef test_it_adds():\n    assert total([1, 2], 0) == 3\n"
PATHS = (
    "../../.ssh/authorized_keys", "/etc/cron.d/job", "~/.bashrc", "C:\\Windows\\win.ini", ".git/hooks/pre-commit",
    ".env", "conftest.py", "cart.py", "tests/../cart.py", "setup.py", "link/test_x.py", "a\0b.py", "con.py",
    ".vscode/tasks.json",
)  # fmt: skip
ANSWERS = [
    *(f"```python {path}\n{TEST}```" for path in PATHS),
    *(f"{path}\n```python\n{TEST}```" for path in PATHS),
    *(block(path, "", TEST) for path in PATHS),
    *(f"DELETE FILE {path}\n```python\n{TEST}```" for path in PATHS[5:9]),
    f"RENAME FILE cart.py TO ../cart.py\n```python\n{TEST}```",
    f"--- /dev/null\n+++ b/../evil.py\n@@ -0,0 +1 @@\n+evil\n```python\n{TEST}```",
    f"```python\n{TEST}\n# \u202e reversed\n```",
    f"```python\n{TEST}\n# ... rest of the tests unchanged ...\n```",
    f"```python\n{TEST}\x1b]0;evil\x07\n```",
    f"```python\n{TEST}" + "</think>\n```",
    f"```python\n{TEST * 3}```",
    f"```python\n{TEST}```\n```python\n{TEST}```",
    "```python\nclass test_nothing:\n    pass\n```",
    "```python\n" + "def test_a():\n" + "    if 1:\n" * 90 + "```",
    "```python\n" + "(" * 50_000 + "\ndef test_a():\n    assert 1\n```",
    "```\n" * 5_000,
    "x" * 1_100_000,
]


@pytest.mark.parametrize("number", range(len(ANSWERS)))
async def test_an_answer_becomes_one_test_file_or_an_error(shop: Shop, number: int) -> None:
    """Never another file, whatever path it names; nothing is written, and an error says what to do."""
    (shop.root / "link").symlink_to(shop.root.parent)
    before = shop.files()
    shop.says(ANSWERS[number])
    last = await shop.run("tests", "", "cart.py")
    assert shop.files() == before
    if isinstance(last, Failed):
        assert last.error.message
        assert last.error.fix
        return
    change = last.proposal.change
    assert change is not None
    assert [(edit.kind, edit.path) for edit in change.edits] == [("create", "tests/test_cart.py")]
    assert "\x1b" not in (change.edits[0].text or "")


async def test_ten_megabytes_are_stopped(shop: Shop) -> None:
    """The model is, long before they have come."""
    model = shop.app.registry.get("custom:mine")
    patient = replace(model, max_tokens=9_000_000, context_window=20_000_000)
    await shop.app.registry.add(patient, None, replace=True)
    shop.says(f"```python\n{TEST}" + "# and on it goes\n" * 650_000)
    failed = await shop.failure("tests", "", "cart.py")
    assert failed.error.kind == "answer_cut"
    assert "characters" in failed.error.message


async def test_tests_that_always_pass_are_told_from_tests(scripted: Shop) -> None:
    """That they pass says nothing for them."""
    useless = [f"def test_useless_{number}():\n    assert {code}\n" for number, code in enumerate(("True", "1 == 1"))]
    scripted.says("```python\n" + "\n\n".join(useless) + "```")
    failed = await scripted.failure("tests", "", "cart.py")
    assert failed.error.message.startswith("None of 2 generated tests can be kept (test_useless_0: useless")


ATTACKS = """import os, shutil, signal, socket, subprocess
from pathlib import Path
from cart import total

ROOT = Path({root!r})


def test_delete_the_workspace():
    shutil.rmtree(ROOT, ignore_errors=True)
    assert not ROOT.exists()


def test_delete_home():
    shutil.rmtree({home!r}, ignore_errors=True)
    assert False


def test_write_into_the_workspace():
    (ROOT / "cart.py").write_text("evil = 1")


def test_write_beside_it():
    (ROOT.parent / "evil.txt").write_text("evil")
    assert False


def test_write_through_a_link():
    Path("way").symlink_to(ROOT.parent)
    Path("way/evil2.txt").write_text("evil")
    assert False


def test_link_where_the_next_test_file_goes():
    Path("tests/test_cart.py").unlink()
    Path("tests/test_cart.py").symlink_to(ROOT / "cart.py")
    assert False


def test_stop_the_server():
    os.kill({pid}, signal.SIGTERM)


def test_call_home():
    socket.create_connection(("127.0.0.1", {port}), timeout=2)


def test_read_the_key():
    assert Path({key!r}).read_bytes()


def test_leave_something_running():
    subprocess.Popen(["sleep", "987"], start_new_session=True)
    assert False
"""


@pytest.mark.e2e
async def test_what_generated_tests_try_is_thrown_away(allowed: Shop, tmp_path: Path) -> None:
    """Deleting, writing, linking, signalling, calling, reading keys: each fails as a test, and nothing is different."""
    isolation = await Sandbox().describe()
    if isolation.way == "none":
        pytest.skip(f"this machine cannot isolate anything: {isolation.not_isolated[0]}")
    home = allowed.app.settings.paths.home
    key = home / "a-key"
    key.write_text("secret")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and ".venv" not in path.parts}
    made = ATTACKS.format(
        root=str(allowed.root),
        home=str(home),
        key=str(key),
        pid=psutil.Process().pid,
        port=allowed.server.url.rpartition(":")[2],
    )
    connections, others = allowed.server.stats.connections, programs()
    allowed.says(f"```python\n{made}```")
    failed = await allowed.failure("tests", "", "cart.py")
    assert failed.error.kind == "check_failed"
    assert "of 10 generated tests" in failed.error.message
    asked = 3
    assert allowed.server.stats.connections <= connections + asked
    assert not running(others)
    for path, content in before.items():
        if home not in path.parents or path == key:
            assert path.read_bytes() == content, path
    assert not (tmp_path / "evil.txt").exists()
    assert not (tmp_path / "evil2.txt").exists()
    assert not list((home / "copies").glob("copy-*"))


def programs() -> set[int]:
    """The process ids of what this process has started: servers of other tests may be among them."""
    return {child.pid for child in psutil.Process().children()}


def running(others: set[int]) -> list[str]:
    """The programs that came of this process since, and are still there, but for the dead."""
    found = []
    for child in psutil.Process().children():
        if child.pid in others:
            continue
        try:
            living = [
                each for each in (child, *child.children(recursive=True)) if each.status() != psutil.STATUS_ZOMBIE
            ]
            found += [" ".join(each.cmdline()) for each in living]
        except psutil.NoSuchProcess:
            continue
    return [each for each in found if "resource_tracker" not in each]


@pytest.mark.e2e
async def test_it_can_be_left_at_any_moment(allowed: Shop) -> None:
    """Ten random moments, while the model speaks and while its tests run: nothing runs on, and nothing is left."""
    model = allowed.app.registry.get("custom:mine")
    await allowed.app.registry.add(
        replace(model, endpoint_url=allowed.server.misbehaving("drip=20")), None, replace=True
    )
    allowed.says(f"```python\n{TEST}```")
    before, copies = allowed.files(), allowed.app.settings.paths.home / "copies"
    chance = random.Random(5)  # noqa: S311 - to be repeatable, not to be secret
    order, others = Order("tests", "", (Attachment("cart.py", 5, 9),)), programs()
    for number in range(10):
        async with aclosing(allowed.app.work.run(order, allowed.root)) as events:
            if number % 2:
                await until_running(events, chance.randrange(1, 5))
            else:
                for _ in range(chance.randrange(1, 9)):
                    await anext(events, None)
        while allowed.server.stats.aborted + allowed.server.stats.answered < allowed.server.stats.requests:
            await asyncio.sleep(0.01)
        assert not running(others), number
        assert not list(copies.glob("copy-*")), number
        assert allowed.files() == before, number
    assert allowed.server.stats.aborted
    assert allowed.server.stats.tokens_after_abort == 0


async def until_running(events: AsyncGenerator[Event], steps: int) -> None:
    """Read on until so many things have been said while tests are run, and then be cancelled in the middle of one."""
    said = 0
    async for event in events:
        said += isinstance(event, Doing) and event.text.startswith(("Running", "Breaking", "Copying"))
        if said == steps:
            break
    waiting = asyncio.ensure_future(anext(events, None))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

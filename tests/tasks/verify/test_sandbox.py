"""Programs that are run: what they can reach, how they end, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from beastmode.tasks.verify.consent import Kind, NotAllowedToRun, Permission
from beastmode.tasks.verify.environment import environment, make_folders
from beastmode.tasks.verify.isolation import isolation_of
from beastmode.tasks.verify.sandbox import CannotRun, Run, Sandbox

pytestmark = [
    pytest.mark.e2e,  # real processes
    pytest.mark.skipif(sys.platform == "win32", reason="nothing is run on Windows yet"),
]

ALLOWED = Permission("/anywhere", Kind.CODE)
WAYS = ("bubblewrap", "namespaces", "none")


class Box:
    """A sandbox with its one folder."""

    def __init__(self, folder: Path, way: str, hidden: Path) -> None:
        make_folders(folder)
        self.folder = folder
        self.home = folder.parent / "home of the user"
        (self.home / ".ssh").mkdir(parents=True)
        (self.home / ".ssh" / "id_rsa").write_text("a secret")
        self.sandbox = Sandbox(ALLOWED, ways=() if way == "none" else (way,), home=self.home, hidden=(hidden,))
        self.env = environment({"PATH": os.environ["PATH"], "OPENAI_API_KEY": "sk-1"}, self.home, folder)

    async def python(
        self, code: str, *, timeout_s: float = 10, memory_bytes: int = 1 << 31, network: bool = False
    ) -> Run:
        return await self.sandbox.run(
            [sys.executable, "-c", code],
            folder=self.folder,
            cwd=self.folder,
            env=self.env,
            timeout_s=timeout_s,
            memory_bytes=memory_bytes,
            network=network,
            readable=(self.folder.parent,),
        )


async def box_of(tmp_path: Path, way: str) -> Box:
    (tmp_path / "box").mkdir()
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("ours")
    box = Box(tmp_path / "box", way, tmp_path / "private")
    found = await box.sandbox.describe()
    if found.way != way:
        pytest.skip(f"this machine has no {way}: {found.not_isolated[0]}")
    return box


@pytest.fixture(params=WAYS)
async def box(request: pytest.FixtureRequest, tmp_path: Path) -> Box:
    """One for each way of isolating, the last being none."""
    return await box_of(tmp_path, request.param)


@pytest.fixture(params=WAYS[:2])
async def apart(request: pytest.FixtureRequest, tmp_path: Path) -> Box:
    """One for each way that really isolates."""
    return await box_of(tmp_path, request.param)


def running(mark: str) -> list[int]:
    """Processes with a word in their command line."""
    everyone = psutil.process_iter(["cmdline"])
    return [
        each.pid
        for each in everyone
        if each.pid != os.getpid() and any(mark in part for part in each.info["cmdline"] or ())
    ]


async def test_nothing_runs_without_permission(tmp_path: Path) -> None:
    """A sandbox that only describes cannot run."""
    with pytest.raises(NotAllowedToRun):
        await Sandbox().run(["true"], folder=tmp_path, cwd=tmp_path, env={}, timeout_s=1)


async def test_the_exit_and_both_streams_are_told(box: Box) -> None:
    """Whatever the way."""
    run = await box.python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (run.exit_code, run.ended) == (3, "exited")
    assert sorted(run.output.split()) == ["err", "out"]


async def test_a_signal_is_told_as_one(box: Box) -> None:
    """A crash is no ordinary exit."""
    run = await box.python("import os; os.kill(os.getpid(), 11)")
    assert run.exit_code == -11


async def test_no_secret_of_the_environment_arrives(box: Box) -> None:
    """An allow-list: what is not on it is not there. Its home is not the user's."""
    run = await box.python("import os; print(sorted(os.environ)); print(os.environ['HOME'], os.environ['TMPDIR'])")
    assert "OPENAI_API_KEY" not in run.output
    assert str(box.home) not in run.output
    assert str(box.folder) in run.output


async def test_its_own_folder_is_writable(box: Box) -> None:
    """And what it writes there is there afterwards."""
    run = await box.python("import tempfile; open('a', 'w').write('x'); tempfile.mkdtemp()")
    assert run.exit_code == 0, run.output
    assert (box.folder / "a").read_text() == "x"


async def test_nothing_outside_can_be_written(apart: Box) -> None:
    """Not beside the folder, not in the real temporary folder, not in the home."""
    outside = apart.folder.parent / "outside"
    run = await apart.python(
        f"""
import pathlib
for path in ({str(outside)!r}, {str(apart.home / "x")!r}, '/etc/beastmode-was-here', '/tmp/beastmode-was-here'):
    try:
        pathlib.Path(path).write_text('x')
    except OSError as error:
        print(error)
"""
    )
    assert not outside.exists()
    assert not (apart.home / "x").exists()
    assert not Path("/etc/beastmode-was-here").exists()
    assert not Path("/tmp/beastmode-was-here").exists()  # noqa: S108  # that is the point
    assert run.output.count("Read-only") >= 3


async def test_there_is_no_network_but_its_own(apart: Box) -> None:
    """A server of the machine cannot be reached, one of its own can; with the network asked for, the first can too."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"""
import socket
own = socket.create_server(('127.0.0.1', 0))
socket.create_connection(own.getsockname(), 2)
print('own')
try:
    socket.create_connection({server.getsockname()!r}, 2)
    print('outside')
except OSError as error:
    print(error)
"""
        run = await apart.python(code)
        assert run.output.startswith("own\n")
        assert "outside" not in run.output
        assert "no network" in run.isolated
        run = await apart.python(code, network=True)
        assert "outside" in run.output
        assert "no network" not in run.isolated
        assert any("network" in fact for fact in run.not_isolated)


async def test_secrets_are_covered(apart: Box) -> None:
    """Keys in the home, and what the caller hides: they seem to be empty."""
    run = await apart.python(
        f"""
import os
for folder in ({str(apart.home / ".ssh")!r}, {str(apart.folder.parent / "private")!r}):
    print(os.listdir(folder) if os.path.exists(folder) else 'gone')
"""
    )
    assert "id_rsa" not in run.output
    assert "key" not in run.output


async def test_sockets_of_other_programs_are_covered(apart: Box) -> None:
    """An editor's or an agent's socket in the temporary folder would be a way out."""
    run = await apart.python("import os; print(sorted(os.listdir('/tmp')), os.listdir('/run'))")
    others = {path.name for path in Path("/tmp").iterdir()} - {*apart.folder.parts, *Path(sys.prefix).parts}  # noqa: S108  # as above
    assert not any(f"'{name}'" in run.output.split("]")[0] for name in others)


async def test_its_isolation_cannot_be_undone(apart: Box) -> None:
    """Not by mounting again, and not by a world within the world."""
    outside = apart.folder.parent / "outside"
    run = await apart.python(
        f"""
import os
os.system('mount -o remount,bind,rw {apart.folder.parent}; touch "{outside}"')
os.system('unshare --user --map-root-user --mount sh -c "mount -o remount,bind,rw /; touch {outside}"')
print([line for line in open('/proc/self/status') if line.startswith('CapEff')])
"""
    )
    assert not outside.exists()
    assert "0000000000000000" in run.output


async def test_a_time_limit_ends_everything(box: Box) -> None:
    """Children in sessions of their own as well."""
    mark = f"beastmode-{time.monotonic_ns()}"
    code = "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        os.setsid()\ntime.sleep(60) # " + mark
    run = await box.python(code, timeout_s=0.5)
    assert (run.ended, run.exit_code, run.timed_out) == ("timeout", None, True)
    assert running(mark) == []


async def test_an_orphan_ends_with_the_program(box: Box) -> None:
    """What went into the background does not stay there."""
    mark = f"beastmode-{time.monotonic_ns()}"
    code = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(60)\n# "
        + mark
    )
    run = await box.python(code)
    assert run.ended == "exited"
    assert running(mark) == []


async def test_cancelling_ends_everything_before_it_returns(box: Box) -> None:
    """When the task has ended, so has the program."""
    mark = f"beastmode-{time.monotonic_ns()}"
    task = asyncio.create_task(box.python(f"import os\nos.fork()\nos.fork()\nwhile True: pass\n# {mark}"))
    while len(running(mark)) < 4:
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running(mark) == []


async def test_memory_is_limited_for_one_and_for_all_together(box: Box) -> None:
    """One process is refused it; many that share the work are ended."""
    run = await box.python("x = bytearray(1 << 30); print('got it')", memory_bytes=300 << 20)
    assert "got it" not in run.output
    code = "import os, time\nfor _ in range(3): os.fork()\nx = bytearray(100 << 20)\ntime.sleep(20)"
    run = await box.python(code, memory_bytes=300 << 20)
    assert run.ended == "memory"


async def test_endless_output_is_cut_in_the_middle(box: Box) -> None:
    """Its start and its end are what says something."""
    run = await box.python("print('first')\nfor _ in range(20): print('x' * 100_000)\nprint('last')")
    assert len(run.output) < 300_000
    assert run.output.startswith("first")
    assert run.output.endswith("last\n")
    assert "bytes left out" in run.output


async def test_it_has_nobody_to_ask(box: Box) -> None:
    """Standard input is at its end at once."""
    run = await box.python("import sys; print(repr(sys.stdin.read()))")
    assert run.output == "''\n"


async def test_a_program_that_is_not_there_is_named(box: Box) -> None:
    """With what to do about it."""
    with pytest.raises(CannotRun, match="nothing-like-that is not installed"):
        await box.sandbox.run(["nothing-like-that"], folder=box.folder, cwd=box.folder, env=box.env, timeout_s=1)


async def test_a_machine_without_anything_says_so(tmp_path: Path) -> None:
    """What could not be isolated is said before the question, with the reason."""
    found = await Sandbox(ways=("bubblewrap",)).describe() if not _has_bwrap() else isolation_of("none", ["why"])
    assert found.way == "none"
    assert len(found.not_isolated) == 4
    assert "(" in found.not_isolated[0]


def _has_bwrap() -> bool:
    return subprocess.run(["which", "bwrap"], check=False, capture_output=True).returncode == 0


async def test_what_is_said_is_what_is_tried(tmp_path: Path) -> None:
    """The first way that works here; a run says the same as the description."""
    box = Box(tmp_path / "box", "namespaces", tmp_path / "none")
    found = await box.sandbox.describe()
    run = await box.python("pass")
    assert (run.isolated, run.not_isolated) == (found.isolated, found.not_isolated)

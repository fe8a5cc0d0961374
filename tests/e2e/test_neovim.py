"""Real Neovim with the configuration that the README shows: ghost text, Tab, a command, with no plugin of ours."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

import pynvim
import pytest
from tests.e2e.places import OUT, ROOT, fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.e2e,
    # pynvim's event loop is closed by the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

T = TypeVar("T")
KEY = "sk-neovim"
GHOST = """
local seen = {}
for name, id in pairs(vim.api.nvim_get_namespaces()) do
  if name:match('inline_completion') then
    for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, id, 0, -1, { details = true })) do
      for _, chunk in ipairs(mark[4].virt_text or {}) do seen[#seen + 1] = chunk[1] end
      for _, line in ipairs(mark[4].virt_lines or {}) do
        seen[#seen + 1] = '\\n'
        for _, chunk in ipairs(line) do seen[#seen + 1] = chunk[1] end
      end
    end
  end
end
return table.concat(seen)
"""


def until(what: str, look: Callable[[], T], seconds: float = 20) -> T:
    """Try until `look` answers something true."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)
    return seen


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """The base URL of a model that completes one function."""
    rules = tmp_path / "rules.json"
    rules.write_text(
        json.dumps(
            [
                {"ends_with": "def area(width, height):\n", "text": "size = width * height\n    return size"},
                {"ends_with": "def area(", "text": "width, height):"},
            ]
        )
    )
    command = [sys.executable, ROOT / "tests/support/model_server.py", "--key", KEY, "--rules", rules, "--text", "pass"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip() + "/v1"
        server.kill()


@pytest.fixture
def environment(server_folder: Path) -> dict[str, str]:
    """A home of its own, and our program on PATH."""
    out = fresh(OUT / "neovim")
    folders = {f"XDG_{name}_HOME": str(out / name.lower()) for name in ("STATE", "DATA", "CONFIG", "CACHE")}
    return (
        os.environ
        | folders
        | {
            "PATH": f"{server_folder}{os.pathsep}{os.environ['PATH']}",
            "BEASTMODE_HOME": str(out / "beastmode"),
            "BEASTMODE_BUILTIN__ENABLED": "false",
            "ENCRYPTION_KEY": "a passphrase of the tests",
        }
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A Python file in a workspace."""
    workspace = tmp_path / "workspace"
    (workspace / ".git").mkdir(parents=True)
    file = workspace / "shapes.py"
    file.write_text("# shapes\n")
    return file


@pytest.fixture
def neovim(editors: Path, environment: dict[str, str], file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Neovim with the README's configuration and a Python file open."""
    for name, value in environment.items():  # pynvim starts its child with our environment
        monkeypatch.setenv(name, value)
    config = ROOT / "examples" / "neovim" / "init.lua"
    arguments = ["--embed", "--headless", "--clean", "-u", str(config), str(file)]
    nvim = pynvim.attach("child", argv=[str(editors / "bin" / "nvim"), *arguments])
    yield nvim
    with contextlib.suppress(OSError, EOFError):  # it is gone before it answers
        nvim.command("qa!")
    nvim.close()


def test_neovim_completes_accepts_and_runs_commands(
    endpoint: str, environment: dict[str, str], file: Path, neovim: Any
) -> None:
    """A model registered in the terminal and selected from Neovim gives ghost text that Tab accepts."""
    fields = {"model_name": "Shape Coder", "model_id": "shape-coder", "endpoint_url": endpoint, "api_key": KEY}
    fields |= {"provider": "openai-compatible"}
    command = ["beastmode", "models", "add", "--stdin-json", "--json"]
    added = subprocess.run(
        command, env=environment, input=json.dumps(fields), capture_output=True, text=True, check=False
    )
    answer = json.loads(added.stdout.splitlines()[-1])
    assert answer["ok"], added.stdout + added.stderr

    until("the server", lambda: neovim.exec_lua("return #vim.lsp.get_clients({ name = 'beastmode' }) == 1"))
    neovim.command(f"BeastMode models.select {answer['id']}")
    assert "Shape Coder" in until("the status", lambda: neovim.command_output("BeastMode status"))

    neovim.input("Godef area(")
    until("ghost text", lambda: neovim.exec_lua(GHOST) == "width, height):")
    neovim.input("<Tab>")
    until("the accepted text", lambda: neovim.current.line == "def area(width, height):")
    neovim.input("<CR>")
    until("a block", lambda: neovim.exec_lua(GHOST) == "size = width * height\n    return size")
    neovim.input("<Tab>")
    wanted = ["# shapes", "def area(width, height):", "    size = width * height", "    return size"]
    until("the accepted block", lambda: neovim.current.buffer[:] == wanted)
    neovim.input("<Esc>:w<CR>")
    until("the saved file", lambda: file.read_text().splitlines() == wanted)

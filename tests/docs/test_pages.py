"""What the documentation says can be done can be done."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.docs.pages import DOCS, PAGES, ROOT, anchors_of, commands_of, links_of
from tests.faces.commands import root
from tests.support.background import serving
from typer.testing import CliRunner

from beastmode.faces.cli.main import build

TEXTS = {path: path.read_text(encoding="utf-8") for path in (ROOT / "server").rglob("*.py")}
"""The source, in which an error's text has to stand."""


def understood(command: Any, name: str, words: list[str], parent: Any = None) -> None:
    """Parse a command line as it would be run, down to the last command; raises what click raises."""
    with command.make_context(name, words, parent=parent) as context:
        rest = [*context._protected_args, *context.args]
        if hasattr(context.command, "resolve_command") and rest:
            below, found, rest = context.command.resolve_command(context, rest)
            understood(found, below, rest, context)


def complaint(line: str) -> str:
    """What the command line has against a line; nothing where it would run it."""
    words = shlex.split(line, comments=True)[1:]
    words = words[: next((at for at, word in enumerate(words) if word in {"|", "<", ">"}), None)]
    try:
        understood(root(), "beastmode", words)
    except Exception as error:  # noqa: BLE001 - the library's errors are not public
        return "" if type(error).__name__ in {"Exit", "NoArgsIsHelpError"} else str(error)
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_understood(page: Path) -> None:
    """Each line of an `sh` block that begins with `beastmode` is parsed by the real command line."""
    shell = ("--install-completion", "--show-completion")  # these would look for the shell that runs the tests
    lines = [line for line in commands_of(page) if not any(each in line for each in shell)]
    assert [f"{line}: {found}" for line in lines if (found := complaint(line))] == []


def test_a_line_that_is_wrong_is_found() -> None:
    """A command, a subcommand and an option that there are not."""
    for line in ("beastmode modles list", "beastmode models lst", "beastmode models list --jsn", "beastmode status x"):
        assert complaint(line), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of the repository and, where it names one, to a heading."""
    for link in links_of(page):
        target, _, anchor = link.partition("#")
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors_of(path), f"{page.name}: {link}"


def test_the_site_has_every_page() -> None:
    """In the table of zensical.toml, once."""
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    listed = [name for part in site for names in part.values() for name in names]
    assert sorted(listed) == sorted(path.name for path in DOCS.glob("*.md"))


def test_troubleshooting_names_texts_that_the_program_says() -> None:
    """Every heading in code stands in the source, and the three of the specification are there."""
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    named = re.findall(r"^## `(.*)`$", page, re.MULTILINE)
    for specified in (
        "Custom model not found",
        "Failed to decrypt API key",
        "Custom model request failed: Invalid request format",
    ):
        assert specified in named
    for text in named:
        # SQLite's own words come through as they are.
        assert text == "database is locked" or any(text in source for source in TEXTS.values()), text


SERVERS = [line for line in commands_of(DOCS / "models.md") if "--endpoint-url" in line and "--provider" in line]
WAYS = {
    "ollama": ("ollama-chat", "ollama-generate"),
    "llama.cpp": ("llama-chat", "llama-infill"),
    "vllm": ("vllm-chat", "openai-completions"),
    "lm-studio": ("openai-chat", "openai-completions"),
    "openai-compatible": ("openai-chat", "openai-completions"),
    "anthropic-compatible": ("anthropic-messages", "chat-infill"),
}
"""What each provider type is found to speak by a server that speaks as it does: chat, code."""


@pytest.mark.parametrize("line", SERVERS, ids=lambda line: line.split("--id ")[1].split()[0])
def test_the_rows_of_servers_are_right(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line registers its server, tried by a real request, and finds the format that the page says."""
    monkeypatch.setenv("BEASTMODE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with serving("return a + b") as server:
        words = shlex.split(line, comments=True)[1:]
        place = words.index("--endpoint-url") + 1
        words[place] = re.sub(r"^https?://[^/]+", server.url, words[place])
        said = CliRunner().invoke(build(), words, input="sk-docs-0123456789\n")
        assert said.exit_code == 0, said.output
    model_id = words[words.index("--id") + 1]
    shown = json.loads(CliRunner().invoke(build(), ["models", "show", model_id, "--json"]).stdout)
    assert (shown["chat_format"], shown["fim_format"]) == WAYS[shown["provider"]]


def test_helix_and_neovim_get_configurations_that_can_be_read() -> None:
    """The TOML and JSON of the page about editors are well-formed."""
    text = (DOCS / "editors.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"^```(toml|json)\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert tomllib.loads(blocks["toml"])["language-server"]["beastmode"] == {"command": "beastmode", "args": ["lsp"]}
    predictions = json.loads(blocks["json"])["edit_predictions"]
    assert predictions["provider"] in predictions

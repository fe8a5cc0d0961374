"""The extension's manifest, its TypeScript and the server say the same names."""

from __future__ import annotations

import json
import re
from pathlib import Path

from beastmode import __version__
from beastmode.faces.lsp import protocol

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "client-extension" / "src"
MANIFEST = json.loads((ROOT / "package.json").read_text())
COMMANDS = {entry["command"] for entry in MANIFEST["contributes"]["commands"]}
SETTINGS = MANIFEST["contributes"]["configuration"]["properties"]


def test_the_client_asks_only_commands_that_the_server_has() -> None:
    """Every command in protocol.ts is one of the server's; the client needs no command that it does not name."""
    asked = set(re.findall(r"'(beastmode\.[\w.]+)'", (SOURCES / "protocol.ts").read_text()))
    assert asked == set(protocol.COMMANDS) - {protocol.ACCEPTED, protocol.REJECTED}


def test_the_client_listens_to_the_status_notification() -> None:
    """The name of the notification is the server's."""
    assert f"'{protocol.STATUS}'" in (SOURCES / "protocol.ts").read_text()


def test_no_palette_command_has_the_name_of_a_server_command() -> None:
    """The language client registers the server's commands by itself; a second registration would fail."""
    assert COMMANDS.isdisjoint(protocol.COMMANDS)


def test_every_palette_command_is_registered_and_the_other_way_round() -> None:
    """The palette offers exactly what extension.ts has in its table."""
    table = re.search(r"const commands[^{]*\{(.*?)\n  \};", (SOURCES / "extension.ts").read_text(), re.DOTALL)
    assert table is not None
    assert {f"beastmode.{name}" for name in re.findall(r"^ {4}(\w+):", table[1], re.MULTILINE)} == COMMANDS


def test_the_palette_offers_the_commands_of_the_specification() -> None:
    """`BEAST MODE: Register Custom Model` and the others read as the specification writes them."""
    titles = {f"{entry['category']}: {entry['title']}" for entry in MANIFEST["contributes"]["commands"]}
    wanted = (
        "Register Custom Model|Select Model|Show Model Status|Why This Suggestion?|Remove Model|Test Model|Open Log"
    )
    assert {f"BEAST MODE: {title}" for title in wanted.split("|")} <= titles


def test_the_settings_are_those_that_the_server_reads() -> None:
    """Besides where the server is, the manifest declares exactly what the server takes from the editor."""
    sent = {name.removeprefix("beastmode.") for name in SETTINGS if not name.startswith("beastmode.server.")}
    assert sent == set(protocol.SETTINGS)


def test_a_workspace_cannot_set_a_program_to_run() -> None:
    """Every setting that names a program is machine-scoped, and restricted in untrusted workspaces besides."""
    programs = {name for name in SETTINGS if name.startswith("beastmode.server.")}
    restricted = MANIFEST["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    assert programs == set(restricted)
    assert {SETTINGS[name]["scope"] for name in programs} == {"machine"}


def test_no_setting_holds_a_key_an_endpoint_or_a_model() -> None:
    """These live in the registry, sealed where they must be; settings are synchronized and committed."""
    assert not [name for name in SETTINGS if re.search(r"key|token|secret|url|endpoint|model", name, re.IGNORECASE)]


def test_extension_and_server_have_one_version() -> None:
    """The extension installs the server that it carries into a folder named for this version."""
    assert MANIFEST["version"] == __version__


def test_the_lock_file_names_no_registry() -> None:
    """A lock file with addresses in it would install from them, whatever registry the user has set."""
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()


def test_the_example_for_neovim_is_ten_lines() -> None:
    """The README promises a ten-line configuration."""
    assert len((ROOT / "examples" / "neovim" / "init.lua").read_text().splitlines()) == 10


def test_the_chat_is_one_view_with_an_icon_of_ours() -> None:
    """The view that the manifest declares is the one that is provided, and its icon travels in the VSIX."""
    (container,) = MANIFEST["contributes"]["viewsContainers"]["activitybar"]
    (view,) = MANIFEST["contributes"]["views"][container["id"]]
    assert view["type"] == "webview"
    assert f"static readonly id = '{view['id']}'" in (SOURCES / "chat" / "view.ts").read_text(encoding="utf-8")
    kept = (ROOT / ".vscodeignore").read_text(encoding="utf-8").splitlines()
    for needed in (container["icon"], view["icon"], "dist/chat.js", "dist/chat.css"):
        assert f"!{needed}" in kept


def test_menus_and_code_actions_name_commands_that_exist() -> None:
    """A button that leads nowhere would show only when it is clicked."""
    menus = {entry["command"] for entries in MANIFEST["contributes"]["menus"].values() for entry in entries}
    actions = (SOURCES / "actions.ts").read_text(encoding="utf-8")
    table = re.search(r"const rewrites = \{(.*?)\}", actions)
    assert table is not None
    named = {f"beastmode.{name}" for name in re.findall(r"(\w+):", table[1])}
    clicked = re.search(r"const clicked[^{]*\{(.*?)\}", (SOURCES / "lenses.ts").read_text(encoding="utf-8"))
    assert clicked is not None
    named |= {f"beastmode.{name}" for name in re.findall(r"'(\w+)'", clicked[1])}
    assert menus | named | set(re.findall(r"'(beastmode\.\w+)'", actions)) <= COMMANDS


def test_the_palette_offers_the_code_tasks() -> None:
    """Each task that works on the open file has a command."""
    titles = {entry["title"] for entry in MANIFEST["contributes"]["commands"]}
    wanted = {
        "Generate Feature",
        "Generate Tests",
        "Allow Running Tests",
        "Refactor Selection",
        "Document Selection",
        "Explain Selection",
        "Fix Problem",
    }
    assert wanted <= titles


def test_the_page_of_the_chat_may_load_nothing_but_its_own() -> None:
    """The policy begins with nothing, and allows a script and a style by nonce only."""
    page = (SOURCES / "chat" / "page.ts").read_text(encoding="utf-8")
    directives = set(re.findall(r"[\"']([a-z-]+-src|default-src|require-trusted-types-for) ", page))
    directives |= set(re.findall(r"[\"'`]((?:script|style)-src) '\w", page))
    assert directives == {"default-src", "script-src", "style-src", "require-trusted-types-for"}
    assert "default-src 'none'" in page
    assert "unsafe" not in page
    assert not re.search(r"\son\w+=|https?://|style=", page)


def test_the_page_makes_markup_of_nothing_but_rendered_markdown() -> None:
    """`innerHTML` is set in one place, and Markdown brings no HTML of its own."""
    folder = ROOT / "client-extension" / "webview"
    sources = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.ts")}
    risky = {
        name: re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text)
        for name, text in sources.items()
    }
    assert risky == {"chat.ts": [], "markdown.ts": ["innerHTML"]}
    assert "html: false" in sources["markdown.ts"]


def test_the_client_stays_thin() -> None:
    """No HTTP, no key and no prompt in the extension: all of that is the server's."""
    client = [*SOURCES.rglob("*.ts"), *(ROOT / "client-extension" / "webview").glob("*.ts")]
    foreign = re.compile(r"(?<!\w\.)(?<!async )\bfetch\(|XMLHttpRequest|'(?:node:)?https?'|You are ")
    for file in client:
        text = file.read_text(encoding="utf-8")
        assert not foreign.search(text), file.name
        assert len(text.splitlines()) <= 250, file.name

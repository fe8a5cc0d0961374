"""The server, its page in docs/ and the extension's protocol.ts say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from scripts import lsp_extensions

from beastmode.faces.lsp import protocol

TYPESCRIPT = (Path(__file__).parents[1] / "client-extension" / "src" / "protocol.ts").read_text(encoding="utf-8")


def test_the_page_is_what_the_code_says() -> None:
    """Run `python scripts/lsp_extensions.py` after a change of the protocol."""
    assert lsp_extensions.PAGE.read_text(encoding="utf-8") == lsp_extensions.page()


def test_every_command_is_in_the_table() -> None:
    """What is advertised is answered, and the other way round."""
    listed = set(re.findall(r"`(beastmode\.[\w.]+)`", lsp_extensions.page()))
    assert listed == set(protocol.COMMANDS)


def test_the_client_reads_only_fields_that_the_server_sends() -> None:
    """An interface of protocol.ts has no field that the server's Status lacks."""
    body = re.search(r"export interface Status \{(.*?)\n\}", TYPESCRIPT, re.DOTALL)
    assert body is not None
    assert set(re.findall(r"^  (\w+)\??:", body[1], re.MULTILINE)) <= set(get_type_hints(protocol.Status))


def test_the_client_knows_every_health_level() -> None:
    """A level without an icon would show nothing."""
    body = re.search(r"level: ([^;]+);", TYPESCRIPT)
    assert body is not None
    assert set(re.findall(r"'(\w+)'", body[1])) == set(get_args(get_type_hints(protocol.HealthStatus)["level"]))


@pytest.mark.parametrize(
    ("interface", "shape"),
    [
        ("ChatPart", protocol.ChatPart),
        ("ChatAnswer", protocol.ChatAnswer),
        ("ChatSource", protocol.ChatSource),
        ("ChatCitation", protocol.ChatCitation),
        ("ChatAttachment", protocol.ChatAttachment),
        ("ChatParams", protocol.ChatParams),
        ("ChatSession", protocol.ChatSession),
        ("ChatTurn", protocol.ChatTurn),
        ("TaskFile", protocol.TaskFile),
        ("TaskPart", protocol.TaskPart),
        ("TaskResult", protocol.TaskResult),
        ("Consent", protocol.Consent),
    ],
)
def test_the_shapes_of_chat_and_tasks_have_the_same_fields(interface: str, shape: type) -> None:
    """A field that one side alone knows is a field that is never shown."""
    body = re.search(rf"export interface {interface} \{{(.*?)\n\}}", TYPESCRIPT, re.DOTALL)
    assert body is not None
    assert set(re.findall(r"^  (\w+)\??:", body[1], re.MULTILINE)) == set(get_type_hints(shape))

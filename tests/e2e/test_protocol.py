"""The real process over a real pipe, as Visual Studio Code, Neovim and Emacs introduce themselves.

pytest-lsp holds every answer against what the client said it can take.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types as lsp
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities
from tests.support.model_server import ModelServer

from beastmode.app import App
from beastmode.domain.model import ModelSpec
from beastmode.faces.lsp import protocol
from beastmode.settings import load

pytestmark = pytest.mark.e2e

SERVER = Path(__file__).parents[2] / "server"
HOME = tempfile.mkdtemp(prefix="beastmode-protocol-")
ENVIRONMENT = os.environ | {
    "BEASTMODE_HOME": HOME,
    "PYTHONPATH": str(SERVER),
    "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
}
CONFIG = ClientServerConfig(
    server_command=[sys.executable, "-m", "beastmode", "lsp", "--stdio"], server_env=ENVIRONMENT
)
URI = "file:///project/sums.py"
MIRRORED = {
    "visual-studio-code": lsp.InlineCompletionClientCapabilities(dynamic_registration=True),
    "neovim": lsp.InlineCompletionClientCapabilities(dynamic_registration=False),
    "emacs": None,
}
"""What these clients say of inline completion today; the recorded capabilities are older than the method."""


@pytest_lsp.fixture(config=CONFIG, params=sorted(MIRRORED))
async def client(request: pytest.FixtureRequest, lsp_client: LanguageClient) -> AsyncGenerator[None]:
    capabilities = client_capabilities(request.param)
    assert capabilities.text_document is not None
    capabilities.text_document.inline_completion = MIRRORED[request.param]

    @lsp_client.feature(protocol.STATUS)
    def status(_client: LanguageClient, _status: object) -> None:
        """A status bar would show it."""

    await lsp_client.initialize_session(lsp.InitializeParams(capabilities=capabilities, process_id=os.getpid()))
    yield
    await lsp_client.shutdown_session()


async def test_suggestions_and_commands_over_a_pipe(client: LanguageClient) -> None:
    """A document is opened, typed in, completed from the user's endpoint, and the commands answer."""
    async with ModelServer(text="return a + b") as server:
        app = await App.open(load({"BEASTMODE_HOME": HOME})[0])
        url = f"{server.url}/v1"
        model = ModelSpec("custom:mine", "Mine", "openai-compatible", url, "m", "openai-chat", "openai-completions")
        await app.registry.add(model, None, replace=True)
        await app.registry.select("custom:mine")
        await app.close()
        text = "def add(a, b):\n"
        item = lsp.TextDocumentItem(URI, lsp.LanguageKind.Python, 1, text)
        client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        here = lsp.Range(lsp.Position(1, 0), lsp.Position(1, 0))
        client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                lsp.VersionedTextDocumentIdentifier(2, URI),
                [lsp.TextDocumentContentChangePartial(range=here, text="    ")],
            )
        )
        await client.workspace_execute_command_async(lsp.ExecuteCommandParams("beastmode.models.refresh"))
        answer = await client.text_document_inline_completion_async(
            lsp.InlineCompletionParams(
                lsp.InlineCompletionContext(lsp.InlineCompletionTriggerKind.Automatic),
                lsp.TextDocumentIdentifier(URI),
                lsp.Position(1, 4),
            )
        )
        assert isinstance(answer, lsp.InlineCompletionList)
        assert [item.insert_text for item in answer.items] == ["return a + b"]
        models = await client.workspace_execute_command_async(lsp.ExecuteCommandParams("beastmode.models.list"))
        assert [model["id"] for model in models if model["selected"]] == ["custom:mine"]
        assert not client.messages

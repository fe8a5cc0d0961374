"""`make run`: the real language server, started as an editor starts it, on the sample project.

Types at three places, shows each suggestion as ghost text with its latency, asks one chat question, prints the status
line and what the ledger recorded. Uses the built-in model, or yours if you have selected one.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient
from rich.console import Console
from rich.text import Text

SAMPLE = Path(__file__).parents[1] / "examples" / "sample" / "stock.py"
SERVER = (sys.executable, "-m", "beastmode")
OPEN_IN_AN_EDITOR = """
VS Code: make vsix, then Extensions > … > Install from VSIX > beastmode.vsix
Cursor: the same file, by the same menu or `cursor --install-extension beastmode.vsix`
Neovim 0.12: nvim -u examples/neovim/init.lua examples/sample/stock.py"""

TYPED = (
    ("below Item", "def total_value", "def is_sold_out(item):\n    return "),
    (
        "below most_expensive",
        "def print_report",
        'def cheapest(items):\n    """The item with the lowest price."""\n    return ',
    ),
    ("inside print_report", '    print(f"total', "    count = "),
)
"""Where, the text that it goes in front of, and what is typed. What is suggested there is accepted, as a user would."""

console = Console(highlight=False)


class Demo:
    """One session of an editor with the server."""

    def __init__(self) -> None:
        self.client = LanguageClient("beastmode-demo", "1")
        self.text = SAMPLE.read_text(encoding="utf-8")
        self.version = 1

        @self.client.feature(lsp.WORKSPACE_CONFIGURATION)
        def configuration(params: lsp.ConfigurationParams) -> list[dict[str, Any]]:
            return [{} for _ in params.items]

        @self.client.feature("beastmode/status")
        def status(_params: object) -> None:
            """A status bar would show it; here it is asked for at the end."""

        @self.client.feature(lsp.PROGRESS)
        def part(params: lsp.ProgressParams) -> None:
            console.print(params.value.get("text", ""), end="", style="cyan", markup=False)

    async def run(self) -> None:
        await self.client.start_io(*SERVER, "lsp", "--stdio")
        await self.client.initialize_async(lsp.InitializeParams(capabilities=lsp.ClientCapabilities()))
        self.client.initialized(lsp.InitializedParams())
        item = lsp.TextDocumentItem(SAMPLE.as_uri(), lsp.LanguageKind.Python, self.version, self.text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        for where, before, typed in TYPED:
            await self.type(where, before, typed)
        await self.ask("In at most ten words: what is a Python dataclass?")
        status = await self.client.workspace_execute_command_async(lsp.ExecuteCommandParams("beastmode.status"))
        console.print("\nStatus", style="bold")
        console.print("\n".join(f"  {line}" for line in status["lines"]), markup=False)
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()

    async def type(self, where: str, before: str, typed: str) -> None:
        """Type something in front of a text, show what the server suggests there, and accept it."""
        at = self.text.index(before)
        edited = f"{self.text[:at]}{typed}\n\n\n{self.text[at:]}"
        self.change(edited)
        shown = edited[: at + len(typed)].split("\n")
        params = lsp.InlineCompletionParams(
            lsp.InlineCompletionContext(lsp.InlineCompletionTriggerKind.Invoked),
            lsp.TextDocumentIdentifier(SAMPLE.as_uri()),
            lsp.Position(len(shown) - 1, len(shown[-1])),
        )
        started = time.perf_counter()
        answer = await self.client.text_document_inline_completion_async(params)
        took = time.perf_counter() - started
        items = answer.items if isinstance(answer, lsp.InlineCompletionList) else answer or []
        ghost = items[0].insert_text if items else "(nothing)"
        console.print(f"\nTyped {where}", style="bold", end="")
        console.print(f"  {took * 1000:.0f} ms", style="green")
        line = Text("\n".join(shown[-2:]))
        console.print(line.append(str(ghost), "bright_black italic"))
        end = at + len(typed)
        self.change(f"{edited[:end]}{ghost if items else ''}{edited[end:]}")

    def change(self, text: str) -> None:
        """Tell the server what the document says now."""
        self.text = text
        self.version += 1
        document = lsp.VersionedTextDocumentIdentifier(self.version, SAMPLE.as_uri())
        change = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [change]))

    async def ask(self, question: str) -> None:
        """Ask the chat and print the answer as it comes."""
        console.print(f"\nChat: {question}", style="bold")
        await self.client.protocol.send_request_async(
            "beastmode/chat", {"message": question, "partialResultToken": "demo"}
        )
        console.print()


def main() -> None:
    began = time.time()
    subprocess.run([*SERVER, "models", "fetch"], check=True)
    with console.status("Starting the language server"):
        demo = Demo()
    asyncio.run(demo.run())
    console.print("\nThe ledger's rows for what just happened", style="bold")
    subprocess.run([*SERVER, "ledger", "tail", "--since", str(began)], check=True)
    console.print(OPEN_IN_AN_EDITOR, markup=False)


if __name__ == "__main__":
    main()

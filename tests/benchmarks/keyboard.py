"""A person who types a real file back into its gap: what stands there, which keys, at what pace.

The file is made of modules of the standard library, so it is the same for everybody who has the same Python.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from editor import notification

if TYPE_CHECKING:
    from collections.abc import Iterator

    from editor import Server

MODULES = (
    *("_pydecimal", "argparse", "inspect", "tarfile", "typing", "pydoc", "doctest", "subprocess", "zipfile", "ssl"),
    *("socket", "shutil", "threading", "statistics", "optparse", "mailbox", "pickle", "smtplib", "enum", "dataclasses"),
)
GAP = 120
"""Lines that are taken out of the middle of the file, to be typed."""
CONTEXT = 12
"""Lines above the gap that the model is told of."""
PACE_MS, SPREAD = 150.0, 0.5
"""A person's gap between two keys: its median, and the sigma of its logarithm. A tenth of the gaps exceeds 285 ms."""
LIMIT_S = 60.0
_KEY = re.compile(r"\n[ \t]*|.")
_WORD = re.compile(r"\w+$")


def source(lines: int) -> list[str]:
    """So many lines of real code; the modules are repeated where they do not suffice."""
    library = Path(os.__file__).parent
    found: list[str] = []
    texts = {name: (library / f"{name}.py").read_text(encoding="utf-8").splitlines() for name in MODULES}
    while len(found) < lines:
        for name in MODULES:
            found += texts[name]
    return found[:lines]


def pace(seed: int) -> Iterator[float]:
    """Seconds between keys, forever; the same for the same seed."""
    generator = random.Random(seed)  # noqa: S311 - no secret
    while True:
        yield min(max(generator.lognormvariate(0, SPREAD) * PACE_MS, 40.0), 1200.0) / 1000


class Page:
    """A file with a gap in its middle.

    Attributes:
        before: the lines above the gap.
        text: what an editor opens.
        keys: what has to be typed into the gap, a key each; a line end brings its indentation, as editors do it.
        line: where the first key goes, at the end of that line.
    """

    def __init__(self, lines: int) -> None:
        written = source(lines)
        start = lines // 2
        while not written[start].lstrip().startswith("def "):
            start += 1
        gap = "\n" + "\n".join(written[start + 1 : start + 1 + GAP])
        self.line, self.column = start, len(written[start])
        self.before = "\n".join(written[max(0, start + 1 - CONTEXT) : start + 1])
        self.passage = gap
        self.keys = _KEY.findall(gap)
        self.text = "\n".join(written[: start + 1] + written[start + 1 + GAP :]) + "\n"


@dataclass(slots=True)
class Key:
    """One key.

    Attributes:
        at: when it was pressed, by the performance counter.
        along: it is how the suggestion on the screen begins, which does not end with it.
        answered: when the server answered.
        suggestion: what it suggested from the cursor on; '' for nothing.
        cancelled: a later key came first.
    """

    at: float
    along: bool
    answered: float | None = None
    suggestion: str = ""
    cancelled: bool = False

    @property
    def ms(self) -> float:
        """Milliseconds to the answer."""
        if self.answered is None:
            raise RuntimeError("The key was never answered")
        return (self.answered - self.at) * 1000


class Keyboard:
    """Types a page into a server, as VS Code does: a change and a request for each key, the older request cancelled.

    Args:
        server: initialized.
        method: `textDocument/inlineCompletion`, or `textDocument/completion` for a server that knows only that.
        page: what to type.
        uri: of the document.
    """

    def __init__(self, server: Server, method: str, page: Page, uri: str) -> None:
        self._server, self._method, self._uri = server, method, uri
        self._keys: Iterator[str] = iter(page.keys)
        self._line, self._column = page.line, page.column
        self._typed = page.before.rpartition("\n")[2]
        self._version = 1
        self._shown = ""
        self._running: tuple[int, Key] | None = None
        item = {"uri": uri, "languageId": "python", "version": 1, "text": page.text}
        server.send(notification("textDocument/didOpen", {"textDocument": item}))

    async def ask(self) -> Key:
        """Ask without a key."""
        return await self._begin(Key(perf_counter(), along=False), [])

    async def serial(self, count: int) -> list[Key]:
        """So many keys, each pressed when the one before has been answered."""
        return [await self.press() for _ in range(count)]

    async def paced(self, count: int, gaps: Iterator[float]) -> list[Key]:
        """So many keys, whatever the server does meanwhile; comes back when the last one is answered."""
        due, pressed = perf_counter(), []
        for _ in range(count):
            due += next(gaps)
            await asyncio.sleep(max(0.0, due - perf_counter()))
            pressed.append(asyncio.ensure_future(self.press()))
        return await asyncio.gather(*pressed)

    def move_on(self, lines: int = 5) -> None:
        """Paste the next lines: further than any suggestion for what was typed so far goes."""
        pasted = []
        for key in self._keys:
            if key.startswith("\n"):
                lines -= 1
            if lines < 0:
                self._keys = itertools.chain([key], self._keys)
                break
            pasted.append(key)
        self._shown = ""
        self._server.send(self._insert("".join(pasted)))

    async def press(self) -> Key:
        """The next key of the page, and its answer."""
        typed = next(self._keys, None)
        if typed is None:
            raise RuntimeError("The page has been typed to its end")
        along = self._shown.startswith(typed) and len(self._shown) > len(typed)
        self._shown = self._shown[len(typed) :] if along else ""
        key = Key(perf_counter(), along)
        messages = [self._insert(typed)]
        if self._running is not None:
            number, older = self._running
            older.cancelled = True
            messages.insert(0, notification("$/cancelRequest", {"id": number}))
        return await self._begin(key, messages)

    async def _begin(self, key: Key, messages: list[dict[str, Any]]) -> Key:
        where = {
            "textDocument": {"uri": self._uri},
            "position": {"line": self._line, "character": self._column},
            "context": {"triggerKind": 2 if "inline" in self._method else 1},
        }
        word = _WORD.search(self._typed)
        number, waiting = self._server.begin(self._method, where, after=messages)
        self._running = (number, key)
        async with asyncio.timeout(LIMIT_S):
            key.answered, message = await waiting
        if self._running is not None and self._running[0] == number:
            self._running = None
        if not key.cancelled and "error" in message:
            raise RuntimeError(f"{self._method}: {message['error']}")
        key.suggestion = self._text(message.get("result"), word[0] if word else "")
        if key.suggestion and not key.cancelled:
            self._shown = key.suggestion
        return key

    def _text(self, result: Any, word: str) -> str:
        """The first suggestion. One of `textDocument/completion` begins with the word that the cursor stands behind."""
        items = result.get("items", []) if isinstance(result, dict) else result or []
        if not items:
            return ""
        edit = items[0].get("textEdit")
        return edit["newText"].removeprefix(word) if edit else items[0]["insertText"]

    def _insert(self, text: str) -> dict[str, Any]:
        at = {"line": self._line, "character": self._column}
        above, end, last = text.rpartition("\n")
        self._typed = last if end else self._typed + text
        self._line += above.count("\n") + len(end)
        self._column = len(self._typed)
        self._version += 1
        document = {"uri": self._uri, "version": self._version}
        change = {"range": {"start": at, "end": at}, "text": text}
        return notification("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

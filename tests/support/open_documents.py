"""Open documents, a session and cursors in them, without an editor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beastmode.context.gather import Here
from beastmode.context.session import Session
from beastmode.context.window import Window, window
from beastmode.domain.text import Cursor


@dataclass(eq=False)
class Tab:
    path: str
    text: str
    language: str = "python"
    scheme: str = "file"
    version: int = 1
    cell: str = ""
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.text.split("\n")

    @property
    def uri(self) -> str:
        return f"{self.scheme}:{'//' if self.scheme == 'file' else ''}{self.path}{self.cell}"


class Desk:
    """An editor as a session sees it: tabs that are opened, edited and looked at, with a clock moved by hand."""

    def __init__(self, *roots: str | Path) -> None:
        self.now = 1000.0
        self.session = Session(lambda: self.now, [str(root) for root in roots])

    def open(self, path: str | Path, text: str | None = None, language: str = "python", scheme: str = "file") -> Tab:
        tab = Tab(str(path), Path(path).read_text("utf-8") if text is None else text, language, scheme)
        self.session.opened(tab)
        return tab

    def edit(self, tab: Tab, line: int, removed: int, added: Sequence[str]) -> None:
        tab.lines[line : line + removed] = added
        tab.version += 1
        self.session.changed(tab.uri, line, removed, added)

    def cursor(self, tab: Tab, line: int, column: int | None = None) -> Cursor:
        text = tab.lines[line]
        column = len(text) if column is None else column
        return Cursor(
            uri=tab.uri,
            path=tab.path,
            language=tab.language,
            version=tab.version,
            line=line,
            column=column,
            before="\n".join((*tab.lines[max(0, line - 200) : line], text[:column])),
            after="\n".join((text[column:], *tab.lines[line + 1 : line + 101])),
        )

    def window(self, cursor: Cursor, tokens: int = 400) -> Window:
        return window(cursor, tokens, tokens // 4)

    def here(self, tab: Tab, line: int, tokens: int = 400) -> Here:
        cursor = self.cursor(tab, line)
        self.session.visited(tab.uri, line)
        return Here(cursor, self.window(cursor, tokens), self.session)

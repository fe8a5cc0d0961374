"""Cursors and suggestions as pictures: `║` is the cursor, `├` and `┤` stand around what the model says or we insert."""

from __future__ import annotations

from dataclasses import replace

from beastmode.domain.text import Cursor, Suggestion


def cursor_at(picture: str, *, language: str = "python", path: str = "/src/example", newline: str = "\n") -> Cursor:
    """The cursor of a picture without inserted text."""
    before, _, after = picture.partition("║")
    return Cursor(
        uri=f"file://{path}",
        path=path,
        language=language,
        version=1,
        line=before.count("\n"),
        column=len(before) - before.rfind("\n") - 1,
        before=before,
        after=after,
        newline=newline,
    )


def split(picture: str) -> tuple[str, str]:
    """A picture with inserted text, as the picture without it and the text."""
    before, _, rest = picture.partition("├")
    text, _, after = rest.partition("┤")
    return before + after, text


def drawn(cursor: Cursor, suggestion: Suggestion) -> str:
    """The picture of an accepted suggestion."""
    return f"{cursor.before}║├{suggestion.text}┤{cursor.after[suggestion.replace_after :]}"


def typed(cursor: Cursor, keys: str, *, closers: str = "") -> Cursor:
    """The cursor after some keys; `closers` is what the editor put behind them by itself."""
    before = cursor.before + keys
    later = cursor_at(f"{before}║{closers}{cursor.after}", language=cursor.language, path=cursor.path)
    return replace(later, version=cursor.version + len(keys))


def accepted(cursor: Cursor, suggestion: Suggestion) -> str:
    """The document after accepting."""
    return cursor.before + suggestion.text + cursor.after[suggestion.replace_after :]

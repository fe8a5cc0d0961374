"""A last line that the token limit, or our patience, cut in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor


def half_line(text: str, _cursor: Cursor) -> str:
    r"""The whole lines, up to and with the last `\n`. The only line of a text stays: half of it may be what is wanted.

    Runs only where the answer was cut, so it is in neither pipeline.
    """
    whole = text[: text.rfind("\n") + 1]
    return whole if whole.strip() else text

"""Code from elsewhere that a model is shown beside the text around the cursor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snippet:
    r"""A piece of another file, or of a far part of the same file.

    Attributes:
        path: as a model may see it: relative to the workspace, with `/`; never the user's home folder.
        text: whole lines with `\n` endings, the last one included.
        line: where its first line stands in its file, from zero.
        source: the file of context/sources that found it, such as `definitions`.
        why: for the user: "Order, imported in line 3".
        score: how much it should help, 0 to 1, comparable between sources.
    """

    path: str
    text: str
    line: int
    source: str
    why: str
    score: float

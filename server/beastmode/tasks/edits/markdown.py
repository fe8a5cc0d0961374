"""What stands around the edits of an answer: thinking, fences, and the lines that name a file.

Nothing here ever reaches a file: it only tells where the edits begin, end, and belong.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from beastmode.tasks.edits.change import Proposal
from beastmode.tasks.edits.errors import CannotApply

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAG = r"(?:think|thinking|thought|reasoning|seed:think)"
_OPEN = re.compile(rf"\s*(?:<({_TAG})>|(\[THINK\])|(◁think▷))", re.IGNORECASE)
_CLOSE_ALONE = re.compile(rf"\s*(?:</{_TAG}>|\[/THINK\]|◁/think▷)\s*", re.IGNORECASE)
_TAG_STARTS = frozenset("<[◁")
_CHANNEL = re.compile(r"\s*(?:<\|[a-z_]+\|>(?:assistant)?\s*)*<\|channel\|>(?:analysis|commentary)\b")
_FINAL = "<|channel|>final<|message|>"
_TOKENS_AT_END = re.compile(r"(?:\s*(?:<\|[a-z_]{1,20}\|>|</s>))+\s*\Z")
_TOKENS_WINDOW = 400
_LONGEST = 1_200
"""Characters of a line that may name a file."""
_FAR = 40
"""Lines above an edit among which its path is looked for."""
_DECORATION = re.compile(
    r"^(?:#{1,6}\s+|[-*+]\s+|\d+[.)]\s+|//\s*|<!--\s*|/\*\s*|>\s+)*(?:(?:file|path|filename)\s*:\s*)?", re.IGNORECASE
)
_ASIDE = re.compile(r"\s*(?:\*/|-->|\([^()]*\):?)$")
_ROOTED = re.compile(r"[A-Za-z]:[\\/]|[\\/~]|\.{1,2}[\\/]")
_QUOTED = re.compile(r"`([^`]+)`|\*\*([^*`]+)\*\*")
_PLAIN_NAMES = re.compile(r"[A-Za-z]*[Mm]akefile|[A-Z][a-z]+file|LICENSE|README|NOTICE|CHANGELOG|CODEOWNERS|VERSION")
_SUFFIXED = re.compile(r"[^\s/\\]*\.[\w-]{1,16}")
_DELETE = re.compile(r"DELETE FILE:?\s+(\S.*)")
_RENAME = re.compile(r"RENAME FILE:?\s+(\S.*?)\s+TO:?\s+(\S.*)")


class Fence(NamedTuple):
    """A line that opens or closes a fenced block: what stands before it, its marks, and what it says of the block."""

    indent: str
    marks: str
    info: str


def fence(line: str) -> Fence | None:
    """The fence that a line is."""
    bare = line.lstrip(" \t")
    if not bare.startswith(("```", "~~~")):
        return None
    info = bare.lstrip(bare[0])
    if bare[0] == "`" and "`" in info:
        return None
    return Fence(line[: len(line) - len(bare)], bare[: len(bare) - len(info)], info.strip())


def answer_lines(answer: str) -> list[str]:
    """The lines of an answer without the thinking before it and the control tokens behind it.

    Raises:
        CannotApply: there is nothing but thinking.
    """
    text = answer.replace("\r\n", "\n").removeprefix("\ufeff")
    head, tail = text[:-_TOKENS_WINDOW], text[-_TOKENS_WINDOW:]
    text = head + _TOKENS_AT_END.sub("\n", tail)
    if _CHANNEL.match(text):
        _, final, text = text.partition(_FINAL)
        if not final:
            raise unfinished_thinking()
    start = 0
    while opened := _OPEN.match(text, start):
        closed = _closer(opened).search(text, opened.end())
        if closed is None:
            raise unfinished_thinking()
        start = closed.end()
    return text[start:].split("\n")


def after_thinking(lines: Sequence[str], at: int) -> int:
    """Where to go on: behind the thinking that begins in this line, or this line itself.

    Raises:
        CannotApply: the thinking never ends.
    """
    opened = _OPEN.match(lines[at]) if lines[at].lstrip()[:1] in _TAG_STARTS else None
    if opened is None:
        return at
    closer = _closer(opened)
    for number in range(at, len(lines)):
        if closer.search(lines[number]):
            return number + 1
    raise unfinished_thinking()


def ends_thinking(line: str) -> bool:
    """Whether everything before this line was thinking whose beginning the model's template had said."""
    return line.lstrip()[:1] in _TAG_STARTS and _CLOSE_ALONE.fullmatch(line) is not None


def _closer(opened: re.Match[str]) -> re.Pattern[str]:
    text = (f"</{opened[1]}>", "[/THINK]", "◁/think▷")[(opened.lastindex or 1) - 1]
    return re.compile(re.escape(text), re.IGNORECASE)


def unfinished_thinking() -> CannotApply:
    """The error of an answer that is all thinking."""
    return CannotApply(
        "The answer ended while the model was still thinking", "Think less, and give the edits.",
        "Nothing was written: allow the model more tokens, or turn its thinking off",
    )  # fmt: skip


class Headings:
    """Which file the next edit is for, as the lines above it say. A line that is a path alone counts most."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_FAR)

    def read(self, line: str) -> None:
        """Remember a line that stands outside of every edit."""
        if line and len(line) <= _LONGEST and not line.isspace():
            self._lines.append(line)

    def take(self) -> str:
        """The path, '' where none was named since the last time."""
        lines, self._lines = self._lines, deque(maxlen=_FAR)
        for told in (_path_as_heading, _path_in_prose):
            for line in reversed(lines):
                if path := told(line):
                    return path
        return ""


def _path_as_heading(line: str) -> str:
    found = fence(line)
    return path_in_info(found.info) if found else path_alone(line)


def path_alone(line: str) -> str:
    """The path that a line consists of, '' where it is something else."""
    if len(line) > _LONGEST:
        return ""
    rest = _DECORATION.sub("", line.strip(" \t"), count=1)
    rest = _ASIDE.sub("", rest).removesuffix(":")
    stripped = rest.strip("*`\"' ").removesuffix(":")
    if _ROOTED.match(stripped):
        return stripped
    is_quoted = rest[:1] in "*`\"'" and not any(mark in stripped for mark in "*`")
    if " " in stripped and not is_quoted:
        return ""
    return stripped if _looks_like_path(stripped.replace(" ", "_")) else ""


def path_in_info(info: str) -> str:
    """The path in what an opening fence says: `python src/a.py`, `python:src/a.py`, `title="src/a.py"`."""
    for word in re.split(r"[\s:]+(?![\\/])|=", info):
        bare = word.strip("\"'`{}")
        if "/" in bare or "\\" in bare or (_SUFFIXED.fullmatch(bare) and not bare.startswith(".")):
            return bare
    return ""


def _path_in_prose(line: str) -> str:
    quoted = {one or other for one, other in _QUOTED.findall(line)}
    paths = [path for path in quoted if _looks_like_path(path.strip())]
    return paths[0].strip() if len(paths) == 1 else ""


def _looks_like_path(text: str) -> bool:
    return bool(_SUFFIXED.fullmatch(text) or _PLAIN_NAMES.fullmatch(text)) or (
        ("/" in text or "\\" in text) and "://" not in text and not text.startswith("<")
    )


def command(line: str, at: int) -> Proposal | None:
    """`DELETE FILE path` or `RENAME FILE path TO path` on a line of its own."""
    bare = line.strip(" \t*`") if "FILE" in line and len(line) <= _LONGEST else ""
    if bare.startswith("DELETE FILE") and (found := _DELETE.fullmatch(bare)):
        return Proposal(_unquoted(found[1]), "delete", at=at)
    if bare.startswith("RENAME FILE") and (found := _RENAME.fullmatch(bare)):
        return Proposal(_unquoted(found[1]), "rename", new_path=_unquoted(found[2]), at=at)
    return None


def _unquoted(path: str) -> str:
    return path.strip("`\"'* ")


COMMANDS = """\
- To delete a file, write on a line of its own: DELETE FILE path/of/file
- To rename a file, write on a line of its own: RENAME FILE old/path TO new/path
- Never shorten code with "..." or a comment such as "rest unchanged": what you write is put into the file as it is."""

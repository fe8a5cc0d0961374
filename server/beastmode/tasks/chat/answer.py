"""What stands in an answer: references to the workspace and blocks of code. It is hostile text, and only looked at.

Scanning is pure and takes time in proportion to the text. A reference becomes a citation only where the workspace has
that file, with that line, for a model to see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from beastmode.context.exclude import is_sensitive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from beastmode.tasks.chat.reading import Desk, Text
    from beastmode.tasks.chat.turns import Source

MOST_CITATIONS = 200
LONGEST_INFO = 400
"""Characters behind a fence that are looked at, and of a line that may name a file."""
MOST_FILES = 100
"""Different paths of an answer that are looked up."""

_LINES = r"(?::|#L|,?\s\(?lines?\s)(?P<start>\d{1,7})(?:\s?[-\u2013]\s?L?(?P<end>\d{1,7}))?"
_REFERENCE = re.compile(rf"(?<![\w@+./\\:-])(?P<path>[\w@+./\\-]++){_LINES}")
_FENCE = re.compile(r"(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)")
_SAID = re.compile(r"(?:title|file|filename|path)\s*[=:]\s*[\"']?(?P<path>[^\"'\s}]+)")
_COMMENT = re.compile(r"\s*(?://|#|--|/\*|<!--|;|%)\s*(?:file(?:name)?:\s*)?(?P<path>[^\s:]+)\s*(?:\*/|-->)?\s*")
_HEADING = re.compile(r"[\s>*_`#-]*(?:file(?:name)?:?[\s*_`]+)?(?P<path>[^\s`*:]+)[\s*_`:]*", re.IGNORECASE)
_PLAIN_PATH = re.compile(r"[^\x00-\x20\x7f\"'`<>|*?:]{1,300}")
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")


@dataclass(frozen=True, slots=True)
class Citation:
    """A reference: as it is written in the answer, and where it leads; lines from zero, both included."""

    written: str
    path: str
    real: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block: its language as written, the path that the answer gives it, which need not exist, or ''.

    `is_whole`: its end was marked; one that is not may have been cut off.
    """

    language: str
    path: str
    text: str
    is_whole: bool = True


def citations(answer: str, sources: Sequence[Source], desk: Desk) -> tuple[Citation, ...]:
    """The references in an answer that lead to lines of the workspace, each once. Reads the disk.

    Args:
        answer: the model's text.
        sources: what it was shown: a file's name alone is enough where it can only mean one of these.
        desk: the workspace.
    """
    found: dict[str, Citation] = {}
    texts: dict[str, Text | None] = {}
    for match in _references(answer, sources):
        path = match["path"].replace("\\", "/").removeprefix("./")
        if path not in texts:
            if len(texts) >= MOST_FILES:
                continue
            texts[path] = _file(path, sources, desk)
        text, start = texts[path], int(match["start"]) - 1
        if text is None or not 0 <= start < len(text.lines) or len(found) >= MOST_CITATIONS:
            continue
        end = max(start, min(int(match["end"] or match["start"]), len(text.lines)) - 1)
        found.setdefault(match[0], Citation(match[0], text.path, text.real, start, end))
    return tuple(found.values())


def _references(answer: str, sources: Sequence[Source]) -> Iterator[re.Match[str]]:
    yield from _REFERENCE.finditer(answer)
    # Paths with blanks, brackets or parentheses are known only where the model was shown them.
    odd = {source.path for source in sources if source.path and not re.fullmatch(r"[\w@+./\\-]+", source.path)}
    if odd:
        names = "|".join(re.escape(path) for path in sorted(odd, key=len, reverse=True))
        yield from re.finditer(rf"(?P<path>{names}){_LINES}", answer)


def _file(path: str, sources: Sequence[Source], desk: Desk) -> Text | None:
    text = desk.find(path)
    if text is None:
        meant = {source.path for source in sources if source.path.endswith(f"/{path}")}
        text = desk.find(meant.pop()) if len(meant) == 1 else None
    return text


def code_blocks(answer: str) -> tuple[CodeBlock, ...]:
    """The fenced blocks of an answer, in order; one that the answer does not close ends with it."""
    blocks: list[CodeBlock] = []
    opened: re.Match[str] | None = None
    inside: list[str] = []
    said, last = "", ""
    for line in answer.split("\n"):
        fence = _FENCE.match(line)
        if opened is None:
            if fence is not None:
                opened, inside, said = fence, [], last
            last = line if line.strip() else last
        elif fence is not None and fence["fence"].startswith(opened["fence"]) and not fence["info"].strip():
            blocks.append(_block(opened, inside, said, is_whole=True))
            opened, last = None, ""
        else:
            inside.append(line)
    if opened is not None:
        blocks.append(_block(opened, inside, said, is_whole=False))
    return tuple(blocks)


def _block(opened: re.Match[str], lines: Sequence[str], said: str, *, is_whole: bool) -> CodeBlock:
    indent = opened["indent"]
    text = "".join(f"{line.removeprefix(indent)}\n" for line in lines)
    info = opened["info"][:LONGEST_INFO]
    words = info.strip().strip("{}").split()
    first = words[0].removeprefix(".") if words else ""
    language, _, glued = first.partition(":")
    if _is_path(language):
        language, glued = PurePosixPath(language).suffix.removeprefix("."), language
    return CodeBlock(
        language if _LANGUAGE.fullmatch(language) else "",
        next(_paths(info, glued, words[1:], lines, said), ""),
        text,
        is_whole,
    )


def _paths(info: str, glued: str, words: Iterable[str], lines: Sequence[str], said: str) -> Iterator[str]:
    """Where an answer may say which file a block belongs to, the most certain first."""
    named = _SAID.search(info)
    if named is not None and (path := normalised(named["path"])):
        yield path
    for word in (glued.rpartition(":")[2], *words):
        if _is_path(word):
            yield normalised(word)
    for line, form in ((lines[0] if lines else "", _COMMENT), (said, _HEADING)):
        found = form.fullmatch(line[:LONGEST_INFO])
        if found is not None and _is_path(found["path"]):
            yield normalised(found["path"])


def _is_path(word: str) -> bool:
    name = word.replace("\\", "/").rpartition("/")[2]
    return "." in name.strip(".") and "=" not in word and bool(normalised(word))


def normalised(path: str) -> str:
    """A path of an answer as one of the workspace, '' where it leads out of it, to a secret, or nowhere at all.

    Whether it may be written is for tasks/edits to say; here it is only shown.
    """
    path = path.replace("\\", "/").removeprefix("./")
    parts = path.split("/")
    is_plain = _PLAIN_PATH.fullmatch(path) is not None and not path.startswith("~")
    if not is_plain or any(part in {"", ".", "..", ".git"} for part in parts) or is_sensitive(path):
        return ""
    return path

r"""Between the bytes of a file and its text: byte order mark and line ends come off, and go back as they were."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from beastmode.tasks.edits.change import split
from beastmode.tasks.edits.difference import opcodes
from beastmode.tasks.edits.errors import CannotApply

_MARK = b"\xef\xbb\xbf"
_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")


@dataclass(frozen=True, slots=True)
class Original:
    """A file as it was read: its text, and the SHA-256 in hex of what is on disk."""

    text: str
    checksum: str


def checksum(content: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(content).hexdigest()


def decode(content: bytes, path: str) -> str:
    r"""The text of a file with `\n` line ends, without a byte order mark.

    Raises:
        CannotApply: it is not text in UTF-8.
    """
    try:
        text = content.removeprefix(_MARK).decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise CannotApply(
            f"{path} is not a text file in UTF-8",
            "Leave this file as it is.",
            "Nothing was written: change this file yourself, or save it as UTF-8 first",
            path=path,
        )
    return text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")


def encode(text: str, like: bytes | None) -> bytes:
    """A text as bytes: with the byte order mark and the line ends of what the file held before, line by line."""
    if like is None:
        return text.encode()
    mark = _MARK if like.startswith(_MARK) else b""
    old = like.removeprefix(_MARK).decode("utf-8")
    crlf, newlines = old.count("\r\n"), old.count("\n")
    if not newlines and "\r" in old:
        text = text.replace("\n", "\r")
    elif crlf and crlf == newlines:
        text = text.replace("\n", "\r\n")
    elif crlf:
        text = _mixed(text, old, "\r\n" if crlf * 2 > newlines else "\n")
    return mark + text.encode()


def _mixed(text: str, old: str, newline: str) -> str:
    """Lines that stay keep their own end; new ones get the usual one."""
    before = _LINE.findall(old)
    old_lines, lines = split(old.replace("\r\n", "\n")), split(text)
    ends = [newline] * len(lines)
    for tag, i, _, j, j_end in opcodes(old_lines, lines):
        if tag == "equal":
            for at in range(j_end - j):
                end = before[i + at].removeprefix(old_lines[i + at])
                ends[j + at] = end or newline
    if lines and not text.endswith("\n"):
        ends[-1] = ""
    return "".join(map(str.__add__, lines, ends))

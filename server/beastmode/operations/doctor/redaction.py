"""Takes out of a text everything that may be the user's: what is kept is what this program itself could have said.

A list of things to hide would miss the one that nobody thought of. So it is the other way round: only words that stand
in a message of our own source are kept, and short numbers; paths, URLs and quoted text go as wholes.
"""

from __future__ import annotations

import ast
import builtins
import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from beastmode.domain.model import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[2]
GONE = "…"
MOST_DIGITS = 5

_WORD = r"[^\W\d_][\w-]*"
_PARTS = re.compile(
    r"""(?P<url>[a-z][a-z0-9+.-]*://[^\s"'`,;()]+)
    | (?P<path>(?<![\w.])(?:~|[A-Za-z]:)?[\\/][^\s"'`,;:()]+ | [\w.-]+[\\/][^\s"'`,;:()]+)
    | (?P<quoted>"[^"\n]*" | '[^'\n]*' | “[^”\n]*”)
    | (?P<number>\d+(?:[.:,]\d+)*(?![\w-]))
    | (?P<word>[\w][\w-]*)
    | (?P<plain>[\s.,:;()%]+)
    | (?P<other>.)""",
    re.VERBOSE,
)
_OURS = re.compile(r'^\s*File "[^"]*[\\/]beastmode[\\/](?P<file>[\w\\/]+\.py)", line (?P<line>\d+), in (?P<name>\w+)$')


class Redactor:
    """Made once; reading the vocabulary takes a second."""

    def __init__(self) -> None:
        self._known = {word for text in _messages() for word in re.findall(_WORD, text)}

    def text(self, line: str) -> str:
        """What of a line is ours."""
        return re.sub(rf"{GONE}[\s{GONE}]*{GONE}", GONE, "".join(map(self._part, _PARTS.finditer(line))))

    def trace(self, line: str) -> str:
        """The same for a line that may be of a traceback: places in our own files are kept."""
        found = _OURS.match(line)
        if found is None or not (PACKAGE / found["file"]).is_file():
            return self.text(line)
        return f"  beastmode/{found['file']}:{found['line']} {found['name']}"

    def _part(self, found: re.Match[str]) -> str:
        kind, text = str(found.lastgroup), found.group()
        if kind == "url":
            return "<local URL>" if _is_local(text) else "<URL>"
        if kind in {"path", "quoted"}:
            return f"<{kind}>"
        short = kind == "number" and sum(map(str.isdigit, text)) <= MOST_DIGITS
        return text if short or kind == "plain" or text in self._known else GONE


def _is_local(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname) and is_loopback(url)
    except ValueError:
        return False


def _messages() -> Iterator[str]:
    """Every text in our source that is no documentation, and what Python and the operating system say of errors."""
    yield "Traceback (most recent call last)"
    yield from map(os.strerror, errno.errorcode)
    yield from (name for name in dir(builtins) if name.endswith(("Error", "Exception", "Warning")))
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_bytes())
        documentation = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                yield node.value

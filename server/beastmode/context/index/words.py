"""From text to the words that are looked for: identifiers whole and in parts, alike in the index and in a question.

Apart because both sides must agree to the letter: the index holds no copy of these words, so what `words` gives for
a text is also what takes the text out again. A change here needs a new `tables.VERSION`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONGEST = 64
"""Characters; a longer run without a break is a hash, a key or encoded data."""
_RUN = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Too common to tell one place from another; leaving them out also makes the index a quarter smaller.
_TOO_COMMON = (
    "a an and are as at be by can do does for from has have how i if in into is it its me my not of on or our that "
    "the their then there these this to was we what when where which who why will with you your class const def else "
    "elif end false fn func function import include int let new nil none null public private pub return self static "
    "str string struct true type use using var void while"
)
_COMMON = frozenset(_TOO_COMMON.split())


def words(text: str) -> list[str]:
    """Every word of a text in order, with repetitions: `getUserName` is `getusername get user name`."""
    return [word for run in _RUN.findall(text) for word in _of_run(run)]


def asked(texts: Iterable[str]) -> list[str]:
    """The words of a question, each once."""
    return list(dict.fromkeys(word for text in texts for word in words(text)))


@lru_cache(maxsize=16_384)
def _of_run(run: str) -> tuple[str, ...]:
    if len(run) > _LONGEST:
        return ()
    parts = [part.lower() for part in (_PART.findall(run) if run.isascii() else _parts(run))]
    whole = run.lower()
    found = parts if parts == [whole] or not run.isascii() else [whole, *parts]
    return tuple(word for word in found if (len(word) > 1 or ord(word[0]) > _LAST_LATIN) and word not in _COMMON)


_LAST_LATIN = 0x24F
"""Beyond it a single letter may be a word: Chinese, Japanese."""
_IDEOGRAPHS = 0x2E80
"""From here on writing has no spaces: every two neighbours make a word."""


def _parts(run: str) -> Iterator[str]:
    """The same for other alphabets, whose capitals a regular expression cannot tell."""
    start = 0
    for at in range(1, len(run) + 1):
        if at == len(run) or _breaks(run[at - 1], run[at]):
            part = run[start:at].strip("_")
            start = at
            if not part:
                continue
            if ord(part[0]) < _IDEOGRAPHS or len(part) == 1:
                yield part
            else:
                yield from (part[n : n + 2] for n in range(len(part) - 1))
    if "_" in run:
        yield run


def _breaks(left: str, right: str) -> bool:
    return (
        left == "_"
        or right == "_"
        or (left.islower() and right.isupper())
        or left.isdigit() != right.isdigit()
        or (ord(left) < _IDEOGRAPHS) != (ord(right) < _IDEOGRAPHS)
    )

"""How often a file says a name: in code, in strings and in comments, so that what seems unused really is."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.context.opportunities.code import Code

_WORD = re.compile(r"[\w$]+")


@lru_cache(maxsize=2)
def _counted(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text))


def mentions(code: Code, name: str) -> int:
    """How many times the file has the name as a whole word, anywhere."""
    return _counted(code.syntax.text)[name]


def mentions_in(text: str, name: str) -> int:
    """The same for a piece of text."""
    return len(re.findall(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text))

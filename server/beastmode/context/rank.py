"""Which of the snippets that were found a model is shown, and in which order. Pure.

Separate because the sources know nothing of one another: two may find the same code, all of them together find more
than there is room for, and none of them may show what is in the window already or what no model may see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from beastmode.context.exclude import is_sensitive
from beastmode.context.window import BYTES_PER_TOKEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from beastmode.domain.context import Snippet

MOST_OF_A_SOURCE = 6
"""Snippets of one source that are shown."""
LEAST_SHARE = 256
"""Tokens that one source may always take; above that, half of what there is while others have something to show."""
OVERLAP = 0.8
"""Part of a snippet's lines that stand elsewhere too, from which on it is a copy: models repeat what they see twice."""
STAYS = 0.1
"""How much better a new snippet must be to push out one that is shown already and in a server's cache."""
TOKENS_PER_SNIPPET = 8
"""For what a wire format writes around it."""
LONGEST_LINE = 500
"""Characters; what has longer ones was made by a program."""
MOST_LEFT_OUT = 20

_LEAST_LINE = 4
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")
_ASSIGNMENT = re.compile(r"(export )?[A-Z][A-Z0-9_]*=\S")


@dataclass(frozen=True, slots=True)
class Ranked:
    """What is shown, in order, and what is not: (source, why)."""

    snippets: tuple[Snippet, ...]
    left_out: tuple[tuple[str, str], ...]


def rank(
    found: Mapping[str, Sequence[Snippet]], shown: Iterable[str], tokens: int, before: Sequence[Snippet] = ()
) -> Ranked:
    """The best of what was found, within a budget.

    Args:
        found: by source, in the order in which sources are shown: the least-changing first.
        shown: texts that the model sees anyway: the window, a notebook's cells above.
        tokens: room for all snippets together, estimated by their bytes.
        before: what the model was shown the last time: it keeps its place where it is still found, and new snippets
            come behind it, so that a server's cache is reused.
    """
    choice = _Choice(tokens, significant("\n".join(shown)), frozenset(map(_identity, before)))
    candidates = [choice.fitted(each) for snippets in found.values() for each in snippets]
    candidates.sort(key=lambda each: (-choice.worth(each), each.path, each.line, each.text))
    waiting = [each for each in candidates if choice.take(each, shares=True)]
    for each in waiting:
        choice.take(each, shares=False)
    place = {_identity(each): number for number, each in enumerate(before)}
    group = {name: number for number, name in enumerate(found)}
    behind = len(place)
    choice.taken.sort(
        key=lambda each: (place.get(_identity(each), behind), group.get(each.source, 0), each.path, each.line)
    )
    return Ranked(tuple(choice.taken), tuple(islice(dict.fromkeys(choice.left_out), MOST_LEFT_OUT)))


class _Choice:
    """The snippets taken so far and the room that is left."""

    def __init__(self, tokens: int, shown: frozenset[str], before: Collection[tuple[str, str, str]]) -> None:
        self.taken: list[Snippet] = []
        self.left_out: list[tuple[str, str]] = []
        self._room = tokens
        self._share = max(tokens // 2, min(tokens, LEAST_SHARE))
        self._lines: list[frozenset[str]] = []
        self._shown = shown
        self._before = before

    def fitted(self, snippet: Snippet) -> Snippet:
        """Cut to a source's share at whole lines; the same cut whatever else was found, for the cache's sake."""
        room = (self._share - TOKENS_PER_SNIPPET) * BYTES_PER_TOKEN - _size(snippet.path)
        if _size(snippet.text) <= room:
            return snippet
        kept = []
        for line in snippet.text.splitlines(keepends=True):
            room -= _size(line)
            if room < 0:
                break
            kept.append(line)
        return replace(snippet, text="".join(kept))

    def worth(self, snippet: Snippet) -> float:
        """The score, and a little more for what is shown already."""
        return snippet.score + (STAYS if _identity(snippet) in self._before else 0)

    def take(self, snippet: Snippet, *, shares: bool) -> bool:
        """Take a snippet or leave it out; whether it may still come in when every source had its share."""
        cost = cost_of(snippet)
        if cost > self._room:
            self.leave(snippet, "no room left")
            return False
        lines, refusal = _looked_at(snippet.text)
        of_source = [each for each in self.taken if each.source == snippet.source]
        if is_sensitive(snippet.path):
            refusal = "may hold secrets"
        elif not refusal and len(lines & self._shown) > OVERLAP * len(lines):
            refusal = "overlaps the window"
        elif not refusal and any(_overlap(lines, others) > OVERLAP for others in self._lines):
            refusal = "overlaps a better one"
        elif not refusal and len(of_source) >= MOST_OF_A_SOURCE:
            refusal = "others of this source are better"
        if refusal:
            self.leave(snippet, refusal)
            return False
        if shares and cost + sum(map(cost_of, of_source)) > self._share:
            return True
        self._room -= cost
        self._lines.append(lines)
        self.taken.append(snippet)
        return False

    def leave(self, snippet: Snippet, why: str) -> None:
        """Remember why a snippet is not shown."""
        self.left_out.append((snippet.source, f"{snippet.path}:{snippet.line + 1}: {why}"))


def cost_of(snippet: Snippet) -> int:
    """Tokens that a snippet takes in a prompt, estimated."""
    return -(-(_size(snippet.text) + _size(snippet.path)) // BYTES_PER_TOKEN) + TOKENS_PER_SNIPPET


def significant(text: str) -> frozenset[str]:
    """The lines of a text that say something: no blank ones, no lone brackets and keywords."""
    lines = (line.strip() for line in text.split("\n"))
    return frozenset(line for line in lines if len(line) > _LEAST_LINE and any(map(str.isalnum, line)))


def holds_secrets(text: str) -> bool:
    """Whether a text is one that no model may see whatever its file is called: a private key, an unsaved `.env`."""
    if _PRIVATE_KEY.search(text):
        return True
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    return sum(_ASSIGNMENT.match(line) is not None for line in lines) * 2 > len(lines)


@lru_cache(maxsize=256)
def _looked_at(text: str) -> tuple[frozenset[str], str]:
    """What a snippet says, and why it is not to be shown; the same snippets come back from line to line."""
    if holds_secrets(text):
        return frozenset(), "may hold secrets"
    if any(len(line) > LONGEST_LINE for line in text.split("\n")):
        return frozenset(), "has very long lines"
    lines = significant(text)
    return lines, "" if lines else "says nothing"


def _overlap(some: frozenset[str], others: frozenset[str]) -> float:
    """The part of the smaller one that stands in the other one."""
    small, large = sorted((some, others), key=len)
    return len(small & large) / len(small)


def _identity(snippet: Snippet) -> tuple[str, str, str]:
    return snippet.source, snippet.path, snippet.text


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))

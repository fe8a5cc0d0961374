"""How hard a request is, for routing hard work to the model that the user chose for it. Pure, and it says why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.request import ChatRequest, EmbedRequest, Task

if TYPE_CHECKING:
    from beastmode.domain.request import Request

CHARACTERS_PER_TOKEN = 3.5
HARD = 3
"""Points from which a request is hard."""
LONG_TOKENS, VERY_LONG_TOKENS = 2_000, 8_000
TASK_POINTS = {Task.FEATURE: 2, Task.REFACTOR: 1, Task.TESTS: 1}
THINKING = re.compile(
    r"\b(architect\w*|design|trade-?offs?|deadlock\w*|race condition\w*|concurren\w+|prove|proof|algorithm\w*"
    r"|complexity|migrat\w+|security|vulnerab\w+|root cause|step by step|across (the )?(files|modules|code ?base))\b",
    re.IGNORECASE,
)
ROUTINE = re.compile(r"\b(rename|typo|docstring|comment|format|translate|boilerplate|getter|setter)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Complexity:
    """Points, and one reason for each."""

    points: int
    reasons: tuple[str, ...]

    @property
    def is_hard(self) -> bool:
        """Whether the user's model for hard work should have it."""
        return self.points >= HARD


def length(request: Request) -> int:
    """Characters that the model has to read."""
    if isinstance(request, ChatRequest):
        return sum(len(message.text) for message in request.messages)
    if isinstance(request, EmbedRequest):
        return sum(map(len, request.texts))
    return len(request.prefix) + len(request.suffix) + sum(len(snippet.text) for snippet in request.snippets)


def tokens(characters: int) -> int:
    """About how many tokens so many characters of code are."""
    return round(characters / CHARACTERS_PER_TOKEN)


def complexity(request: Request) -> Complexity:
    """Judge by the size of the context, the kind of task and the user's own words; completing code is never hard."""
    if not isinstance(request, ChatRequest):
        return Complexity(0, ("completing code is routine",))
    found = [(TASK_POINTS[request.task], f"the task is {request.task}")] if request.task in TASK_POINTS else []
    size = tokens(length(request))
    if size >= VERY_LONG_TOKENS:
        found.append((2, f"about {size} tokens of context"))
    elif size >= LONG_TOKENS:
        found.append((1, f"about {size} tokens of context"))
    words = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
    thinking = sorted({match.group(0).lower() for match in THINKING.finditer(words)})
    if thinking:
        found.append((min(2, len(thinking)) + 1, f"the words {', '.join(thinking)}"))
    if ROUTINE.search(words):
        found.append((-1, "the words of a routine task"))
    if request.tools:
        found.append((1, f"{len(request.tools)} tools to choose from"))
    return Complexity(sum(points for points, _ in found), tuple(f"{points:+d}: {reason}" for points, reason in found))

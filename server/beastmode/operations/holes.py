"""Known holes in small pieces of code, and what an answer to one of them is worth. Pure.

They come in twins: the same text before, different text after, and so a different right filling. Whoever does not see
what follows gives both twins the same answer, and gets one of them right at best. All of them stand in the middle of a
line or a block, where knowing what follows matters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from beastmode.domain.request import FimRequest, Task
from beastmode.operations.fim_templates import all_marks

MAX_TOKENS = 16
"""Three times the longest filling: enough to see whether a model stops where it should."""

WRAPPINGS = ("```", "<think>", "</think>")
"""What chat models put around code."""


@dataclass(frozen=True, slots=True)
class Hole:
    """The text around a hole, and what belongs into it."""

    language: str
    path: str
    prefix: str
    suffix: str
    filling: str

    def request(self, *, blind: bool = False) -> FimRequest:
        """The question; `blind` leaves out what follows the hole. No stops: where to end is the model's to know."""
        return FimRequest(
            self.prefix, "" if blind else self.suffix, self.path, self.language, Task.PROBE, max_tokens=MAX_TOKENS
        )


class Verdict(StrEnum):
    """What an answer was."""

    FILLED = "filled"
    RAN_ON = "ran on"
    """It begins right and goes on where it should have stopped, mostly by repeating what follows."""
    WRONG = "wrong"
    EMPTY = "empty"
    LEAKED = "leaked"
    """It has a template's token, a fence or a thought in it."""


POINTS = {Verdict.FILLED: 1.0, Verdict.RAN_ON: 0.5}
"""Of one point a hole."""


def judge(hole: Hole, answer: str) -> Verdict:
    """Compare an answer with the known filling; blanks and line breaks do not count."""
    if any(mark in answer for mark in (*all_marks(), *WRAPPINGS)):
        return Verdict.LEAKED
    if not answer.strip():
        return Verdict.EMPTY
    right = r"\s*".join(re.escape(character) for character in "".join(hole.filling.split()))
    found = re.match(rf"\s*{right}(?!\w)", answer)
    if found is None:
        return Verdict.WRONG
    return Verdict.RAN_ON if answer[found.end() :].strip() else Verdict.FILLED


def _twins(language: str, path: str, prefix: str, *after: tuple[str, str]) -> tuple[Hole, ...]:
    return tuple(Hole(language, path, prefix, suffix, filling) for suffix, filling in after)


HOLES: tuple[Hole, ...] = (
    *_twins(
        "python",
        "areas.py",
        "import math\n\nrectangle = lambda width, height: width * height\nshape = lambda ",
        (": base * height / 2\nprint(shape(3, 4))\n", "base, height"),
        (": math.pi * radius ** 2\nprint(shape(3))\n", "radius"),
    ),
    *_twins(
        "javascript",
        "labels.js",
        'const greet = (name) => "Hello " + name;\nconst label = (',
        (') => city + ", " + country;\nconsole.log(label("Oslo", "Norway"));\n', "city, country"),
        (') => first + " " + last;\nconsole.log(label("Ada", "Lovelace"));\n', "first, last"),
    ),
    *_twins(
        "go",
        "size.go",
        "func double(number int) int {\n\treturn number * 2\n}\n\nfunc size(",
        (" int) int {\n\treturn width * height\n}\n", "width, height"),
        (" int) int {\n\treturn side * side\n}\n", "side"),
    ),
    *_twins(
        "python",
        "read.py",
        "import ",
        ("\ndata = json.loads('[1, 2, 3]')\nprint(data)\n", "json"),
        ("\nroot = math.sqrt(16)\nprint(root)\n", "math"),
    ),
    *_twins(
        "go",
        "main.go",
        'package main\n\nimport "',
        ('"\n\nfunc main() {\n\tfmt.Println("ready")\n}\n', "fmt"),
        ('"\n\nfunc main() {\n\tos.Exit(1)\n}\n', "os"),
    ),
)

FIRST = 4
"""So many holes show which ways are worth more questions: two pairs of twins, in two languages."""

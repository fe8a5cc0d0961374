"""Reading a client's request field by field: what is wrong is named by its place, as in `messages[2].content`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from beastmode.domain.errors import UserError


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a request and where it stands there. A missing value is None, and null the same as missing."""

    value: Any
    path: str = ""

    def at(self, name: str) -> Place:
        """A field of this object."""
        return Place(self.mapping().get(name), f"{self.path}.{name}" if self.path else name)

    def items(self) -> list[Place]:
        """The parts of this list; none where it is missing."""
        if not isinstance(self.value, list | None):
            raise self.wrong("a list")
        return [Place(value, f"{self.path}[{number}]") for number, value in enumerate(self.value or ())]

    def mapping(self) -> dict[str, Any]:
        """This object; {} where it is missing."""
        if not isinstance(self.value, dict | None):
            raise self.wrong("an object")
        return self.value or {}

    def text(self) -> str:
        """This string; "" where it is missing."""
        if not isinstance(self.value, str | None):
            raise self.wrong("a string")
        return self.value or ""

    def name(self) -> str:
        """This string, which may not be missing or empty."""
        if not isinstance(self.value, str) or not self.value:
            raise self.wrong("a string that is not empty")
        return self.value

    def flag(self) -> bool:
        """This truth value; False where it is missing."""
        if not isinstance(self.value, bool | None):
            raise self.wrong("true or false")
        return bool(self.value)

    def number(self) -> float | None:
        """This number, None where it is missing."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | None):
            raise self.wrong("a number")
        try:
            number = None if self.value is None else float(self.value)
        except OverflowError:
            number = inf
        if number is not None and not isfinite(number):
            raise self.wrong("a number")  # `json` reads NaN and 1e999, which no endpoint does
        return number

    def count(self) -> int | None:
        """This number of tokens, None where it is missing."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | None) or self.value == 0:
            raise self.wrong("a whole number above 0")
        if self.value is not None and self.value < 0:
            raise self.wrong("a whole number above 0")
        return self.value

    def json(self) -> str:
        """This object as JSON text."""
        return json.dumps(self.mapping(), ensure_ascii=False)

    def wrong(self, expected: str, fix: str = "") -> UserError:
        """The error that says what belongs here; it never quotes what stands there."""
        return UserError(f"{self.path or 'the request'}: expected {expected}", fix)

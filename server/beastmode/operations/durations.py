"""Lengths of time as a person writes and reads them: `90s`, `15m`, `24h`, `7d`."""

from __future__ import annotations

import re

from beastmode.domain.errors import UserError
from beastmode.ledger.days import read_span

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_NAMES = {"s": "s", "m": "min", "h": "h", "d": "d"}
_DURATION = re.compile(r"(\d{1,6})\s*([smhd])")


def read_duration(option: str, text: str) -> float:
    """Seconds.

    Raises:
        UserError: it is no length of time; `option` names where it was written.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise UserError(f"{option} {text} is no length of time", "Write it as 90s, 15m, 24h or 7d")
    return float(found[1]) * _SECONDS[found[2]]


def is_duration(text: str) -> bool:
    """Whether a text is one."""
    return _DURATION.fullmatch(text.strip().lower()) is not None


def read_since(text: str, now: float) -> float:
    """When something began (Unix time), before now: a length of time, or a moment as `read_span` takes it.

    Raises:
        UserError: it is neither, or still to come.
    """
    begins = now - read_duration("--since", text) if is_duration(text) else read_span(text, "", "")[0]
    if begins > now:
        raise UserError(f"--since {text} is still to come", "Name a moment before now")
    return min(max(begins, 1.0), now - 1.0)


def duration(seconds: float) -> str:
    """`15 min`, `24 h`: in the largest unit that leaves no rest, from two of it on."""
    for unit, size in sorted(_SECONDS.items(), key=lambda each: -each[1]):
        if seconds % size == 0 and (seconds >= 2 * size or size in {1, seconds}):
            return f"{seconds / size:.0f} {_NAMES[unit]}"
    return f"{seconds:g} s"

"""Quarters of an hour, by which feedback and silence are added up.

Every time zone's midnight begins one, so that local days and months are exact without a look at single rows. A span
that begins or ends inside a quarter counts all of it.
"""

from __future__ import annotations

from math import ceil

QUARTER = 900


def quarter_of(moment: float) -> int:
    """When the quarter of a moment (Unix time) began."""
    return int(moment // QUARTER) * QUARTER


def quarters(since: float, until: float) -> tuple[int, int]:
    """A span in whole quarters: the first, and the first after it."""
    return quarter_of(since), ceil(until / QUARTER) * QUARTER

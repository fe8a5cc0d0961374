"""What the server tells the process that keeps an index; apart, so that the server loads nothing else of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """What to keep: the workspace, the folder of indexes, the share of one processor; `once`: end when it is done."""

    root: str
    folder: str
    share: float
    once: bool

    def to_line(self) -> bytes:
        """As the process reads it; ASCII, so that a path of any bytes survives."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Order:
        """The order again."""
        return cls(**json.loads(line))

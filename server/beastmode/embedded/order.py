"""What a starting process tells the server process, as one JSON line on its standard input."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from beastmode import __version__

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Order:
    """Which file to serve and how.

    Attributes:
        name: what the API calls the model.
        path: the GGUF file.
        sha256: what its bytes must have; empty for a file that the user answers for.
        memory: bytes that must be free before it is loaded.
        context: tokens to keep room for.
        threads: None leaves it to the machine.
        grace_s: seconds to stay after the last user has gone.
        state: the file that tells others where the server is.
        log: where everything goes that the runtime prints.
    """

    name: str
    path: str
    sha256: str
    memory: int
    context: int
    threads: int | None
    grace_s: float
    state: str = ""
    log: str = ""

    def placed(self, folder: Path) -> Order:
        """The same order with its state and log files in `folder`.

        They are named so that every process that wants the same server of the same version of us finds it.
        """
        wanted = [__version__, self.path, self.sha256, self.context, self.threads]
        digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:16]
        return replace(self, state=str(folder / f"{digest}.json"), log=str(folder / f"{digest}.log"))

    def to_line(self, key: str) -> bytes:
        """The order and the key that the server shall ask for."""
        return json.dumps({"key": key, **asdict(self)}).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> tuple[Order, str]:
        """The order and the key."""
        found = json.loads(line)
        key = found.pop("key")
        return cls(**found), key

"""The process that looks at a whole workspace: apart from the server, so that no keystroke waits for it.

It reads one line, the order, and ends when its standard input does: that is how it is cancelled. It writes JSON lines:
how far it is, and last what it found.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from beastmode.context.index.places import read_regular
from beastmode.context.index.skipped import unreadable
from beastmode.context.index.walk import walk
from beastmode.context.opportunities.find import MOST_BYTES, gather, look
from beastmode.context.opportunities.forms import FORMS
from beastmode.context.opportunities.order import Order
from beastmode.context.syntax import language_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO, TextIO

    from beastmode.context.index.walk import Found
    from beastmode.context.opportunities.find import Seen

_TELL_S = 0.2
MOST_FILES = 50_000
"""Of one workspace; the rest is left out, and that is said."""


def main() -> None:
    """Do what the first line of standard input orders."""
    with suppress(OSError, AttributeError):
        os.nice(10)
    order = Order.from_line(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
    _say(sys.stdout, survey(order, lambda done, total: _say(sys.stdout, {"done": done, "total": total})))
    sys.stdout.flush()
    os._exit(0)  # the thread still waits for standard input to end


def survey(order: Order, tell: Callable[[int, int], None]) -> dict[str, object]:
    """Look at every file of a workspace that the user's ignore files leave, and that holds no secrets.

    Args:
        order: the workspace.
        tell: called now and then with the number of files that are done, and of all.

    Returns:
        What was found, the number of files that were looked at, and of those left out, by reason.
    """
    root = Path(order.root)
    left_out: Counter[str] = Counter()
    files = list(_files(root))
    seen: list[Seen] = []
    told = monotonic()
    for done, found in enumerate(files):
        if monotonic() - told > _TELL_S:
            tell(done, len(files))
            told = monotonic()
        if done >= MOST_FILES:
            left_out["too many files"] += 1
            continue
        each = _seen(root, found)
        if isinstance(each, str):
            left_out[each] += 1
        else:
            seen.append(each)
    opportunities = [asdict(opportunity) for opportunity in gather(seen)]
    return {"opportunities": opportunities, "files": len(seen), "left_out": dict(left_out)}


def _files(root: Path) -> Iterator[Found]:
    """The files of a language that we know."""
    for found in walk(root):
        if found is not None and language_of(os.fsdecode(found.key)) in FORMS:
            yield found


def _seen(root: Path, found: Found) -> Seen | str:
    """What a file says, or why it is left out."""
    if found.size > MOST_BYTES:
        return "too large"
    path = os.fsdecode(found.key)
    try:
        data = read_regular(root / path, MOST_BYTES + 1)
    except OSError:
        return "unreadable"
    reason = unreadable(data)
    if reason:
        return reason
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    shown = os.fsencode(path).decode("utf-8", "replace")
    return look(text, shown, language_of(path)) or "takes too long"


def _end_with(source: IO[bytes]) -> None:
    while source.read(1):
        pass
    os._exit(0)


def _say(out: TextIO, line: dict[str, object]) -> None:
    with suppress(OSError):  # whoever listened has gone
        print(json.dumps(line), file=out, flush=True)

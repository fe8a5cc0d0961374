"""What a model plans to do before it does it: read tolerantly, bounded, and every path checked like one of an edit."""

from __future__ import annotations

import json
import re
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from beastmode.tasks.chat.clean import one_line
from beastmode.tasks.edits import CannotApply
from beastmode.tasks.proposal import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from beastmode.tasks.edits import Guard

    Kind = Literal["create", "change", "rename", "delete"]

MOST_STEPS = 20
LONGEST_WHY = 200
LONGEST_LINE = 1_000
"""Characters of a line that may be a step; longer ones are none."""
MOST_LINES = 2_000

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("create", "creates", "add", "adds", "new", "write"), "create"),
    **dict.fromkeys(("change", "changes", "edit", "edits", "modify", "modifies", "update", "updates"), "change"),
    **dict.fromkeys(("rename", "renames", "move", "moves"), "rename"),
    **dict.fromkeys(("delete", "deletes", "remove", "removes"), "delete"),
}
_MARKUP = re.compile(r"[*`\"'#]+")
_BULLET = re.compile(r"[-+]|\d{1,3}[.)]")
_FILLERS = frozenset(("a", "an", "the", "new", "existing", "file", "files"))
_ARROWS = frozenset(("->", "=>", "→", "to"))
_LOOKS_LIKE_PATH = re.compile(r"[./\\]\w|^\w[\w-]*file$|^LICENSE|^README", re.IGNORECASE)


def read_plan(answer: str, guard: Guard) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps in an answer, and what was left out of it as sentences. Looks at the disk: for a thread."""
    steps: dict[str, Step] = {}
    refused: list[str] = []
    for step in _proposed(answer):
        if len(steps) >= MOST_STEPS:
            refused.append(f"The plan has more than {MOST_STEPS} files; the others are left out")
            break
        try:
            path = guard.check(step.path)
            new_path = guard.check(step.new_path) if step.new_path else ""
        except CannotApply as error:
            refused.append(error.message)
            continue
        steps.setdefault(path, Step(step.kind, path, step.why, new_path))
    return tuple(steps.values()), tuple(dict.fromkeys(refused))[:MOST_STEPS]


def _proposed(answer: str) -> Iterator[Step]:
    found = list(_in_json(answer))
    return iter(found) if found else _in_lines(answer)


def _in_json(answer: str) -> Iterator[Step]:
    """A plan given as JSON: a list of objects, or an object that holds one."""
    start = min((at for at in (answer.find("["), answer.find("{")) if at >= 0), default=-1)
    try:
        value: Any = json.JSONDecoder().raw_decode(answer[start:])[0] if start >= 0 else None
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict):
        value = next((each for each in value.values() if isinstance(each, list)), [])
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict):
            named = [each.get(name) for name in ("kind", "action", "path", "file", "why", "reason", "new_path", "to")]
            kind, action, path, file, why, reason, new, to = (str(text) if text else "" for text in named)
            if path or file:
                word = _KINDS.get((kind or action).lower(), "change")
                yield Step(word, path or file, _why(why or reason), (new or to) if word == "rename" else "")


def _in_lines(answer: str) -> Iterator[Step]:
    """A step a line: `create src/a.py: why`, in a list or not; or paths below a heading that says what of them."""
    under: Kind | None = None
    for line in answer.split("\n", MOST_LINES)[:MOST_LINES]:
        if not line.strip() or len(line) > LONGEST_LINE:
            continue
        words = _MARKUP.sub(" ", line.lstrip("> ")).replace("\u2014", " - ").split()
        is_item = bool(words) and _BULLET.fullmatch(words[0]) is not None
        words = words[1:] if is_item else words
        kind = _KINDS.get(words[0].strip("[]():").lower()) if words else None
        rest = words[1:] if kind else words
        rest = [*dropwhile(lambda word: word.strip(":").lower() in _FILLERS, rest)]
        if rest and (kind is not None or (is_item and under is not None)) and _is_path(rest[0]):
            yield _step(kind or under or "change", rest)
        elif not is_item:
            named = [word for word in map(str.lower, (each.strip(":") for each in words)) if word in _KINDS]
            is_heading = bool(words) and (words[-1].endswith(":") or line.lstrip().startswith("#"))
            under = _KINDS[named[0]] if named and is_heading else None


def _is_path(word: str) -> bool:
    return _LOOKS_LIKE_PATH.search(word) is not None


def _step(kind: Kind, words: list[str]) -> Step:
    path, new_path, rest = words[0].rstrip(":,;)").lstrip("("), "", words[1:]
    if kind == "rename" and len(rest) > 1 and rest[0].lower() in _ARROWS:
        new_path, rest = rest[1].rstrip(":,;)"), rest[2:]
    return Step(kind, path, _why(" ".join(rest)), new_path)


def _why(text: str) -> str:
    return one_line(text).strip(" \t:-\u2013()").strip()[:LONGEST_WHY]

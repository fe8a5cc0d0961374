"""What must not get into a file, though it could be written: thinking, placeholders, hidden letters, lost text.

Only what is new is judged: a file that speaks of `<think>` or holds a control character may go on doing so.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from beastmode.tasks.edits.change import split
from beastmode.tasks.edits.errors import CannotApply, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from beastmode.tasks.edits.change import FileEdit, Limits

_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]"
    r"|[\U000e0000-\U000e007f]"
)
r"""Control characters but \t, \n, \f, \r and NEL; what turns the direction of text around; tags; halves of pairs."""
_TAG = r"(?:think|thinking|thought|reasoning|seed:think)"
_THINKING = re.compile(rf"\s*(?:</?{_TAG}>|\[/?THINK\]|◁/?think▷|<\|[a-z_]{{1,20}}\|>)", re.IGNORECASE)
_THOUGHT = re.compile(rf"(?:</{_TAG}>|\[/THINK\]|◁/think▷|<\|(?:im_end|endoftext|eot_id)\|>)\Z", re.IGNORECASE)
_DOTS = r"(?:\.\.\.|…)"
_COMMENT = r"\s*(?:\#+|//+|/\*+|--|;+|%+|<!--|\{/\*|\"\"\"|')\s*[\[(]?"
_LEFT_OUT = (
    rf"{_DOTS}\s*(?:\*/|-->|\*/\}})?\s*\Z",  # ...
    rf"{_DOTS}[^\n]{{0,80}}\b(?:rest|remain\w*|existing|unchanged|previous|same|omitted|original|other)\b",
    rf"(?:the\s+)?(?:rest|remain\w*|existing|previous|original|other)\b[^\n]{{0,80}}{_DOTS}",
    r"(?:the\s+)?(?:rest of (?:the|your|this)|remaining|existing|other)\b[^\n]{0,60}\b(?:unchanged|go(?:es)? here)\b",
    r"(?:the\s+)?(?:rest of the|existing|other)\b[^\n]{0,60}\b(?:stays?|remains?) (?:the same|as is)\b",
    r"(?:the\s+|your\s+)?existing (?:code|methods|functions|imports|implementation)(?: here)?\s*(?:\*/|-->|\*/\})?\Z",
)
_PLACEHOLDER = re.compile(rf"{_COMMENT}(?:{'|'.join(_LEFT_OUT)})|\s*…\s*\Z|\s*\[\s*{_DOTS}\s*\]\s*\Z", re.IGNORECASE)
_LONGEST_LOOKED_AT = 400
_FEW_LINES = 10


def check_text(path: str, before: str, text: str) -> None:
    """Judge the new text of a file by the lines that it did not have before.

    Raises:
        CannotApply: it must not be written.
    """
    known = set(split(before))
    for number, line in enumerate(split(text), 1):
        if line not in known:
            _check_line(path, before, line, number)


def _check_line(path: str, before: str, line: str, number: int) -> None:
    where = f"line {number} of {shown(path)}"
    hidden = next((each[0] for each in _HIDDEN.finditer(line) if each[0] not in before), "")
    if hidden:
        raise CannotApply(
            f"{where} would hold the invisible character U+{ord(hidden):04X}",
            "Write such characters as escapes of the language, or leave them out.",
            path=path,
        )
    head, tail = line[:_LONGEST_LOOKED_AT], line[-_LONGEST_LOOKED_AT:].rstrip()
    thinking = _THINKING.match(head) or _THOUGHT.search(tail)
    if thinking and thinking[0].strip() not in before:
        raise CannotApply(
            f"{where} would hold `{shown(thinking[0].strip())}`, a mark of the model's own that no file is to have",
            "Think before the edits, never inside of them.",
            path=path,
        )
    if _PLACEHOLDER.match(head):
        raise CannotApply(
            f"{where} would be the placeholder `{shown(line.strip())}` instead of code",
            "Write out all lines that a placeholder stands for, or use an edit that does not touch them.",
            path=path,
        )


def check_loss(edits: Sequence[FileEdit], limits: Limits) -> None:
    """Nothing is emptied or nearly emptied by the way. Lines that move to another file of the change are not lost.

    Raises:
        CannotApply: a file would lose more than it may.
    """
    after = Counter(line for edit in edits if edit.text is not None for line in _meaningful(edit.text))
    for edit in edits:
        if edit.text is None or edit.before is None:
            continue
        before = Counter(_meaningful(edit.before))
        total, left = before.total(), sum(1 for _ in _meaningful(edit.text))
        lost = total - (before & after).total()
        is_empty = total and not left
        is_shrunk = total >= _FEW_LINES and lost > limits.lost * total and left < (1 - limits.lost) * total
        if is_empty or is_shrunk:
            raise CannotApply(
                f"The change would delete {100 * (total - left) // total} % of {edit.path} "
                f"({total - left} of {total} lines) without saying so",
                "If the file is to go, delete it as the format says. Otherwise give all the lines that are to stay.",
                path=edit.path,
            )


def _meaningful(text: str) -> Iterable[str]:
    return (line.strip() for line in split(text) if not line.isspace() and line)

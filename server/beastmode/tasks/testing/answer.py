"""The tests in a model's answer: one fenced block, whatever stands around it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.context.syntax import parses
from beastmode.tasks.edits import CannotApply
from beastmode.tasks.edits.markdown import after_thinking, answer_lines, ends_thinking, fence
from beastmode.tasks.verify.testcode import source_tests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.tasks.edits import Limits

_OPEN = (":", "(", "[", "{", ",", "\\")
"""What the last line of something whole does not end with."""
_MOST_CUT = 60
"""Lines of a test that was cut off."""
_GROUPS = dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), (1, 2, 3))
"""How many groups and tests a language leaves open where it is cut off; each ends with `});`."""
_AGAIN = "Answer with one file of tests in one fenced block, and nothing else."


@dataclass(frozen=True, slots=True)
class Given:
    """The text of a test file, and what of the answer is not in it: '', or a sentence."""

    text: str
    missing: str = ""


def read_tests(answer: str, language: str, limits: Limits, *, is_cut: bool = False) -> Given:
    """The test file that an answer gives.

    Args:
        answer: all of it.
        language: of the tests, by the editor's id.
        limits: how much is read at all.
        is_cut: whether it ended at a token limit; the last line of a block without an end is then half of one.

    Raises:
        CannotApply: there is no test in it, or nobody can tell which block is meant.
    """
    if len(answer) > limits.answer or answer.count("\n") > limits.lines:
        raise CannotApply("The answer is too long to be read", "Write fewer tests, and nothing else.")
    lines = answer_lines(answer)
    if is_cut and _is_open(lines):
        lines.pop()
    else:
        is_cut = False
    blocks = [text for text in _blocks(lines) if source_tests(text, language)]
    if not blocks and parses(whole := "\n".join(lines).strip("\n") + "\n", language) and source_tests(whole, language):
        blocks = [whole]
    if not blocks:
        raise CannotApply("The answer holds no test", _AGAIN)
    if len(blocks) > 1:
        names = [test.name for text in blocks for test in source_tests(text, language)]
        if len(names) != len(set(names)):
            raise CannotApply(f"The answer holds {len(blocks)} blocks with tests of the same names", _AGAIN)
    said = text = "\n\n".join(blocks)
    if is_cut or parses(text, language) is False:
        text = _whole_part(text, language)
    if not text:
        raise CannotApply(
            "The tests have syntax errors, or were cut off", f"Write code that can be read, and less of it. {_AGAIN}"
        )
    return Given(text, _missing(said, text, language, is_cut=is_cut))


def _missing(said: str, text: str, language: str, *, is_cut: bool) -> str:
    """What of the tests that a model said or would have said is not in the text."""
    half = f"{source_tests(text, language)[-1].name} may be without its end"
    if is_cut:
        return f"the model's token limit ended its answer: {half}, and further tests are missing"
    is_whole = said.rstrip("\n") == text.rstrip("\n")
    return "" if is_whole else f"the end of the answer cannot be read as code: {half}"


def _is_open(lines: Sequence[str]) -> bool:
    """Whether the answer ends within its code: in a fenced block, or without any."""
    marks, is_open = "", True
    for line in lines:
        if marks and _closes(line, marks):
            marks, is_open = "", False
        elif not marks and (opening := fence(line)):
            marks, is_open = opening.marks, True
    return is_open


def _whole_part(text: str, language: str) -> str:
    """The text up to where it was cut off; '' where that cannot be told."""
    lines = text.rstrip("\n").split("\n")
    for end in range(len(lines), max(0, len(lines) - _MOST_CUT), -1):
        part = "\n".join(lines[:end]) + "\n"
        if part.rstrip().endswith(_OPEN):
            continue
        for closed in (part, *(part + "});\n" * groups for groups in _GROUPS.get(language, ()))):
            if parses(closed, language) and source_tests(closed, language):
                return closed
    return ""


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    """The text of each fenced block; one that never ends ends with the answer."""
    found: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if (after := after_thinking(lines, at)) > at:
            at = after
        elif ends_thinking(line):
            found.clear()
            at += 1
        elif opening := fence(line):
            closing = next((n for n in range(at + 1, len(lines)) if _closes(lines[n], opening.marks)), len(lines))
            found.append("".join(f"{each.removeprefix(opening.indent)}\n" for each in lines[at + 1 : closing]))
            at = closing + 1
        else:
            at += 1
    yield from found


def _closes(line: str, marks: str) -> bool:
    other = fence(line)
    return other is not None and not other.info and other.marks.startswith(marks)

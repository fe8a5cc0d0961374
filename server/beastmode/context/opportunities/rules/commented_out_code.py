"""Comments that are code: several lines that parse, and look like code rather than like words."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING

from beastmode.context.opportunities.opportunity import Finding, Rule, Severity
from beastmode.context.syntax import parses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from beastmode.context.opportunities.code import Code
    from beastmode.context.syntax.nodes import Node

_LINES = 3
_SHARE = 0.75
"""Of the lines that look like code, at least."""
_LONGEST = 200
"""Code points of a line that are looked at."""
_INDENTED = re.compile(
    r"\s*(@?[\w.\[\]'\", *()]+\s*(=|\+=|-=)\s*\S|[\w.]+\(.*\)?,?$|(def|class|if|elif|for|while|with|try|except)\b.*:$"
    r"|else:$|(return|raise|yield|await|assert|del)\b|(from\s+[\w.]+\s+)?import\s+\w|(end|puts|require|attr_\w+|def)\b"
    r"|[)\]}]+,?$|pass$|@\w+)"
)
_BRACED = re.compile(r".*([;{}]|\)|\],?|=>|,)\s*$|\s*(//|#)")
_ENDS = re.compile(r".*[;{}]\s*$")
_EXAMPLE = re.compile(
    r">>>|\be\.g\.|\bexample|\busage\b|\bfor instance|\beslint\b|\bnoqa\b|\$ |\bgrammar\b|::=|^\s*\W*\s*=>",
    re.IGNORECASE,
)
_WRAPPED = {
    "java": "class X {\n…\n}",
    "csharp": "class X {\n…\n}",
    "typescript": "class X {\n…\n}",
    "go": "package p\nfunc _() {\n…\n}",
}
"""What a piece of code stands in where it is none by itself."""
_LEFT_OUT = frozenset(("shellscript",))
"""Any words are a command there."""


def _find(code: Code) -> Iterator[Finding]:
    if code.language in _LEFT_OUT:
        return
    for comments in _runs(code):
        line, end_line = code.syntax.row(comments[0]), code.syntax.end_row(comments[-1])
        lines = _stripped(code, comments)
        said = [text[-_LONGEST:] for text in lines if text.strip()]
        before = code.lines[line - 1] if line else ""
        if len(said) < _LINES or before.rstrip().endswith(":::") or _EXAMPLE.search("\n".join(said)):
            continue
        if not _looks_like_code(code, said) or not _parses(code, dedent("\n".join(lines))):
            continue
        yield Finding(
            Severity.LOW,
            line,
            end_line,
            code.around(comments[0]),
            f"{len(said)} lines of code are commented out",
            "Delete them; the repository remembers them",
            mark=said[0].strip()[:80],
        )


def _runs(code: Code) -> Iterator[list[Node]]:
    """Comments that stand alone on their lines, one below the other in the same column; a block comment by itself."""
    syntax, marker = code.syntax, code.forms.line_comment
    run: list[Node] = []
    for node in syntax.of(code.forms.comments):
        row, text = syntax.row(node), syntax.say(node)
        if code.lines[row][: node.start - syntax.text.rfind("\n", 0, node.start) - 1].strip():
            continue
        if text.startswith("/*"):
            if not text.startswith(("/**", "/*!")):
                yield [node]
            continue
        if not text.startswith(marker) or text.startswith((f"{marker}{marker[-1]}", f"{marker}!", f"{marker}:")):
            continue
        if run and syntax.row(run[-1]) + 1 == row:
            run.append(node)
            continue
        if run:
            yield run
        run = [node]
    if run:
        yield run


def _stripped(code: Code, comments: list[Node]) -> list[str]:
    text = code.syntax.say(comments[0])
    if text.startswith("/*"):
        return [re.sub(r"^\s*\* ?", "", line) for line in text[2:].removesuffix("*/").split("\n")]
    marker = code.forms.line_comment
    return [code.syntax.say(node).rstrip().removeprefix(marker) for node in comments]


def _looks_like_code(code: Code, said: list[str]) -> bool:
    if code.forms.line_comment == "#":
        return sum(_INDENTED.match(text) is not None for text in said) >= _SHARE * len(said)
    shaped = sum(_BRACED.fullmatch(text) is not None for text in said)
    ended = sum(_ENDS.fullmatch(text) is not None for text in said)
    return shaped >= _SHARE * len(said) and (ended * 2 >= len(said) or code.language == "go")


def _parses(code: Code, text: str) -> bool:
    wrapping = _WRAPPED.get(code.language, "")
    wrapped = (text, wrapping.replace("…", text)) if wrapping else (text,)
    return any(parses(each, code.language) is True for each in wrapped)


RULE = Rule("commented-out-code", "comments that are code", _find)

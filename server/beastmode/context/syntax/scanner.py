"""What is open at the end of a piece of code, by its tokens alone: faster than a parse, and never lost in broken code.

It knows strings, comments and brackets, and nothing of grammar; the interpolations of a string are part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

_CLOSES = {")": "(", "]": "[", "}": "{"}
_MOST_TEXT = 8_192
"""Code points that are looked at."""


@dataclass(frozen=True, slots=True)
class State:
    """What is open at the end of a text.

    Attributes:
        place: `comment` runs to the line's end; `block comment` and `long string` (docstrings) over several lines.
        brackets: the open ones, the innermost last.
        ended: where a string or comment starts that ends exactly here; None where none does.
    """

    place: Literal["code", "comment", "block comment", "string", "long string"]
    brackets: tuple[str, ...]
    ended: int | None = None


_LINE = r'(?P<string>"(?:\\.|[^"\\\n])*(?P<close>")?|\'(?:\\.|[^\'\\\n])*(?P<close2>\')?'
_COMMENTS = r"(?P<comment>//[^\n]*)|(?P<block>/\*(?:(?!\*/).)*(?P<close3>\*/)?)"
_HASH = r"(?P<comment>#[^\n]*)"
_BRACKET = r"(?P<bracket>[()\[\]{}])"
_TICK = r"|`(?:\\.|[^`\\])*(?P<close4>`)?"
_REGEX = r"(?P<regex>(?<=[=(,:!&|?{};\n])[ \t]*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/)"
_TRIPLE = r'(?P<long>"""(?:\\.|(?!""").)*(?P<close3>""")?|\'\'\'(?:\\.|(?!\'\'\').)*(?P<close4>\'\'\')?)'
_MULTILINE = r'(?P<string>"(?:\\.|[^"\\])*(?P<close>")?|\'[^\']*(?P<close2>\')?'

_PATTERNS = {
    "python": f"{_TRIPLE}|{_HASH}|{_LINE})",
    "javascript": f"{_COMMENTS}|{_REGEX}|{_LINE}{_TICK})",
    "go": f"{_COMMENTS}|{_LINE}|`[^`]*(?P<close4>`)?)",
    # 'a is a lifetime, '{' is not.
    "rust": rf"{_COMMENTS}|(?P<skip>'(?:\\.[^'\n]*|[^'\\\n])'|r#\"(?:(?!\"#).)*\"#)"
    r'|(?P<string>"(?:\\.|[^"\\])*(?P<close>")?)',
    "java": rf'(?P<long>"""(?:\\.|(?!""").)*(?P<close4>""")?)|{_COMMENTS}|{_LINE})',
    "c": f"{_COMMENTS}|{_LINE})",
    "csharp": rf'(?P<long>"""(?:(?!""").)*(?P<close4>""")?)|{_COMMENTS}|(?P<skip>@"(?:""|[^"])*")|{_LINE})',
    "ruby": rf"(?P<block>(?<![^\n])=begin\b(?:(?!\n=end).)*(?P<close3>\n=end)?)|{_HASH}|{_MULTILINE}"
    r"|`[^`]*(?P<close4>`)?)",
    "php": rf"{_COMMENTS}|(?P<comment2>#(?!\[)[^\n]*)|{_MULTILINE})",
    "shellscript": rf"(?P<comment>(?<![^\s;])#[^\n]*)|(?P<skip>\$'(?:\\.|[^'\\])*'|\\.)|{_MULTILINE})",
}
_ALIKE = {"typescript": "javascript", "typescriptreact": "javascript", "javascriptreact": "javascript", "cpp": "c"}


@cache
def _pattern(language: str) -> re.Pattern[str]:
    return re.compile(f"{_BRACKET}|{_PATTERNS[language]}", re.DOTALL)


def state_at_end(text: str, language: str) -> State | None:
    """What is open at the end of a window that starts in code; None for a language that it does not know."""
    language = _ALIKE.get(language, language)
    if language not in _PATTERNS:
        return None
    text = text[-_MOST_TEXT:]
    brackets: list[str] = []
    found: re.Match[str] | None = None
    for found in _pattern(language).finditer(text):
        token = found[1]
        if token is None:
            continue
        if token not in _CLOSES:
            brackets.append(token)
        elif _CLOSES[token] in brackets:
            while brackets.pop() != _CLOSES[token]:
                pass
    if found is None or found[1] is not None or found.end() < len(text):
        return State("code", tuple(brackets))
    return _at_end(found, tuple(brackets))


def _at_end(found: re.Match[str], brackets: tuple[str, ...]) -> State:
    """The state behind a string or a comment that reaches to the end of the text."""
    groups = found.groupdict()
    if groups.get("comment") is not None or groups.get("comment2") is not None:
        return State("comment", brackets)
    if groups.get("skip") is not None or groups.get("regex") is not None:
        return State("code", brackets)
    if any(groups.get(name) is not None for name in ("close", "close2", "close3", "close4")):
        return State("code", brackets, found.start())
    if groups.get("block") is not None:
        return State("block comment", brackets)
    return State("long string" if groups.get("long") is not None else "string", brackets)

"""How each language says where a block begins and ends, and where the marks of that stand in a piece of code."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from beastmode.context.syntax.tree import parse_part, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tree_sitter import Node

_BRACKETS = {
    "(": "(",
    ")": "(",
    "[": "[",
    "]": "[",
    "[[": "[[",
    "]]": "[[",
    "{": "{",
    "}": "{",
    "${": "{",
    "#{": "{",
    "$(": "(",
}
_BRACES = {"{": "{", "}": "{", "${": "{"}
_OPENING = frozenset("( [ [[ { ${ #{ $( def class module if unless while until for case begin do".split())  # noqa: SIM905 - reads
_RUBY_WORDS = dict.fromkeys("def class module if unless while until for case begin do end".split(), "word")  # noqa: SIM905 - reads
_SHELL_WORDS = dict.fromkeys("if fi case esac do done".split(), "word")  # noqa: SIM905 - reads

_CLAUSES = re.compile(r"\s*(else|elseif|catch|finally)\b")
_PYTHON_CLAUSES = re.compile(r"\s*(else|elif|except|finally|case)\b")
_WORD_CLAUSES = re.compile(r"\s*(else|elsif|elif|rescue|ensure|when|in|then)\b")


_START = re.compile(
    r"(?!(?:elif|else|elsif|except|finally|rescue|ensure|end|fi|done|esac|then|do|case|when|in)\b|\w+:(?!:))[A-Za-z_@$]"
)


@dataclass(frozen=True, slots=True)
class Blocks:
    """One language.

    Attributes:
        indented: a block is what is indented.
        marks: tokens of the grammar that open or close something, each with its kind; the closer has its opener's.
        clauses: what continues a statement behind the block that it had so far.
        is_terminated: a statement is over at a `;` or a `}` and not before.
        comments: what a comment's line begins with.
        openers: the start of a line that opens a block without a bracket at its end.
        starts: the start of a line above which no bracket was opened that is still open.
    """

    indented: bool = False
    marks: Mapping[str, str] = field(default_factory=lambda: _BRACKETS)
    clauses: re.Pattern[str] = _CLAUSES
    is_terminated: bool = False
    comments: tuple[str, ...] = ("//", "/*", "*")
    openers: re.Pattern[str] = re.compile(r"@\w")
    starts: re.Pattern[str] = _START


_TERMINATED = Blocks(is_terminated=True)
_SCRIPT = Blocks()
BLOCKS = {
    "python": Blocks(
        indented=True,
        clauses=_PYTHON_CLAUSES,
        comments=("#",),
        starts=re.compile(rf"[ \t]*(async\s+)?(def|class)\s|{_START.pattern}"),
        openers=re.compile(r"@\w|(async|class|def|for|if|match|try|while|with)\b.*:\s*(#.*)?$"),
    ),
    "typescript": _SCRIPT,
    "typescriptreact": _SCRIPT,
    "javascript": _SCRIPT,
    "javascriptreact": _SCRIPT,
    "go": Blocks(),
    "rust": Blocks(is_terminated=True, openers=re.compile(r"#\[")),
    "java": _TERMINATED,
    "c": _TERMINATED,
    "cpp": _TERMINATED,
    "csharp": _TERMINATED,
    "ruby": Blocks(
        marks=_BRACKETS | _RUBY_WORDS,
        clauses=_WORD_CLAUSES,
        comments=("#",),
        openers=re.compile(r"(def|class|module|if|unless|while|until|for|case|begin)\b|.*\bdo(\s*\|[^|]*\|)?\s*$"),
    ),
    "php": Blocks(is_terminated=True, comments=("//", "/*", "*", "#")),
    # A `)` closes a pattern of `case`, too, and opens nothing.
    "shellscript": Blocks(
        marks=_BRACES | _SHELL_WORDS,
        clauses=_WORD_CLAUSES,
        comments=("#",),
        openers=re.compile(r"(if|while|until|for|case|function)\b|[\w-]+\s*\(\)"),
    ),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A token that opens or closes something of a kind, from `start` up to and not including `end`."""

    start: int
    end: int
    kind: str
    opens: bool


@dataclass(frozen=True, slots=True)
class Marks:
    """What a piece of code opens and closes, and its strings and comments of more than one line, in order."""

    marks: tuple[Mark, ...]
    texts: tuple[tuple[int, int], ...]

    def in_text(self, place: int) -> bool:
        """Whether a place stands inside of a string or a comment of several lines."""
        return any(start < place < end for start, end in self.texts)


@lru_cache(maxsize=8)
def marks_of(text: str, language: str) -> Marks | None:
    """The marks of a window of a file; None without a grammar. The last few are remembered."""
    row = BLOCKS.get(language)
    tree = parse_part(text, language) if row is not None else None
    if row is None or tree is None:
        return None
    marks: list[Mark] = []
    texts: list[tuple[int, int]] = []
    for node in walk(tree.root_node):
        name = node.type
        if name in row.marks or name in _WORDS:
            if (mark := _mark(node, text, row.marks)) is not None:
                marks.append(mark)
        elif "string" in name or "comment" in name or "heredoc" in name:
            (first, _), (last, _) = node.start_point, node.end_point
            if first < last:
                texts.append((node.start_byte, node.end_byte))
    return Marks(tuple(marks), tuple(texts))


def _mark(node: Node, text: str, kinds: Mapping[str, str]) -> Mark | None:
    name = node.type
    if name in _WORDS:
        # Where the parser has lost its way, it takes `end` and `fi` for names.
        name = text[node.start_byte : node.end_byte]
        if kinds.get(name) != "word" or not _stands_alone(node, name, text):
            return None
    elif node.is_named:
        return None
    mark = Mark(node.start_byte, node.end_byte, kinds[name], name in _OPENING)
    return mark if mark.kind != "word" or _is_block_word(mark, name, text) else None


_WORDS = frozenset(("identifier", "word"))


def _stands_alone(node: Node, name: str, text: str) -> bool:
    """Whether a name stands where a keyword would: at its line's start, or `do` at its end."""
    if name == "do":
        return text[node.end_byte : node.end_byte + 1] in ("", "\n")
    return text[text.rfind("\n", 0, node.start_byte) + 1 : node.start_byte].strip() in ("", ";")


_MODIFIERS = frozenset(("if", "unless", "while", "until"))
_LOOP = re.compile(r"\s*(while|until|for)\b")
_ENDLESS = re.compile(r"def\s+[\w.]+[?!]?\s*(\([^()]*\)\s*)?=(?!=)")


def _is_block_word(mark: Mark, name: str, text: str) -> bool:
    """Whether a word of Ruby's has an `end`: `x if y`, `while x do` and `def x = 1` look as if they had."""
    line = text[text.rfind("\n", 0, mark.start) + 1 : mark.start]
    if name in _MODIFIERS:
        return not line.strip() or line.rstrip().endswith(("=", "(", ";"))
    if name == "do":
        return _LOOP.match(line) is None
    return name != "def" or _ENDLESS.match(text, mark.start) is None


def width(line: str) -> int:
    """Columns of a line's indentation; a tab goes on to the next multiple of four."""
    indentation = line[: len(line) - len(line.lstrip(" \t"))]
    return len(indentation.expandtabs(4))


_QUOTES = re.compile(r'"""|\'\'\'|`|/\*|<<')
_OPENS_TEXT = re.compile(r".*[=(,\[{:+]\s*[rbfuRBFU]{0,2}$|return\s+$")


def outermost(before: str, starts: re.Pattern[str] = _START) -> int:
    """Where the last line of a window starts that no other encloses, as far as its indentation tells; 0 without one.

    What stands above it says nothing about the blocks that are open at the end.
    """
    line = before.rfind("\n") + 1
    while line >= 0:
        if starts.match(before, line):
            # The text of a long string may look like code.
            return line if _QUOTES.search(before, 0, line) is None else _outside(before, line)
        if line == 0:
            break
        line = before.rfind("\n", 0, line - 1) + 1
    return 0


def _outside(before: str, line: int) -> int:
    """The line, where it stands outside of long strings and comments; 0 where it does not, or nobody can tell."""
    if before.count("`", 0, line) % 2 or before.count("/*", 0, line) > before.count("*/", 0, line):
        return 0
    if "<<" in before[:line]:
        return 0
    # Counting quotes misleads in a window that starts in a docstring: the last one tells what it does by its line.
    at = max(before.rfind(quote, 0, line) for quote in ('"""', "'''"))
    if at < 0:
        return line
    start, end = before.rfind("\n", 0, at) + 1, before.find("\n", at)
    quotes = before.count(before[at : at + 3], start, end)
    left, right = before[start:at], before[at + 3 : end]
    opens = quotes % 2 == 1 and (_OPENS_TEXT.match(left) or (not left.strip(" \trbfuRBFU") and right.strip()))
    return 0 if opens else line

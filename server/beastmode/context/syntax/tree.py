"""From text to a syntax tree, within bounds: the one place that calls the parser.

A tree counts bytes, and everyone else here counts code points. So the parser is given a stand-in of the text in which
each code point is one byte: offsets, lines and columns of a node are those of the text itself. A letter beyond ASCII
becomes a `z`, which is a letter everywhere; what a node says is read from the text, never from the stand-in.
"""

from __future__ import annotations

import re
import time
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from beastmode.context.syntax.languages import GRAMMARS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Language, Node, Tree

    from beastmode.context.syntax.languages import Grammar

MOST_TEXT = 1_000_000
"""Code points of a text that is parsed; a longer one is treated as one without a grammar."""

_LIMIT_S = 1.0
"""Of the thread's own time: code takes a fifth of a second per million code points, a hostile text takes minutes."""
_PART_LIMIT_S = 0.1
"""The same for a window of a file, which somebody waits for."""
_CHUNK = 65_536
_SMALL = 6_000
"""Code points of a text that is parsed without asking the clock: the worst of them takes a tenth of a second."""

_SPACE = re.compile("[^\\S\x00-\x7f]|[\ufeff\x00]")
_LETTER = re.compile("[^\x00-\x7f]")


@lru_cache(maxsize=len(GRAMMARS))
def _loaded(grammar: Grammar) -> Language | None:
    """The grammar, imported on first use; None where it is not installed or of a version that cannot be read."""
    try:
        from tree_sitter import Language  # noqa: PLC0415 - costs 20 ms, and nothing where no file has a grammar

        return Language(getattr(import_module(grammar.module), grammar.function)())
    except (ImportError, AttributeError, ValueError, TypeError):
        return None


def grammar_of(language: str) -> Language | None:
    """The grammar of a language by the editor's id."""
    grammar = GRAMMARS.get(language)
    return None if grammar is None else _loaded(grammar)


def one_byte_each(text: str) -> bytes:
    """The stand-in of a text: as many bytes as it has code points."""
    if text.isascii() and "\0" not in text:
        return text.encode("ascii")
    return _LETTER.sub("z", _SPACE.sub(" ", text)).encode("ascii")


def parse(text: str, language: str, limit_s: float = _LIMIT_S) -> Tree | None:
    """The tree of a text, whose byte offsets and columns are code points.

    PHP without an opening tag is taken for a part of a file that has one above it.
    None without a grammar, for a text of more than `MOST_TEXT` code points, and where parsing takes too long.
    """
    loaded = grammar_of("php-part" if language == "php" and "<?" not in text else language)
    if loaded is None or len(text) > MOST_TEXT:
        return None
    from tree_sitter import Parser  # noqa: PLC0415 - as above

    parser, source = Parser(loaded), one_byte_each(text)
    if len(source) <= _SMALL:
        return parser.parse(source)
    end = time.thread_time() + limit_s
    try:
        return parser.parse(
            lambda start, _point: source[start : start + _CHUNK],
            progress_callback=lambda _offset, _has_error: time.thread_time() > end,
        )
    except ValueError:  # how the parser says that it was stopped
        return None


def parse_part(text: str, language: str) -> Tree | None:
    """The same for a window of a file, in a tenth of the time at most."""
    return parse(text, language, _PART_LIMIT_S)


def walk(root: Node) -> Iterator[Node]:
    """Every node in the order of the text, parents first.

    Does not recurse, and asks no query: a hostile file nests 100,000 deep, where a query takes its square.
    """
    cursor = root.walk()
    while True:
        if cursor.node is not None:
            yield cursor.node
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def has_grammar(language: str) -> bool:
    """Whether there is a grammar for a language, without loading it."""
    return language in GRAMMARS

"""The part of a file around the cursor that fits into a model's prompt. Pure.

Separate because two wishes meet here: stay within a budget of tokens, and let the prompt start at the same place from
one keystroke to the next, so that the model's server finds what it has already read in its cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

BYTES_PER_TOKEN = 3
"""UTF-8 bytes that are counted as one token. Code takes 3 to 4, so the count errs on the safe side; counting bytes and
not characters, it holds for CJK (3 bytes, about a token) and emoji too."""

_TOKENS_PER_BLOCK_LINE = 32

_DEEPEST = 1_000
_STARTS = re.compile(
    r"[ \t]*+(?![\s)\]}{.,*]"
    r"|(?:case|catch|default|done|elif|else|elseif|elsif|end|ensure|esac|except|fi|finally|rescue|then|when)\b)"
)
"""The indentation of a line at which a statement may start: no closer, and no clause of a statement above."""


@dataclass(frozen=True, slots=True)
class Window:
    """What stands before the cursor and what stands after it, each cut to its budget."""

    prefix: str
    suffix: str


def window(cursor: Cursor, prefix_tokens: int, suffix_tokens: int) -> Window:
    """The text around the cursor, at most that many tokens (estimated) on each side, whole lines where possible.

    The prefix starts at a line whose number is a multiple of a block of lines, or at the first line of least
    indentation that follows soon: a definition, as a rule. While the user types it grows at its end only; when it no
    longer fits, it loses a whole block at its start, and is stable again for a block's length. The suffix ends before
    such a line.
    """
    return Window(
        _prefix(cursor, max(0, prefix_tokens) * BYTES_PER_TOKEN),
        _suffix(cursor.after, max(0, suffix_tokens) * BYTES_PER_TOKEN),
    )


def _prefix(cursor: Cursor, budget: int) -> str:
    tail = _last(cursor.before, budget)
    is_whole = len(tail) == len(cursor.before)
    newlines = tail.count("\n")
    if newlines == 0 and not is_whole:
        return _within_line(tail, cursor, budget)
    # The first line of the tail is cut unless the tail is everything, so the first start is behind its line end.
    first = cursor.line - newlines + (0 if is_whole else 1)
    least = len(tail) // 4
    block = _block(budget)
    while True:
        start = first + -first % block
        skipped = start - (cursor.line - newlines)
        if skipped <= newlines:
            kept = tail.split("\n", skipped)[skipped] if skipped > 0 else tail
            # Lines above the cursor's: were the growing line counted in, the start could move while it is typed.
            if block == 1 or kept.rfind("\n") >= least or start <= 0:
                return kept[_boundary(kept, block // 4) :] if start > 0 else kept
        block //= 2


def _block(budget: int) -> int:
    """Lines in a block: a power of two, about a third of the lines that fit into the budget."""
    return 1 << max(0, (budget // BYTES_PER_TOKEN // _TOKENS_PER_BLOCK_LINE).bit_length() - 1)


def _within_line(tail: str, cursor: Cursor, budget: int) -> str:
    """The end of a line longer than the budget, cut at a multiple of a quarter of it, for the same stability."""
    step = max(1, budget // 4)
    kept = tail[-(cursor.column - len(tail)) % step :]
    return kept or tail


def _suffix(after: str, budget: int) -> str:
    head = _first(after, budget)
    if len(head) == len(after):
        return head
    end = head.rfind("\n") + 1
    lines = after[: _last_boundary(after, end)]
    if not lines.strip():
        lines = head[:end]
    return lines if lines.strip() else head


def _boundary(text: str, most: int) -> int:
    """Where the first line of least indentation starts, of the first so many lines and those above the cursor's.

    Decided by indentation and not by a parse: it holds in every language, in the middle of a file and in broken code,
    and takes a hundredth of the time. The cursor's line does not count, so that typing in it moves nothing.
    """
    best, least, start = 0, _DEEPEST, 0
    for _ in range(most + 1):
        end = text.find("\n", start)
        if end < 0:
            break
        if (depth := _depth(text, start)) < least:
            best, least = start, depth
        start = end + 1
    return best


def _last_boundary(text: str, end: int) -> int:
    """The start of the line at `end`, or of an earlier one of less indentation in the last quarter before it."""
    best, least, start = end, _depth(text, end), end
    while start > end - end // 4 and least > 0:
        start = text.rfind("\n", 0, start - 1) + 1
        if (depth := _depth(text, start)) < least and start > 0:
            best, least = start, depth
    return best


def _depth(text: str, start: int) -> int:
    """How deep a line is indented; as deep as can be where nothing starts at it, as on blank lines and behind `}`."""
    found = _STARTS.match(text, start)
    return _DEEPEST if found is None else found.end() - start


def _last(text: str, budget: int) -> str:
    """The longest end of a text that takes no more bytes than the budget."""
    tail = text[-budget:] if budget else ""
    if tail.isascii():
        return tail
    cut = _encoded(tail)[-budget:]
    # A character that was cut leaves continuation bytes (10xxxxxx) behind.
    while cut and cut[0] & 0xC0 == 0x80:  # noqa: PLR2004 - the two bits that RFC 3629, section 3, marks them with
        cut = cut[1:]
    return cut.decode("utf-8", "surrogatepass")


def _first(text: str, budget: int) -> str:
    """The longest start of a text that takes no more bytes than the budget."""
    head = text[:budget]
    if head.isascii():
        return head
    encoded = _encoded(head)
    end = min(budget, len(encoded))
    while 0 < end < len(encoded) and encoded[end] & 0xC0 == 0x80:  # noqa: PLR2004 - as above
        end -= 1
    return encoded[:end].decode("utf-8", "surrogatepass")


def _encoded(text: str) -> bytes:
    # Half a surrogate pair comes from editors that cut one; it must not stop us here.
    return text.encode("utf-8", "surrogatepass")

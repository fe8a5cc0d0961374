"""The part of a file around the cursor that fits into a model's prompt. Pure.

Separate because two wishes meet here: stay within a budget of tokens, and let the prompt start at the same place from
one keystroke to the next, so that the model's server finds what it has already read in its cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

BYTES_PER_TOKEN = 3
"""UTF-8 bytes that are counted as one token. Code takes 3 to 4, so the count errs on the safe side; counting bytes and
not characters, it holds for CJK (3 bytes, about a token) and emoji too."""

_TOKENS_PER_BLOCK_LINE = 32


@dataclass(frozen=True, slots=True)
class Window:
    """What stands before the cursor and what stands after it, each cut to its budget."""

    prefix: str
    suffix: str


def window(cursor: Cursor, prefix_tokens: int, suffix_tokens: int) -> Window:
    """The text around the cursor, at most that many tokens (estimated) on each side, whole lines where possible.

    The prefix starts at a line whose number is a multiple of a block of lines. While the user types it grows at its
    end only; when it no longer fits, it loses a whole block at its start, and is stable again for a block's length.
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
                return kept
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
    lines = head[: head.rfind("\n") + 1]
    return lines if lines.strip() else head


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

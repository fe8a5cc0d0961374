"""Text from a model or a file, without what could do harm in a terminal, a database or a prompt. Pure."""

from __future__ import annotations

import re

# C0 and C1 without tab and line feed, bidirectional controls, byte order mark.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_HALVES = re.compile("[\ud800-\udfff]")
_BREAKS = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029\r\n]")


def clean(text: str) -> str:
    r"""The text with `\n` and tabs as its only controls; half of a surrogate pair becomes U+FFFD."""
    return text if text.isascii() and text.isprintable() else whole(_HARMFUL.sub("", text))


def whole(text: str) -> str:
    """The text without halves of surrogate pairs, which neither a database nor UTF-8 can hold."""
    return _HALVES.sub("\ufffd", text)


def one_line(text: str) -> str:
    """The text on one line, whatever some program takes for the end of one."""
    return clean(_BREAKS.sub(" ", text))

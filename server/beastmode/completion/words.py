"""What joins into a word: two rules of the engine ask, when not to interrupt and what counts as typed again."""

from __future__ import annotations

from unicodedata import category


def is_word(character: str) -> bool:
    """Whether a character joins its neighbours into one word; '' does not.

    Letters without case (CJK and others, category Lo) do not: where words are not spaced, any place may begin one.
    """
    return character == "_" or (character.isalnum() and (character.isascii() or category(character) != "Lo"))

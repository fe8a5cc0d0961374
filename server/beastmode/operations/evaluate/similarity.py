"""How alike two texts are. Pure."""

from __future__ import annotations


def similarity(one: str, other: str) -> float:
    """1 for equal texts, 0 for texts with nothing in common: one minus the edits per character of the longer text."""
    longest = max(len(one), len(other))
    return 1.0 if longest == 0 else 1.0 - distance(one, other) / longest


def distance(one: str, other: str) -> int:
    """Characters to insert, delete or replace to make one text the other (Levenshtein's distance).

    Myers' bit-parallel algorithm in Hyyrö's form (H. Hyyrö, "Explaining and extending the bit-parallel approximate
    string matching algorithm of Myers", University of Tampere, report A-2001-10): one column of the usual table is two
    integers of as many bits as the first text has characters, the places where it rises and those where it falls.
    """
    if not one or not other:
        return len(one) + len(other)
    where: dict[str, int] = {}
    for position, character in enumerate(one):
        where[character] = where.get(character, 0) | 1 << position
    last = 1 << (len(one) - 1)
    every = (last << 1) - 1
    rises, falls, edits = every, 0, len(one)
    for character in other:
        match = where.get(character, 0)
        diagonal = (((match & rises) + rises) ^ rises) | match | falls
        up = falls | (every & ~(diagonal | rises))
        down = rises & diagonal
        edits += bool(up & last) - bool(down & last)
        up, down = (up << 1 | 1) & every, (down << 1) & every
        rises = down | (every & ~(diagonal | up))
        falls = up & diagonal
    return edits

"""Inline completion: from a cursor to a suggestion, or to the reason why there is none."""

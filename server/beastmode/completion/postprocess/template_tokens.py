"""Tokens of a model's own template that leaked into its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.completion.brackets import QUOTES

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

_TOKEN = re.compile(
    r"<\|[A-Za-z_]+\|>"  # Qwen, Granite, CodeGemma, Llama 3
    r"|<｜[^｜\n]{1,40}｜>"  # noqa: RUF001 - DeepSeek writes its bars as U+FF5C
    r"|</?fim_(?:prefix|suffix|middle|pad)>|<file_sep>|<repo_name>|<filename>"  # StarCoder, Mellum
    r"|<\[(?:fim-(?:prefix|suffix|middle)|end▁of▁sentence)\]>"  # Seed-Coder
    r"|<(?:EOT|MID|SUF|end_of_turn|eos)>"  # CodeLlama, Gemma
)


def template_tokens(text: str, cursor: Cursor) -> str:
    """The text between such tokens: those at its start are taken off, and the next one ends it.

    A token in quotes, or one that the document itself uses, is code about templates and stays.
    """
    if "<" not in text:
        return text
    start = 0
    for found in _TOKEN.finditer(text):
        if _is_code(found, text, cursor):
            continue
        if text[start : found.start()].strip():
            return text[start : found.start()]
        start = found.end()
    return text[start:]


def _is_code(found: re.Match[str], text: str, cursor: Cursor) -> bool:
    token = found.group()
    if token in cursor.before or token in cursor.after:
        return True
    before = (cursor.line_before + text[: found.start()]).rpartition("\n")[2]
    behind = text[found.end() :].partition("\n")[0]
    return any(before.count(quote) % 2 and quote in behind for quote in QUOTES)

"""Tokens of a model's own template that leaked into its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from beastmode.completion.brackets import QUOTES

if TYPE_CHECKING:
    from beastmode.domain.text import Cursor

_TOKEN = re.compile(
    r"<\|[A-Za-z_]+\|>"  # Qwen, Granite, CodeGemma, Llama 3, GLM, Mercury
    r"|<｜[^｜\n]{1,40}｜>"  # noqa: RUF001 - DeepSeek writes its bars as U+FF5C
    r"|</?fim[_-](?:prefix|suffix|middle|pad)>|<(?:file_sep|repo_name|reponame|filename|gh_stars)>"  # StarCoder, Mellum
    r"|<\[(?:fim-(?:prefix|suffix|middle)|end▁of▁sentence)\]>"  # Seed-Coder
    r"|<(?:EOT|MID|SUF|end_of_turn|start_of_turn|eos|bos)>|</s>(?=\s*\Z)"  # CodeLlama, Gemma, Mistral
    r"|</?COMPLETION>"  # what chat models are asked to answer in
    r"|(?:^|(?<=[;}]))\[(?:PREFIX|SUFFIX|MIDDLE)\](?=\w|$)"  # Codestral
    r"|^\+\+\+\+\+ (?=\S+$)",  # Codestral's next file
    re.MULTILINE,
)
_ROLE = re.compile(r"(?:assistant|model)?[ \t]*\n")
"""What stands behind a token that opens a turn."""
_TURN = frozenset(("<|im_start|>", "<start_of_turn>", "<|start_header_id|>"))
_OWN = {"html": "</s>", "xml": "</s>", "javascriptreact": "</s>", "typescriptreact": "</s>", "vue": "</s>"}
"""Tokens that are a language's own."""


def template_tokens(text: str, cursor: Cursor) -> str:
    """The text between such tokens: those at its start are taken off, and the next one ends it.

    A token in quotes, or one that the document itself uses, is code about templates and stays.
    """
    if not any(mark in text for mark in "<[+"):
        return text
    start = 0
    for found in _TOKEN.finditer(text):
        if _is_code(found, text, cursor):
            continue
        if text[start : found.start()].strip():
            return text[start : found.start()]
        start = found.end()
        if found.group() in _TURN and (role := _ROLE.match(text, start)):
            start = role.end()
    return text[start:]


def _is_code(found: re.Match[str], text: str, cursor: Cursor) -> bool:
    token = found.group()
    if token in cursor.before or token in cursor.after or token == _OWN.get(cursor.language):
        return True
    if token[0] in "[+" and found.start() == 0 and cursor.line_before.strip():
        return True
    before = (cursor.line_before + text[: found.start()]).rpartition("\n")[2]
    behind = text[found.end() :].partition("\n")[0]
    return any(before.count(quote) % 2 and quote in behind for quote in QUOTES)

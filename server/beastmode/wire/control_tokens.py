"""Text of files, made safe to stand in a prompt: nothing in it can end a hole, a turn or a file. Pure.

Servers turn the spelling of a control token into the token itself wherever it stands in a prompt string or a message,
so code that holds one (a tokenizer's tests, this program's own table, a hostile repository) would end the hole early or
speak with another voice. A blank before its last character makes plain text of it. What stands before that place stays
as it was, so that typing such a token changes nothing in front of it.
"""

from __future__ import annotations

import re
from functools import lru_cache

_KNOWN = (
    r"<\|[^\s|<>]{1,40}\|>",  # Qwen, StarCoder, Granite, GLM, ChatML, Llama 3
    r"<\uff5c[^\s\uff5c<>]{1,40}\uff5c>",  # DeepSeek: the bar is U+FF5C
    r"<\[(?:fim-[a-z]{1,10}|[a-z\u2581]{1,40}\u2581[a-z]{1,20})\]>",  # Seed-Coder
    r"</?(?:fim_[a-z]{1,10}|file_sep|repo_name|reponame|start_of_turn|end_of_turn|think)>",  # StarCoder, Mellum, Gemma
    r"\[/?(?:INST|PREFIX|SUFFIX|MIDDLE|SYSTEM_PROMPT)\]",  # Mistral
)
_SHORTEST = 3
"""Characters of a template's own token; a shorter one would be found everywhere."""


def defused(text: str, tokens: tuple[str, ...] = ()) -> str:
    """The text without control tokens: the known families' and these."""
    return _tokens(tokens).sub(lambda found: f"{found[0][:-1]} {found[0][-1]}", text)


@lru_cache(maxsize=16)
def _tokens(own: tuple[str, ...]) -> re.Pattern[str]:
    exact = {token.strip() for token in own if len(token.strip()) >= _SHORTEST}
    longest_first = sorted(exact, key=lambda token: (-len(token), token))
    return re.compile("|".join((*map(re.escape, longest_first), *_KNOWN)))

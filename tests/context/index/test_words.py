"""The words that are looked for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.context.index.tables import VERSION
from beastmode.context.index.words import asked, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("getUserName", "getusername get user name"),
        ("parse_HTTPHeader2", "parse_httpheader2 parse http header"),
        ("utf8", "utf8 utf"),
        ("user.name = x", "user name"),
        ("return self", ""),
        ("größteZahl", "größte zahl"),
        ("取消请求 abc", "取消 消请 请求 abc"),
        ("Ab" * 40, ""),
    ],
)
def test_identifiers_whole_and_in_parts(text: str, found: str) -> None:
    """If this fails because words.py was changed on purpose, raise tables.VERSION too: old indexes must go."""
    assert (VERSION, " ".join(words(text))) == (1, found)


@given(st.text(), st.text())
@settings(max_examples=50)
def test_any_text_gives_plain_words(left: str, right: str) -> None:
    """No word holds what a query language could take for an operator, and a question asks what the index holds."""
    found = words(f"{left} {right}")
    assert all(word and '"' not in word and not any(c.isspace() for c in word) for word in found)
    assert set(asked([left, right])) == set(found)

"""Masking, with a detector that knows one kind of secret: what is replaced, and what is left alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.domain.context import Snippet
from beastmode.domain.errors import NotAllowed
from beastmode.domain.request import ChatRequest, FimRequest, Message, ToolCall
from beastmode.router.masking import Masker

SECRET = re.compile(r"zz-[a-z0-9]{4,20}|(?<=key: )\w{14}|-----BEGIN[\s\S]*?END-----")
BODY = "A1b2" * 16


class Detector:
    """Finds SECRET; `key: …` is known by what stands before it only."""

    loaded = True

    def load(self) -> None:
        raise AssertionError("it is loaded")

    def find(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in SECRET.finditer(text)]


MASKER = Masker(Detector())


def masked(text: str, cursor: int | None = None) -> tuple[str, str, int]:
    cursor = len(text) if cursor is None else cursor
    request, count = MASKER.mask(FimRequest(text[:cursor], text[cursor:]))
    assert isinstance(request, FimRequest)
    return request.prefix, request.suffix, count


lines = st.lists(
    st.one_of(
        st.sampled_from(['a = "zz-abcd1"', "key: abcdefghij1234", "print(abcdefghij1234)", "é = 'zz-ffff' + zz-0000"]),
        st.text(st.characters(codec="utf-16"), max_size=12),
    ),
    max_size=8,
)


@settings(max_examples=50)
@given(lines, st.integers(0, 200))
def test_nothing_but_the_secrets_changes(written: list[str], at: int) -> None:
    """No secret is left, no line is lost, the text around the secrets is as it was, on both sides of the cursor."""
    text = "\n".join(written)
    cursor = min(at, len(text))
    prefix, suffix, count = masked(text, cursor)
    secrets = {match[0] for match in SECRET.finditer(text)}
    assert not any(secret in prefix + suffix for secret in secrets)
    assert (prefix + suffix).count("\n") == text.count("\n")
    assert count == len(secrets)
    shape = re.escape(text)
    for secret in sorted(secrets, key=len, reverse=True):
        shape = shape.replace(re.escape(secret), r"MASKED_SECRET_\d+")
    assert re.fullmatch(shape, prefix + suffix)
    if not any(match.start() < cursor < match.end() for match in SECRET.finditer(text)) and count == 0:
        assert (prefix, suffix) == (text[:cursor], text[cursor:])


@settings(max_examples=50)
@given(lines)
def test_masking_twice_is_masking_once(written: list[str]) -> None:
    """What is masked is left alone."""
    prefix, _, _ = masked("\n".join(written))
    assert masked(prefix) == (prefix, "", 0)


@pytest.mark.parametrize(
    ("text", "prefix", "suffix"),
    [
        ('k = "|zz-abcd1"', 'k = "', 'MASKED_SECRET_1"'),
        ('k = "zz-ab|cd1"', 'k = "MASKED_SECRET_1', '"'),
        ('k = "zz-abcd1|"', 'k = "MASKED_SECRET_1', '"'),
        ("zz-aaaa1 x|y zz-bbbb2", "MASKED_SECRET_1 x", "y MASKED_SECRET_2"),
        ("zz-aaaa1\n|\nzz-aaaa1", "MASKED_SECRET_1\n", "\nMASKED_SECRET_1"),
    ],
)
def test_the_cursor_stays_where_it_means_the_same(text: str, prefix: str, suffix: str) -> None:
    """A secret under the cursor is one placeholder, and the cursor stands behind it; its quotes stay."""
    assert masked(text.replace("|", ""), text.index("|"))[:2] == (prefix, suffix)


def test_a_known_secret_is_masked_where_nothing_gives_it_away() -> None:
    """Also in another message than the one that gave it away; and it is counted once."""
    chat = ChatRequest(
        (
            Message("user", "print it"),
            Message("assistant", "", tool_calls=(ToolCall("1", "run", '{"say": "abcdefghij1234"}'),)),
            Message("tool", "abcdefghij1234\n", tool_call_id="1"),
            Message("user", "I set key: abcdefghij1234"),
        )
    )
    request, count = MASKER.mask(chat)
    assert isinstance(request, ChatRequest)
    assert count == 1
    assert "abcdefghij1234" not in repr(request)
    assert request.messages[1].tool_calls[0].arguments == '{"say": "MASKED_SECRET_1"}'
    assert request.messages[2] == replace(chat.messages[2], text="MASKED_SECRET_1\n")


def test_a_conversation_that_goes_on_looks_the_same() -> None:
    """A later secret does not rename an earlier one, so that a server's prompt cache still fits."""
    first = Message("user", "zz-aaaa1")
    alone, _ = MASKER.mask(ChatRequest((first,)))
    longer, _ = MASKER.mask(ChatRequest((first, Message("user", "zz-bbbb2"))))
    assert isinstance(alone, ChatRequest)
    assert isinstance(longer, ChatRequest)
    assert longer.messages[0] == alone.messages[0]


def test_a_request_without_secrets_is_the_same_object() -> None:
    """Nothing is copied for nothing."""
    request = FimRequest("def f():\n", "")
    assert MASKER.mask(request)[0] is request


def test_a_key_of_many_lines_keeps_its_lines_and_its_quotes() -> None:
    """Each line of it is replaced; what makes it several literals of a program stays."""
    parts = ["-----BEGIN-----", BODY, BODY, "Q2w=", "-----END-----"]
    prefix, _, count = masked("".join(f'b"{part}\\n"\n' for part in parts))
    parts[1:4] = ["MASKED_SECRET_1"] * 3
    assert prefix == "".join(f'b"{part}\\n"\n' for part in parts)
    assert count == 1
    assert masked(prefix) == (prefix, "", 0)


def test_code_that_deals_with_keys_is_no_key() -> None:
    """From a BEGIN to an END there may be a program."""
    text = "begin = '-----BEGIN'\nif line == begin:\n    return\nend = 'END-----'\n"
    assert masked(text) == (text, "", 0)


async def test_without_a_detector_nothing_leaves() -> None:
    """It does not quietly send what it could not look at."""

    class Missing(Detector):
        loaded = False

        def load(self) -> None:
            raise NotAllowed("There is no detector", "Install it")

        def find(self, text: str) -> list[tuple[int, int]]:
            self.load()
            return []

    with pytest.raises(NotAllowed):
        await Masker(Missing()).prepare()
    with pytest.raises(NotAllowed):
        Masker(Missing()).mask(FimRequest("x", ""))


def test_code_from_elsewhere_is_masked_with_the_hole() -> None:
    """The same secret has the same name in the file and in what is shown beside it; the rest stays."""
    snippets = tuple(Snippet(path, text, 0, "tabs", "", 1.0) for path, text in (("a", "b zz-abcd c\n"), ("d", "e\n")))
    request, count = MASKER.mask(FimRequest('x = "zz-abcd', '"\ny = "zz-efgh"\n', snippets=snippets))
    assert isinstance(request, FimRequest)
    assert count == 2
    assert [snippet.text for snippet in request.snippets] == ["b MASKED_SECRET_1 c\n", "e\n"]
    assert (request.prefix, request.suffix) == ('x = "MASKED_SECRET_1', '"\ny = "MASKED_SECRET_2"\n')
    only, count = MASKER.mask(FimRequest("x", "", snippets=snippets))
    assert isinstance(only, FimRequest)
    assert (count, only.snippets[0].text) == (1, "b MASKED_SECRET_1 c\n")

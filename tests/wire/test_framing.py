"""Server-sent events on bytes."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.domain.errors import InvalidFormat
from beastmode.wire.framing import LONGEST_EVENT, JsonLines, ServerSentEvent, SseFraming

FIELDS = [b"data: ", b"data:", b"data", b"event: x", b"error: ", b":", b"id: 1", b"retry: x", b" ", b"a"]
ENDS = [b"\r", b"\n", b"\r\n", b"\n\n"]
NO_ENDS = [b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xc2\x85", b"\x0b\x0c\x1c", b"\xff"]
PIECES = st.sampled_from([*FIELDS, *ENDS, *NO_ENDS]) | st.binary(max_size=8)
HOSTILE = st.lists(PIECES, max_size=40).map(b"".join)


def framed(chunks: list[bytes]) -> list[ServerSentEvent]:
    framing = SseFraming()
    events = [event for chunk in chunks for event in framing.feed(chunk)]
    return events + framing.close()


@settings(max_examples=50, deadline=None)
@given(HOSTILE, st.lists(st.integers(0, 200), max_size=6))
def test_packets_make_no_difference(body: bytes, cuts: list[int]) -> None:
    """However the bytes are cut, the events are the same."""
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in pairwise(edges)]
    assert framed(pieces) == framed([body]) == framed([body[i : i + 1] for i in range(len(body))])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=1))
def test_only_line_ends_end_a_line(lines: list[str]) -> None:
    """Every character that is not CR or LF, U+2028 and U+0085 too, comes through; data lines are joined by LF."""
    body = "".join(f"data: {line}\n" for line in lines).encode() + b"\n"
    assert framed([body]) == [ServerSentEvent("", "\n".join(lines).encode())]


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
def test_the_three_line_ends_mean_the_same(newline: bytes) -> None:
    """Servers on every system are understood."""
    body = newline.join(
        [b": hello", b"event: e", b"id: 7", b"data: a", b"data:b", b"", b"data", b"", b"", b"data: c", b"", b""]
    )
    events = [ServerSentEvent("e", b"a\nb"), ServerSentEvent("", b""), ServerSentEvent("", b"c")]
    assert framed([body]) == events
    assert framed([body[i : i + 1] for i in range(len(body))]) == events


def test_an_event_is_out_as_soon_as_its_cr_has_come() -> None:
    """A server that ends lines by CR is not waited on for an LF that never comes."""
    assert list(SseFraming().feed(b"data: a\r\r")) == [ServerSentEvent("", b"a")]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=6), st.lists(st.integers(0, 200), max_size=6))
def test_a_packet_of_whole_events_reads_like_any_other(numbers: list[int], cuts: list[int]) -> None:
    """The short way for the usual packet gives what the long way gives."""
    body = b"".join(b"data: {%d}\n\n" % number for number in numbers)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    assert framed([body[start:end] for start, end in pairwise(edges)]) == framed([body])
    assert framed([body]) == [ServerSentEvent("", b"{%d}" % number) for number in numbers]


@settings(max_examples=50, deadline=None)
@given(HOSTILE, st.lists(st.integers(0, 200), max_size=6))
def test_json_by_lines_is_cut_at_line_feeds_only(body: bytes, cuts: list[int]) -> None:
    """Blank lines are nothing, the last line needs no end, and packets make no difference."""
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    framing = JsonLines()
    events = [event for start, end in pairwise(edges) for event in framing.feed(body[start:end])]
    assert [*events, *framing.close()] == [ServerSentEvent("", x.strip()) for x in body.split(b"\n") if x.strip()]


def test_a_line_of_json_without_end_is_given_up() -> None:
    """At 1 MiB, as with events."""
    framing = JsonLines()
    for _ in range(LONGEST_EVENT // len(KILO)):
        list(framing.feed(KILO))
    with pytest.raises(InvalidFormat):
        list(framing.feed(KILO))


KILO = b"x" * 1024


@pytest.mark.parametrize("flood", [b"data: " + KILO, KILO, b"data: x\n" * 512, b"data\n" * 512, b": " + KILO])
def test_memory_stays_bounded(flood: bytes) -> None:
    """A line or an event without an end is given up at 1 MiB, in constant memory."""
    framing, fed = SseFraming(), 0

    def feed_without_end() -> None:
        nonlocal fed
        while fed < 8 * LONGEST_EVENT:
            fed += len(flood)
            list(framing.feed(flood))

    tracemalloc.start()
    try:
        with pytest.raises(InvalidFormat):
            feed_without_end()
        assert tracemalloc.get_traced_memory()[1] < 4 * LONGEST_EVENT
    finally:
        tracemalloc.stop()
    assert fed < 2 * LONGEST_EVENT

"""The window: within its budget, at line boundaries, and still while the user types."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.completion.pictures import cursor_at, typed

from beastmode.context.window import BYTES_PER_TOKEN, window
from beastmode.domain.text import Cursor

LINES = "".join(f"value_{n} = compute({n})\n" for n in range(400))


def test_small_file_is_whole() -> None:
    """What fits is shown whole."""
    cursor = cursor_at("a\nb║\nc\n")
    assert (window(cursor, 100, 100).prefix, window(cursor, 100, 100).suffix) == ("a\nb", "\nc\n")


def test_the_start_is_stable_while_typing() -> None:
    """Within a line the prefix only grows at its end; over many lines its start moves once a block."""
    cursor = cursor_at(LINES + "║")
    starts = []
    prefix = window(cursor, 256, 64).prefix
    for _ in range(64):
        for key in "value = 1\n":
            cursor = typed(cursor, key)
            grown = window(cursor, 256, 64).prefix
            starts.append(not grown.startswith(prefix))
            prefix = grown
    # A block is 8 lines here.
    assert 1 <= sum(starts) <= 64 // 8


def test_the_start_does_not_depend_on_how_much_the_caller_gives() -> None:
    """The caller's own window moves line by line; ours does not move with it."""
    whole = cursor_at(LINES + "║")
    for lines_given in range(150, 200):
        before = "".join(LINES.splitlines(keepends=True)[-lines_given:])
        given_less = Cursor(whole.uri, whole.path, "python", 1, whole.line, whole.column, before, "")
        assert window(given_less, 256, 64).prefix == window(whole, 256, 64).prefix


def test_prefix_starts_with_a_line_and_uses_its_budget() -> None:
    """Whole lines, and at least two thirds of the budget where the file has them."""
    for extra in range(40):
        cursor = cursor_at(LINES + "x = 1\n" * extra + "║")
        prefix = window(cursor, 256, 64).prefix
        assert cursor.before[: len(cursor.before) - len(prefix)].endswith("\n")
        assert len(prefix) >= 256 * BYTES_PER_TOKEN * 0.6


def test_a_line_longer_than_the_budget() -> None:
    """A line of a minified file is cut inside, and its start is stable for a while, too."""
    cursor = cursor_at("x;" * 50_000 + "║" + "y;" * 50_000)
    shown = window(cursor, 100, 64)
    assert 200 <= len(shown.prefix) <= 300
    assert len(shown.suffix) == 64 * BYTES_PER_TOKEN
    assert window(typed(cursor, "z"), 100, 64).prefix == shown.prefix + "z"


def test_long_lines() -> None:
    """Where only a few lines fit, the block gives way: there is always a line above the cursor's."""
    lines = "".join(f"{n:0200}\n" for n in range(40))
    for extra in range(8):
        prefix = window(cursor_at(lines + f"{extra:0200}\n" * extra + "x = ║"), 256, 64).prefix
        assert prefix.count("\n") >= 1


def test_suffix_ends_with_a_line() -> None:
    """Whole lines after the cursor, too."""
    suffix = window(cursor_at("║" + LINES), 64, 64).suffix
    assert suffix.endswith("\n")
    assert LINES.startswith(suffix)


@pytest.mark.parametrize("character", ["é", "你", "🎉", "\ud83d"])
def test_other_scripts_count_by_their_bytes(character: str) -> None:
    """CJK and emoji take more tokens a character than code; none is cut in half."""
    cursor = cursor_at(character * 500 + "║" + character * 500)
    shown = window(cursor, 100, 100)
    size = len(character.encode("utf-8", "surrogatepass"))
    assert 0 < len(shown.prefix) * size <= 300
    assert 0 < len(shown.suffix) * size <= 300


@given(
    before=st.text(alphabet="ab \n\t你🎉", max_size=300),
    after=st.text(alphabet="ab \n\t你🎉", max_size=300),
    first_line=st.integers(0, 1000),
    prefix_tokens=st.integers(0, 80),
    suffix_tokens=st.integers(0, 80),
)
def test_never_over_budget(before: str, after: str, first_line: int, prefix_tokens: int, suffix_tokens: int) -> None:
    """The window is the text right before and right after the cursor, within the budget, whatever the text."""
    column = len(before) - before.rfind("\n") - 1
    cursor = Cursor("u", "p", "python", 1, first_line + before.count("\n"), column, before, after)
    shown = window(cursor, prefix_tokens, suffix_tokens)
    assert before.endswith(shown.prefix)
    assert after.startswith(shown.suffix)
    assert len(shown.prefix.encode()) <= prefix_tokens * BYTES_PER_TOKEN
    assert len(shown.suffix.encode()) <= suffix_tokens * BYTES_PER_TOKEN


METHOD = """\
    def method_{0}(self):
        value = {0}
        if value:
            value += 1
        return value

"""
METHODS = "class A:\n" + "".join(METHOD.format(number) for number in range(80))


def test_prefix_starts_at_a_definition() -> None:
    """Where one starts soon behind the block of lines, the prefix begins with it and not in the middle of another."""
    starts = set()
    for extra in range(30):
        shown = window(cursor_at(METHODS + "    x = 1\n" * extra + "║"), 1024, 64)
        starts.add(shown.prefix.partition("\n")[0].split("_")[0])
        assert len(shown.prefix) >= 1024 * BYTES_PER_TOKEN // 2
    assert starts == {"    def method"}


def test_the_start_at_a_definition_is_stable() -> None:
    """While a line is typed, also one that looks like a definition, the start does not move."""
    cursor = cursor_at(METHODS + "║")
    prefix = window(cursor, 512, 64).prefix
    moved = 0
    for _ in range(32):
        for key in "def f(): pass\n":
            cursor = typed(cursor, key)
            grown = window(cursor, 512, 64).prefix
            moved += not grown.startswith(prefix)
            prefix = grown
    # A block is 16 lines here.
    assert 1 <= moved <= 32 // 16 + 1


def test_suffix_ends_before_a_definition() -> None:
    """What the model sees last is whole where that costs little."""
    for line in range(6):
        _, _, after = METHODS.partition("\n")
        after = after.split("\n", line)[line]
        suffix = window(cursor_at("║\n" + after), 0, 256).suffix
        assert after[len(suffix) - 1 :].startswith("    def method")
        assert len(suffix) >= 256 * BYTES_PER_TOKEN // 2

"""The known holes, the verdicts on answers to them, and the table of templates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beastmode.embedded.embedded import QWEN_FIM
from beastmode.operations.fim_templates import all_marks, families, same_tokens, template_name
from beastmode.operations.fim_trial import TWINS
from beastmode.operations.holes import FIRST, HOLES, MAX_TOKENS, Hole, Verdict, judge
from beastmode.router.complexity import tokens
from beastmode.wire.fim_prompt import goes_on

HOLE = Hole("python", "a.py", "shape = lambda ", ": width * height\n", "width, height")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("width, height", Verdict.FILLED),
        (" width,height\n", Verdict.FILLED),
        ("width, height: width * height\n", Verdict.RAN_ON),
        ("width, height\n\nprint(1)", Verdict.RAN_ON),
        ("width, heights", Verdict.WRONG),
        ("width, height_2: 1", Verdict.WRONG),
        ("width", Verdict.WRONG),
        ("", Verdict.EMPTY),
        (" \n", Verdict.EMPTY),
        ("width, height<|fim_pad|>", Verdict.LEAKED),
        ("```python\nwidth, height\n```", Verdict.LEAKED),
        ("<think>width, height", Verdict.LEAKED),
    ],
)
def test_an_answer_is_judged(answer: str, verdict: Verdict) -> None:
    """Exact up to blanks is filled; going on where it should stop is half; a token in the text is nothing."""
    assert judge(HOLE, answer) is verdict


@given(st.sampled_from(HOLES), st.text(max_size=40))
def test_any_answer_is_judged(hole: Hole, answer: str) -> None:
    """Hostile text gets a verdict, and only the filling itself gets a whole point."""
    if judge(hole, answer) is Verdict.FILLED:
        assert "".join(answer.split()) == "".join(hole.filling.split())


def test_holes_are_twins_in_three_languages() -> None:
    """Twins share the text before and differ in the filling, so that one answer can be right for one of them only."""
    assert len({hole.language for hole in HOLES}) == 3
    assert FIRST % TWINS == len(HOLES) % TWINS == 0
    for one, other in zip(HOLES[::TWINS], HOLES[1::TWINS], strict=True):
        assert one.prefix == other.prefix
        assert Verdict.FILLED is not judge(one, other.filling)
        assert judge(other, one.filling) is Verdict.WRONG


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_needs_its_template(hole: Hole) -> None:
    """What stands around it makes the wire send both sides, and its filling has room in the answer."""
    assert goes_on(hole.prefix, hole.suffix)
    assert 2 * tokens(len(hole.filling)) <= MAX_TOKENS
    assert judge(hole, hole.filling) is Verdict.FILLED


def test_deepseek_has_its_wide_bars() -> None:
    """U+FF5C and U+2581, not the ASCII characters that they look like."""
    deepseek = next(family.template for family in families() if family.name == "deepseek")
    tokens_of = (deepseek.prefix, deepseek.suffix, deepseek.middle, *deepseek.stop)
    assert deepseek.prefix.encode("unicode_escape") == rb"<\uff5cfim\u2581begin\uff5c>"
    assert not any("|" in token or "_" in token or " " in token for token in tokens_of)


def test_families_are_told_apart_and_stop_at_their_own_tokens() -> None:
    """No two write the same prompt, and every token of a template ends an answer."""
    templates = [family.template for family in families()]
    assert sum(same_tokens(one, other) for one in templates for other in templates) == len(templates)
    for template in templates:
        marks = (template.prefix, template.suffix, template.middle)
        assert all(any(stop in mark for stop in template.stop) for mark in marks if mark)
    assert all(len(mark) > 3 for mark in all_marks())


def test_the_built_in_model_is_of_a_known_family() -> None:
    """Its row's tokens are those of the table."""
    assert template_name(QWEN_FIM) == "qwen"
    qwen = next(family.template for family in families() if family.name == "qwen")
    assert set(QWEN_FIM.stop) <= set(qwen.stop)

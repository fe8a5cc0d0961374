"""Tests in the text of a test file: found by the names that runners give them, and taken out one by one."""

from __future__ import annotations

import pytest

from beastmode.context.syntax import parses
from beastmode.tasks.verify.testcode import source_tests, without

FILES = {
    "python": (
        '''import pytest


# about a
@pytest.mark.parametrize("x", [1, 2])
def test_a(x):
    assert x


class TestB:
    """Two."""

    def setup_method(self):
        self.x = 1

    def test_c(self):
        assert True

    async def test_d(self):
        assert True


def helper():
    def test_inner():
        pass
''',
        ["test_a", "TestB.test_c", "TestB.test_d"],
    ),
    "typescript": (
        """import { it } from "vitest";

describe("total", () => {
  beforeEach(() => {});
  it("adds", () => {
    expect(1).toBe(1);
  });
  describe('of "none"', () => {
    test.each([[1, 2]])("gives %i for %i", (a, b) => {});
  });
});

test(`alone`, async () => {});
""",
        ["total adds", 'total of "none" gives %i for %i', "alone"],
    ),
    "go": (
        """package p

func TestA(t *testing.T) {
	t.Run("x", func(t *testing.T) {})
}

func Testify() {}

func helper() {}
""",
        ["TestA"],
    ),
    "rust": (
        """use x::y;

#[test]
fn a() {
    y();
}

#[test]
#[should_panic]
fn b() {}

fn helper() {}

mod deep {
    #[tokio::test]
    async fn c() {}
}
""",
        ["a", "b", "deep.c"],
    ),
    "java": (
        """class ATest {
    @BeforeEach
    void start() {}

    @Test
    void a() {
    }

    @ParameterizedTest
    @ValueSource(ints = {1})
    void b(int x) {
    }
}
""",
        ["ATest.a", "ATest.b"],
    ),
}


@pytest.mark.parametrize("language", sorted(FILES))
def test_tests_are_found_by_their_names(language: str) -> None:
    """As the runner will call them; a helper is none."""
    text, names = FILES[language]
    assert [test.name for test in source_tests(text, language)] == names


@pytest.mark.parametrize("language", sorted(FILES))
def test_one_is_taken_out_and_the_others_stay(language: str) -> None:
    """What is left can be read, and holds exactly the others."""
    text, names = FILES[language]
    for name in names:
        left = without(text, language, {name})
        assert [test.name for test in source_tests(left, language)] == [other for other in names if other != name]
        assert parses(left, language)


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_a_group_without_tests_goes_with_them(language: str) -> None:
    """An empty class would not even be a class."""
    text, names = FILES[language]
    left = without(text, language, {name for name in names if name.startswith(("TestB", "total"))})
    assert "TestB" not in left
    assert "gives" not in left
    assert parses(left, language)


def test_what_decorates_a_test_goes_with_it() -> None:
    """A decorator, and the comment right above."""
    left = without(FILES["python"][0], "python", {"test_a"})
    assert "parametrize" not in left
    assert "about a" not in left
    assert left.startswith("import pytest")


def test_a_title_with_parameters_means_each_of_its_cases() -> None:
    """`gives %i for %i` in the source is `gives 1 for 2` in the results."""
    test = source_tests(FILES["typescript"][0], "typescript")[1]
    assert test.is_called('total of "none" gives 1 for 2')
    assert not test.is_called("total adds")


def test_nothing_is_taken_out_of_a_text_in_an_unknown_language() -> None:
    """Better whole than broken."""
    assert without("anything", "cobol", {"x"}) == "anything"

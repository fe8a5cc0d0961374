"""What of a large file is shown for a part of it."""

from __future__ import annotations

from beastmode.context.syntax import definitions
from beastmode.tasks.testing.focus import SMALL, focused

HEAD = "import os\n\nRATE = 0.2\n"
HELPER = 'def helper(x):\n    """Doubles."""\n    return x * 2\n'
OTHERS = "".join(f"def other_{number}():\n    return {number}\n\n\n" for number in range(60))
CLASS = """class Cart:
    size = 1

    def __init__(self, a):
        self.a = a

    def total(self):
        return helper(self.a)
"""
TEXT = f"{HEAD}\n\n{HELPER}\n\n{OTHERS}{CLASS}"


def shown(name: str, text: str = TEXT) -> str:
    (found,) = (each for each in definitions(text, "python") if each.name == name)
    return "\n".join(focused(text.split("\n"), "python", found.line, found.end_line))


def test_the_code_its_class_and_what_it_uses_are_shown() -> None:
    """With the imports, in the file's order; nothing else of a file of 250 lines."""
    text = shown("total")
    assert "        return helper(self.a)" in text
    assert (
        text.index("import os") < text.index("def helper(x)") < text.index("class Cart") < text.index("return helper")
    )
    assert "def __init__(self, a)" in text
    assert "other_" not in text
    assert "return x * 2" not in text


def test_a_function_is_whole() -> None:
    """Also where only one of its lines is meant."""
    assert focused(TEXT.split("\n"), "python", 7, 7)[-3:] == tuple(HELPER.rstrip().split("\n"))


def test_small_files_and_files_without_grammar_are_whole() -> None:
    """There is nothing to gain, or nothing known."""
    lines = HELPER.split("\n")
    assert focused(lines, "python", 0, 0) == tuple(lines)
    many = ["x"] * (SMALL + 1)
    assert focused(many, "plaintext", 3, 4) == tuple(many)
    assert focused(["("] * 5_000, "python", 3, 4)

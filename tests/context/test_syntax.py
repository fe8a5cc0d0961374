"""What stands at a cursor, what is used near it, and what parses."""

from __future__ import annotations

import pytest

from beastmode.context.syntax import boundaries, errors_added, names_near, parses, place
from beastmode.context.syntax.languages import GRAMMARS
from beastmode.context.syntax.tree import grammar_of


@pytest.mark.parametrize("language", sorted(GRAMMARS))
def test_every_grammar_loads(language: str) -> None:
    """Each row names a module and a function that give a grammar which the installed parser reads."""
    assert grammar_of(language) is not None


@pytest.mark.parametrize(
    ("language", "picture", "expected"),
    [
        ("python", "x = ║1", "code"),
        ("python", "x = 1  # no║", "comment"),
        ("python", "x = 1  # no║te\ny = 1", "comment"),
        ("python", 'x = "a║b"', "string"),
        ("python", 'x = "a║', "string"),
        ("python", 'x = "a"║', "code"),
        ("python", 'x = f"a{b║}"', "code"),
        ("python", 'def f():\n    """Doc\n    ║\n    """', "string"),
        ("typescript", "const x = `a║`;", "string"),
        ("typescript", "const x = `a${b║}`;", "code"),
        ("typescript", "/* a ║ */", "comment"),
        ("typescript", "/* a */║", "code"),
        ("typescriptreact", "// a║\n", "comment"),
        ("javascript", "/* a ║", "comment"),
        ("go", 'x := "a║"', "string"),
        ("rust", "fn f<'a║>() {}", "code"),
        ("java", "// a║", "comment"),
        ("c", 'char *x = "a║";', "string"),
        ("cpp", "int x║;", "code"),
        ("csharp", "// a║", "comment"),
        ("ruby", "# a║", "comment"),
        ("php", "$x = 'a║';", "string"),
        ("shellscript", "echo 'a║'", "string"),
        ("cobol", "X║", "unknown"),
    ],
)
def test_place(language: str, picture: str, expected: str) -> None:
    """Code, comment or string, also where the string is not closed yet."""
    before, _, after = picture.partition("║")
    assert place(before, after, language) == expected


def test_names_near_the_cursor_come_first() -> None:
    """The nearest line first; no keywords, no strings, no comments, each name once."""
    before = "import far\nfor item in self.items:\n    total += item.price  # note\n    "
    assert names_near(before, "\n    print('text', other)\n", "python") == [
        "print",
        "price",
        "other",
        "item",
        "total",
        "items",
        "far",
    ]
    assert "far" not in names_near(before, "", "python", lines=2)
    assert names_near("a b", "", "cobol") == []


@pytest.mark.parametrize(
    ("before", "text", "after", "expected"),
    [("x = (", "1", ")\n", 0), ("x = ", "1", "\n", -1), ("x = 1", ")", "\n", 1), ("f(", "a", "", 0)],
)
def test_errors_added(before: str, text: str, after: str, expected: int) -> None:
    """What an insertion breaks counts up, what it mends counts down, what was broken before does not count."""
    found = errors_added(before, text, after, "python")
    assert found is not None
    assert (found > 0) - (found < 0) == expected


def test_parses() -> None:
    """PHP may be a part without its opening tag."""
    assert parses("$a = 1;", "php")
    assert parses("<?php\n$a = 1;", "php")
    assert parses("a = (1", "python") is False
    assert parses("x", "cobol") is None


@pytest.mark.parametrize(
    ("language", "text", "lines"),
    [
        ("python", "import a\n\n# about f\n@deco\ndef f():\n    x = 1\n\nclass A:\n    pass\n", [0, 2, 7]),
        ("python", "        return 1\n\ndef f():\n    pass\n", [0, 2]),
        ("go", "package a\n\n// F is.\nfunc F() {\n\tx()\n}\n", [0, 2]),
        ("rust", "#[derive(A)]\nstruct B;\nfn f() {}\n", [0, 2]),
        ("cobol", "A\nB\n", []),
    ],
)
def test_boundaries(language: str, text: str, lines: list[int]) -> None:
    """Where definitions and statements of the outermost depth start, with the comments that belong to them."""
    assert [text.count("\n", 0, start) for start in boundaries(text, language)] == lines

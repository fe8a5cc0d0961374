"""What a change is looked at for: syntax, public names, code under documentation."""

from __future__ import annotations

import pytest

from beastmode.tasks.checks import keeping_names, parsing, public_names
from beastmode.tasks.document import RECIPE as DOCUMENT
from beastmode.tasks.edits import Change, FileEdit
from beastmode.tasks.proposal import Check, Order

ORDER = Order("refactor", "make it nicer")


def change(before: str | None, after: str | None, path: str = "a.py", new_path: str | None = None) -> Change:
    kind = "create" if before is None else "delete" if after is None else "rename" if new_path else "change"
    return Change((FileEdit(path, kind, after, new_path, before, None if before is None else "0"),), "")


def one(checks: list[Check]) -> Check:
    (check,) = checks
    return check


def test_a_file_that_was_broken_before_may_stay_as_broken() -> None:
    """Only what gets worse is refused; the check then is no reason to celebrate either."""
    assert one(parsing(change("def f(:\n", "def g(:\n"))).ok
    worse = one(parsing(change("x = 1\n", "x = (\n")))
    assert not worse.ok
    assert worse.is_needed
    assert "line 1" in worse.evidence
    assert parsing(change("a\n", "b(\n", "notes.txt")) == []


PUBLIC = {
    "python": (
        "def f(): ...\ndef _g(): ...\nclass A:\n    def b(self): ...\n    def _c(self): ...\n",
        {"f", "A", "A.b"},
    ),
    "go": ("package p\nfunc F() {}\nfunc g() {}\n", {"F"}),
    "typescript": ("export function f() {}\nfunction g() {}\nfunction h() {}\nexport { h };\n", {"f", "h"}),
    "javascript": ("function f() {}\n", {"f"}),
    "rust": ("pub fn f() {}\nfn g() {}\n", {"f"}),
    "java": ("class A {\n    public void b() {}\n    private void c() {}\n}\n", {"A", "A.b"}),
}


@pytest.mark.parametrize("language", PUBLIC)
def test_what_others_can_use_is_told_by_the_languages_habits(language: str) -> None:
    """Underscores, capitals, exports, words."""
    text, wanted = PUBLIC[language]
    assert set(public_names(text, language)) == wanted


def test_a_name_that_goes_is_named() -> None:
    """Unless it is imported instead, or the user's own words ask for it."""
    before, after = "def f(): ...\ndef g(): ...\n", "def g(): ...\n"
    assert "f of a.py" in one(keeping_names(change(before, after), ORDER)).evidence
    assert one(keeping_names(change(before, f"from b import f\n{after}"), ORDER)).ok
    assert one(keeping_names(change(before, after), Order("refactor", "remove f"))).ok
    assert not one(keeping_names(change(before, after), Order("refactor", "f is too long"))).ok
    assert not one(keeping_names(change(before, None), ORDER)).ok
    assert one(keeping_names(change(before, before, new_path="b.py"), ORDER)).ok
    assert keeping_names(change(None, after), ORDER) == []


SAME = [
    ("def f():\n    return 1\n", 'def f():\n    """One."""\n    # really\n    return 1  # one\n', "a.py"),
    ("x = 1\n", '"""A module."""\n\nx = 1\n', "a.py"),
    ('"""Old."""\nx = 1\n', "# New.\nx = 1\n", "a.py"),
    ("class A:\n    x = 1\n", '# Top.\nclass A:\n    """A."""\n\n    x = 1\n', "a.py"),
    ("function f() { return 1; }\n", "/** One. */\nfunction f() {\n  // one\n  return 1;\n}\n", "a.js"),
    ("fn f() -> i32 { 1 }\n", "/// One.\nfn f() -> i32 { 1 }\n", "a.rs"),
    ("package p\nfunc F() int { return 1 }\n", "package p\n\n// F is one.\nfunc F() int { return 1 }\n", "a.go"),
]
OTHER = [
    ("def f():\n    return 1\n", "def f():\n    return 2\n", "a.py"),
    ("if a:\n    b()\n    c()\n", "if a:\n    b()\nc()\n", "a.py"),
    ("x = 'a'\n", "x = 'b'\n", "a.py"),
    ("def f():\n    return 1\n", "def f():\n    x = '''One.'''\n    return 1\n", "a.py"),
    ("def f():\n    return 1\n", "def f():\n    return 1\n    '''late'''\n", "a.py"),
    ("function f() { return 1; }\n", "function f() { return /* two */ 2; }\n", "a.js"),
    ("a()\nb()\n", "b()\na()\n", "a.py"),
]


@pytest.mark.parametrize(("before", "after", "path"), SAME)
def test_comments_and_docstrings_are_no_code(before: str, after: str, path: str) -> None:
    """They may come, go and change."""
    assert one(DOCUMENT.examine(change(before, after, path), ORDER)).ok


@pytest.mark.parametrize(("before", "after", "path"), OTHER)
def test_anything_else_is_code(before: str, after: str, path: str) -> None:
    """A value, an order, an indentation; a string that is no docstring."""
    found = one(DOCUMENT.examine(change(before, after, path), ORDER))
    assert not found.ok
    assert found.is_needed


def test_documentation_does_not_go_unless_the_user_asks_for_it() -> None:
    """A small model drops a docstring as easily as it writes one."""
    without = change('"""Old."""\nx = 1\n', "x = 1\n")
    _, lost = DOCUMENT.examine(without, Order("document"))
    assert not lost.ok
    assert lost.is_needed
    assert one(DOCUMENT.examine(without, Order("document", "remove the docstring"))).ok


def test_a_language_without_a_grammar_is_said_not_to_be_checked() -> None:
    """It does not count as checked."""
    found = one(DOCUMENT.examine(change("a\n", "# b\na\n", "a.zz"), ORDER))
    assert (found.ok, found.is_needed) == (False, False)
    assert "not checked" in found.evidence


def test_a_hostile_nesting_is_read_in_time() -> None:
    """Brackets without end cost no more than their number."""
    deep = "(" * 50_000
    assert DOCUMENT.examine(change(deep, f"{deep}(", "a.py"), ORDER)
    assert parsing(change(deep, f"{deep}(", "a.py"))

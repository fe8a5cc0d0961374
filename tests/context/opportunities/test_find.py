"""Opportunities of one text and of many files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beastmode.context.opportunities import KINDS, Opportunity, Seen, Severity, find, gather, look
from beastmode.context.opportunities.forms import FORMS
from beastmode.context.syntax.nodes import Syntax, syntax

LONG = "def f(x):\n" + "".join(f"    x = g(x, {n})\n" for n in range(80)) + "    return x\n"
PIECES = (
    *("def f(a, b, c, d, e, f, g=False):", "if a and b or c:", "else:", "elif a == 1:", "return 1", "try:", "except:"),
    *("class K {", "private void f() {", "} catch (E e) { }", "}", "} else if (a) {", "} else {", "import a", "pass"),
    *("function f(a) {", "const x = () => {", "for (;;) {", "# x = 1", "// f();", "/* f(); */", "x = 86400 * 2"),
    *("use A\\B;", "<?php", "begin", "rescue", "end", "你好 = '🎉'", "\0", "\ud83d", "\r", ")", "("),
)
CODE = st.lists(st.sampled_from(PIECES).flatmap(lambda p: st.sampled_from([p, f"{p}\n", f"    {p}\n"])), max_size=40)


@settings(max_examples=60)
@given(CODE.map("".join), st.sampled_from([*FORMS, "cobol"]), st.sampled_from(["a.c", "tests/b.py", ""]))
def test_any_text_gives_places_within_it(text: str, language: str, path: str) -> None:
    """Nothing raises; places lie within the file, ids are unique, kinds are known, and words are there to read."""
    found = find(text, path, language)
    for each in found:
        assert 0 <= each.line <= each.end_line <= text.count("\n")
        assert each.kind in KINDS
        assert each.reason
        assert each.suggestion
        assert each.path == path
    assert len({each.id for each in found}) == len(found)
    assert language in FORMS or not found


def ids(found: list[Opportunity]) -> dict[str, str]:
    return {each.id: each.kind for each in found}


SAMPLES = {
    "long": LONG,
    "catch": "def f():\n    try:\n        a()\n    except Exception:\n        pass\n",
    "dead": "def g():\n    return 1\n    a()\n",
    "import": "import os\n",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_ids_survive_edits_elsewhere(name: str) -> None:
    """Lines above, another function, or a comment inside change no id; another file does."""
    text = SAMPLES[name]
    before = ids(find(text, "a.py", "python"))
    assert before
    assert ids(find(f"# Above.\n\n\ndef other():\n    return 0\n\n\n{text}", "a.py", "python")) == before
    assert ids(find(text.replace("    return 1\n", "    return 1  # so\n"), "a.py", "python")) == before
    assert ids(find(text, "b.py", "python")).keys().isdisjoint(before)


def test_a_long_function_keeps_its_id_while_it_is_edited() -> None:
    """What a user is told about a function stays the same thing while the function changes."""
    shorter = LONG.replace("    x = g(x, 3)\n", "")
    assert ids(find(LONG, "a.py", "python")) == ids(find(shorter, "a.py", "python"))


def test_two_of_a_kind_in_one_function_have_two_ids() -> None:
    """Even where their text is the same."""
    text = "def f():\n" + SAMPLES["catch"].partition("\n")[2] * 2
    found = find(text, "a.py", "python")
    assert len(found) == len({each.id for each in found}) == 2


def seen(**files: str) -> list[Seen]:
    found = [look(text, f"{name}.py", "python") for name, text in files.items()]
    return [each for each in found if each is not None]


def kinds(found: list[Opportunity]) -> list[tuple[str, str]]:
    return [(each.path, each.kind) for each in found]


def test_a_private_function_is_unused_where_no_file_mentions_it() -> None:
    """One file cannot tell; all of them can, and a name put together from pieces counts as mentioned."""
    text = "def _walk():\n    return 1\n"
    assert not find(text, "a.py", "python")
    assert kinds(gather(seen(a=text, b="x = 1\n"))) == [("a.py", "unused-function")]
    assert not gather(seen(a=text, b="from a import _walk\n_walk()\n"))
    assert not gather(seen(a="def _on_key():\n    return 1\n", b="def g(n):\n    return globals()[f'_on_{n}']\n"))


def test_a_method_that_a_base_may_call_is_not_unused() -> None:
    """Only a class without bases knows who calls its methods."""
    assert kinds(gather(seen(a="class K:\n    def _m(self):\n        return 1\n"))) == [("a.py", "unused-function")]
    assert not gather(seen(a="class K(B):\n    def _m(self):\n        return 1\n"))
    by_name = "    def call(self, n):\n        return getattr(self, '_' + n)\n"
    assert not gather(seen(a=f"class K:\n    def _m(self):\n        return 1\n{by_name}"))


def test_an_import_for_another_file_is_used() -> None:
    """`from a import b` elsewhere is what the import in a.py is for."""
    text = "from x import b, c\n"
    assert {each.reason.split("`")[1] for each in find(text, "a.py", "python")} == {"b", "c"}
    assert [each.reason.split("`")[1] for each in gather(seen(a=text, z="from .a import b\nb()\n"))] == ["c"]


BODY = "".join(
    f"    if a[{n}] > b[{n}] and c(a, b, {n}):\n        a[{n}] = d(b[{n}], 'name {n}', key={n})\n" for n in range(6)
)


def test_a_duplicate_in_other_files_names_every_place() -> None:
    """One finding, at the first place, that says where the others are; in tests it weighs less."""
    text = f"def f(a, b):\n{BODY}    return a\n"
    (found,) = gather(seen(a=text, b=f"import q\n\n\ndef g(a, b):\n{BODY}    return q(b)\n"))
    assert (found.kind, found.path, found.line, found.end_line, found.name) == ("duplicate-code", "a.py", 1, 12, "f")
    assert [(place.path, place.line, place.end_line) for place in found.others] == [("b.py", 4, 15)]
    assert "b.py:5" in found.reason
    tests = [look(text, f"tests/test_{name}.py", "python") for name in "ab"]
    assert [each.severity for each in gather(filter(None, tests))] == [Severity.LOW]


def test_a_duplicate_within_a_duplicate_is_not_said_twice() -> None:
    """Two functions that are the same have bodies that are the same; the functions are what is said."""
    text = f"def f(a, b):\n{BODY}    return a\n\n\n"
    (found,) = find(text + text, "a.py", "python")
    assert (found.line, found.end_line) == (0, 13)


def test_a_function_is_not_said_to_be_complex_besides_being_long() -> None:
    """Of two kinds that say the same, the plainer one is said."""
    branches = "".join(f"    if a{n}:\n        if b{n}:\n            x = {n}\n" for n in range(40))
    assert [each.kind for each in find(f"def f(x):\n{branches}", "a.py", "python")] == ["long-function"]


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n" + "".join(" " * n + f"if a{n}:\n" for n in range(1, 300)) + " " * 300 + "pass\n",
        "".join(" " * n + f"def f{n}():\n" for n in range(300)) + " " * 300 + "pass\n",
        "def f():\n" + "".join(f"    v{n} = 1\n" for n in range(1_000)),
        "a = 1\n" * 3_000,
        "if a:\n    b\n" + "elif a:\n    b\n" * 500,
        "x = [" + "1," * 5_000 + "]\n",
        "# a = 1 " + " " * 20_000 + "\n" * 3,
        "a" * 100_000 + " == 1\n",
    ],
    ids=["ifs", "functions", "variables", "same", "elifs", "table", "blanks", "name"],
)
def test_a_hostile_text_costs_what_its_length_allows(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps that a text takes are a multiple of its nodes, so ten times the text takes ten times as long."""
    spent = 0
    spend = Syntax.spend

    def counting(self: Syntax, steps: int) -> None:
        nonlocal spent
        spent += steps
        spend(self, steps)

    monkeypatch.setattr(Syntax, "spend", counting)
    find(text, "a.py", "python")
    nodes = syntax(text, "python")
    assert nodes is None or spent < 50 * len(nodes.nodes) + 1_000_000


def test_a_text_that_would_cost_more_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an answer would look like a whole one."""
    monkeypatch.setattr("beastmode.context.syntax.nodes._STEPS", 0)
    monkeypatch.setattr("beastmode.context.syntax.nodes._STEPS_A_NODE", 1)
    assert look(LONG, "a.py", "python") is None
    assert find(LONG, "a.py", "python") == []


def test_a_text_that_is_too_long_is_left_alone() -> None:
    """As is one of a language without a grammar."""
    assert look("x = 1\n" * 100_000, "a.py", "python") is None
    assert look("x", "a.txt", "plaintext") is None


def test_one_rule_a_file() -> None:
    """A rule is added by a file, and is in the tuple; its file is named for its kind."""
    folder = Path(__file__).parents[3] / "server" / "beastmode" / "context" / "opportunities" / "rules"
    names = {file.stem.replace("_", "-") for file in folder.glob("*.py")} - {"--init--"}
    assert names == KINDS.keys() - {"duplicate-code"}

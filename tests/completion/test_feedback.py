"""What became of a suggestion, against an editor that knows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.completion.editors import URI, Editor

from beastmode.completion import feedback as module
from beastmode.domain.text import Suggestion
from beastmode.ledger.feedback import Fate

CODE = "import os\n\ndef area(w, h):\n    ret║\n\nprint(area(1, 2))\n"
REST = "urn w * h"
BLOCK = "urn [\n        w,\n        h,\n    ]"


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[str], Editor]]:
    """Editors that are closed at the end."""
    editors: list[Editor] = []

    def open_one(picture: str) -> Editor:
        editors.append(Editor(picture))
        return editors[-1]

    yield open_one
    for editor in editors:
        await editor.feedback.aclose()


Opened = Callable[[str], Editor]


def fate(editor: Editor) -> tuple[Fate | None, int, int]:
    """Of the last showing: its fate, how much was taken, how much was typed."""
    last = editor.log.last
    return last.fate, last.used_chars, last.typed_chars


@pytest.mark.parametrize("text", [REST, BLOCK])
async def test_a_suggestion_that_is_taken_at_once_is_accepted(opened: Opened, text: str) -> None:
    """With the editor's word for it and without; the word changes nothing."""
    editor = opened(CODE)
    editor.show(text)
    assert fate(editor) == (None, 0, 0)
    editor.insert(text)
    assert fate(editor) == (Fate.ACCEPTED, len(text), 0)
    editor.feedback.accepted("r")
    assert fate(editor) == (Fate.ACCEPTED, len(text), 0)
    assert len(editor.log.showings) == 1
    shown = editor.log.last
    assert (shown.request_id, shown.model, shown.language, shown.trigger) == ("r", "custom:m", "python", "automatic")


async def test_what_replaces_the_rest_of_a_line_is_accepted_with_it(opened: Opened) -> None:
    """`replace_after` takes out the bracket that the editor had closed."""
    editor = opened("print(║)\n")
    editor.show("max(1, 2))", replace_after=1)
    editor.insert("max(1, 2))", replace_after=1)
    assert fate(editor) == (Fate.ACCEPTED, 10, 0)


async def test_typing_along_is_one_showing(opened: Opened) -> None:
    """Shown again from memory at every key; what the user typed was not taken."""
    editor = opened(CODE)
    editor.show(REST)
    for number in range(1, len(REST)):
        editor.insert(REST[number - 1])
        editor.show(REST[number:])
    assert fate(editor)[0] is None
    editor.insert(REST[-1])
    assert fate(editor) == (Fate.TYPED, 0, len(REST))
    assert len(editor.log.showings) == 1


async def test_accepted_word_by_word_and_then_left(opened: Opened) -> None:
    """A part was taken; what the user typed in between was not."""
    editor = opened(CODE)
    editor.show(REST)
    editor.insert("urn")
    editor.insert(" ")
    editor.insert("x")
    assert fate(editor) == (Fate.PARTIAL, 3, 1)


async def test_fast_keys_that_an_editor_sends_together_are_not_taken(opened: Opened) -> None:
    """They end in the middle of a word, where no command to accept does."""
    editor = opened(CODE)
    editor.show(REST)
    editor.insert("ur")
    editor.insert("x")
    assert fate(editor) == (Fate.REJECTED, 0, 2)


async def test_a_bracket_that_the_editor_closes_by_itself_agrees(opened: Opened) -> None:
    """And the acceptance that types it again is a whole one; deleting both leads back."""
    editor = opened("x = f║\n")
    editor.show("(a, b)")
    editor.insert("()")
    editor.offset -= 1
    editor.show("a, b)", replace_after=1)
    assert (fate(editor), len(editor.log.showings)) == ((None, 0, 0), 1)
    editor.edit(editor.offset - 1, editor.offset + 1, "")
    editor.insert("()")
    editor.offset -= 1
    editor.insert("a, b)", replace_after=1)
    assert fate(editor) == (Fate.ACCEPTED, 5, 1)


async def test_a_new_line_with_its_indentation_is_typed(opened: Opened) -> None:
    """One key, though several characters come in."""
    editor = opened("if x:║\n")
    editor.show("\n    return 1")
    editor.insert("\n    ")
    editor.insert("q")
    assert fate(editor) == (Fate.REJECTED, 0, 5)


async def test_undoing_an_acceptance_is_turning_it_down(opened: Opened) -> None:
    """The gate may know it until something changes; taking it again after all is another showing."""
    editor = opened(CODE)
    editor.show(BLOCK)
    editor.insert(BLOCK)
    editor.feedback.accepted("r")
    assert not editor.feedback.rejected_here(editor.cursor)
    editor.undo()
    assert fate(editor) == (Fate.REJECTED, 0, 0)
    assert editor.feedback.rejected_here(editor.cursor)
    editor.edit(len(editor.text), len(editor.text), "# end", moves=False)
    assert not editor.feedback.rejected_here(editor.cursor)
    await editor.hours.pass_by(400)
    assert (editor.log.last.kept_30s, editor.log.last.kept_5min) == (None, None)


async def test_undoing_the_last_word_keeps_the_others(opened: Opened) -> None:
    """The suggestion is open again, and so is its fate."""
    editor = opened(CODE)
    editor.show("urn wh")
    editor.insert("urn")
    editor.insert(" wh")
    assert fate(editor) == (Fate.ACCEPTED, 6, 0)
    editor.undo()
    assert fate(editor) == (None, 3, 0)
    editor.insert("!")
    assert fate(editor) == (Fate.PARTIAL, 3, 0)


async def test_changing_what_was_taken_is_no_undoing(opened: Opened) -> None:
    """It was taken; how much of it lives is another question."""
    editor = opened(CODE)
    editor.show(REST)
    editor.insert(REST)
    editor.delete(3)
    assert fate(editor) == (Fate.ACCEPTED, len(REST), 0)
    editor.undo()
    editor.undo()
    assert fate(editor) == (Fate.ACCEPTED, len(REST), 0)


async def test_dismissing_is_remembered_for_a_moment(opened: Opened) -> None:
    """At that place, until something changes or the moment is over."""
    editor = opened(CODE)
    editor.show(REST)
    editor.feedback.rejected("r")
    assert fate(editor) == (Fate.REJECTED, 0, 0)
    assert editor.feedback.rejected_here(editor.cursor)
    here, editor.offset = editor.offset, 0
    assert not editor.feedback.rejected_here(editor.cursor)
    editor.offset = here
    await editor.hours.pass_by(module.A_MOMENT_S)
    assert not editor.feedback.rejected_here(editor.cursor)


async def test_what_is_left_alone_is_ignored(opened: Opened) -> None:
    """Something else is shown, the document is closed, or nothing happens for long; never a moment too early."""
    editor = opened(CODE)
    editor.show(REST)
    editor.offset = len(editor.text)
    editor.show("# done", request="other")
    first = next(iter(editor.log.showings.values()))
    assert (first.fate, editor.log.last.fate) == (Fate.IGNORED, None)
    await editor.hours.pass_by(module.LONGEST_SHOWN_S - 1)
    assert editor.log.last.fate is None
    editor.insert("#")
    await editor.hours.pass_by(module.LONGEST_SHOWN_S - 1)
    assert editor.log.last.fate is None
    await editor.hours.pass_by(1)
    assert editor.log.last.fate is Fate.IGNORED
    editor.show("# more", request="third")
    editor.feedback.closed(URI)
    assert editor.log.last.fate is Fate.IGNORED
    assert [showing.used_chars for showing in editor.log.showings.values()] == [0, 0, 0]


async def test_editing_the_line_elsewhere_is_no_judgement(opened: Opened) -> None:
    """Only what is put in its place turns a suggestion down."""
    for start, end, text in ((0, 0, "# "), (2, 5, ""), (8, 8, "!"), (8, 9, "")):
        editor = opened("x = f(║)  \n")
        editor.show("a, b")
        editor.edit(start, end, text)
        assert fate(editor) == (Fate.IGNORED, 0, 0), (start, end, text)


async def test_memory_may_show_another_rest(opened: Opened) -> None:
    """What is left of an answer depends on where the cursor is; what is shown is what counts."""
    editor = opened("x = f║\n")
    editor.show("(a, b")
    editor.insert("(")
    editor.show("a, b)\ny = 1")
    editor.insert("a, b)\ny = 1")
    assert (fate(editor), editor.log.last.shown_chars) == ((Fate.ACCEPTED, 11, 1), 12)


async def test_going_back_by_deleting_is_the_same_showing(opened: Opened) -> None:
    """Memory shows the longer rest; to go back and write something else is no judgement of it."""
    editor = opened(CODE)
    editor.show(REST)
    editor.delete(2)
    editor.show("et" + REST)
    editor.insert("et" + REST)
    assert (fate(editor)[0], len(editor.log.showings)) == (Fate.ACCEPTED, 1)
    editor = opened(CODE)
    editor.show(REST)
    editor.delete(2)
    editor.insert("q")
    assert fate(editor) == (Fate.IGNORED, 0, 0)


async def test_the_candidate_that_was_taken_counts(opened: Opened) -> None:
    """One showing, whichever of them it is; the others neither shown nor turned down."""
    editor = opened(CODE)
    several = [Suggestion(name, text, f"custom:{name}") for name, text in (("a", "urn 1"), ("b", "urn w"), ("c", "x"))]
    editor.feedback.shown(editor.cursor, several, explicit=True)
    assert (editor.log.last.request_id, editor.log.last.trigger) == ("a", "explicit")
    editor.insert("urn w")
    editor.feedback.accepted("b")
    (showing,) = editor.log.showings.values()
    assert (showing.request_id, showing.model, showing.fate, showing.shown_chars) == ("b", "custom:b", Fate.ACCEPTED, 5)


async def test_an_editor_is_believed(opened: Opened) -> None:
    """It says accepted where the text came in otherwise than we can see, and how much of it in UTF-16."""
    editor = opened(CODE)
    editor.show(REST)
    editor.insert("urn  w  *  h")
    assert fate(editor)[0] is Fate.REJECTED
    editor.feedback.accepted("r")
    assert fate(editor) == (Fate.ACCEPTED, len(REST), 0)
    editor = opened(CODE)
    editor.show("😀😀('x')")
    editor.insert("😀")
    editor.feedback.partly_accepted("r", 2)
    assert fate(editor) == (None, 1, 0)
    editor.insert("😀")
    editor.feedback.partly_accepted("r", 5)
    editor.insert("(")
    editor.insert("'")
    editor.feedback.rejected("r")
    assert fate(editor) == (Fate.PARTIAL, 3, 1)


async def test_a_single_character_that_was_accepted_was_not_typed(opened: Opened) -> None:
    """Only the editor can tell."""
    editor = opened("f(x║\n")
    editor.show(")")
    editor.insert(")")
    assert fate(editor) == (Fate.TYPED, 0, 1)
    editor.feedback.accepted("r")
    assert fate(editor) == (Fate.ACCEPTED, 1, 0)


async def test_an_answer_that_comes_too_late_was_not_shown(opened: Opened) -> None:
    """Unless what was typed meanwhile agrees with it."""
    editor = opened(CODE)
    asked = editor.cursor
    editor.insert("u")
    editor.feedback.shown(asked, [Suggestion("r", REST, "custom:m")], explicit=False)
    assert fate(editor) == (None, 0, 1)
    editor.insert(REST[1:])
    assert fate(editor) == (Fate.ACCEPTED, len(REST) - 1, 1)
    asked = editor.cursor
    editor.insert("!")
    editor.feedback.shown(asked, [Suggestion("late", " + 1", "custom:m")], explicit=False)
    editor.is_open = False
    editor.feedback.shown(editor.cursor, [Suggestion("closed", " + 1", "custom:m")], explicit=False)
    assert len(editor.log.showings) == 1


async def test_a_client_that_sends_whole_documents_is_followed(opened: Opened) -> None:
    """Every key replaces all lines."""
    editor = opened(CODE)
    editor.show(BLOCK)

    def send() -> None:
        lines = editor.lines or []
        editor.feedback.changed(URI, 0, before, lines)

    for piece in ("u", "rn", BLOCK[3:]):
        before = editor.text.count("\n") + 1
        editor.text = editor.text[: editor.offset] + piece + editor.text[editor.offset :]
        editor.offset += len(piece)
        send()
    assert fate(editor) == (Fate.ACCEPTED, len(BLOCK) - 1, 1)


async def test_what_was_taken_is_looked_for_later(opened: Opened) -> None:
    """After half a minute and after five, wherever edits above have moved it."""
    editor = opened(CODE)
    editor.show(BLOCK)
    editor.insert(BLOCK)
    editor.edit(0, 0, "# one\n# two\n", moves=False)
    await editor.hours.pass_by(29)
    assert editor.log.last.kept_30s is None
    await editor.hours.pass_by(1)
    assert editor.log.last.kept_30s == 1000
    here = editor.text.index("        w,\n")
    editor.edit(here, here + len("        w,\n"), "")
    await editor.hours.pass_by(270)
    assert (editor.log.last.kept_30s, editor.log.last.kept_5min) == (1000, 750)


async def test_words_of_a_line_that_were_taken_are_looked_for(opened: Opened) -> None:
    """Without those that stood there before: what was taken out does not live on in its neighbours."""
    editor = opened("total = total + ║\n")
    editor.show("total * rate")
    editor.insert("total * rate")
    editor.edit(0, 0, "x = 1\n", moves=False)
    await editor.hours.pass_by(30)
    assert editor.log.last.kept_30s == 1000
    editor.delete(len("* rate"))
    await editor.hours.pass_by(100)
    editor.delete(len("total "))
    await editor.hours.pass_by(170)
    assert editor.log.last.kept_5min == 0


async def test_what_cannot_be_looked_for_is_not_known(opened: Opened) -> None:
    """A closed document is no lost text."""
    editor = opened(CODE)
    editor.show(REST)
    editor.insert(REST)
    await editor.hours.pass_by(30)
    editor.is_open = False
    editor.feedback.closed(URI)
    await editor.hours.pass_by(300)
    assert (editor.log.last.kept_30s, editor.log.last.kept_5min) == (1000, None)


async def test_a_document_that_is_gone_without_a_word_is_let_go(opened: Opened) -> None:
    """Its text is not known, and nobody waits for it."""
    editor = opened(CODE)
    editor.show(REST)
    editor.insert(REST)
    editor.is_open = False
    await editor.hours.pass_by(400)
    assert editor.log.last.kept_30s is None
    assert not editor.feedback._documents


async def test_nothing_is_followed_for_ever(opened: Opened) -> None:
    """When all has been looked for, neither a document nor a task is left; and never more than a bounded number."""
    editor = opened("║\n")
    for number in range(module.MOST_WATCHED + 5):
        editor.show(f"line {number}\n", request=str(number))
        editor.insert(f"line {number}\n")
    watched = editor.feedback._documents[URI].watched
    assert len(watched) == module.MOST_WATCHED
    await editor.hours.pass_by(1000)
    assert not editor.feedback._documents
    assert editor.feedback._rounds is None or editor.feedback._rounds.done()
    kept = [showing.kept_5min for showing in editor.log.showings.values()]
    assert kept == [None] * 5 + [1000] * module.MOST_WATCHED


TEXTS = (
    "urn width * height",
    "urn (\n        width,\n        {'名前': '😀'},\n    )",
    "urn [x for x in range(10) if x]",
    "\n    if w:\n        return h\n    return w",
)
STEPS = ("type", "word", "back", "above", "below", "again")


class User:
    """Somebody who deals with a suggestion, and knows what they did.

    Attributes:
        truth: who put each of its characters there.
    """

    def __init__(self, editor: Editor, text: str) -> None:
        self.editor, self.text = editor, text
        self.truth: list[str] = []

    @property
    def rest(self) -> str:
        """What is not there yet."""
        return self.text[len(self.truth) :]

    @property
    def taken(self) -> int:
        """How many characters were taken."""
        return self.truth.count("taken")

    def do(self, step: str) -> None:
        """One of STEPS, where it can be done; the last piece is left for the end."""
        editor, rest = self.editor, self.rest
        word = re.match(r"\s*(\w+|[^\w\s]+)\s*", rest)
        if step == "type" and len(rest) > 1:
            editor.insert(rest[0])
            self.truth.append("typed")
        elif step == "word" and word and len(word[0].strip()) > 1 and word[0] != rest:
            editor.insert(word[0])
            self.truth += ["taken"] * len(word[0])
        elif step == "back" and self.truth:
            editor.delete()
            self.truth.pop()
        elif step == "above":
            editor.edit(0, 0, "import sys\n", moves=False)
        elif step == "below":
            editor.edit(len(editor.text), len(editor.text), "# end\n", moves=False)
        elif step == "again":
            editor.show(rest)

    def end(self, how: str) -> tuple[Fate | None, int]:
        """One of ENDS; returns the fate that follows from it, and how much was taken."""
        editor, taken, rest = self.editor, self.taken, self.rest
        return ENDS[how](editor, taken, rest)


def accept(editor: Editor, taken: int, rest: str) -> tuple[Fate | None, int]:
    """Take all."""
    editor.insert(rest)
    editor.feedback.accepted("r")
    return Fate.ACCEPTED, taken + len(rest)


def accept_and_undo(editor: Editor, taken: int, rest: str) -> tuple[Fate | None, int]:
    """Words that were taken before are still there, and so is what is left of the suggestion."""
    accept(editor, taken, rest)
    editor.undo()
    return None if taken else Fate.REJECTED, taken


def write_something_else(editor: Editor, taken: int, _rest: str) -> tuple[Fate | None, int]:
    """At its place."""
    editor.insert("§")
    return Fate.PARTIAL if taken else Fate.REJECTED, taken


def dismiss(editor: Editor, taken: int, _rest: str) -> tuple[Fate | None, int]:
    """In an editor that tells."""
    editor.feedback.rejected("r")
    return Fate.PARTIAL if taken else Fate.REJECTED, taken


def close(editor: Editor, taken: int, _rest: str) -> tuple[Fate | None, int]:
    """The document."""
    editor.feedback.closed(URI)
    return Fate.PARTIAL if taken else Fate.IGNORED, taken


def go_elsewhere(editor: Editor, taken: int, _rest: str) -> tuple[Fate | None, int]:
    """And see another suggestion."""
    editor.offset = len(editor.text)
    editor.show("# other", request="other")
    return Fate.PARTIAL if taken else Fate.IGNORED, taken


ENDS = {end.__name__: end for end in (accept, accept_and_undo, write_something_else, dismiss, close, go_elsewhere)}


@settings(max_examples=50, deadline=None)
@given(
    text=st.sampled_from(TEXTS),
    tail=st.sampled_from(["", ")", "  # why"]),
    steps=st.lists(st.sampled_from(STEPS), max_size=12),
    end=st.sampled_from(sorted(ENDS)),
)
async def test_the_fate_of_any_showing(text: str, tail: str, steps: list[str], end: str) -> None:
    """Whatever a user does, in any order: the tracker knows what was taken, what was typed, and how it ended."""
    editor = Editor(f"import os\n\ndef area(w, h):\n    ret║{tail}\n\nprint(area(1, 2))\n")
    user = User(editor, text)
    editor.show(text)
    for step in steps:
        user.do(step)
    expected = user.end(end)
    first = next(iter(editor.log.showings.values()))
    assert (first.fate, first.used_chars) == expected
    assert first.typed_chars == user.truth.count("typed")
    assert len(editor.log.showings) == 1 + (end == "go_elsewhere")
    await editor.feedback.aclose()

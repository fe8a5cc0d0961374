"""Takes off what chat models put around code while the answer streams: a preface, a fence, the line they go on with."""

from __future__ import annotations

import re

from beastmode.wire.filters import TextFilter, overlap

FENCE = "```"
LONGEST_START = 256
"""Characters that may be held back until the answer shows whether it begins with a fence or a preface."""
SHORTEST_REPEATED = 3
"""Characters of a line that ends in punctuation, before starting with them counts as repeating it."""

PROSE_LANGUAGES = frozenset(("asciidoc", "latex", "markdown", "mdx", "plaintext", "restructuredtext", "tex", ""))
"""Here a polite sentence may well be what was asked for."""
_POLITE = ("sure", "certainly", "of course", "absolutely")
_TELLING = (
    "here is",
    "here's",
    "here\u2019s",
    "here are",
    "okay",
    "ok,",
    "to complete",
    "the completed",
    "the missing",
)
_OPENERS = (*_POLITE, *_TELLING)
_BEFORE_FENCE = re.compile(r"[^\n]*:\s*(?=```)")
_POLITE_LINE = re.compile(r"[^\n]*:\s*\n+")


class Unprefaced(TextFilter):
    """Takes off "Sure! Here is the code:" before an answer, where it is certain that this is none of it.

    Certain is a first line that begins as such prefaces do and ends in a colon, and either has a fence after it or
    begins with a courtesy. Nothing is taken off in a language that is prose itself.

    Args:
        language: the editor's id of the language that is written.
    """

    def __init__(self, language: str) -> None:
        self.over = language in PROSE_LANGUAGES
        self._held = ""

    def text(self, text: str) -> str:
        """The text after the preface."""
        if self.over:
            return text
        text, self._held = self._held + text, ""
        if len(text) <= LONGEST_START and _may_be_preface(text):
            self._held = text
            return ""
        self.over = True
        return _without_preface(text)

    def rest(self) -> str:
        """What is no preface after all."""
        return _without_preface(self._held)


def _may_be_preface(text: str) -> bool:
    """Whether more of the text is needed to tell."""
    said = text.lstrip().lower()
    if not said.startswith(_OPENERS):
        return any(opener.startswith(said) for opener in _OPENERS)
    line, end, code = said.partition("\n")
    if not end:
        return True
    # The first line that holds anything shows whether a fence follows.
    return line.rstrip().endswith(":") and len(code.lstrip()) < len(FENCE)


def _without_preface(text: str) -> str:
    said = text.lstrip()
    if not said.lower().startswith(_OPENERS):
        return text
    found = _BEFORE_FENCE.match(said)
    if found is None and said.lower().startswith(_POLITE):
        found = _POLITE_LINE.match(said)
    return said[found.end() :] if found else text


class Unfenced(TextFilter):
    """Takes off the code fence around an answer, with its language and whatever is said after it."""

    def __init__(self) -> None:
        self._state = "start"
        self._held = ""
        self._header_newline = "\n"

    def text(self, text: str) -> str:
        """The code."""
        text, self._held = self._held + text, ""
        if self._state == "start":
            start = text.lstrip()
            undecided = FENCE.startswith(start[: len(FENCE)]) and "\n" not in start
            if undecided and len(text) <= LONGEST_START:
                self._held = text
                return ""
            fenced = start.startswith(FENCE) and "\n" in start
            self._state = "fenced" if fenced else "bare"
            text = start[start.index("\n") :] if fenced else text
        if self._state != "fenced":
            return text if self._state == "bare" else ""
        code, end, _ = text.partition("\n" + FENCE)
        shown = len(code) - (0 if end else overlap(code, "\n" + FENCE))
        self._state, self._held = ("over", "") if end else ("fenced", code[shown:])
        code = code[:shown]
        if code:
            # The newline that ends the opening fence has to stand in the text, as the closing one is found by its own.
            code, self._header_newline = code.removeprefix(self._header_newline), ""
        return code

    def rest(self) -> str:
        """The blanks or the one line in backticks that may have become a fence; half a closing fence is dropped."""
        if self._state != "start":
            return ""
        return self._held.strip().strip("`") if "`" in self._held else self._held


class Unrepeated(TextFilter):
    """Takes the cursor's line off the start of an answer that repeats it, with or without its indentation."""

    def __init__(self, line: str) -> None:
        said = line.strip()
        telling = not said or len(said) >= SHORTEST_REPEATED or said[-1].isalnum()
        self._repeats = tuple(repeat for repeat in (line, line.lstrip()) if repeat and telling)
        # A cursor after `return ` needs no second blank; one in the indentation may well get more of it.
        self._blank = line[-1:] if said and line[-1].isspace() else ""
        self._held = ""
        self._over = False

    def text(self, text: str) -> str:
        """What is new."""
        if self._over:
            return text
        text, self._held = self._held + text, ""
        repeated = next((repeat for repeat in self._repeats if text.startswith(repeat)), None)
        if repeated is None and any(repeat.startswith(text) for repeat in self._repeats):
            self._held = text
            return ""
        self._over = True
        return text.removeprefix(self._blank if repeated is None else repeated)

    def rest(self) -> str:
        """What looked like a repetition and was none."""
        return self._held

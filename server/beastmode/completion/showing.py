"""One suggestion on the screen, followed through the edits around it: what of it stands there, and who put it there.

Nothing tells us that a user accepted a word, typed along or undid it; every edit is compared with what the suggestion
says. Text that comes in by single characters was typed; what comes in as a piece that ends where a word of the
suggestion ends was taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from beastmode.completion.brackets import CLOSER_OF, QUOTES
from beastmode.completion.words import is_word
from beastmode.ledger.feedback import Fate, Showing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.domain.text import Suggestion
    from beastmode.ledger.feedback import Trigger

TYPED, TAKEN = b"\0", b"\1"
_MOST_CLOSERS = 4
_PAIRED = frozenset(CLOSER_OF) | QUOTES


class Change(NamedTuple):
    """Lines [line, line + removed) of a document became `added`, without line ends."""

    line: int
    removed: int
    added: Sequence[str]


class Edit(Enum):
    """What an edit means for a suggestion."""

    ELSEWHERE = auto()
    AGREES = auto()
    """Some more or some less of the suggestion stands there."""
    DISAGREES = auto()
    """Something else was put in its place."""
    AWAY = auto()
    """Its line was changed at another place."""


@dataclass(slots=True)
class Candidate:
    """One of the suggestions that the user may choose from.

    Attributes:
        text: the whole of it, from where it was first shown, however much of it stands there by now.
        after: what is left of the line behind it once it is accepted.
    """

    id: str
    model: str
    text: str
    after: str


class Shown:
    """A suggestion, or several at one place, as they are on the screen.

    Args:
        name: of the showing, unique.
        line: of the document.
        head, tail: that line, left and right of the cursor.
        suggestions: at least one; the first is the one that is seen.
        language: of the document.
        trigger: what brought it up.
        at: Unix seconds.
    """

    def __init__(
        self,
        name: str,
        line: int,
        head: str,
        tail: str,
        suggestions: Sequence[Suggestion],
        *,
        language: str,
        trigger: Trigger,
        at: float,
    ) -> None:
        self._name = name
        self.line = line
        self.shown_at = self.touched_at = at
        self.fate: Fate | None = None
        self.used_at: float | None = None
        self.kept_30s: int | None = None
        self.kept_5min: int | None = None
        self._language = language
        self._trigger: Trigger = trigger
        self._head = head
        self._tail = tail
        self._block = head + tail
        self._candidates = [_candidate(each, "", tail) for each in suggestions]
        self._chosen = self._candidates[0]
        self._shown_chars = len(self._chosen.text)
        self._marks = bytearray()  # who put each character there that stands there now
        self._from = 0  # where the editor's item begins: what stood there when it was last shown
        self._told = 0  # so much was taken, as the editor says
        self._back = 0  # characters left of the place that were deleted since it was last shown
        self._before = (self._block, 0)  # the block, and how much stood there, before the last piece came

    @property
    def standing(self) -> int:
        """How many characters of it stand in the document."""
        return len(self._marks)

    @property
    def is_whole(self) -> bool:
        """Whether all of it does."""
        return len(self._marks) == len(self._chosen.text)

    @property
    def used(self) -> int:
        """How many characters the user took."""
        return min(self._marks.count(TAKEN), self._shown_chars)

    @property
    def taken(self) -> str:
        """What the user took, from the first to the last character of it; '' where nothing was taken."""
        first, last = self._marks.find(TAKEN), self._marks.rfind(TAKEN)
        return self._chosen.text[first : last + 1] if first >= 0 else ""

    @property
    def taken_line(self) -> int:
        """The line of the document in which `taken` begins."""
        return self.line + self._chosen.text.count("\n", 0, max(0, self._marks.find(TAKEN)))

    @property
    def around(self) -> tuple[str, str]:
        """What stands before and after `taken` on its own first and last line."""
        text, left = self._chosen.text, self._left()
        first, last = self._marks.find(TAKEN), self._marks.rfind(TAKEN)
        right = self._block[len(left) :] if self._block.startswith(left) else self._tail
        before, after = self._head + text[:first], text[last + 1 : self.standing] + right
        return before[before.rfind("\n") + 1 :], after.partition("\n")[0]

    @property
    def place(self) -> tuple[int, str]:
        """The cursor's line, and the text of that line left of it."""
        left = self._left()
        return self.line + left.count("\n"), left[left.rfind("\n") + 1 :]

    def is_of(self, request_id: str) -> bool:
        """Whether one of its suggestions comes from this request."""
        return any(each.id == request_id for each in self._candidates)

    def again(self, suggestions: Sequence[Suggestion], at: float) -> None:
        """What is left of it is shown once more, at its place."""
        typed, behind = self._chosen.text[: self.standing], self._block[len(self._left()) :]
        self._candidates = [_candidate(each, typed, behind) for each in suggestions]
        self._chosen = self._candidates[0]
        self._shown_chars = max(self._shown_chars, len(self._chosen.text))
        self._from, self._back = self.standing, 0
        self.touched_at = at

    def typed_meanwhile(self, line: str) -> bool:
        """Whether its line, as it is by the time that it is shown, is what it was or agrees with it."""
        return line == self._block or self._judge(line) is Edit.AGREES

    def edited(self, change: Change, at: float) -> Edit:
        """The document was edited."""
        block = self._block_after(change)
        if block is None:
            return Edit.ELSEWHERE
        self.touched_at = at
        return self._judge(block)

    def undone(self, change: Change) -> bool | None:
        """Whether an edit took out the last piece that had come in; None where it was somewhere else.

        Any other edit leaves it as it is: what becomes of a text that was taken is another question.
        """
        block = self._block_after(change)
        if block is None:
            return None
        earlier, standing = self._before
        if block != earlier or standing >= self.standing:
            return False
        del self._marks[standing:]
        self._block, self._told, self.fate = block, 0, None
        return True

    def confirm(self, request_id: str) -> None:
        """The editor says that the user took all that was left of it."""
        if self._chosen.id != request_id:
            self._choose(next(each for each in self._candidates if each.id == request_id))
        start = self._before[1] if self.is_whole else self.standing
        self._marks[start:] = TAKEN * (len(self._chosen.text) - start)

    def tell(self, length_utf16: int) -> None:
        """The editor says that the user took so much of what it shows, in all; in UTF-16 code units."""
        # Its characters may have come already, or come with the next edit.
        item = self._chosen.text[self._from :].encode("utf-16-le", "surrogatepass")
        self._told = self._from + len(item[: length_utf16 * 2].decode("utf-16-le", "ignore"))
        known = max(self._from, min(self._told, self.standing))
        self._marks[self._from : known] = TAKEN * (known - self._from)

    def end(self, otherwise: Fate) -> None:
        """It is gone; `otherwise` is its fate if none of it was taken."""
        if self.is_whole:
            self.fate = Fate.ACCEPTED if self.used else Fate.TYPED
        else:
            self.fate = Fate.PARTIAL if self.used else otherwise

    def record(self) -> Showing:
        """As the ledger keeps it."""
        used = self.used
        return Showing(
            id=self._name,
            request_id=self._chosen.id,
            model=self._chosen.model,
            language=self._language,
            trigger=self._trigger,
            shown_at=self.shown_at,
            shown_chars=self._shown_chars,
            fate=self.fate,
            used_chars=used,
            typed_chars=self._marks.count(TYPED),
            used_at=self.used_at if used else None,
            kept_30s=self.kept_30s,
            kept_5min=self.kept_5min,
        )

    def _left(self) -> str:
        return self._head + self._chosen.text[: self.standing]

    def _choose(self, candidate: Candidate) -> None:
        if candidate is not self._chosen:
            self._chosen = candidate
            self._shown_chars = len(candidate.text)

    def _block_after(self, change: Change) -> str | None:
        """Its lines after an edit; None where they are as they were."""
        line, removed, added = change
        last = self.line + self._block.count("\n")
        if line > last:
            return None
        if line + removed <= self.line:
            self.line += len(added) - removed
            return None
        lines = self._block.split("\n")
        # What an edit covers above and below is taken to be as many lines as before: so it is where a client that sends
        # whole documents sends one key.
        below = line + removed - 1 - last
        kept = lines[below:] if below < 0 else []
        middle = added[max(0, self.line - line) : len(added) - max(0, below)]
        block = "\n".join((*lines[: max(0, line - self.line)], *middle, *kept))
        return None if block == self._block else block

    def _judge(self, block: str) -> Edit:
        for each in (self._chosen, *self._candidates):
            whole = self._head + each.text + each.after
            standing = len(each.text) if block == whole else self._standing_of(each, block)
            if standing is not None:
                return self._stands(each, standing, block)
        if self._is_further_back(block):
            return Edit.AGREES
        left = self._left()
        right = self._block[len(left) :]
        came_in = len(block) > len(self._block) and block.startswith(left) and block.endswith(right)
        return Edit.DISAGREES if came_in and self.standing >= self._back else Edit.AWAY

    def _standing_of(self, candidate: Candidate, block: str) -> int | None:
        """How much of it a block holds at its place and nothing else but brackets that the editor closed by itself."""
        end = len(block) - len(self._tail)
        if end < len(self._head) or not (block.startswith(self._head) and block.endswith(self._tail)):
            return None
        there = block[len(self._head) : end]
        if candidate.text.startswith(there):
            return len(there)
        for length in range(1, min(_MOST_CLOSERS, len(there) - 1) + 1):
            text, closers = there[:-length], there[-length:]
            if candidate.text.startswith(text):
                allowed = {CLOSER_OF.get(character, character) for character in text if character in _PAIRED}
                return len(text) if allowed.issuperset(closers) else None
        return None

    def _is_further_back(self, block: str) -> bool:
        """Whether characters left of the place were deleted: what was deleted belongs to the suggestion from now on."""
        end = len(block) - len(self._tail)
        if end < 0 or not block.endswith(self._tail) or not self._head.startswith(block[:end]):
            return False
        deleted = self._head[end:]
        self._head = self._head[:end]
        for each in self._candidates:
            each.text = deleted + each.text
        self._marks.clear()
        self._from = self._told = 0
        self._block, self._before = block, (block, 0)
        self._back += len(deleted)
        return True

    def _stands(self, candidate: Candidate, standing: int, block: str) -> Edit:
        self._choose(candidate)
        had = self.standing
        if standing > had:
            self._before = (self._block, had)
            self._marks += (TAKEN if self._is_piece(had, standing) else TYPED) * (standing - had)
            self._marks[had : self._told] = TAKEN * max(0, min(self._told, standing) - had)
        else:
            del self._marks[standing:]
            self._told = min(self._told, standing)
        self._block = block
        return Edit.AGREES

    def _is_piece(self, start: int, end: int) -> bool:
        """Whether what came in at once was taken rather than typed: editors send fast keys together."""
        text = self._chosen.text
        if len(text[start:end].strip()) < 2:  # noqa: PLR2004 - one key, or a new line with its indentation
            return False
        return end == len(text) or not (is_word(text[end - 1]) and is_word(text[end]))


def _candidate(suggestion: Suggestion, typed: str, behind: str) -> Candidate:
    after = behind[suggestion.replace_after :]
    return Candidate(suggestion.id, suggestion.model, typed + suggestion.text, after)

"""From a model's answer to a checked change: one applier for all formats, strict about meaning, tolerant about form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from beastmode.tasks.edits.change import Change, FileEdit, join
from beastmode.tasks.edits.errors import CannotApply, shown
from beastmode.tasks.edits.formats import FORMATS
from beastmode.tasks.edits.guard import same_name
from beastmode.tasks.edits.hunks import applied
from beastmode.tasks.edits.suspicion import check_loss, check_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beastmode.tasks.edits.change import Limits, Proposal
    from beastmode.tasks.edits.encoding import Original
    from beastmode.tasks.edits.guard import Guard

_ANCHORED = ("search-replace", "unified-diff")
"""Formats that name what they replace, and so may stand in for another: they fit or they fail."""

_FIRST = re.compile(r"[ \t]*<{5,}[ \t]?(?:SEARCH|ORIGINAL)\b.*|--- (?:a/|/dev/null).*|@@(?: -\d.*)? ?@@.*")
_LAST_OF_BLOCKS = re.compile(r"[ \t]*>{5,}[ \t]?(?:REPLACE|UPDATED)\b.*")


class Files(Protocol):
    """The files that an answer may change, as they are now."""

    def read(self, path: str) -> Original | None:
        """A file by its path in the workspace, None where there is none.

        Raises:
            CannotApply: it is there and is not to be read.
        """
        ...


def read_change(answer: str, format: str, files: Files, guard: Guard, *, default_path: str | None = None) -> Change:  # noqa: A002 - the word of the contract
    """What an answer changes. Reads the disk: for a thread.

    Args:
        answer: all of it, with whatever stands around the edits.
        format: a name of `FORMATS`.
        files: what the edits are made for.
        guard: which paths are allowed, and how much.
        default_path: the file that is meant where an answer names none.

    Raises:
        CannotApply: there is no change in it, or not one that may be made; `for_model` says how to repair it.
    """
    _check_size("characters", len(answer), guard.limits.answer)
    _check_size("lines", answer.count("\n"), guard.limits.lines)
    proposals = _proposals(answer, format)
    _check_amount(proposals, guard.limits)
    edits = _Merging(files, guard, default_path).edits(proposals)
    if not edits:
        raise CannotApply(
            "The answer changes nothing: its new lines are those that are there already",
            "Give edits that make the change that was asked for.",
        )
    return change_of(edits, guard.limits)


def change_of(edits: Sequence[FileEdit], limits: Limits) -> Change:
    """Edits as one change, looked at as a whole.

    Raises:
        CannotApply: one of them must not be made.
    """
    _check_edits(edits, limits)
    return Change(tuple(edits), _summary(edits))


def _check_size(unit: str, size: int, most: int) -> None:
    if size > most:
        raise CannotApply(
            f"The answer has {size:,} {unit}, more than the {most:,} that are read",
            "Give only the edits, and less at once.",
            "Nothing was written: ask for less at once",
        )


def _proposals(answer: str, name: str) -> Sequence[Proposal]:
    """What the answer proposes in its format, or in another one that cannot be misunderstood."""
    found = FORMATS[name].parse(answer)
    if not found or (name == "whole-file" and any(_is_edit(each) for each in found)):
        for other in _ANCHORED:
            if other != name and (read := FORMATS[other].parse(answer)):
                return read
    if found and name == "whole-file" and any(_is_edit(each) for each in found):
        raise CannotApply(
            "The answer gives an edit where it should give a whole file",
            "Give all lines of the file in its fenced block, without markers.",
        )
    if not found:
        raise CannotApply(
            f"The answer holds no edit in the format {name}",
            f"Use this format:\n\n{FORMATS[name].instructions}",
            "Nothing was written: ask again, or choose another edit format for this model",
        )
    return found


def _is_edit(proposal: Proposal) -> bool:
    """Whether what is given as a whole file is an edit of one in another format."""
    lines = [line for line in proposal.lines if line.strip()]
    return bool(lines) and looks_like_edit(lines[0], lines[-1]) and not proposal.path.endswith((".diff", ".patch"))


def looks_like_edit(first: str, last: str) -> bool:
    """Whether lines that begin and end so are edits rather than a file."""
    if _FIRST.fullmatch(first) is None:
        return False
    return first.lstrip()[0] != "<" or _LAST_OF_BLOCKS.fullmatch(last) is not None


def _check_amount(proposals: Sequence[Proposal], limits: Limits) -> None:
    hunks = sum(max(len(proposal.hunks), 1) for proposal in proposals)
    if hunks > limits.hunks:
        raise CannotApply(
            f"The answer has {hunks:,} edits, more than the {limits.hunks:,} that are allowed at once",
            "Make fewer changes, and join those that stand side by side.",
            "Nothing was written: ask for less at once",
        )


class _Merging:
    """Puts the proposals of one answer together, file by file, in the order in which the files are named first."""

    def __init__(self, files: Files, guard: Guard, default_path: str | None) -> None:
        self._files = files
        self._guard = guard
        self._default = default_path

    def edits(self, proposals: Sequence[Proposal]) -> list[FileEdit]:
        """One edit a file; none for files that stay as they are."""
        by_path: dict[str, list[Proposal]] = {}
        checked: dict[str, str] = {}
        for proposal in proposals:
            named = proposal.path or self._default
            if not named:
                raise CannotApply(
                    f"The edit in line {proposal.at} of the answer names no file",
                    "Write the path of the file on a line of its own above each edit.",
                )
            if named not in checked:
                checked[named] = self._guard.check(named)
                self._check_count(len(checked))
            by_path.setdefault(checked[named], []).append(proposal)
        made = [self._one(path, group) for path, group in by_path.items()]
        return [edit for edit in made if edit is not None]

    def _check_count(self, files: int) -> None:
        if files > self._guard.limits.files:
            raise CannotApply(
                f"The answer touches more than the {self._guard.limits.files} files that are allowed at once",
                "Change fewer files.",
                "Nothing was written: ask for less at once",
            )

    def _one(self, path: str, group: Sequence[Proposal]) -> FileEdit | None:
        original = self._files.read(path)
        kinds = {proposal.kind for proposal in group}
        if kinds == {"create"} and original is not None and all(proposal.hunks for proposal in group):
            kinds = {"edit"}  # a block whose SEARCH is one empty line
        if kinds <= {"edit", "rename"}:
            return self._edited(path, group, original)
        first = group[0]
        if any(each.kind != first.kind or each.lines != first.lines for each in group):
            raise CannotApply(
                f"The answer gives {path} {len(group)} times, and not the same way",
                "Give each file once.",
                path=path,
            )
        if first.kind == "delete":
            if original is None:
                raise _missing(path, "be deleted")
            return FileEdit(path, "delete", None, before=original.text, checksum=original.checksum)
        return _given_whole(path, first, original)

    def _edited(self, path: str, group: Sequence[Proposal], original: Original | None) -> FileEdit | None:
        if original is None:
            raise _missing(path, "be changed")
        hunks = [hunk for proposal in group for hunk in proposal.hunks]
        text = applied(path, original.text, hunks) if hunks else original.text
        new_path = self._new_path(path, group)
        if new_path is None and text == original.text:
            return None
        return FileEdit(path, "rename" if new_path else "change", text, new_path, original.text, original.checksum)

    def _new_path(self, path: str, group: Sequence[Proposal]) -> str | None:
        wanted = {proposal.new_path for proposal in group if proposal.kind == "rename"}
        if len(wanted) > 1:
            raise CannotApply(f"The answer renames {path} to more than one name", "Choose one name.", path=path)
        for new in wanted:
            new_path = self._guard.check(new)
            if self._files.read(new_path) is not None:
                raise _there_already(new_path, "Rename to a path that is free.")
            return new_path
        return None


def _given_whole(path: str, proposal: Proposal, original: Original | None) -> FileEdit | None:
    ends = proposal.ends_in_newline
    if original is None:
        text = join(proposal.lines, ends_in_newline=ends is not False)
        return FileEdit(path, "create", text)
    if proposal.kind == "create" and original.text:
        raise _there_already(path, "Quote the lines to be replaced, or choose another path for a new file.")
    if ends is None:
        ends = original.text.endswith("\n") or not original.text
    text = join(proposal.lines, ends_in_newline=ends)
    if text == original.text:
        return None
    return FileEdit(path, "change", text, before=original.text, checksum=original.checksum)


def _missing(path: str, what: str) -> CannotApply:
    return CannotApply(
        f"There is no file {shown(path)} that could {what}",
        "Use the path of a file that you were shown, or make a new file as the format says.",
        path=path,
    )


def _there_already(path: str, advice: str) -> CannotApply:
    return CannotApply(f"{path} is there already and would be overwritten", advice, path=path)


def _check_edits(edits: Sequence[FileEdit], limits: Limits) -> None:
    taken: dict[str, str] = {}
    total = 0
    for edit in edits:
        for path in filter(None, (edit.path, edit.new_path)):
            other = taken.setdefault(same_name(path), path)
            if other != path or (path == edit.new_path):
                _check_free(edits, edit, path, other)
        if edit.text is None:
            continue
        _check_encodable(edit)
        size = len(edit.text.encode())
        total += size
        if size > limits.file_bytes or total > limits.total_bytes:
            raise CannotApply(
                f"{edit.path} would have {size:,} bytes, and all new files {total:,}; allowed are "
                f"{limits.file_bytes:,} a file and {limits.total_bytes:,} in all",
                "Write less at once, or into smaller files.",
                "Nothing was written: ask for less at once",
                path=edit.path,
            )
        check_text(edit.new_path or edit.path, edit.before or "", edit.text)
    check_loss(edits, limits)


def _check_free(edits: Sequence[FileEdit], edit: FileEdit, path: str, other: str) -> None:
    uses = sum(path in {each.path, each.new_path} for each in edits)
    if other != path or uses > 1:
        raise CannotApply(
            f"{path} and {other} would be one and the same file, and {edit.path} is one of two that claim it",
            "Give each file once, under names that differ in more than their case.",
            path=path,
        )


def _check_encodable(edit: FileEdit) -> None:
    try:
        (edit.text or "").encode()
    except UnicodeEncodeError as error:
        letter = ord((edit.text or "")[error.start])
        raise CannotApply(
            f"{edit.path} would hold U+{letter:04X}, which is half a character and cannot be stored",
            "Write the whole character, or an escape.",
            path=edit.path,
        ) from None


def _summary(edits: Sequence[FileEdit]) -> str:
    words = {"create": "creates", "change": "changes", "rename": "renames", "delete": "deletes"}
    parts = []
    for kind, word in words.items():
        names = [
            f"{edit.path} to {edit.new_path}" if edit.new_path else edit.path for edit in edits if edit.kind == kind
        ]
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""  # noqa: PLR2004 - as many as one reads
            parts.append(f"{word} {', '.join(names[:3])}{more}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]

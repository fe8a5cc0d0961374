"""A change as people and editors see it before it is made: a unified diff, and hunks with their places.

Texts are shown as they are: a terminal must take control characters out before it prints them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from beastmode.domain.text import Edit, Span
from beastmode.tasks.edits.change import split
from beastmode.tasks.edits.difference import opcodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from beastmode.tasks.edits.change import Change, FileEdit
    from beastmode.tasks.edits.difference import Opcode

_AROUND = 3
_NO_NEWLINE = "\\ No newline at end of file"


@dataclass(frozen=True, slots=True)
class FilePreview:
    r"""What an editor needs to make one file's edit itself.

    Attributes:
        kind, path, new_path: as in `FileEdit`.
        edits: against the text before, in order, never overlapping; whole lines, `\n` ends, columns in code points. For
            a new file one edit at its start; none for a deletion.
        added, removed: lines.
    """

    kind: Literal["create", "change", "rename", "delete"]
    path: str
    new_path: str | None
    edits: tuple[Edit, ...]
    added: int
    removed: int


def preview(change: Change) -> tuple[FilePreview, ...]:
    """Every file of a change with the edits that make it."""
    return tuple(_previewed(edit) for edit in change.edits)


def diff(change: Change) -> str:
    """All of a change as one unified diff with three lines of context, as git writes it."""
    return "".join(f"{line}\n" for edit in change.edits for line in _diff_lines(edit))


def _previewed(edit: FileEdit) -> FilePreview:
    before, after = edit.before or "", edit.text or ""
    changes = [each for each in opcodes(_ended(before), _ended(after)) if each[0] == "replace"]
    added = sum(j_end - j for _, _, _, j, j_end in changes)
    removed = sum(i_end - i for _, i, i_end, _, _ in changes)
    edits = () if edit.text is None else tuple(_edit(before, after, each) for each in changes)
    return FilePreview(edit.kind, edit.path, edit.new_path, edits, added, removed)


def _edit(before: str, after: str, opcode: Opcode) -> Edit:
    _, i, i_end, j, j_end = opcode
    old, new = _ended(before), _ended(after)
    return Edit(Span(*_place(old, i), *_place(old, i_end)), "".join(new[j:j_end]))


def _place(lines: Sequence[str], number: int) -> tuple[int, int]:
    """The start of a line; behind the last one, where the text ends."""
    if number < len(lines) or not lines or lines[-1].endswith("\n"):
        return number, 0
    return number - 1, len(lines[-1])


def _ended(text: str) -> list[str]:
    """The lines of a text with their ends."""
    lines = [f"{line}\n" for line in split(text)]
    if lines and not text.endswith("\n"):
        lines[-1] = lines[-1][:-1]
    return lines


def _diff_lines(edit: FileEdit) -> Iterator[str]:
    old, new = _ended(edit.before or ""), _ended(edit.text or "")
    new_path = edit.new_path or edit.path
    yield f"diff --git a/{edit.path} b/{new_path}"
    if edit.kind == "create":
        yield "new file mode 100644"
    elif edit.kind == "delete":
        yield "deleted file mode 100644"
    elif edit.kind == "rename":
        yield f"rename from {edit.path}"
        yield f"rename to {new_path}"
    groups = list(_groups(opcodes(old, new)))
    if groups:
        yield "--- /dev/null" if edit.kind == "create" else f"--- a/{edit.path}"
        yield "+++ /dev/null" if edit.kind == "delete" else f"+++ b/{new_path}"
    for group in groups:
        yield from _hunk(group, old, new)


def _groups(all_codes: Sequence[Opcode]) -> Iterator[list[Opcode]]:
    """Changes with the context around them; those that share their context together."""
    group: list[Opcode] = []
    for number, (tag, i, i_end, j, j_end) in enumerate(all_codes):
        if tag == "replace":
            group.append((tag, i, i_end, j, j_end))
            continue
        size, is_last = i_end - i, number == len(all_codes) - 1
        if group and (size > 2 * _AROUND or is_last):
            keep = min(size, _AROUND)
            yield [*group, ("equal", i, i + keep, j, j + keep)]
            group = []
        if not is_last:
            keep = min(size, _AROUND) if not group else size
            group.append(("equal", i_end - keep, i_end, j_end - keep, j_end))
    if group:
        yield group


def _hunk(group: Sequence[Opcode], old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    _, i, _, j, _ = group[0]
    _, _, i_end, _, j_end = group[-1]
    yield f"@@ -{_counted(i, i_end)} +{_counted(j, j_end)} @@"
    for tag, a, a_end, b, b_end in group:
        if tag == "equal":
            yield from _signed(" ", old[a:a_end])
        else:
            yield from _signed("-", old[a:a_end])
            yield from _signed("+", new[b:b_end])


def _counted(start: int, end: int) -> str:
    size = end - start
    return f"{start + bool(size)}" if size == 1 else f"{start + bool(size)},{size}"


def _signed(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield sign + line.removesuffix("\n")
        if not line.endswith("\n"):
            yield _NO_NEWLINE

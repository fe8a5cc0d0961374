"""Which files a model may write: by the path's words alone first, then by what stands on the way there.

The model's answer is hostile. A path that could mean something else on another system (drives, streams, reserved names,
invisible letters) is refused everywhere, so that a change means the same wherever it is applied.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beastmode.context.exclude import is_sensitive
from beastmode.tasks.edits.change import Limits
from beastmode.tasks.edits.errors import PathRefused, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LONGEST_NAME, _LONGEST_PATH = 255, 1024
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_OURS = frozenset((".git", "git~1", ".beastmodeignore"))
_RELATIVE = "Name files by their path from the workspace's root, such as src/example.py."
_LEAVE = "Leave this file alone."
_REPARSE_POINT = 0x400


@dataclass(frozen=True, slots=True)
class Guard:
    """What may be written below one folder.

    Args:
        root: the workspace's folder.
        ignore: whether a relative path is left out by the user's ignore files; see `ignored_below`.
        limits: how much one answer may do.
    """

    root: Path
    ignore: Callable[[str], bool] = field(default=lambda _: False)
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def of(cls, root: Path, limits: Limits | None = None) -> Guard:
        """The guard of a workspace with its own ignore files. Reads the disk."""
        real = root.resolve()
        return cls(real, ignored_below(real), limits or Limits())

    def check(self, path: str) -> str:
        """The path as it is to be written. Looks at the disk: for a thread where that is slow.

        Raises:
            PathRefused: no model may write there.
        """
        normal = checked_words(path)
        if is_sensitive(normal):
            raise _refused(path, "is a file that may hold secrets", _LEAVE, "Edit it yourself if it is to change")
        self._check_way(normal)
        if self.ignore(normal):
            raise _refused(
                path,
                "is left out by the ignore files or is generated",
                _LEAVE,
                f"If models may change it, add `!{shown(normal)}` to .beastmodeignore",
            )
        return normal

    def _check_way(self, normal: str) -> None:
        """No link, no junction and no file stands on the way; at its end stands a plain file, or nothing."""
        at, names = self.root, normal.split("/")
        for number, name in enumerate(names):
            at = at / name
            try:
                facts = at.lstat()
            except FileNotFoundError:
                return
            except OSError as error:
                raise _refused(normal, f"cannot be looked at ({error.strerror})", _LEAVE) from error
            here, is_last = "/".join(names[: number + 1]), number == len(names) - 1
            if stat.S_ISLNK(facts.st_mode) or getattr(facts, "st_file_attributes", 0) & _REPARSE_POINT:
                raise _refused(normal, self._link(here, at), "Name the file itself, by its own path in the workspace.")
            if is_last and not stat.S_ISREG(facts.st_mode):
                raise _refused(normal, "is not a file", "Name a file.")
            if not is_last and not stat.S_ISDIR(facts.st_mode):
                raise _refused(normal, f"cannot be, because {here} is not a folder", "Choose another path.")

    def _link(self, here: str, at: Path) -> str:
        try:
            target = at.resolve().relative_to(self.root).as_posix()
        except (OSError, RuntimeError, ValueError):
            return f"goes through {here}, a symbolic link out of the workspace"
        return f"goes through {here}, a symbolic link to {shown(target)}"


def checked_words(path: str) -> str:
    """A relative path with `/`, judged by its words alone.

    Raises:
        PathRefused: it is none, or means something else on some system.
    """
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in path):
        raise _refused(path, "holds control or invisible characters", "Write the path in plain characters.")
    slashed = path.replace("\\", "/")
    if slashed.startswith("//"):
        raise _refused(path, "is a network path", _RELATIVE)
    if slashed.startswith(("/", "~")):
        raise _refused(path, "is an absolute path", _RELATIVE)
    if re.match("[A-Za-z]:", slashed):
        raise _refused(path, "begins with a drive", _RELATIVE)
    names = [name for name in slashed.split("/") if name not in {"", "."}]
    if not names or slashed.endswith("/"):
        raise _refused(path, "names no file", _RELATIVE)
    if ".." in names:
        raise _refused(path, "leads upwards with `..`", _RELATIVE)
    if len(slashed) > _LONGEST_PATH or any(len(os.fsencode(name)) > _LONGEST_NAME for name in names):
        raise _refused(path, "is too long", "Choose a shorter path.")
    for name in names:
        _check_name(path, name)
    return "/".join(names)


def _check_name(path: str, name: str) -> None:
    plain = unicodedata.normalize("NFKC", name).casefold()
    if plain in _OURS:
        raise _refused(
            path, f"belongs to {'git' if 'git' in plain else 'BEAST MODE'}, which no model may change", _LEAVE
        )
    if name != name.strip() or name.endswith("."):
        raise _refused(path, "has a name that begins or ends with a space, or ends with a dot", "Choose another name.")
    if _RESERVED.fullmatch(name):
        raise _refused(path, f"has the name {name}, which is a device on Windows", "Choose another name.")
    if _FORBIDDEN.search(name):
        raise _refused(path, 'holds one of <>:"|?*, which no file name on Windows may', "Choose another name.")


def _refused(path: str, why: str, advice: str, fix: str = "Nothing was written: ask again") -> PathRefused:
    return PathRefused(f"{shown(path) or 'A path'} {why}", advice, fix, path=path)


def ignored_below(root: Path) -> Callable[[str], bool]:
    """Whether the ignore files leave a path out, or it is always left out (`context/index/skipped.py`)."""

    def is_ignored(path: str) -> bool:
        from beastmode.context.index.rules import Rules  # noqa: PLC0415 - pathspec can wait until it is needed

        rules = Rules.of_root(root)
        *folders, name = path.split("/")
        for folder in folders:
            if rules.ignores(folder, is_folder=True):
                return True
            rules = rules.inside(folder)
        return rules.ignores(name, is_folder=False)

    return is_ignored


def same_name(path: str) -> str:
    """Equal for paths that are one file on a system that ignores case or composes letters."""
    return unicodedata.normalize("NFC", path).casefold()

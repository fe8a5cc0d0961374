"""What a program that is run may see and do, as a plan: pure data for bubblewrap or for `namespaces.py`.

Everything is read-only except the copy; the system's folder for temporary files is an empty one, with what is needed
bound back into it; sockets of other programs and what the user keeps secret are covered.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SECRETS = (
    ".aws",
    ".azure",
    ".bash_history",
    ".cargo/credentials.toml",
    ".config/gcloud",
    ".config/gh",
    ".docker",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".local/share/keyrings",
    ".m2/settings-security.xml",
    ".mozilla",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".pypirc",
    ".python_history",
    ".ssh",
    ".zsh_history",
)
"""Below the user's home folder."""
_RUN_KEPT = frozenset(("current-system", "opengl-driver", "wrappers", "booted-system", "lock"))
"""Entries of /run that programs live in on some systems; the others are sockets of services."""
_IN_MEMORY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  # to be covered, not to be used


@dataclass(frozen=True, slots=True)
class Isolation:
    """What this machine can keep a program from, and what it cannot, each as a short sentence for people.

    Attributes:
        way: "bubblewrap", "namespaces" or "none".
    """

    way: str
    isolated: tuple[str, ...]
    not_isolated: tuple[str, ...]


_ALWAYS = (
    "it runs in a throw-away copy of the workspace",
    "none of your environment's variables reach it but a short list of harmless ones",
    "time, memory, the number of processes and the size of a file are limited",
    "every process that it starts is ended with it",
)
_NETWORK = "no network"
_FILES = "nothing outside of the copy can be written"
_COVERED = "keys and passwords in the usual places of your home folder are covered"
_OTHERS = "other programs cannot be reached"
_OPEN = (
    "the network is open to it",
    "it can write every file that you can write",
    "it can read every file that you can read",
    "it can reach other programs of yours",
)


def isolation_of(way: str, why_not: Sequence[str] = ()) -> Isolation:
    """What a way of isolating means; `why_not` says why there is no better one."""
    if way == "none":
        reason = f" ({'; '.join(why_not)})" if why_not else ""
        return Isolation(way, _ALWAYS, tuple(f"{fact}{reason if fact is _OPEN[0] else ''}" for fact in _OPEN))
    return Isolation(
        way, (*_ALWAYS, _NETWORK, _FILES, _COVERED, _OTHERS), ("other files that you can read can be read by it",)
    )


def with_network(isolation: Isolation) -> Isolation:
    """The same where the network was asked for."""
    if _NETWORK not in isolation.isolated:
        return isolation
    kept = tuple(fact for fact in isolation.isolated if fact != _NETWORK)
    return Isolation(isolation.way, kept, (*isolation.not_isolated, _OPEN[0]))


def mounts(writable: Path, readable: Iterable[Path], hidden: Iterable[Path], home: Path) -> list[list[str]]:
    """The steps, in order: (kind, path) as `namespaces.isolate` takes them. Looks at the disk.

    Args:
        writable: the one folder that may be written.
        readable: what must be seen even if it lies in a folder for temporary files: toolchains, the workspace.
        hidden: files and folders to cover, besides the usual ones below `home`.
        home: the user's home folder.
    """
    covered = [folder for folder in _IN_MEMORY if Path(folder).is_dir() and not Path(folder).is_symlink()]
    steps = [["tmpfs", folder] for folder in covered]
    seen: list[str] = []
    for path in sorted({str(_real(each)) for each in readable} - {str(writable)}):
        inside = any(_below(path, folder) for folder in covered)
        if inside and Path(path).exists() and not any(_below(path, other) for other in seen):
            seen.append(path)
            steps.append(["ro-bind", path])
    for secret in [*(home / name for name in _SECRETS), *hidden, *_sockets()]:
        real = str(_real(secret))
        # What lies in a covered folder is not there any more, unless it has been bound back into it.
        is_gone = any(_below(real, folder) for folder in covered) and not any(_below(real, path) for path in seen)
        if not is_gone and not _below(real, str(writable)):
            steps.extend(_cover(real))
    return [*steps, ["bind", str(writable)]]


def bubblewrap(program: str, steps: list[list[str]], *, network: bool, cwd: Path, argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` by bubblewrap with these mounts."""
    order = [program, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    order += [] if network else ["--unshare-net"]
    order += ["--die-with-parent", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for kind, path in steps:
        if kind == "tmpfs":
            order += ["--tmpfs", path] if path != _IN_MEMORY[2] else []
        elif kind == "null":
            order += ["--ro-bind", os.devnull, path]
        else:
            order += [f"--{kind}", path, path]
    return [*order, "--chdir", str(cwd), "--", *argv]


def _sockets() -> Iterator[Path]:
    run = Path("/run")
    try:
        yield from (run / name for name in os.listdir(run) if name not in _RUN_KEPT)  # noqa: PTH208  # names are wanted
    except OSError:
        return


def _cover(path: str) -> Iterator[list[str]]:
    try:
        mode = Path(path).lstat().st_mode
    except OSError:
        return  # there is none
    if stat.S_ISDIR(mode):
        if os.access(path, os.X_OK):
            yield ["tmpfs", path]
    elif not stat.S_ISLNK(mode):
        yield ["null", path]


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")

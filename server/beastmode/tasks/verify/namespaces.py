"""A world of its own for a process, with what the Linux kernel gives to every user: namespaces.

Runs only in a child of the launcher, which imports it by its path. There is one way out of each function: done, or an
OSError that names the step. What bubblewrap does, for machines without it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import socket
import struct
import sys
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)

_NEW_NS, _NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _ATTR_RDONLY = 442, -100, 0x8000, 0x1
_PARENT_DEATH, _NO_NEW_PRIVILEGES, _DROP_FROM_BOUNDING_SET = 1, 38, 24
_SET_FLAGS, _UP = 0x8914, 0x1
_SPACE = "size=512m,mode=1777"
"""Of each folder that is kept in memory."""


def isolate(*, network: bool, mounts: list[list[str]], cwd: str) -> None:
    """Return in a process that has no network (unless told) and sees the mounts that were asked for.

    Args:
        network: leave the machine's network as it is.
        mounts: steps in order: `["tmpfs", folder]`, `["bind", path]` (writable), `["ro-bind", path]`, and
            `["null", file]`; everything else is read-only.
        cwd: where the process works afterwards.

    Raises:
        OSError: this machine does not let us; the message names the step.
    """
    user, group = os.getuid(), os.getgid()
    flags = _NEW_USER | _NEW_NS | _NEW_UTS | _NEW_IPC | _NEW_PID | (0 if network else _NEW_NET)
    _call("unshare", _libc.unshare(flags))
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    said, says = os.pipe()
    first = os.fork()
    if first:
        _pass_on(first, said, says)
    os.close(said)
    # From here on in the first process of the new world, with whose end every other one ends.
    try:
        _libc.prctl(_PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
        _mount_all(mounts)
        if not network:
            _start_loopback()
    except OSError as error:
        os.write(says, str(error).encode())
        os._exit(126)
    os.close(says)
    program = os.fork()
    if program:
        _be_first(program)
    os.setsid()
    os.chdir(cwd)
    _drop_rights()


def _pass_on(first: int, said: int, says: int) -> None:
    """Wait for the new world's first process, and end as it ended."""
    os.close(says)
    problem = os.read(said, 4000).decode("utf-8", "replace")
    status = os.waitpid(first, 0)[1]
    if problem:
        raise OSError(errno.EPERM, problem)
    _end_as(status)


def _be_first(program: int) -> None:
    """Reap until the program has ended."""
    while True:
        pid, status = os.wait()
        if pid == program:
            _end_as(status)


def _end_as(status: int) -> None:
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _mount_all(steps: list[list[str]]) -> None:
    _mount(None, "/", None, _REC | _PRIVATE)
    paths = [path for kind, path in steps if kind in ("bind", "ro-bind")]
    kept = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in paths}
    for kind, path in steps:
        if kind == "tmpfs":
            _mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV, _SPACE)
        elif kind == "null":
            _mount(os.devnull, path, None, _BIND)
        else:
            os.makedirs(path, exist_ok=True)  # noqa: PTH103  # below a folder that has just been covered
            _mount(f"/proc/self/fd/{kept[path]}", path, None, _BIND | _REC)
    _set_read_only("/", yes=True)
    for kind, path in steps:
        if kind in ("tmpfs", "bind"):
            _set_read_only(path, yes=False)
    for handle in kept.values():
        os.close(handle)
    with contextlib.suppress(OSError):  # in a container that covers parts of /proc: the names of processes stay visible
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)


def _mount(what: str | None, where: str, kind: str | None, flags: int, options: str = "") -> None:
    asked = [None if part is None else os.fsencode(part) for part in (what, where, kind)]
    _call(f"mount {where}", _libc.mount(*asked, ctypes.c_ulong(flags), options.encode()))


def _set_read_only(path: str, *, yes: bool) -> None:
    """Read-only with all that is mounted below it, or writable without."""
    attributes = struct.pack("=QQQQ", *((_ATTR_RDONLY, 0) if yes else (0, _ATTR_RDONLY)), 0, 0)
    given = (os.fsencode(path), _AT_RECURSIVE if yes else 0, attributes, ctypes.c_size_t(len(attributes)))
    _call(f"mount_setattr {path}", _libc.syscall(ctypes.c_long(_MOUNT_SETATTR), _AT_FDCWD, *given))


def _start_loopback() -> None:
    """127.0.0.1 is for tests that start a server of their own; it leads nowhere else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))


def _drop_rights() -> None:
    """The right to undo the above, which a program run by root would have kept."""
    _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    number = 0
    while _libc.prctl(_DROP_FROM_BOUNDING_SET, number, 0, 0, 0) == 0:
        number += 1


def _call(step: str, result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{step}: {os.strerror(code)}")


if sys.platform != "linux":
    raise ImportError("namespaces are Linux's")

"""The environment of a program that is run: a short list of harmless variables, and folders of its own for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LAUNCHER_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
"""What the launcher needs; the program gets what `environment` says."""

_PASSED = (
    "CONDA_PREFIX",
    "GOROOT",
    "JAVA_HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "M2_HOME",
    "MAVEN_HOME",
    "PATH",
    "PYENV_VERSION",
    "RUSTUP_TOOLCHAIN",
    "TZ",
)
_HOMES = {
    "CARGO_HOME": ".cargo",
    "FNM_DIR": ".local/share/fnm",
    "GOPATH": "go",
    "NVM_DIR": ".nvm",
    "PYENV_ROOT": ".pyenv",
    "RUSTUP_HOME": ".rustup",
    "VOLTA_HOME": ".volta",
}
"""Where toolchains live, below the user's home folder unless a variable says otherwise."""


def environment(given: Mapping[str, str], home: Path, scratch: Path) -> dict[str, str]:
    """The whole environment of a program.

    Args:
        given: this process's environment, from which only harmless variables are taken.
        home: the user's home folder, for toolchains; the program itself gets an empty one.
        scratch: a folder of the program's own, outside of the copied project.
    """
    folders = {name: scratch / name for name in ("home", "cache", "tmp")}
    env = {name: given[name] for name in _PASSED if given.get(name)}
    for name, folder in _HOMES.items():
        where = Path(given.get(name) or home / folder)
        if where.is_dir():
            env[name] = str(where)
    return env | {
        "HOME": str(folders["home"]),
        "TMPDIR": str(folders["tmp"]),
        "XDG_CACHE_HOME": str(folders["cache"]),
        "CI": "true",
        "NO_COLOR": "1",
        "FORCE_COLOR": "0",
        "TERM": "dumb",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "GOCACHE": str(folders["cache"] / "go"),
        "GOPROXY": "off",
        "CARGO_NET_OFFLINE": "true",
        "CARGO_TARGET_DIR": str(folders["cache"] / "cargo"),
        "GRADLE_USER_HOME": str(folders["cache"] / "gradle"),
        "GRADLE_RO_DEP_CACHE": str(Path(given.get("GRADLE_USER_HOME") or home / ".gradle") / "caches"),
    }


def make_folders(scratch: Path) -> None:
    """Make what `environment` names."""
    for name in ("home", "cache", "tmp", "out"):
        (scratch / name).mkdir(parents=True, exist_ok=True)

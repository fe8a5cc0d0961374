"""The gateway as a service of its user: a systemd unit or a launchd agent, as a file that is written and taken away.

It is not started from here: what runs on a machine is for its user to say, and the two commands for that are told.
Sources: systemd.service(5), systemd.syntax(7), launchd.plist(5).
"""

from __future__ import annotations

import plistlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beastmode.domain.errors import UserError
from beastmode.store.files import private_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MARK = "Written by beastmode serve"
SECRETS = "beastmode/service.env"
"""Below the user's configuration: variables such as ENCRYPTION_KEY, which the user writes down there."""
UNIT, LABEL = "beastmode.service", "dev.beastmode.serve"
_CONTROL = {chr(code) for code in range(32)} | {"\x7f"}


@dataclass(frozen=True, slots=True)
class Service:
    """A file that makes a service, and what its user runs to start and to stop it.

    `enabled` is a file that is there as long as the service is started at login; None where nothing tells.
    """

    path: Path
    text: str
    start: str
    stop: str
    enabled: Path | None = None

    @property
    def kept(self) -> Path:
        """What was there before; neither systemd nor launchd reads a file of such a name."""
        return self.path.with_name(f"{self.path.name}.before")


def service_for(
    system: str, home: Path, config: Path, command: Sequence[str], environment: Mapping[str, str]
) -> Service:
    """The service of a system.

    Args:
        system: as `sys.platform` says.
        home: the user's folder.
        config: where systemd looks for the user's configuration (XDG_CONFIG_HOME).
        command: the program and its arguments.
        environment: variables for it; no secrets.

    Raises:
        UserError: the system has neither, or an argument cannot be written down.
    """
    for text in (*command, *environment, *environment.values()):
        if not _CONTROL.isdisjoint(text):
            raise UserError(f"{text!r} has a control character in it", "Rename the folder")
    if system == "darwin":
        path = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
        start, stop = f"launchctl bootstrap gui/$(id -u) {path}", f"launchctl bootout gui/$(id -u)/{LABEL}"
        return Service(path, _agent(command, environment), start, stop)
    if system.startswith("linux"):
        folder = config / "systemd" / "user"
        start = f"systemctl --user daemon-reload && systemctl --user enable --now {UNIT}"
        stop = f"systemctl --user disable --now {UNIT}"
        enabled = folder / "default.target.wants" / UNIT
        return Service(folder / UNIT, _unit(command, environment, config / SECRETS), start, stop, enabled)
    raise UserError(
        "There is neither systemd nor launchd on this system", "Run `beastmode serve` from the task scheduler"
    )


def install(service: Service, *, force: bool = False) -> bool:
    """Write the file; whether it was changed. One that was there may have been edited, and is kept beside it.

    Raises:
        UserError: there is one that is not ours, and `force` is not given; or it cannot be written.
    """
    try:
        if service.path.exists():
            before = service.path.read_text(encoding="utf-8", errors="replace")
            if before == service.text:
                return False
            if MARK not in before and not force:
                raise UserError(
                    f"{service.path} is there already, and was not written by us", "Repeat with --force to replace it"
                )
            service.path.replace(service.kept)
        private_directory(service.path.parent)
        service.path.write_text(service.text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{service.path} cannot be written: {error.strerror}", "Make its folder writable") from None
    return True


def uninstall(service: Service) -> bool:
    """Take the file away; whether there was one.

    Raises:
        UserError: it is not ours, or the service is still started at login.
    """
    if not service.path.exists():
        return False
    if MARK not in service.path.read_text(encoding="utf-8", errors="replace"):
        raise UserError(f"{service.path} was not written by us, and stays", "Remove it yourself")
    if service.enabled is not None and service.enabled.is_symlink():
        raise UserError("The service is still started at login", f"Run `{service.stop}` first")
    service.path.unlink()
    return True


def _unit(command: Sequence[str], environment: Mapping[str, str], secrets_file: Path) -> str:
    variables = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in sorted(environment.items()))
    return f"""# {MARK}; `beastmode serve --uninstall` takes it away.
[Unit]
Description=BEAST MODE gateway
Documentation=man:systemd.service(5)

[Service]
Type=exec
ExecStart={" ".join(map(_quoted_word, command))}
{variables}# Variables that do not belong here, such as ENCRYPTION_KEY; the file is yours to make, with mode 0600.
EnvironmentFile=-{_plain(str(secrets_file))}
Restart=on-failure
RestartSec=2
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def _plain(text: str) -> str:
    """Without quotes around it; only the specifiers are escaped."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    return '"' + _plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _quoted_word(text: str) -> str:
    """A word of a command line, in which `$` would stand for a variable."""
    is_plain = text.isascii() and all(letter.isalnum() or letter in "/._-=:,+@" for letter in text)
    return text if text and is_plain else _quoted(text).replace("$", "$$")


def _agent(command: Sequence[str], environment: Mapping[str, str]) -> str:
    agent: dict[str, object] = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ProcessType": "Background",
        "Umask": 0o077,
    }
    if environment:
        agent["EnvironmentVariables"] = dict(sorted(environment.items()))
    head, _, rest = plistlib.dumps(agent).decode().partition("<plist")
    return f"{head}<!-- {MARK}; its option uninstall takes it away. -->\n<plist{rest}"

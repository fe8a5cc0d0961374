"""Every command that there is, as click sees it, with the arguments that it needs at least."""

from __future__ import annotations

from typing import Any

from typer.main import get_command

from beastmode.faces.cli.main import COMMANDS, build

FILLED = {"model_id": "custom:nobody", "holder": "custom:nobody", "model": "custom:nobody", "task": "feature"}
"""What stands for an argument, by its name; any other one is a word."""

NEEDED = {
    "chat delete": ["word"],
    "db copy": ["--to", "word"],
    "evaluate": ["--model", "custom:nobody"],
    "models remove": ["--yes"],
    "restore": ["--yes"],
    "route hard": ["custom:nobody"],
    "route set": ["custom:nobody"],
}
"""Options without which a command does nothing."""


def leaves() -> dict[str, Any]:
    """`models list` -> its command, for every command that is no group."""
    found: dict[str, Any] = {}
    pending = [(name, COMMANDS[name].load(name)) for name in COMMANDS]
    while pending:
        path, command = pending.pop()
        below = getattr(command, "commands", None)
        if below is None:
            found[path] = command
        else:
            pending += [(f"{path} {name}", each) for name, each in below.items()]
    return dict(sorted(found.items()))


LEAVES = leaves()


def words(path: str) -> list[str]:
    """The command line that a person would write at least."""
    given = path.split()
    for each in LEAVES[path].params:
        if each.required:
            given += [each.opts[-1]] if each.param_type_name == "option" else []
            given.append(FILLED.get(each.name, "word"))
    return [*given, *NEEDED.get(path, [])]


def root() -> Any:
    """The program as click sees it."""
    return get_command(build())

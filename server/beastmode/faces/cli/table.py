"""A group of commands whose files are imported one by one, when a command is run: `--help` needs none of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from beastmode.faces.cli.ending import ending

if TYPE_CHECKING:
    from collections.abc import Mapping


class Command(NamedTuple):
    """A function that is a command."""

    where: str
    help: str

    def load(self, name: str) -> Any:
        """The command itself."""
        alone = typer.Typer(add_completion=False)
        alone.command(name)(_found(self.where))
        return get_command(alone)


class Group(NamedTuple):
    """A function that makes a group of commands."""

    where: str
    help: str

    def load(self, name: str) -> Any:
        """The group itself."""
        group = get_group(_found(self.where)())
        group.name, group.help = name, self.help
        return group


def _found(where: str) -> Any:
    module, _, function = where.partition(":")
    return getattr(import_module(f"beastmode.faces.cli.{module}"), function)


class _Later(TyperCommand):
    """Stands for a command in the list of all; becomes that command where it is asked to parse its arguments."""

    def __init__(self, name: str, row: Command | Group) -> None:
        super().__init__(name, help=row.help)
        self.row = row

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the command that this one stands for."""
        return self.row.load(str(self.name)).make_context(info_name, args, parent=parent, **extra)


class Table(TyperGroup):
    """Every command by its name; `rows` is the table. However a command ends, it ends with a message and a code."""

    rows: ClassVar[Mapping[str, Command | Group]] = {}

    def __init__(self, **attrs: Any) -> None:
        attrs["commands"] = {name: _Later(name, row) for name, row in self.rows.items()}
        super().__init__(**attrs)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is the library's
        """In the order of the table."""
        return list(self.commands)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments; `--help` and `--version` already print here."""
        with ending():
            return super().make_context(info_name, args, parent=parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with ending():
            return super().invoke(ctx)

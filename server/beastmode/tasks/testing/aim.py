"""What is to be tested, with what, and where the tests go; found from the project. Looks at the disk."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from beastmode.context.syntax import definitions, language_of
from beastmode.tasks.materials import Target
from beastmode.tasks.testing.focus import focused
from beastmode.tasks.verify.finding import speaking_of, test_files
from beastmode.tasks.verify.runners import new_test_file, runner_for, usual_test_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from beastmode.context.syntax import Definition
    from beastmode.tasks.chat.reading import Desk
    from beastmode.tasks.verify.runners import Runner

_MOST_EXISTING = 4
"""Test files about the same code that are run for their coverage."""
_MOST_NAMES = 12
_MOST_EXAMPLE = 120
"""Lines of a test file that are shown as an example."""
_BESIDE = {
    "go": "They are in the same package as the code.",
    "java": "They are in the same package as the code.",
    "rust": "They are an integration test: use the public names of the crate.",
}


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to be tested, and how.

    Attributes:
        target: the code under test; the lines in question are in it.
        runner: the project's own.
        path: the file that the tests go into: a new one, or one that `extends` says is there and gets more.
        existing: test files about the same code.
        example: a test file of the project that shows its style; None where there is none.
        extends: whether `path` is one of `existing`.
    """

    target: Target
    runner: Runner
    path: str
    existing: tuple[str, ...] = ()
    example: Target | None = None
    extends: bool = False

    @property
    def language(self) -> str:
        """Of the tests."""
        return language_of(self.path)

    @property
    def shown(self) -> list[Target]:
        """What a model must see, the code under test last, where it is best remembered."""
        code = replace(self.target, why="to be tested")
        if self.lines is not None:
            part = focused(code.lines, language_of(code.path), self.lines[0], self.lines[-1])
            if len(part) < len(code.lines):
                code = Target(code.path, part, why="to be tested, with what it uses of its file", is_chosen=True)
        return [self.example, code] if self.example is not None else [code]

    @property
    def lines(self) -> range | None:
        """The lines in question, from zero; None: all."""
        first, last = self.target.line, self.target.end_line
        return None if first is None or last is None else range(first, last + 1)

    def words(self, wish: str) -> str:
        """The order as the model reads it."""
        said = [f"Write {self.runner.title} tests for {self._what()}."]
        if self.extends:
            said.append(f"They will be added to the end of {self.path}: give only new tests, and what they import.")
        else:
            said.append(f"They become the new file {self.path}.")
        said.append(self._import())
        said.append("Write three to eight small tests, each of which checks one thing, none of anything else.")
        return "\n\n".join(filter(None, (" ".join(filter(None, said)), wish)))

    def _what(self) -> str:
        names = [f"{each.parent}.{each.name}" if each.parent else each.name for each in self._asked()]
        told = ", ".join(f"`{name}`" for name in names[:_MOST_NAMES])
        return f"{told} of {self.target.path}" if told else self.target.path

    def _asked(self) -> list[Definition]:
        """The definitions in question, not the class around a method that is meant."""
        found = definitions("\n".join(self.target.lines), language_of(self.target.path))
        found = [each for each in found if each.kind in ("function", "method", "class")]
        if self.lines is None:
            return [each for each in found if not each.parent and not each.name.startswith("_")]
        first, last = self.lines[0], self.lines[-1]
        hit = [each for each in found if each.line <= last and first <= each.end_line]
        whole = {each.name for each in hit if first <= each.line and each.end_line <= last}
        inner = {each.parent for each in hit if each.parent and each.parent not in whole}
        return [each for each in hit if each.parent not in whole and each.name not in inner]

    def _import(self) -> str:
        """How the tests reach the code, where that can be told."""
        path, language = PurePosixPath(self.target.path), language_of(self.target.path)
        if language == "python":
            parts = [*path.parts[:-1], path.stem]
            parts = parts[1:] if parts[0] == "src" else parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" and parts[1:] else parts)
            names = dict.fromkeys(each.parent or each.name for each in self._asked())
            return f"Import what you test: `from {module} import {', '.join(list(names)[:_MOST_NAMES]) or '…'}`."
        if self.runner.name in ("vitest", "jest", "mocha", "node"):
            way = posixpath.relpath(str(path), posixpath.dirname(self.path) or ".")
            way = way.removesuffix(path.suffix) if path.suffix in (".ts", ".tsx") else way
            return f"Import what you test from `{way if way.startswith('.') else f'./{way}'}`."
        return _BESIDE.get(language, "")


def aim_at(root: Path, target: Target, desk: Desk) -> Aim:
    """How to test some code of a workspace.

    Raises:
        NoRunner: no test runner is known for it.
    """
    runner = runner_for(root, target.path)
    tests = test_files(root, runner)
    about = speaking_of(root, [path for path in tests if path != target.path], [target.path])
    about = sorted(about, key=lambda path: PurePosixPath(target.path).stem not in PurePosixPath(path).stem)
    usual = usual_test_file(root, target.path, runner)
    extends = usual in about
    example = _example([*([usual] if extends else ()), *about, *tests], target, desk, usual if extends else "")
    path = usual if extends else new_test_file(root, target.path, runner)
    return Aim(target, runner, path, tuple(about[:_MOST_EXISTING]), example, extends)


def beside(root: Path, aim: Aim) -> Aim:
    """The same with a file of its own."""
    return replace(aim, path=new_test_file(root, aim.target.path, aim.runner), extends=False)


def _example(tests: Sequence[str], target: Target, desk: Desk, extended: str) -> Target | None:
    """The first of these files that a model may see, or its beginning."""
    for path in tests[:50]:
        text = desk.find(path) if path != target.path else None
        if text is not None and text.lines:
            if path == extended:
                return Target(text.path, text.lines, why="the tests that there are, not to be repeated")
            why = "to be read: an example of how this project writes its tests"
            return Target(text.path, text.lines[:_MOST_EXAMPLE], why=why, is_chosen=True)
    return None

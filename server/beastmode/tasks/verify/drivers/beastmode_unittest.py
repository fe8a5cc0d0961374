"""Runs one file of unittest's tests and writes JUnit's XML. Called with the file and the place for the results."""

from __future__ import annotations

import importlib
import sys
import traceback
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from beastmode_lines import Lines, order  # type: ignore[import-not-found,unused-ignore]  # beside this file, on the path

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Result(unittest.TestResult):
    """Keeps each test with what happened to it, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.cases: dict[str, tuple[str, str]] = {}

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802  # the base class's name, as all below
        super().startTest(test)
        self.cases[test.id()] = ("", "")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addFailure(test, err)
        self.cases[test.id()] = ("failure", _said(err))

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addError(test, err)
        self.cases[test.id()] = ("error", _said(err))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        super().addSkip(test, reason)
        self.cases[test.id()] = ("skipped", reason)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            kind = "failure" if issubclass(err[0], test.failureException) else "error"
            self.cases[test.id()] = (kind, _said(err))

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().addUnexpectedSuccess(test)
        self.cases[test.id()] = ("failure", "it was expected to fail")


def _said(err: Any) -> str:
    return "".join(traceback.format_exception(*err))


def _tests(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from _tests(each)
        else:
            yield each


def _in_order(suite: unittest.TestSuite) -> unittest.TestSuite:
    """The classes in order, and the tests of each: a class stays together, for it may be set up once."""
    classes: dict[type, list[unittest.TestCase]] = {}
    for test in _tests(suite):
        classes.setdefault(type(test), []).append(test)
    groups = list(classes.values())
    order(groups)
    for group in groups:
        order(group)
    return unittest.TestSuite(test for group in groups for test in group)


def _write(path: str, cases: dict[str, tuple[str, str]]) -> None:
    lines = ["<testsuite>"]
    for name, (state, message) in cases.items():
        owner, _, method = name.rpartition(".")
        clean = escape("".join(letter for letter in message if letter in "\n\t" or letter.isprintable()))
        inner = f"<{state}>{clean}</{state}>" if state else ""
        lines.append(f"<testcase classname={quoteattr(owner)} name={quoteattr(method)}>{inner}</testcase>")
    Path(path).write_text("\n".join([*lines, "</testsuite>"]), encoding="utf-8")


def _main(file: str, results: str) -> None:
    sys.path.insert(0, str(Path.cwd()))
    lines = Lines()
    lines.start()
    module = importlib.import_module(file[: -len(".py")].replace("/", "."))
    result = _Result()
    _in_order(unittest.defaultTestLoader.loadTestsFromModule(module)).run(result)
    lines.stop()
    _write(results, result.cases)
    for _, message in result.cases.values():
        sys.stdout.write(f"{message}\n" if message else "")
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2])

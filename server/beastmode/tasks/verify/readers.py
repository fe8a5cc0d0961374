"""Reading what test runners write into an `Outcome`, one function a format; which runner writes which is in its row.

Pure functions of text. The text comes from a program that is not trusted: anything may be missing or of another type,
and what makes no sense is left out rather than believed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET  # see `_root`

from beastmode.tasks.verify.outcome import Case, Outcome, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MOST_TESTS = 5_000
_MOST_MESSAGE = 4_000
"""Characters of a message that are kept."""
_LITTLE = 200
"""Characters of a problem that may need the runner's output to be understood."""
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_PARAMETERS = re.compile(r"\[.*\]$|\(.*\)(\[\d+\])?$", re.DOTALL)


def read(form: str, texts: Sequence[str], output: str) -> Outcome:
    """The outcome of a run.

    Args:
        form: a key of `FORMS`.
        texts: the files of results that the runner wrote; none where it writes to its output, or did not get so far.
        output: what it wrote to its streams.

    Raises:
        KeyError: there is no such form.
    """
    outcome = FORMS[form](texts, output)
    if not outcome.tests and len(outcome.problem) < _LITTLE:
        said = clean(output).strip()
        errors = "\n".join(line for line in said.split("\n") if line.startswith("[ERROR]"))
        parts = filter(None, (outcome.problem, (errors or said)[-_MOST_MESSAGE:]))
        return Outcome((), "\n".join(parts) or "the runner said nothing")
    return outcome


def clean(text: str) -> str:
    """Without colours and other orders to a terminal."""
    return _ANSI.sub("", text).replace("\r\n", "\n")


def junit_xml(texts: Sequence[str], _output: str) -> Outcome:
    """The XML that JUnit has made a habit: pytest, unittest by our driver, Maven, Gradle, Node."""
    found: list[Case] = []
    problems: list[str] = []
    for text in texts:
        root = _root(text)
        if root is None:
            continue
        for groups, case in _cases(root):
            test = _case(groups, case)
            if _is_of_a_file(case):
                problems.append(test.message)
            elif len(found) < MOST_TESTS:
                found.append(test)
    return Outcome(tuple(found), "\n".join(problems)[:_MOST_MESSAGE])


def _root(text: str) -> ET.Element | None:
    # Entities are how XML hurts a reader; no runner writes any.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return ET.fromstring(text)  # noqa: S314  # see above
    except ET.ParseError:
        return None


def _cases(root: ET.Element) -> Iterator[tuple[tuple[str, ...], ET.Element]]:
    """Each test with the names of the nested groups that it is in."""
    waiting: list[tuple[tuple[str, ...], ET.Element]] = [((), root)]
    while waiting:
        groups, at = waiting.pop()
        if at.tag == "testcase":
            yield groups, at
            continue
        inner = groups if at is root or at.tag == "testsuites" else (*groups, at.get("name", ""))
        waiting += [(inner, child) for child in reversed(at) if child.tag in ("testsuite", "testcase", "testsuites")]


def _is_of_a_file(case: ET.Element) -> bool:
    """How pytest and Node say that a file could not be run at all: as a test of its own."""
    error, failure = case.find("error"), case.find("failure")
    if failure is not None and case.get("classname") == "test":
        return re.search(r"[\\/.][\w.-]*\.[cm]?[jt]s$", case.get("name", "")) is not None
    return error is not None and "collection" in error.get("message", "")


def _case(groups: tuple[str, ...], case: ET.Element) -> Case:
    name, owner = case.get("name", ""), case.get("classname", "")
    state, message = State.PASSED, ""
    for tag, meaning in (("skipped", State.SKIPPED), ("failure", State.FAILED), ("error", State.ERROR)):
        part = case.find(tag)
        if part is not None:
            state = meaning
            said = (part.get("message", ""), part.text or "")
            message = said[1] if said[0] and said[0].split("\n")[0] in said[1] else "\n".join(filter(None, said))
    is_node = owner in ("test", "suite")
    if is_node:
        return Case(" ".join((*groups, name)), " ".join((*groups, name)), state, _short(message), case.get("file", ""))
    function = _PARAMETERS.sub("", name)
    # The classes that a test is in, as the source has them: pytest writes a.b.TestC, JUnit a.b.TestC$Inner.
    classes = [part for part in re.split(r"[.$]", owner) if part[:1].isupper()]
    return Case(
        f"{owner}.{name}" if owner else name,
        ".".join((*classes, function)),
        state,
        _short(message),
        case.get("file", ""),
    )


def jest_json(texts: Sequence[str], _output: str) -> Outcome:
    """What jest writes with --json, and vitest by its reporter of that name."""
    states = {"passed": State.PASSED, "failed": State.FAILED}
    found: list[Case] = []
    problems: list[str] = []
    for data in map(_json, texts):
        for file in _list(data, "testResults"):
            tests = _list(file, "assertionResults")
            if not tests and file.get("status") == "failed":
                problems.append(clean(_text(file, "message")))
            for test in tests[: MOST_TESTS - len(found)]:
                title = " ".join((*map(str, _list_of_any(test, "ancestorTitles")), _text(test, "title")))
                message = "\n".join(map(str, _list_of_any(test, "failureMessages")))
                state = states.get(_text(test, "status"), State.SKIPPED)
                found.append(Case(title, title, state, _short(message), _text(file, "name")))
    return Outcome(tuple(found), "\n".join(problems)[:_MOST_MESSAGE])


def mocha_json(texts: Sequence[str], _output: str) -> Outcome:
    """What mocha's reporter `json` writes."""
    found: list[Case] = []
    problem = ""
    for data in map(_json, texts):
        passed = {_text(test, "fullTitle") for test in _list(data, "passes")}
        failed = {_text(test, "fullTitle"): test for test in _list(data, "failures")}
        for test in _list(data, "tests")[:MOST_TESTS]:
            title = _text(test, "fullTitle")
            error = test.get("err")
            message = _text(error, "stack") or _text(error, "message") if isinstance(error, dict) else ""
            state = State.FAILED if title in failed else State.PASSED if title in passed else State.SKIPPED
            found.append(Case(title, title, state, _short(message), _text(test, "file")))
        # A hook that fails is among the failures, but no test.
        names = {test.name for test in found}
        problem = "\n".join(_text(each.get("err"), "message") for title, each in failed.items() if title not in names)
    return Outcome(tuple(found), problem)


def go_json(_texts: Sequence[str], output: str) -> Outcome:
    """The events of `go test -json`, one a line; a test within a test counts for the outer one."""
    states = {"pass": State.PASSED, "fail": State.FAILED, "skip": State.SKIPPED}
    said: dict[str, list[str]] = {}
    found: list[Case] = []
    other: list[str] = []
    for line in output.split("\n"):
        event = _json(line) if line.startswith("{") else {}
        name, action = _text(event, "Test"), _text(event, "Action")
        if not action:
            other.append(line)
        elif action in ("output", "build-output"):
            (said.setdefault(name, []) if name else other).append(_text(event, "Output").rstrip("\n"))
        elif name and action in states and len(found) < MOST_TESTS:
            message = "\n".join(said.get(name, ())) if action == "fail" else ""
            found.append(Case(name, name.split("/")[0], states[action], _short(message), ""))
    return Outcome(tuple(found), "" if found else "\n".join(filter(None, other))[-_MOST_MESSAGE:])


_CARGO_TEST = re.compile(r"^test (?P<name>\S+)(?: - .*)? \.\.\. (?P<state>ok|FAILED|ignored)", re.MULTILINE)
_CARGO_SAID = re.compile(
    r"^---- (?P<name>\S+) stdout ----\n(?P<text>.*?)(?=^---- |^failures:|\Z)", re.MULTILINE | re.DOTALL
)


def cargo_text(_texts: Sequence[str], output: str) -> Outcome:
    """What `cargo test` prints."""
    states = {"ok": State.PASSED, "FAILED": State.FAILED, "ignored": State.SKIPPED}
    text = clean(output)
    said = {part["name"]: part["text"].strip() for part in _CARGO_SAID.finditer(text)}
    found = [
        Case(part["name"], part["name"].replace("::", "."), states[part["state"]], _short(said.get(part["name"], "")))
        for part in _CARGO_TEST.finditer(text)
    ]
    errors = text[text.find("error") :] if "error" in text and not found else ""
    return Outcome(tuple(found[:MOST_TESTS]), errors[:_MOST_MESSAGE])


FORMS: Mapping[str, Callable[[Sequence[str], str], Outcome]] = {
    "junit-xml": junit_xml,
    "jest-json": jest_json,
    "mocha-json": mocha_json,
    "go-json": go_json,
    "cargo-text": cargo_text,
}


def _short(message: str) -> str:
    message = clean(message).strip()
    return message if len(message) <= _MOST_MESSAGE else f"{message[:1000]}\n…\n{message[1000 - _MOST_MESSAGE :]}"


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _text(data: object, key: str) -> str:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


def _list(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [item for item in _list_of_any(data, key) if isinstance(item, dict)]


def _list_of_any(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []

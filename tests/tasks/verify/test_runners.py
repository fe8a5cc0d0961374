"""Which runner a project uses, and where a new test file goes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from beastmode.tasks.verify.coverage import FORMS as COVERAGE_FORMS
from beastmode.tasks.verify.python_path import interpreter, python_path
from beastmode.tasks.verify.readers import FORMS
from beastmode.tasks.verify.runners import NoRunner, new_test_file, project_of, runner_for, runners

PROJECTS = {
    "pytest": (
        {"pyproject.toml": "[tool.pytest.ini_options]", "tests/x": ""},
        "src/shop/price.py",
        "tests/test_price.py",
    ),
    "unittest": ({"tests/test_x.py": "import unittest"}, "price.py", "tests/test_price.py"),
    "vitest": ({"package.json": '{"devDependencies":{"vitest":"3"}}'}, "src/price.ts", "src/price.test.ts"),
    "jest": ({"package.json": '{"jest":{}}', "src/__tests__/a": ""}, "src/price.tsx", "src/__tests__/price.test.tsx"),
    "mocha": ({"package.json": "{}", ".mocharc.json": "{}"}, "lib/price.js", "test/price.test.js"),
    "node": ({"package.json": '{"scripts":{"test":"node --test"}}', "test/a": ""}, "price.mjs", "test/price.test.mjs"),
    "go": ({"go.mod": "module x"}, "shop/price.go", "shop/price_test.go"),
    "cargo": ({"Cargo.toml": "[package]"}, "src/price.rs", "tests/price.rs"),
    "maven": ({"pom.xml": "<project/>"}, "src/main/java/shop/Price.java", "src/test/java/shop/PriceTest.java"),
    "gradle": ({"build.gradle.kts": ""}, "src/main/java/shop/Price.java", "src/test/java/shop/PriceTest.java"),
}


def project(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_every_row_has_a_project_here() -> None:
    """A new row comes with a promise."""
    assert set(PROJECTS) == set(runners())


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_a_project_tells_its_runner(name: str, tmp_path: Path) -> None:
    """By the files that it has, and by what they say."""
    files, path, _ = PROJECTS[name]
    assert runner_for(project(tmp_path, files), path).name == name


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_a_test_file_goes_where_the_project_has_them(name: str, tmp_path: Path) -> None:
    """And never takes the name of one that is there."""
    files, path, expected = PROJECTS[name]
    root = project(tmp_path, files)
    assert new_test_file(root, path, runners()[name]) == expected
    project(root, {expected: ""})
    second = new_test_file(root, path, runners()[name])
    assert second != expected
    assert not (root / second).exists()
    pattern = [glob.replace(".", r"\.").replace("*", ".*") for glob in runners()[name].tests]
    assert any(re.fullmatch(each, second.rpartition("/")[2]) for each in pattern), second


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_a_row_can_be_filled_and_read(name: str) -> None:
    """Forms that exist, and no mark that nobody fills."""
    row = runners()[name]
    known = set("python bin gradle file folder test_stem target target_relative out cache drivers seed extra".split())  # noqa: SIM905
    parts = [*row.run, *row.collect, *row.program, *row.shuffle, *row.shuffle_env.values(), *row.results_files]
    if row.coverage:
        assert row.coverage.form in COVERAGE_FORMS
        parts += [*row.coverage.arguments, *row.coverage.env.values(), *row.coverage.files]
    assert row.results in FORMS
    assert {mark for part in parts for mark in re.findall(r"\{(\w+)\}", part)} <= known
    if row.shuffle or (row.coverage and row.coverage.arguments):
        assert "{extra}" in row.run


def test_the_nearest_project_counts(tmp_path: Path) -> None:
    """In a workspace of many packages each is run in its own folder, with the runner that the whole names."""
    root = project(
        tmp_path,
        {
            "package.json": '{"devDependencies":{"vitest":"3"}}',
            "packages/a/package.json": "{}",
            "packages/a/src/x.ts": "",
        },
    )
    row = runner_for(root, "packages/a/src/x.ts")
    assert row.name == "vitest"
    assert project_of(root, "packages/a/src/x.ts", row) == "packages/a"
    assert new_test_file(root, "packages/a/src/x.ts", row) == "packages/a/src/x.test.ts"


def test_python_without_a_word_is_unittest(tmp_path: Path) -> None:
    """It is there wherever Python is."""
    assert runner_for(tmp_path, "a.py").name == "unittest"


def test_no_runner_says_what_to_do(tmp_path: Path) -> None:
    """For a project without tests, and for a language without runners."""
    with pytest.raises(NoRunner, match=r"a\.ts") as caught:
        runner_for(tmp_path, "a.ts")
    assert "vitest" in caught.value.fix
    with pytest.raises(NoRunner):
        runner_for(tmp_path, "a.cobol")
    with pytest.raises(NoRunner, match="nose"):
        runner_for(tmp_path, "a.py", "nose")


def test_a_pipe_in_a_project_is_not_waited_for(tmp_path: Path) -> None:
    """Whoever put it there."""
    import os  # noqa: PLC0415  # only where there are pipes

    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "package.json")
    with pytest.raises(NoRunner):
        runner_for(tmp_path, "a.ts")


def test_the_environment_of_the_project_is_used_where_it_is(tmp_path: Path) -> None:
    """Its interpreter by its own path, which tells Python where its packages are."""
    project(tmp_path, {".venv/pyvenv.cfg": "", ".venv/bin/python": "", "env/bin/python": ""})
    assert interpreter(tmp_path) == tmp_path / ".venv/bin/python"


def test_the_copy_wins_over_what_is_installed_in_place(tmp_path: Path) -> None:
    """`pip install -e` puts the original's folder on the path; the copy's comes first."""
    root, work = tmp_path / "root", tmp_path / "work"
    project(
        root, {"python/a.py": "", "venv/lib/python3.11/site-packages/x.pth": f"{root}/python\n/elsewhere\nimport os\n"}
    )
    project(work, {"python/a.py": "", "src/b.py": ""})
    (root / "venv/bin").mkdir()
    found = python_path(root, work, root / "venv/bin/python", tmp_path / "drivers")
    assert found == [tmp_path / "drivers", work / "src", work / "python", work]

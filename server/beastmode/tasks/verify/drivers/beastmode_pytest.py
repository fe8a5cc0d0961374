"""A plugin for pytest: another order, and the lines that were run, without anything that a project has to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from beastmode_lines import Lines, order  # type: ignore[import-not-found,unused-ignore]  # beside this file, on the path

if TYPE_CHECKING:
    from collections.abc import Generator

_lines = Lines()


@pytest.hookimpl(hookwrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """The project's own measuring would take our place, and cost time."""
    if hasattr(early_config.known_args_namespace, "no_cov"):
        early_config.known_args_namespace.no_cov = True
    yield


@pytest.hookimpl(hookwrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, None, None]:
    """One process: what several of them run cannot be seen from here."""
    if hasattr(config.option, "numprocesses"):
        config.option.numprocesses = None
        config.option.dist = "no"
        config.option.tx = []
    yield


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Before a test file, and with it the code under test, is imported."""
    _lines.start()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After whoever else sorts them."""
    order(items)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Whatever happened."""
    _lines.stop()

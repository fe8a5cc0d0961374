"""Pages that are made from the code are as the code is."""

from __future__ import annotations

import sys

import pytest
from tests.docs.pages import DOCS, ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import docs


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """Run `python scripts/docs.py` after a change of commands, settings, schema or protocol."""
    assert (DOCS / name).read_text(encoding="utf-8") == docs.PAGES[name]()


def test_the_exit_codes_are_those_of_the_page() -> None:
    """One table, in docs/cli.md."""
    assert docs.exit_codes() in (DOCS / "cli.md").read_text(encoding="utf-8")

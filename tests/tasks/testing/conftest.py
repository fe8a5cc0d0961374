from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.support.shop import Shop

from beastmode.tasks.verify import Kind


@pytest.fixture
async def allowed(shop: Shop) -> Shop:
    """A workspace whose tests may be run, with pytest in its environment."""
    (shop.root / "pyproject.toml").write_text('[dependency-groups]\ndev = ["pytest"]\n')
    (shop.root / ".gitignore").write_text(".venv\n")
    (shop.root / ".venv").symlink_to(Path(sys.prefix))
    await shop.app.consent.decide(shop.root, Kind.TESTS, True)  # noqa: FBT003 - it is the value
    return shop

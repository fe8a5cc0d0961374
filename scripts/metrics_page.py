"""Writes docs/metrics.md from the table of metrics; a test holds the two against each other."""

from __future__ import annotations

from pathlib import Path

from beastmode.operations.metrics.table import page

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

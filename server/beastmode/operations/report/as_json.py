"""A report as JSON, for scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beastmode.operations.report.report import Report


def as_json(report: Report) -> str:
    """One object; money as decimal text, so that nothing is rounded."""
    return json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n"

"""Answers in JSON, whatever is in them."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse


class Json(JSONResponse):
    """Half a surrogate pair, which a client, a model or the name of a file may hold, becomes a question mark."""

    def render(self, content: Any) -> bytes:
        """Compact UTF-8."""
        said = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return said.encode("utf-8", "replace")

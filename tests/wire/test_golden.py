"""Recorded answers, and what each decoder makes of them. A file more is a test more: NAME.txt and NAME.json.

`BEASTMODE_GOLDEN=write pytest tests/wire/test_golden.py` writes the expectations; read the diff before you keep it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.wire.conftest import Read, make_request

from beastmode.wire import FORMATS

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.relative_to(GOLDEN).with_suffix("").as_posix() for path in GOLDEN.glob("*/*.txt"))


@pytest.mark.parametrize("case", CASES)
def test_an_answer_is_read_as_recorded(case: str) -> None:
    """The events of an answer, and the error that ends it, are those in its file; one byte at a time as well."""
    body = (GOLDEN / f"{case}.txt").read_bytes()
    expected = json.loads((GOLDEN / f"{case}.json").read_text(encoding="utf-8"))
    format_name = case.partition("/")[0]
    request = make_request(format_name, expected["request"])
    chat = expected["request"].get("chat", "openai-chat")
    read = Read.of(format_name, request, [body], chat)
    if os.environ.get("BEASTMODE_GOLDEN") == "write":
        expected |= {"events": read.events, "error": read.error}
        (GOLDEN / f"{case}.json").write_text(
            json.dumps(expected, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    assert read == Read(expected["events"], expected["error"])
    assert Read.of(format_name, request, (body[i : i + 1] for i in range(len(body))), chat) == read


def test_every_format_has_recordings() -> None:
    """No format goes without golden files."""
    assert {case.partition("/")[0] for case in CASES} == set(FORMATS)

"""The page's built files, which are committed so that no installation needs Node, are made of the sources beside them.

When one of these fails, run `npm ci && npm run dashboard` and commit what it wrote.
"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from beastmode.faces.http.dashboard import FOLDER

if TYPE_CHECKING:
    from tests.support.gateway_client import Gate

SOURCES = Path(__file__).parents[3] / "dashboard"


def test_the_bundle_was_made_of_these_sources() -> None:
    """Its first line names their hash; tests/e2e/test_dashboard.py builds it anew and compares every byte."""
    names = sorted([*(f"src/{file.name}" for file in (SOURCES / "src").iterdir()), "style.css", "build.mjs"])
    made = sha256(b"".join((SOURCES / name).read_bytes().replace(b"\r\n", b"\n") for name in names)).hexdigest()[:16]
    for bundle in ("dashboard.js", "dashboard.css"):
        assert f"sources {made};" in (FOLDER / bundle).read_text("utf-8").splitlines()[0], bundle


@pytest.mark.parametrize("name", ["index.html", "icon.svg"])
def test_a_copied_file_is_the_one_beside_the_sources(name: str) -> None:
    """Byte for byte."""
    assert (FOLDER / name).read_bytes() == (SOURCES / name).read_bytes()


def test_the_page_makes_no_markup_of_text() -> None:
    """What models and endpoints say is shown as text: none of the ways to markup is used."""
    risky = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|localStorage|sessionStorage"
    )
    assert [file.name for file in (SOURCES / "src").iterdir() if risky.search(file.read_text("utf-8"))] == []


async def test_the_page_expects_what_the_gateway_sends(gate: Gate) -> None:
    """The names in api.ts are those of the answer."""
    types = (SOURCES / "src" / "api.ts").read_text("utf-8")
    answer = (await gate.client.get("/api/dashboard/overview")).json()
    (field, *_) = (await gate.client.get("/api/dashboard/form")).json()
    for name, sent in (
        ("Overview", answer),
        ("Figures", answer["total"]),
        ("ModelRow", answer["models"][0]),
        ("Field", field),
    ):
        body = re.search(rf"interface {name} {{\n(.*?)\n}}", types, re.DOTALL)
        assert body is not None, name
        assert set(re.findall(r"^  (\w+):", body[1], re.MULTILINE)) == set(sent), name

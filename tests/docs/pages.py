"""The pages of docs/ and the README, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")


def commands_of(page: Path) -> Iterator[str]:
    """Every command line of ours in the `sh` blocks of a page, continued lines joined."""
    for kind, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip().startswith("beastmode "):
                    yield line.strip()


def links_of(page: Path) -> Iterator[str]:
    """Where the links and images of a page lead; what stands in code is none."""
    text = re.sub(r"`[^`\n]*`", "", BLOCK.sub("", page.read_text(encoding="utf-8")))
    for link, image in LINK.findall(text):
        yield link or image


def anchors_of(page: Path) -> set[str]:
    """The anchors that a page's headings have, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}

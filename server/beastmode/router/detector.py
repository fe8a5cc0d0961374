"""Finds secrets in text: Kingfisher's rules (MongoDB, in-process, no network), and four of ours in secrets.yml.

Apart from masking.py because it is the one place that knows the library, which is slow to load: half a second, and
some seconds the first time on a machine, when its rules are compiled and kept in a folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from beastmode.domain.errors import NotAllowed

if TYPE_CHECKING:
    from kingfisher_sdk import Finding, Scanner

_OWN_RULES = Path(__file__).with_name("secrets.yml")
# Half of some credentials is no secret, and is found only to be sure of the other half.
_HARMLESS_HALF = re.compile(r"-(?:id|name|repository|url|host|address|domain)(?:\.\d+)?$|public")
_BEGIN, _END = "-----BEGIN PRIVATE KEY-----\n", "\n-----END PRIVATE KEY-----"
_MARKER = re.compile(r"-----(BEGIN|END)[ A-Z0-9]{0,40} PRIVATE KEY(?: BLOCK)?-----")


class Span(NamedTuple):
    """From one code point up to and not including another."""

    start: int
    end: int


class SecretDetector:
    """The library, loaded when it is first needed.

    Args:
        folder: where the compiled rules are kept between starts; None for the library's own place.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = Lock()
        self._scanner: Scanner | None = None

    @property
    def loaded(self) -> bool:
        """Whether `find` answers at once."""
        return self._scanner is not None

    def load(self) -> None:
        """Load the rules. Blocks, but lets other threads run; any number of threads may call it.

        Raises:
            NotAllowed: there is no detector, so that nothing may be sent to another machine.
        """
        self._ready()

    def find(self, text: str) -> list[Span]:
        """Where there are secrets in a text, in any order, overlapping where several rules apply.

        Raises:
            NotAllowed: as `load`.
        """
        scanner = self._scanner or self._ready()
        # A NUL makes the library take a text for UTF-16; both of these keep every other character where it is.
        plain = text.replace("\0", " ").replace("\ufeff", " ")
        whole, shift = _completed(plain)
        data = whole.encode("utf-8", "replace")
        spans = [
            span
            for finding in scanner.scan(data)
            if finding.visible or not _HARMLESS_HALF.search(finding.rule_id)
            for span in _places(finding, whole, data)
        ]
        clipped = (Span(max(start - shift, 0), min(end - shift, len(text))) for start, end in spans)
        return [span for span in clipped if span.start < span.end]

    def _ready(self) -> Scanner:
        with self._lock:
            if self._scanner is None:
                try:
                    from kingfisher_sdk import Rules, Scanner  # noqa: PLC0415 - slow to import

                    self._scanner = Scanner(Rules([_OWN_RULES], cache_dir=self._folder))
                except (ImportError, OSError, RuntimeError, ValueError) as error:
                    raise NotAllowed(
                        f"Secrets in your code cannot be kept from other machines: the detector failed ({error})",
                        "Run `pip install --force-reinstall kingfisher-secret-scanner`, or use a model on this machine",
                    ) from error
            return self._scanner


def _completed(text: str) -> tuple[str, int]:
    """The text with the BEGIN or END of a private key that a window has cut off, and how far that has moved it."""
    if "PRIVATE KEY" not in text:
        return text, 0
    markers = [match[1] for match in _MARKER.finditer(text)]
    if not markers:
        return text, 0
    before = _BEGIN if markers[0] == "END" else ""
    after = _END if markers[-1] == "BEGIN" else ""
    return f"{before}{text}{after}", len(before)


def _places(finding: Finding, text: str, data: bytes) -> list[Span]:
    """Where a finding stands; everywhere that its text stands, should the library's offsets be of another text."""
    start, end = finding.location["start_offset"], finding.location["end_offset"]
    if finding.is_base64_encoded or data[start:end].decode("utf-8", "replace") == finding.secret:
        if len(data) == len(text):
            return [Span(start, end)]
        first = len(data[:start].decode("utf-8", "ignore"))
        return [Span(first, first + len(data[start:end].decode("utf-8", "ignore")))]
    return [Span(match.start(), match.end()) for match in re.finditer(re.escape(finding.secret), text)]

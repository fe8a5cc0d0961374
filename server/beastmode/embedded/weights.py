"""Which weights exist and how to tell them: rows of `weights.toml`, each named by the SHA-256 of its bytes.

Apart from fetching, because the server process and the registry's row need the table and never the network.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beastmode.domain.errors import InvalidSetting, ModelUnavailable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

CHUNK = 1 << 20
"""Bytes read at a time: large enough that Python costs nothing beside the hash."""

_MAGIC = b"GGUF"
_VOCABULARY = 12 << 20
"""The head of a GGUF file that surely holds its vocabulary, in bytes."""


@dataclass(frozen=True, slots=True)
class Part:
    """A wheel of the package registry that carries a piece of the weights: `member` is the piece's name in it."""

    package: str
    version: str
    member: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Weights:
    """One row: the bytes (`size`, `sha256`), where they may be found, and what they need to run.

    `memory` is bytes of resident memory with room for `context` tokens. `hub` is the URL of the publisher's own file.
    `fim`: the vocabulary has Qwen's fill-in-the-middle tokens.
    """

    name: str
    title: str
    file: str
    size: int
    sha256: str
    memory: int
    context: int
    fim: bool
    licence: str
    hub: str
    parts: tuple[Part, ...]


def known_weights() -> tuple[Weights, ...]:
    """Every row of the table, in its order."""
    table = tomllib.loads(Path(__file__).with_name("weights.toml").read_text(encoding="utf-8"))
    return tuple(Weights(**{**row, "parts": tuple(Part(**part) for part in row["parts"])}) for row in table["weights"])


def weights_named(name: str) -> Weights:
    """The row with that name.

    Raises:
        InvalidSetting: there is none; says which there are.
    """
    rows = known_weights()
    for row in rows:
        if row.name == name:
            return row
    raise InvalidSetting(
        f"The built-in model cannot be {name!r}: no such weights are known",
        "Set builtin.model to one of " + ", ".join(row.name for row in rows),
    )


def has_size(path: Path, size: int) -> bool:
    """Whether a file is there with exactly so many bytes: a cheap first look, never a proof."""
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def digest_of(path: Path, stop: threading.Event, tell: Callable[[int], None] = lambda _: None) -> str:
    """The SHA-256 of a file in hexadecimal, or an empty string where `stop` was set meanwhile.

    `tell` is called with the number of bytes read so far.
    """
    running = hashlib.sha256()
    read = 0
    for chunk in chunks_of(path):
        if stop.is_set():
            return ""
        running.update(chunk)
        read += len(chunk)
        tell(read)
    return running.hexdigest()


def chunks_of(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a chunk at a time."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def check_gguf(path: Path) -> None:
    """See that a file which the user named can be weights at all.

    Raises:
        ModelUnavailable: it is missing, unreadable, or begins unlike a GGUF file.
    """
    fix = "Set BEASTMODE_MODEL_PATH to a .gguf file, or unset it to use the weights that BEAST MODE fetches"
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise ModelUnavailable(f"The model file {path} cannot be read: {error.strerror or error}", fix) from error
    if magic != _MAGIC:
        raise ModelUnavailable(f"The model file {path} is not a GGUF file", fix)


def has_fim_tokens(path: Path, token: str) -> bool:
    """Whether the vocabulary at the head of a GGUF file has this token; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return token.encode() in file.read(_VOCABULARY)
    except OSError:
        return False

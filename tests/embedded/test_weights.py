from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from beastmode.domain.errors import InvalidSetting, ModelUnavailable
from beastmode.embedded.weights import check_gguf, has_fim_tokens, known_weights, weights_named

if TYPE_CHECKING:
    from pathlib import Path

    from beastmode.embedded.weights import Weights


@pytest.mark.parametrize("row", known_weights(), ids=lambda row: row.name)
def test_every_row_is_pinned_by_hashes_and_can_be_found(row: Weights) -> None:
    """A row without a hash, or whose wheels are not pinned each to a version and a hash, cannot be shipped."""
    pinned = [row.sha256, *(part.sha256 for part in row.parts)]
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in pinned)
    assert len(set(pinned)) == len(pinned)
    assert row.parts
    assert all(part.version for part in row.parts)
    assert row.hub.startswith("https://")
    assert row.hub.endswith(row.file)
    assert row.memory > row.size


def test_parts_stand_in_the_order_of_their_numbers() -> None:
    """Joined in another order the bytes would be wrong, after half a gigabyte of download."""
    for row in known_weights():
        numbers = [int(found[1]) for part in row.parts if (found := re.search(r"part(\d+)\.bin$", part.member))]
        assert numbers == list(range(1, len(numbers) + 1))


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    """A typing error in the setting names what could have been meant."""
    with pytest.raises(InvalidSetting, match=r"'qwen'.*qwen2\.5-coder-0\.5b"):
        weights_named("qwen")


@pytest.mark.parametrize("content", [b"", b"GGU", b"PK\x03\x04", b"<html>"])
def test_a_file_that_is_not_gguf_is_refused(tmp_path: Path, content: bytes) -> None:
    """The runtime, a parser of C structures, is never given a file that is evidently something else."""
    path = tmp_path / "own.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelUnavailable, match="not a GGUF file"):
        check_gguf(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error of a wrong BEASTMODE_MODEL_PATH says which path and how to go on."""
    with pytest.raises(ModelUnavailable, match=r"nowhere\.gguf cannot be read.*BEASTMODE_MODEL_PATH"):
        check_gguf(tmp_path / "nowhere.gguf")


@pytest.mark.parametrize(("head", "expected"), [(b"GGUF <|fim_middle|> more", True), (b"GGUF nothing", False)])
def test_the_vocabulary_of_an_own_file_decides_about_filling_in(tmp_path: Path, head: bytes, expected: bool) -> None:  # noqa: FBT001  # a case of the table
    """Tokens that a model has never seen would be plain text in its prompt."""
    path = tmp_path / "own.gguf"
    path.write_bytes(head)
    assert has_fim_tokens(path, "<|fim_middle|>") is expected

"""What may go into a bug report: a small zip file in which nothing of the user's is left.

Versions, what the doctor found, the settings that differ and are no texts, the kinds of models, counts of errors, and
the end of the log; all of it without keys, names, paths, hosts and code. See `redaction`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import zipfile
from collections import Counter
from dataclasses import fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from beastmode import __version__
from beastmode.domain.errors import UserError
from beastmode.domain.model import is_loopback
from beastmode.operations.doctor.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from beastmode.domain.model import ModelSpec
    from beastmode.operations.model_checks import Check
    from beastmode.operations.whole import Whole
    from beastmode.settings import Settings

WEEK = 7 * 86_400
LAST_LINES = 2000
LAST_BYTES = 2_000_000
LIBRARIES = (
    "aiohttp",
    "cryptography",
    "httpx",
    "keyring",
    "lsprotocol",
    "pydantic",
    "pygls",
    "rich",
    "typer",
    "xllamacpp",
)
_RECORD = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ \d+) ([\w.]+): (.*)$")


async def bundle(app: Whole, checks: Sequence[Check], now: float) -> dict[str, str]:
    """The files of a bug report, by name.

    Args:
        app: all that runs.
        checks: what the doctor found.
        now: Unix time.
    """
    redactor = Redactor()
    counts = await app.ledger.error_counts(now - WEEK)
    found: dict[str, Any] = {
        "versions.json": _versions(),
        "checks.json": [
            {"name": redactor.text(it.name), "ok": it.ok, "found": redactor.text(it.evidence)} for it in checks
        ],
        "settings.json": dict(_changed(app.settings)),
        "models.json": [_model(model) for model in app.registry.models],
        "errors of seven days.json": counts,
    }
    files = {name: json.dumps(value, indent=2, ensure_ascii=False) for name, value in found.items()}
    files["log.txt"] = "\n".join(_log(app.settings.paths.log_file, redactor)) + "\n"
    return files


def write(files: dict[str, str], target: Path) -> None:
    """Put them into a new zip file, readable by its owner alone.

    Raises:
        UserError: there is such a file, or it cannot be written; then there is none.
    """
    try:
        raw = open(target, "xb", opener=lambda path, flags: os.open(path, flags, 0o600))  # noqa: SIM115 - closed below
    except OSError as error:
        fix = "Name another file, or remove this one" if target.exists() else "Name a file in a folder of yours"
        raise UserError(f"{target} cannot be written: {error.strerror}", fix) from None
    try:
        with raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(zipfile.ZipInfo(name), text)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _versions() -> dict[str, str]:
    found = {"beastmode": __version__, "python": platform.python_version(), "implementation": sys.implementation.name}
    found |= {"system": platform.system(), "release": platform.release(), "machine": platform.machine()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _changed(settings: Settings) -> Iterator[tuple[str, object]]:
    """The settings that are not as they come: numbers and switches with their values, texts only by name."""
    for section in fields(settings):
        given = getattr(settings, section.name)
        if section.name == "paths" or not is_dataclass(given):
            continue
        for entry in fields(given):
            value = getattr(given, entry.name)
            if value != entry.default:
                yield f"{section.name}.{entry.name}", value if isinstance(value, bool | int | float) else "set"


def _model(model: ModelSpec) -> dict[str, object]:
    plain = (
        "provider",
        "chat_format",
        "fim_format",
        "context_window",
        "max_tokens",
        "prefill",
        "local_only",
        "has_key",
    )
    return {name: getattr(model, name) for name in plain} | {"is_on_this_machine": is_loopback(model.endpoint_url)}


def _log(path: Path, redactor: Redactor) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LAST_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()[-LAST_LINES:]
    except OSError as error:
        yield f"There is no log: {error.strerror}"
        return
    repeated: Counter[str] = Counter()
    for line in lines:
        record = _RECORD.match(line)
        told = redactor.trace(line) if record is None else f"{record[2]}: {redactor.text(record[3])}"
        repeated[told] += 1
        if repeated[told] <= 3:  # noqa: PLR2004 - what is said again and again need not be read again and again
            yield told if record is None else f"{record[1]} {told}"

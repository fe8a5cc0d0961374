"""The log file: rotating, private, and free of other people's words.

Libraries log whole requests at times: pygls the initialization options and the parameters of a request that failed,
HTTP clients the URL. So of a foreign record only its fixed text is kept, never its arguments.
"""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

OURS = "beastmode"
MEGABYTE = 1_000_000


class _WithoutForeignArguments(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] != OURS:
            record.msg, record.args = str(record.msg), ()
            record.exc_info = record.exc_text = None
        return True


class _PrivateFile(RotatingFileHandler):
    """Made, with its folder, when there is something to write; for its owner only."""

    def _open(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the signature is the library's
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return open(
            self.baseFilename, self.mode, encoding=self.encoding, opener=lambda path, flags: os.open(path, flags, 0o600)
        )

    def shouldRollover(self, _record: logging.LogRecord) -> bool:  # noqa: N802 - the library's name
        """Whether the file is full. The library's own asks the system four times, and formats the record for it."""
        return self.stream is not None and os.fstat(self.stream.fileno()).st_size >= self.maxBytes


def log_to(path: Path, level: str) -> None:
    """Send everything from `level` (debug, info, warning, error) on to a file, foreign records from warning on.

    For the whole process, so only a `main` calls it. Where the file cannot be written, the record is dropped: a full
    disk must not stop an editor.
    """
    logging.raiseExceptions = False
    handler = _PrivateFile(path, maxBytes=2 * MEGABYTE, backupCount=2, encoding="utf-8", delay=True)
    handler.addFilter(_WithoutForeignArguments())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())


def lines_to(path: Path, name: str) -> None:
    """Send what one logger of ours says to a file of its own, a line as it is; for the whole process, as `log_to`."""
    handler = _PrivateFile(path, maxBytes=10 * MEGABYTE, backupCount=5, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger(name)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False

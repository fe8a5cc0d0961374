"""BEAST MODE: your editor's AI on your own models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beastmode.faces.python import BeastMode as BeastMode

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`from beastmode import BeastMode`; a language server that starts imports none of it."""
    if name == "BeastMode":
        from importlib import import_module  # noqa: PLC0415 - as above

        return import_module("beastmode.faces.python").BeastMode
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The composition root: the only room that names concrete classes. Every door opens an App and calls it."""

from beastmode.app.app import App

__all__ = ["App"]

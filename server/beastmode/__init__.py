"""BEAST MODE: your editor's AI on your own models."""

__version__ = "0.1.0"

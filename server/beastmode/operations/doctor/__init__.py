"""Looks over the whole installation, each finding with its evidence and a fix; and what of it a bug report may hold."""

from beastmode.operations.doctor.examination import examine

__all__ = ["examine"]

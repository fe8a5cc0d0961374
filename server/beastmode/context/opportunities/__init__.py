"""Places where code could be better, found by looking at its syntax: no model is asked, and nothing is run.

A rule a file in `rules/`; `clones.py` finds duplicates. Everything here but the process is a pure function of text.
Precision comes first: what is not quite certain, or a matter of taste, is not said.
"""

from __future__ import annotations

from beastmode.context.opportunities.find import KINDS, MOST_BYTES, Seen, find, gather, look
from beastmode.context.opportunities.opportunity import Opportunity, Place, Severity

__all__ = ["KINDS", "MOST_BYTES", "Opportunity", "Place", "Seen", "Severity", "find", "gather", "look"]

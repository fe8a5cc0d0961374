"""The sources of context, one a file. To drop one, delete its file and its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.sources.definitions import Definitions
from beastmode.context.sources.open_tabs import OpenTabs
from beastmode.context.sources.recent_edits import RecentEdits
from beastmode.context.sources.search import Search
from beastmode.context.sources.visited import Visited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.context.gather import Source
    from beastmode.context.index import Index


def sources(indexes: Mapping[str, Index]) -> tuple[Source, ...]:
    """Every source, the one whose answers change least first: that is the order in which a model reads them.

    Args:
        indexes: the search index of each workspace folder, by the folder's path; may change at any time.
    """
    return (
        Definitions(indexes),
        Search(indexes),
        OpenTabs(),
        Visited(),
        RecentEdits(),
    )

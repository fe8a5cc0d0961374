"""Where the user looked lately: people read what they are about to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.excerpts import Kind, touched

if TYPE_CHECKING:
    from beastmode.context.gather import Here
    from beastmode.domain.context import Snippet


class Visited:
    """Finds visited places in other files, and in far parts of the same one."""

    name = "visited"

    async def find(self, here: Here) -> list[Snippet]:
        """The last visits that are not in the window."""
        return touched(here, here.session.visits, Kind(self.name, "visited", best=0.6, fades=0.85, unrelated=0.4))

"""What the user edited lately, as it looks now: the strongest hint at what is being changed across the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.context.excerpts import Kind, touched

if TYPE_CHECKING:
    from beastmode.context.gather import Here
    from beastmode.domain.context import Snippet


class RecentEdits:
    """Finds edits in other files, and in far parts of the same one."""

    name = "recent_edits"

    async def find(self, here: Here) -> list[Snippet]:
        """The last edits that are not in the window."""
        return touched(here, here.session.edits, Kind(self.name, "edited", best=0.75, fades=0.9, unrelated=0.6))

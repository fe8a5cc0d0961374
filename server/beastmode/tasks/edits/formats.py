"""The formats, by the names that a model's row gives them. A new one is a file and a line here."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from beastmode.tasks.edits.search_replace import SearchReplace
from beastmode.tasks.edits.unified_diff import UnifiedDiff
from beastmode.tasks.edits.whole_file import WholeFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from beastmode.tasks.edits.change import EditFormat

_ALL: tuple[EditFormat, ...] = (SearchReplace(), UnifiedDiff(), WholeFile())
FORMATS: Mapping[str, EditFormat] = MappingProxyType({each.name: each for each in _ALL})

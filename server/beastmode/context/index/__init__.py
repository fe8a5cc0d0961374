"""A search index of the user's workspace: kept fresh by a process of its own, read by the server."""

from beastmode.context.index.indexer import Indexer, State
from beastmode.context.index.places import forget
from beastmode.context.index.reading import Chunk, Figures, Index, Symbol

__all__ = ["Chunk", "Figures", "Index", "Indexer", "State", "Symbol", "forget"]

"""What the syntax of a piece of code says, by tree-sitter, for languages with a grammar.

Everything here is a pure function of text; a grammar is imported when the first text of its language comes. A language
without one, a text too long to parse, and a grammar that cannot be loaded give None, or nothing, and never an error.
Offsets count code points, lines count from zero. `language` is the editor's id.
"""

from __future__ import annotations

from beastmode.context.syntax.boundaries import boundaries
from beastmode.context.syntax.definitions import Definition, definitions
from beastmode.context.syntax.errors import errors_added, parses
from beastmode.context.syntax.imports import Import, imports
from beastmode.context.syntax.languages import language_of
from beastmode.context.syntax.names import names_near
from beastmode.context.syntax.place import Place, place
from beastmode.context.syntax.scope import scope_end
from beastmode.context.syntax.tree import has_grammar

__all__ = [
    "Definition",
    "Import",
    "Place",
    "boundaries",
    "definitions",
    "errors_added",
    "has_grammar",
    "imports",
    "language_of",
    "names_near",
    "parses",
    "place",
    "scope_end",
]

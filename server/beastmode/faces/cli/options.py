"""Options and arguments that several commands have. Importing this costs nothing but the library."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ModelId = Annotated[str, typer.Argument(help="As `beastmode models list` shows it; `custom:` may be left out.")]

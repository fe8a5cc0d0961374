"""`beastmode …` and `python -m beastmode …`: imports the one face that was asked for, and nothing else."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the language server for `lsp`, the command line for everything else."""
    if sys.argv[1:2] == ["lsp"]:
        from beastmode.faces.lsp.main import main as face  # noqa: PLC0415 - pygls is slow, and only an editor needs it
    else:
        from beastmode.faces.cli.main import main as face  # noqa: PLC0415 - and so is this one
    face()


if __name__ == "__main__":
    main()

"""`python -m beastmode.context.index`: the process that keeps an index; started by `Indexer`."""

from beastmode.context.index.process import main

main()

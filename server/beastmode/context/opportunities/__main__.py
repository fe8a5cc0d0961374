"""`python -m beastmode.context.opportunities`: the process that looks at a workspace; started by `Survey`."""

from beastmode.context.opportunities.process import main

main()

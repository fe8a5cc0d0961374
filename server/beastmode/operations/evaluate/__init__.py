"""How good a model is on the user's own code: holes are cut at fixed seeds, models fill them, the answers are compared.

`run` asks and `store` keeps, so that a run can be broken off and resumed; `summary` counts and `chance` says what of it
may be luck; `page` and `plots` draw. Nothing here writes to the repository that is looked at.
"""

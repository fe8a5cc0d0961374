"""Whether a model was taught to see several files at once: whether it reads a family's token for files as one token.

No filled hole could tell, as any model reads the code of another file whatever stands in front of it. But a token of
the model's own counts as one, and its mere spelling as five or more, which the endpoint's count of the prompt shows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from beastmode.domain.model import FimTemplate
from beastmode.domain.request import FimRequest, Task
from beastmode.operations.fim_templates import families, family_of

if TYPE_CHECKING:
    from beastmode.domain.model import Auth, ModelSpec
    from beastmode.operations.fim_trial import Way
    from beastmode.operations.probing import Prober

TIMES = 16
SLACK = 4
"""Tokens besides the repeated ones: the text around them, and whatever the server puts first."""
MOST = max(len(family.with_files) for family in families())
"""Questions at most."""


async def with_files(prober: Prober, model: ModelSpec, auth: Auth, way: Way | None) -> FimTemplate | None:
    """The way's template with the tokens for files that the model knows; None where it knows none, or nobody can tell.

    Args:
        prober: asks, once for each set of tokens in the table.
        model: as it is asked in this way.
        auth: how the key travels.
        way: the one that is going to be used.
    """
    template = way.template if way else None
    family = family_of(template) if template else None
    if way is None or template is None or family is None or template.file:
        return None
    for known in family.with_files:
        repeated = FimTemplate(known.file * TIMES, "", "")
        asked = replace(model, fim_format=way.fim_format, fim_template=repeated)
        # Text on both sides, as a hole at the end of a block is asked without its template.
        probe = await prober.ask(FimRequest("a", "b", task=Task.PROBE, max_tokens=1), asked, auth)
        read = probe.usage.input_tokens if probe.usage else None
        if read is not None and TIMES <= read <= TIMES + SLACK:
            return replace(template, repository=known.repository, file=known.file, inside=known.inside)
    return None

"""Everything that is looked at, in the order in which a person reads it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from beastmode.domain.model import BUILTIN_ID
from beastmode.operations.doctor import editors, installation, network
from beastmode.operations.doctor.keys import keys
from beastmode.operations.model_checks import Check
from beastmode.operations.status import undelivered_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from beastmode.operations.whole import Whole


async def examine(
    app: Whole,
    environment: Mapping[str, str],
    say: Callable[[str], None] = lambda _what: None,
    *,
    offline: bool = False,
) -> list[Check]:
    """Check Python, files, disk, keys, network, endpoints and editors. Nothing that costs money is asked.

    Args:
        app: all that runs.
        environment: the variables of the process.
        say: told what is looked at.
        offline: ask no endpoint.
    """
    settings = app.settings
    say("the installation")
    found = [
        installation.python(sys.version_info[:3]),
        *await asyncio.to_thread(installation.files, settings, app.database_name),
    ]
    say("the keys")
    found += await keys(app.registry, app.vault, settings.paths.key_file)
    say("the built-in model")
    found += installation.builtin(settings.builtin, fetched=app.embedded.fetched)
    for error in await app.alerts.targets.unreadable():
        found.append(Check("Address of an alert", ok=False, evidence=error.message, fix=error.fix))
    if lost := await app.alerts.lost():
        evidence = f"{undelivered_line(len(lost))}: {lost[0].error}"
        found.append(Check("Alerts", ok=False, evidence=evidence, fix="Run `beastmode alerts test`"))
    say("the network")
    found += [network.certificates(settings.network.ca_bundle), *network.proxies(environment)]
    models = [] if offline else [model for model in app.registry.models if model.id != BUILTIN_ID]
    if models:
        say(f"the endpoints of {len(models)} models")
        found += await asyncio.gather(*(app.models.reach(model) for model in models))
    say("the editors")
    found += await asyncio.to_thread(editors.extensions, Path.home())
    return [*found, await asyncio.to_thread(editors.server, environment)]

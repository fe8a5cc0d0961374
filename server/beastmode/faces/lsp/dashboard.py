"""The command `beastmode.dashboard.open`: where the dashboard is, with a code that signs a browser in once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beastmode.operations.gateway_address import gateway_address

if TYPE_CHECKING:
    from beastmode.app import App


async def address(app: App) -> dict[str, str]:
    """The URL that the editor opens, good for a minute.

    The code stands behind `#`: a browser sends that to nobody, and the page takes it out of the address at once.

    Raises:
        UserError: no gateway is running.
    """
    url = await gateway_address(app.settings.paths.run_dir)
    return {"url": f"{url}/#code={await app.sign_in_codes.make()}"}

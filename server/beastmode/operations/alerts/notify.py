"""Tells a target: the only file that knows the library which knows how each service is told.

The library is imported when something is sent or a target is added, in a thread; that takes a third of a second. It
brings its own HTTP client, so redirects are off, and what it is given has been checked by `check` first.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from beastmode.domain.errors import UserError
from beastmode.domain.model import is_loopback
from beastmode.registry.endpoint_url import problem_of
from beastmode.wire.shapes import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apprise import NotifyBase

SERVICES = {
    "NotifySlack": "Slack",
    "NotifyMSTeams": "Microsoft Teams",
    "NotifyWorkflows": "Microsoft Teams",
    "NotifyDiscord": "Discord",
    "NotifyJSON": "webhook",
    "NotifyEmail": "mail",
}
"""The library's classes that a target may be of, and what people call the service."""
EXAMPLES = (
    "the webhook address that Slack, Teams or Discord gives you, https://… of any webhook, or"
    " mailtos://user:password@mail.example.com?to=me@example.com"
)
LOGGER = "apprise"
HIDDEN = "…"
_TAME = str.maketrans({"<": "‹", ">": "›", "@": "@\u200b"})  # noqa: RUF001 - they look alike on purpose
SHORTEST_SECRET = 5


def service_of(url: str) -> str:
    """What kind of target a URL is.

    Raises:
        UserError: it is none, or what it is told would travel in the clear.
    """
    return SERVICES[type(_checked(url)).__name__]


async def deliver(url: str, title: str, text: str, *, is_bad: bool) -> str | None:
    """Tell a target; returns what went wrong, without the secrets of the URL, or None where it was told.

    Args:
        url: as it was added.
        title: one line.
        text: the rest.
        is_bad: whether this is bad news.
    """
    return await asyncio.to_thread(_deliver, url, plain(title), plain(text), is_bad)


def plain(text: str) -> str:
    """A text that nobody's markup gets a hold of: models and endpoints wrote parts of it.

    Slack's `<!channel>` and Discord's `@everyone` would wake everybody, and `](` makes a link.
    """
    lines = (quote(line) for line in text.splitlines())
    return "\n".join(lines).translate(_TAME)


def _deliver(url: str, title: str, text: str, is_bad: bool) -> str | None:  # noqa: FBT001 - for a thread
    from apprise import NotifyType  # noqa: PLC0415 - slow to import, and seldom needed

    heard, logger = _Heard(), logging.getLogger(LOGGER)
    try:
        target = _checked(url)
        logger.addHandler(heard)
        kind = NotifyType.FAILURE if is_bad else NotifyType.SUCCESS
        is_told = bool(target.notify(body=text, title=title, notify_type=kind))
    except UserError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises is one target's failure
        return f"It could not be told ({type(error).__name__})"
    finally:
        logger.removeHandler(heard)
    return None if is_told else _without_secrets(heard.said or "The service did not take it", url)


class _Heard(logging.Handler):
    """What the library says of a failure; only in its log, and only of this thread's."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said = ""
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and not self.said:
            self.said = quote(record.getMessage())


def _without_secrets(said: str, url: str) -> str:
    parts = urlsplit(url)
    for part in sorted(_pieces(parts.netloc, parts.path, parts.query), key=len, reverse=True):
        said = said.replace(part, HIDDEN)
    return said


def _pieces(*texts: str) -> Iterator[str]:
    for text in texts:
        for piece in text.replace("@", "/").replace(":", "/").replace("=", "/").replace("&", "/").split("/"):
            if len(piece) >= SHORTEST_SECRET:
                yield piece


def _checked(url: str) -> NotifyBase:
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - as above

    asset = AppriseAsset(
        app_id="BEAST MODE",
        app_desc="BEAST MODE",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        image_path_mask="",
        http_redirects=False,
        async_mode=False,
    )
    target: Any = Apprise.instantiate(_as_the_library_writes(url), asset=asset, suppress_exceptions=True)
    if type(target).__name__ not in SERVICES:
        raise UserError("This is no address of a target", f"Give {EXAMPLES}")
    _check_privacy(target, url)
    found: NotifyBase = target
    return found


def _as_the_library_writes(url: str) -> str:
    """A webhook's own address is `json://` there; those of Slack, Teams and Discord it knows by their hosts."""
    from apprise import Apprise  # noqa: PLC0415 - as above

    scheme, colon, rest = url.strip().partition("://")
    if colon and scheme in {"http", "https"} and Apprise.instantiate(url, suppress_exceptions=True) is None:
        return f"json{'s' if scheme == 'https' else ''}://{rest}"
    return url.strip()


def _check_privacy(target: Any, url: str) -> None:
    kind, host = type(target).__name__, str(getattr(target, "host", "") or "")
    is_here = is_loopback(f"http://{host}") if host else False
    if kind in {"NotifyJSON", "NotifyEmail"}:
        if problem := problem_of(f"http://{host}"):
            raise UserError(f"The address of the target {problem}")
        if not target.secure and not is_here:
            raise UserError(
                "What this target is told would travel in the clear", "Use https://, or mailtos:// for mail"
            )
    if not target.verify_certificate and not is_here:
        raise UserError("This target's certificate would not be checked", "Leave verify=no out of its address")
    if not is_here and any(each in url for each in ("\n", "\r")):
        raise UserError("This is no address of a target", "It holds a line break")

"""Where a model answers is its owner's to know: the errors that users are told hold no address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from beastmode.domain.model import origin_of

if TYPE_CHECKING:
    from beastmode.domain.errors import BeastModeError
    from beastmode.registry.registry import Registry
    from beastmode.registry.users import User

ENDPOINT = "the endpoint"

Error = TypeVar("Error", bound="BeastModeError")


def for_user(error: Error, user: User | None, registry: Registry) -> Error:
    """An error in the words that a user may read."""
    if user is not None and user.is_owner:
        return error
    # Not `copy`, which calls an exception's class with what it would say.
    told = type(error).__new__(type(error))
    told.__dict__ |= error.__dict__
    told.message, told.fix = _replaced([error.message, error.fix], _addresses(registry))
    return told


def without_addresses(said: Any, user: User, registry: Registry) -> Any:
    """What is said as JSON, for a user to read; the owner may read everything."""
    return said if user.is_owner else _replaced(said, _addresses(registry))


def _addresses(registry: Registry) -> re.Pattern[str]:
    """Every spelling that an error may have of where a registered model answers; a part of a word is none."""
    urls = {model.endpoint_url for model in registry.models if model.endpoint_url}
    hosts = (part for url in urls for part in (urlsplit(url).netloc, urlsplit(url).hostname))
    spellings = sorted({*urls, *map(origin_of, urls), *filter(None, hosts)}, key=len, reverse=True)
    return re.compile(rf"(?<![\w.:/-])(?:{'|'.join(map(re.escape, spellings)) or '(?!)'})(?![\w-])", re.IGNORECASE)


def _replaced(said: Any, addresses: re.Pattern[str]) -> Any:
    match said:
        case str():
            return addresses.sub(ENDPOINT, said)
        case dict():
            return {name: _replaced(value, addresses) for name, value in said.items()}
        case list() | tuple():
            return [_replaced(value, addresses) for value in said]
        case _:
            return said

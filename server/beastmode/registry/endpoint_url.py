"""Which addresses a model may answer at: checked before one is stored, without asking the network.

A machine's metadata service hands out credentials to whoever asks from inside, so it is refused under every spelling.
Loopback and private networks are where people run their own models, and are welcome.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from beastmode.domain.address import embedded, is_refused
from beastmode.domain.model import is_loopback

if TYPE_CHECKING:
    from ipaddress import IPv6Address
    from urllib.parse import SplitResult

_MAX_LENGTH = 2048
_METADATA_NAMES = {
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.com",
    "metadata.azure.internal",
    "instance-data",
    "instance-data.ec2.internal",
}
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
_PRIVATE_SUFFIXES = (".local", ".lan", ".internal", ".home.arpa", ".intranet", ".localdomain", ".home", ".corp")


def problem_of(url: str) -> str | None:
    """What is wrong with an endpoint URL, and the fix; None where nothing is."""
    problem = _text_problem(url)
    if problem:
        return problem
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is not a URL; enter one such as http://127.0.0.1:8080/v1"
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return "must start with http:// or https://, as in http://127.0.0.1:8080/v1"
    return _parts_problem(parts, port) or _host_problem(host or "")


def insecure_key_problem(url: str) -> str | None:
    """Why a key must not be stored for this endpoint, and the fix; None where it may."""
    if _may_carry_key(url):
        return None
    return "would travel unencrypted over a public network; use an https:// endpoint, or leave the key empty"


def _may_carry_key(url: str) -> bool:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme == "https" or is_loopback(url):
        return True
    address = _address(host)
    if address is not None:
        return not any(each.is_global for each in (address, *embedded(address)))
    return "." not in host or host.endswith(_PRIVATE_SUFFIXES)


def _text_problem(url: str) -> str | None:
    if not url:
        return "is empty; enter a URL such as http://127.0.0.1:8080/v1"
    if len(url) > _MAX_LENGTH:
        return f"is longer than {_MAX_LENGTH} characters"
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        return "contains a space, a backslash or an unprintable character; remove it"
    if "?" in url or "#" in url:
        return "must not contain ? or #; give the key in the field for it"
    return None


def _parts_problem(parts: SplitResult, port: int | None) -> str | None:
    if "@" in parts.netloc:
        return "must not contain a user name or password; give the key in the field for it"
    if "%" in parts.netloc:
        return "has a % in its host name; write the name or address plainly"
    if port == 0:
        return "has port 0; enter the port that the model listens on"
    return None


def _host_problem(host: str) -> str | None:
    try:
        plain = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return "has a host name that cannot exist; check the spelling"
    plain = plain.rstrip(".").lower()
    address = _address(plain)
    if address is not None:
        return next(filter(None, map(_address_problem, (address, *embedded(address)))), None)
    if plain in _METADATA_NAMES:
        return _refused(plain)
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", plain.rpartition(".")[2]):
        # Other spellings of an IPv4 address (decimal, octal, hexadecimal, shortened) have no honest use here.
        return "has an unusual spelling of an address; write it as four numbers such as 127.0.0.1"
    return None if _HOST_NAME.fullmatch(plain) else "has no valid host name; check the spelling"


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _address_problem(address: IPv4Address | IPv6Address) -> str | None:
    if address.is_unspecified:
        return "names no machine (servers listen on 0.0.0.0, nobody answers there); write 127.0.0.1"
    if is_refused(address):
        return _refused(str(address))
    if address.is_multicast or (isinstance(address, IPv4Address) and address == IPv4Address("255.255.255.255")):
        return f"names a group of machines ({address}); enter the address of one"
    return None


def _refused(host: str) -> str:
    return f"must not be a link-local or metadata address ({host}); enter the address of a model server"

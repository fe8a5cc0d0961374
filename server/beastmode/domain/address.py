"""Which network addresses no model ever answers at, whatever name leads to them.

A machine's metadata service hands out credentials to whoever asks from inside.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv6Address

METADATA = frozenset(
    map(
        ip_address,
        (
            "100.100.100.200",  # Alibaba Cloud
            "192.0.0.192",  # Oracle Cloud
            "168.63.129.16",  # Azure's host agent
            "fd00:ec2::254",  # AWS
            "fd20:ce::254",  # Google Cloud
        ),
    )
)
NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def is_refused(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address, or one that it leads to, is link-local or a metadata service."""
    return any(each.is_link_local or each in METADATA for each in (address, *embedded(address)))


def embedded(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 one leads to: mapped, compatible, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if (int(address) >> 32 == 0 and int(address) > 1) or any(address in network for network in NAT64):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(each for each in found if each is not None)

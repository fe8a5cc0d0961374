"""What lies between this machine and the endpoints: certificates and proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from beastmode.operations.model_checks import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_KINDS = {"", "http", "https"}


def certificates(bundle: str | None) -> Check:
    """Whether the file of certificates that the settings name can be used."""
    if bundle is None:
        return Check("TLS", ok=True, evidence="the certificates of the system")
    import ssl  # noqa: PLC0415 - slow to import

    try:
        context = ssl.create_default_context(cafile=bundle)
    except (OSError, ssl.SSLError) as error:
        fix = "Name a file of PEM certificates in the setting network.ca_bundle"
        return Check("TLS", ok=False, evidence=f"{bundle}: {error.strerror or error}", fix=fix)
    return Check("TLS", ok=True, evidence=f"{len(context.get_ca_certs())} certificates of {bundle}, and the system's")


def proxies(environment: Mapping[str, str]) -> Iterator[Check]:
    """The proxies that requests to other machines go through; never their passwords."""
    said = {name.lower(): value for name, value in environment.items() if name.lower() in _PROXIES and value}
    if not said:
        yield Check("Proxy", ok=True, evidence="none")
    for name, value in sorted(said.items()):
        # Whatever stands before an @ is a user's name and password.
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host = parts.netloc.rpartition("@")[2]
        yield Check(
            f"Proxy ({name})",
            ok=bool(host) and parts.scheme in _KINDS,
            evidence=f"{parts.scheme}://{host}; this machine, and the hosts in NO_PROXY, are reached without it",
            fix=f"Set {name.upper()} to http://HOST:PORT: proxies of other kinds cannot be used",
        )

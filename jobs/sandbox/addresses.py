"""Which names and addresses a sandbox may ever reach: pure checks, before and after a name is resolved."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LAST_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_NAME_CAP = 253
_REFUSED_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # RFC 6598, carrier-grade NAT
        "192.0.0.0/24",  # RFC 6890, protocol assignments
        "192.88.99.0/24",  # RFC 7526, 6to4 relays
        "198.18.0.0/15",  # RFC 2544, benchmarks
        "2001::/23",  # RFC 2928, protocol assignments, Teredo among them
        "2001:db8::/32",  # RFC 3849, documentation
        "2002::/16",  # RFC 3056, 6to4: carries an IPv4 address
        "3fff::/20",  # RFC 9637, documentation
    )
)
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""All IPv6 addresses of the internet; mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96) ones are outside it."""


def name_problem(name: str) -> str:
    """Return why ``name`` is no host name that could be allowed, as IP addresses in any notation; empty when it is."""
    if not name or len(name) > _NAME_CAP:
        return "the name is empty or too long"
    labels = name.split(".")
    # A last label of digits, or of 0x and digits, is an IPv4 address to a resolver (WHATWG URL, "ends in a number").
    if not _LAST_LABEL.fullmatch(labels[-1]):
        return "IP addresses are not allowed, only names are"
    if not all(_LABEL.fullmatch(label) for label in labels):
        return "it is not a valid host name"
    return ""


def normalise(name: str) -> str:
    """Return a name as it is compared: lower case, without the final dot."""
    return name.strip().lower().removesuffix(".")


def is_allowed(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether a normalised name is on the list: exactly, or below the suffix of a ``*.suffix`` pattern."""
    for pattern in patterns:
        wanted = normalise(pattern)
        if wanted.startswith("*."):
            suffix = wanted[1:]
            if name.endswith(suffix) and len(name) > len(suffix):
                return True
        elif name == wanted:
            return True
    return False


def is_public(address: str) -> bool:
    """Tell whether an address is on the internet, not private, local, shared, reserved or a carrier of such."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not parsed.is_global or parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified:
        return False
    if any(parsed.version == network.version and parsed in network for network in _REFUSED_NETWORKS):
        return False
    return parsed.version == 4 or parsed in _GLOBAL_UNICAST  # noqa: PLR2004 - the version of the protocol

"""Keeps the tests of this process on this machine: a connection to anywhere else is an error."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

LOCAL_NAMES = {"", "localhost", "ip6-localhost"}


class NetworkIsOff(RuntimeError):
    """A test reached for the network; what is outside has a stand-in in ``jobs/testing``."""


def is_local(host: object) -> bool:
    """Tell whether a host, as socket functions take it, is this machine."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name.lower() in LOCAL_NAMES or name.lower().endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse Internet connections and look-ups that leave the machine (an audit hook)."""
    if event == "socket.connect":
        connection, address = arguments
        if connection.family in {socket.AF_INET, socket.AF_INET6} and not is_local(address[0]):
            raise NetworkIsOff(f"a test connected to {address[0]}")
    elif event == "socket.getaddrinfo" and not is_local(arguments[0]):
        try:
            ipaddress.ip_address(str(arguments[0]))
        except ValueError:
            raise NetworkIsOff(f"a test looked up {arguments[0]}") from None


def switch_off() -> None:
    """Switch the network off for this process, for good."""
    sys.addaudithook(guard)

"""Ports for servers that are told on which to listen, and that may be stopped and started again on the same."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

PORTS = range(20_000, 32_000)
"""Below 32768, where Linux begins with those that it gives to connections (ip(7)): they may be somebody's at once."""


def free_port() -> int:
    """Return a port at which nobody listens now."""
    while True:
        port = secrets.choice(PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port

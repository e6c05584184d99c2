"""Whom connections over TLS trust, read once and before workers are forked: it takes each of them 20 ms and 2 MB."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


@cache
def trusted() -> ssl.SSLContext:
    """Return a context with the certificates of httpx's choice: those of ``SSL_CERT_FILE``, or its own."""
    import httpx  # noqa: PLC0415 - slow to import, and not needed by who only shares this module

    return httpx.create_ssl_context()

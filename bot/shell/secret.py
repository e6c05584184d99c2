"""What a token looks like, and what is kept of it (pure, but for the chance that makes one)."""

from __future__ import annotations

import hashlib
import re
import secrets

PREFIX = "opus67_"
BYTES = 32
TOKEN = re.compile(rf"{PREFIX}[0-9A-Za-z_-]{{43}}", re.ASCII)


def fresh() -> str:
    """Return a new token."""
    return PREFIX + secrets.token_urlsafe(BYTES)


def digest(token: str) -> str:
    """Return what is kept of a token: from it nobody can find the token, which is 256 bits of chance."""
    return hashlib.sha256(token.encode()).hexdigest()

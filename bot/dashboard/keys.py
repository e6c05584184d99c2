"""The key in a task page's link: whoever has the link may look, and nobody can guess it."""

from __future__ import annotations

import hashlib
import hmac

_LENGTH = 32
"""Hexadecimal digits: 128 bits."""


def page_key(secret: bytes, task_id: str) -> str:
    """Return the key of one task's page."""
    return hmac.new(secret, b"task page " + task_id.encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def fits(secret: bytes, task_id: str, key: str) -> bool:
    """Tell in constant time whether a key is that of a task."""
    return hmac.compare_digest(page_key(secret, task_id).encode(), key.encode(errors="replace"))


def page_url(public_url: str, secret: bytes, task_id: str) -> str:
    """Return the link to one task's page, or nothing where there is no public address."""
    return f"{public_url.rstrip('/')}/tasks/{task_id}?key={page_key(secret, task_id)}" if public_url else ""

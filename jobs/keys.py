"""This installation's own key, and what it opens: the queue's signatures, the audit, and the pages of tasks.

Whoever has the link of a task's page may look, so the link carries a key that nobody can guess.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.settings import Settings

KEY_LENGTH = 32
"""Hexadecimal digits: 128 bits."""


def signing_key(settings: Settings) -> bytes:
    """Derive this installation's own key, for what it signs for itself, from what all its machines know."""
    return _derived(settings.github_private_key or settings.github_webhook_secret or "not configured")


def audit_key(settings: Settings) -> bytes | None:
    """Derive the key of the audit's chain, which all machines of the installation know and its database does not.

    None before the App is set up: what would be written then could never be told from what anybody wrote.
    """
    if not (settings.github_private_key or settings.github_webhook_secret):
        return None
    return hmac.digest(signing_key(settings), b"audit", hashlib.sha256)


def old_audit_key(private_key: str) -> bytes:
    """Return the key that the audit had while this was the App's private key, as its file holds it."""
    material = private_key.replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n"
    return hmac.digest(_derived(material), b"audit", hashlib.sha256)


def _derived(material: str) -> bytes:
    return hmac.digest(material.encode(), b"opus67 internal", hashlib.sha256)


def page_key(secret: bytes, task_id: str) -> str:
    """Return the key that opens a task's page."""
    return hmac.digest(secret, b"task page " + task_id.encode(), hashlib.sha256).hex()[:KEY_LENGTH]


def fits(secret: bytes, task_id: str, key: str) -> bool:
    """Tell in constant time whether a key is that of a task."""
    return hmac.compare_digest(page_key(secret, task_id).encode(), key.encode(errors="replace"))


def page_url(public_url: str, secret: bytes, task_id: str) -> str:
    """Return the link to one task's page, or nothing where there is no public address."""
    return f"{public_url.rstrip('/')}/tasks/{task_id}?key={page_key(secret, task_id)}" if public_url else ""

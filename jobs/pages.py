"""The address of a task's page: whoever has it may look, so it carries a key that nobody can guess."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from jobs.services import signing_key

if TYPE_CHECKING:
    from config.settings import Settings


def page_key(settings: Settings, task_id: str) -> str:
    """Return the key that opens a task's page."""
    return hmac.digest(signing_key(settings), f"page {task_id}".encode(), hashlib.sha256).hex()[:32]


def page_url(settings: Settings, task_id: str) -> str:
    """Return the address of a task's page, or nothing while OPUS67_PUBLIC_URL is not set."""
    if not settings.public_url:
        return ""
    return f"{settings.public_url}/tasks/{task_id}?key={page_key(settings, task_id)}"

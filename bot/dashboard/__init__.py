"""The pages of the web process; ``mount`` puts them into the application."""

from __future__ import annotations

from bot.dashboard.keys import page_key, page_url
from bot.dashboard.pages import blueprint, mount

__all__ = ["blueprint", "mount", "page_key", "page_url"]

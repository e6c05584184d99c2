"""The pages of the web process; ``mount`` puts them into the application."""

from bot.dashboard.pages import blueprint, mount

__all__ = ["blueprint", "mount"]

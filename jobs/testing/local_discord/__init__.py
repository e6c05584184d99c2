"""A Discord on loopback: REST API and gateway, for tests, the demo and plugin authors."""

from __future__ import annotations

from jobs.testing.local_discord.server import LocalDiscord

__all__ = ["LocalDiscord"]

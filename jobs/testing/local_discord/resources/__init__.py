"""What the local Discord's API answers: one module per resource, each with a ``router``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.local_discord.resources import applications, channels, guilds, interactions, messages, threads

if TYPE_CHECKING:
    from jobs.testing.local_discord.router import Route

# The first that fits is taken, so what names a thing comes before what takes any name.
MODULES = (applications, guilds, threads, messages, channels, interactions)
ROUTES: tuple[Route, ...] = tuple(route for module in MODULES for route in module.router.routes)

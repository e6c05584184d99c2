"""The methods of the Web API."""

from __future__ import annotations

from jobs.testing.slack.methods import apps, chat, conversations, reactions, users, views
from jobs.testing.slack.methods.registry import Method, Registry

METHODS: dict[str, Method] = {
    name: method
    for module in (apps, chat, conversations, reactions, users, views)
    for name, method in module.registry.methods.items()
}

__all__ = ["METHODS", "Method", "Registry"]

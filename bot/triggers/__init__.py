"""The list of what can ask for work: one module each, merged here; this list *is* the list of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.triggers import check_runs, ci, comments, installations, issues, pulls, reviews

if TYPE_CHECKING:
    from bot.asks import Ask, Handler
    from bot.events import Event

HANDLERS: dict[tuple[str, str], list[Handler]] = {}
for _module in (issues, comments, check_runs, ci, pulls, reviews, installations):
    for _key, _handlers in _module.router.handlers.items():
        HANDLERS.setdefault(_key, []).extend(_handlers)

EVENTS: dict[str, frozenset[str]] = {
    event: frozenset(action for name, action in HANDLERS if name == event) for event, _ in HANDLERS
}
"""Every event that any trigger wants, with its actions; ``app.yml`` subscribes to exactly these."""


def wanted(event: str, action: str) -> bool:
    """Tell whether any trigger wants this."""
    return (event, action) in HANDLERS


def asks(event: Event) -> list[Ask]:
    """Return what all triggers understood from an event."""
    return [ask for handler in HANDLERS.get((event.name, event.action), []) for ask in handler(event)]

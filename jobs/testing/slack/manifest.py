"""What the app was registered as: its scopes, the events it hears, its slash commands; read from a Slack manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NEEDED_BY_EVENT = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "app_home_opened": "",
}
"""The events that people's doors cause, each with the scope without which Slack does not let an app subscribe."""

ALL_SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "reactions:write",
    "users:read",
    "users:read.email",
)


@dataclass(frozen=True, slots=True)
class Registration:
    """What the app may do and hears; ``commands`` are its slash commands, each with whether Slack escapes its text."""

    scopes: frozenset[str] = frozenset(ALL_SCOPES)
    events: frozenset[str] = frozenset(NEEDED_BY_EVENT)
    commands: Mapping[str, bool] = field(default_factory=lambda: {"/opus": False})
    interactive: bool = True
    suggests: bool = True
    """Whether external menus have an address to ask for their options."""
    socket_mode: bool = False


def read(manifest: Mapping[str, Any]) -> Registration:
    """Read a manifest as Slack does; raises ``ValueError`` for one that Slack would not take."""
    settings = manifest.get("settings", {})
    scopes = frozenset(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", ()))
    events = frozenset(settings.get("event_subscriptions", {}).get("bot_events", ()))
    commands = manifest.get("features", {}).get("slash_commands", ())
    socket_mode = bool(settings.get("socket_mode_enabled"))
    if not manifest.get("display_information", {}).get("name"):
        raise ValueError("the manifest has no display_information.name")
    for event in events:
        if NEEDED_BY_EVENT.get(event, "") not in {"", *scopes}:
            raise ValueError(f"the event {event} needs the scope {NEEDED_BY_EVENT[event]}")
    if commands and "commands" not in scopes:
        raise ValueError("slash commands need the scope commands")
    for command in commands:
        if not command.get("command", "").startswith("/") or not command.get("description"):
            raise ValueError(f"a slash command needs its name, with a slash, and a description: {command}")
        if not socket_mode and not command.get("url"):
            raise ValueError(f"{command['command']} has no url, and there is no Socket Mode")
    if events and not socket_mode and not settings["event_subscriptions"].get("request_url"):
        raise ValueError("event_subscriptions has no request_url, and there is no Socket Mode")
    interactivity = settings.get("interactivity", {})
    if interactivity.get("is_enabled") and not socket_mode and not interactivity.get("request_url"):
        raise ValueError("interactivity has no request_url, and there is no Socket Mode")
    return Registration(
        scopes,
        events,
        {command["command"]: bool(command.get("should_escape")) for command in commands},
        bool(interactivity.get("is_enabled")),
        socket_mode or bool(interactivity.get("message_menu_options_url")),
        socket_mode,
    )

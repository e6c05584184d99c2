"""Who the app is, whether Slack is there, and the address of a Socket Mode connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.slack.errors import Refused
from jobs.testing.slack.methods.registry import APP, NOBODY, Registry
from jobs.testing.slack.world import APP_ID, BOT_ID, TEAM_DOMAIN, TEAM_ID

if TYPE_CHECKING:
    from jobs.testing.slack.methods.registry import Arguments
    from jobs.testing.slack.records import JSON

registry = Registry()


@registry.method("api.test", token=NOBODY)
def api_test(call: Arguments) -> JSON:
    """Give back what was asked; an ``error`` argument is given back as an error."""
    if error := call.text("error"):
        raise Refused(error, args=call.given)
    return {"args": call.given}


@registry.method("auth.test")
def auth_test(call: Arguments) -> JSON:
    """Tell whose token it is."""
    return {
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": "Local",
        "user": call.world.bot.name,
        "team_id": TEAM_ID,
        "user_id": call.world.bot.id,
        "bot_id": BOT_ID,
        "app_id": APP_ID,
        "is_enterprise_install": False,
    }


@registry.method("apps.connections.open", token=APP)
def connections_open(call: Arguments) -> JSON:
    """Give the address of a WebSocket, good once."""
    if not call.world.registration.socket_mode:
        raise Refused("not_allowed", ["[ERROR] Socket Mode is not turned on"])
    return {"url": call.socket_url()}

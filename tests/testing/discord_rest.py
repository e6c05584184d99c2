"""A bot on the local Discord that speaks plain HTTP and is on no gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.testing.local_discord import LocalDiscord
    from jobs.testing.local_discord.records import Channel, Interaction
    from tests.testing.conftest import Client, Reply

API = "/api/v10"
ROW = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}


@dataclass
class Rest:
    """A bot that speaks plain HTTP and is on no gateway."""

    local: LocalDiscord
    client: Client

    def ask(self, method: str, path: str, body: Any = None) -> Reply:
        return self.client.ask(method, API + path, body, Content_Type="application/json")

    def say(self, place: Channel | None = None, **body: Any) -> Reply:
        where = place or self.local.channel("general")
        return self.ask("POST", f"/channels/{where.id}/messages", body)

    def register(self, *commands: dict[str, Any]) -> Reply:
        return self.ask("PUT", f"/applications/{self.local.bot.id}/commands", list(commands))

    def answer(self, one: Interaction, body: dict[str, Any]) -> Reply:
        return self.ask("POST", f"/interactions/{one.id}/{one.token}/callback", body)

    def hook(self, one: Interaction, tail: str = "") -> str:
        return f"/webhooks/{self.local.bot.id}/{one.token}{tail}"


def places(errors: Any, path: str = "") -> dict[str, str]:
    """Flatten the errors of an "Invalid Form Body" to place: code."""
    found: dict[str, str] = {}
    for name, inner in errors.items():
        if name == "_errors":
            found[path] = inner[0]["code"]
        else:
            found |= places(inner, f"{path}.{name}".lstrip("."))
    return found

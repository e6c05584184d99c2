"""Commands, interactions and forms over the REST of the local Discord, by plain HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.testing import discord_conformity
from tests.testing.discord_rest import Rest, places

if TYPE_CHECKING:
    from jobs.testing.local_discord.records import Interaction


def command(**parts: Any) -> dict[str, Any]:
    return {"name": "opus", "description": "x", **parts}


def option(kind: int = 3, **parts: Any) -> dict[str, Any]:
    return {"type": kind, "name": "o", "description": "x", **parts}


CHOICE = {"name": "x", "value": "x"}
WRONG_COMMANDS: dict[str, tuple[list[dict[str, Any]], dict[str, str]]] = {
    "name": ([command(name="Opus")], {"0.name": "APPLICATION_COMMAND_INVALID_NAME"}),
    "long name": ([command(name="o" * 33)], {"0.name": "APPLICATION_COMMAND_INVALID_NAME"}),
    "description": ([command(description="x" * 101)], {"0.description": "BASE_TYPE_BAD_LENGTH"}),
    "no description": ([{"name": "opus"}], {"0.description": "BASE_TYPE_REQUIRED"}),
    "twice": ([command(), command()], {"1.name": "APPLICATION_COMMANDS_DUPLICATE_NAME"}),
    "options": (
        [command(options=[option(name=f"o{at}") for at in range(26)])],
        {"0.options": "BASE_TYPE_BAD_LENGTH"},
    ),
    "option twice": (
        [command(options=[option(), option()])],
        {"0.options.1.name": "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"},
    ),
    "order": (
        [command(options=[option(), option(name="p", required=True)])],
        {"0.options.1": "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"},
    ),
    "mixed": (
        [command(options=[option(1, name="a"), option(3, name="b")])],
        {"0.options": "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"},
    ),
    "deep": (
        [command(options=[option(2, options=[option(2, options=[])])])],
        {"0.options.0.options.0.type": "BASE_TYPE_CHOICES"},
    ),
    "choices": (
        [command(options=[option(choices=[{"name": str(at), "value": str(at)} for at in range(26)])])],
        {"0.options.0.choices": "BASE_TYPE_BAD_LENGTH"},
    ),
    "choice": (
        [command(options=[option(choices=[{"name": "x" * 101, "value": "x"}])])],
        {"0.options.0.choices.0.name": "BASE_TYPE_BAD_LENGTH"},
    ),
    "both": (
        [command(options=[option(choices=[CHOICE], autocomplete=True)])],
        {"0.options.0.choices": "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE_INVALID"},
    ),
    "size": (
        [command(options=[option(1, name=f"s{at}", description="x" * 100, options=[
            option(name=f"o{i}", description="x" * 100) for i in range(5)]) for at in range(20)])],
        {"0": "APPLICATION_COMMAND_TOO_LARGE"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_COMMANDS)
def test_wrong_commands_are_not_registered(rest: Rest, name: str) -> None:
    """Commands that Discord refuses are refused at the very place, and the old ones stay."""
    assert rest.register(command(name="old")).status == 200
    commands, expected = WRONG_COMMANDS[name]
    assert places(rest.register(*commands).json()["errors"]) == expected
    assert [one["name"] for one in rest.local.commands()] == ["old"]


def test_a_command_keeps_its_id(rest: Rest) -> None:
    """Registering again keeps the id of a command of the same name, globally and in a guild."""
    first = rest.register(command()).json()[0]
    again = rest.register(command(description="y"), command(name="new")).json()
    assert [one["id"] == first["id"] for one in again] == [True, False]
    path = f"/applications/{rest.local.bot.id}/guilds/{rest.local.guild.id}/commands"
    assert rest.ask("PUT", path, [command(name="here")]).json()[0]["guild_id"] == str(rest.local.guild.id)
    assert [one["name"] for one in rest.ask("GET", path).json()] == ["here"]
    discord_conformity.check(rest.local)


def asked(rest: Rest) -> Interaction:
    rest.register(command())
    return rest.local.command("ann", "general", "opus", wait=False)


def test_an_interaction_is_answered_once(rest: Rest) -> None:
    """A second answer is refused, a wrong type too, and following up comes after the first answer only."""
    one = asked(rest)
    original = rest.hook(one, "/messages/@original")
    assert rest.ask("POST", rest.hook(one), {"content": "x"}).json()["code"] == 10015
    assert rest.ask("GET", original).json()["code"] == 10015
    for kind in (1, 6, 7, 8, "4", True, None):
        assert rest.answer(one, {"type": kind, "data": {}}).json()["code"] == 50035
    assert rest.answer(one, {"type": 4, "data": {"content": "x" * 2001}}).json()["errors"]["data"]["content"]
    assert one.acknowledged is None
    assert rest.answer(one, {"type": 4, "data": {"content": "x"}}).status == 204
    assert rest.answer(one, {"type": 4, "data": {"content": "y"}}).json()["code"] == 40060
    assert rest.ask("POST", rest.hook(one), {"content": "more", "flags": 64}).json()["flags"] & 64
    assert [message.content for message in rest.local.visible_to("bob", "general")] == ["x"]
    assert [message.content for message in rest.local.visible_to("ann", "general")] == ["x", "more"]
    assert rest.ask("DELETE", original).status == 204
    assert rest.ask("GET", original).json()["code"] == 10008
    stranger = rest.ask("POST", f"/webhooks/{rest.local.bot.id}/wrong", {"content": "x"})
    assert (stranger.status, stranger.json()["code"]) == (401, 50027)
    wrong = f"/interactions/{one.id}/wrong/callback"
    assert rest.ask("POST", wrong, {"type": 4}).json()["code"] == 10062


def test_a_deferral_is_filled_in(rest: Rest) -> None:
    """The first words after a deferral take the place of "thinking", however they are sent, and stay private."""
    for patch in (True, False):
        one = asked(rest)
        assert rest.answer(one, {"type": 5, "data": {"flags": 64}}).status == 204
        assert one.response is not None
        assert one.response.loading
        if patch:
            rest.ask("PATCH", rest.hook(one, "/messages/@original"), {"content": "done"})
        else:
            rest.ask("POST", rest.hook(one), {"content": "done"})
        assert (one.text, one.response.loading, one.ephemeral, one.followups) == ("done", False, True, [])
        assert one.response.edits == []
        assert rest.local.visible_to("bob", "general") == []


MODAL = {"custom_id": "m", "title": "t", "components": []}
INPUT = {"type": 4, "custom_id": "i", "style": 1, "label": "l"}


def test_modals_have_limits(rest: Rest) -> None:
    """A modal with a long title, a long label or no field is refused; a right one comes up."""
    one = asked(rest)

    def opened(**parts: Any) -> dict[str, str]:
        reply = rest.answer(one, {"type": 9, "data": MODAL | parts})
        return places(reply.json()["errors"]) if reply.status == 400 else {}

    def row(**parts: Any) -> list[dict[str, Any]]:
        return [{"type": 1, "components": [INPUT | parts]}]

    field = "data.components.0.components.0"
    assert opened() == {"data.components": "BASE_TYPE_BAD_LENGTH"}
    assert opened(title="x" * 46, components=row()) == {"data.title": "BASE_TYPE_BAD_LENGTH"}
    assert opened(components=row(label="x" * 46)) == {f"{field}.label": "BASE_TYPE_BAD_LENGTH"}
    assert opened(components=row(custom_id="")) == {f"{field}.custom_id": "BASE_TYPE_REQUIRED"}
    assert opened(components=[{"type": 18, "label": "x" * 46, "component": INPUT}]) == {
        "data.components.0.label": "BASE_TYPE_BAD_LENGTH"
    }
    assert one.modal is None
    assert opened(components=row()) == {}
    assert one.modal is not None

"""The doors of the local Discord let people do what their own client would let them do, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.testing.local_discord import LocalDiscord, mentions
from jobs.testing.local_discord.command_rules import commands
from tests.testing.conftest import Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jobs.testing.local_discord.records import Interaction, Message

PLACES = [
    {"type": 3, "name": "task", "description": "x", "required": True, "min_length": 2, "max_length": 5},
    {"type": 3, "name": "mode", "description": "x", "choices": [{"name": "Bold", "value": "bold"}]},
    {"type": 4, "name": "count", "description": "x", "min_value": 1, "max_value": 3},
    {"type": 5, "name": "sure", "description": "x"},
    {"type": 6, "name": "who", "description": "x"},
    {"type": 10, "name": "cost", "description": "x"},
]
OPUS = {
    "name": "opus",
    "description": "x",
    "options": [
        {
            "type": 2,
            "name": "bg",
            "description": "x",
            "options": [{"type": 1, "name": "do", "description": "x", "options": PLACES}],
        },
        {"type": 1, "name": "help", "description": "x"},
    ],
}


@pytest.fixture
def local() -> Iterator[LocalDiscord]:
    """Yield a local Discord whose bot registered a command and is on no gateway."""
    with LocalDiscord(scale=0.01) as made:
        ask(made, "PUT", f"/applications/{made.bot.id}/commands", [OPUS, {"name": "ping", "description": "x"}])
        yield made


def ask(local: LocalDiscord, method: str, path: str, body: Any) -> Any:
    client = Client(local.url, f"Bot {local.token}")
    return client.ask(method, f"/api/v10{path}", body, Content_Type="application/json")


def do(local: LocalDiscord, values: Mapping[str, Any]) -> Interaction:
    return local.command("ann", "general", "opus bg do", values, wait=False)


def test_a_command_is_sent_as_it_was_registered(local: LocalDiscord) -> None:
    """Subcommands are nested, choices become their values, people are resolved, in the order of registration."""
    bob = local.user("bob")
    sent = do(local, {"who": bob, "mode": "Bold", "task": "fix", "count": 2, "sure": True, "cost": 0.5})
    (group,) = sent.data["options"]
    (leaf,) = group["options"]
    assert (group["name"], leaf["name"]) == ("bg", "do")
    given = {one["name"]: one["value"] for one in leaf["options"]}
    assert list(given) == ["task", "mode", "count", "sure", "who", "cost"]
    assert given["mode"] == "bold"
    assert given["who"] == str(bob.id)
    assert sent.data["resolved"]["users"][str(bob.id)]["username"] == "bob"


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "missing": ({}, ValueError, "needs the option 'task'"),
    "unknown": ({"task": "fix", "colour": "red"}, LookupError, "has no option 'colour'; registered: cost, count"),
    "choice": ({"task": "fix", "mode": "shy"}, ValueError, "takes one of: Bold"),
    "short": ({"task": "f"}, ValueError, "takes 2 to 5 characters, not 1"),
    "long": ({"task": "fix it"}, ValueError, "takes 2 to 5 characters, not 6"),
    "text": ({"task": 5}, ValueError, "takes a text, not 5"),
    "number": ({"task": "fix", "count": "2"}, ValueError, "takes a whole number"),
    "range": ({"task": "fix", "count": 4}, ValueError, "takes 1 to 3, not 4"),
    "truth": ({"task": "fix", "count": True}, ValueError, "takes a whole number"),
    "yes": ({"task": "fix", "sure": "yes"}, ValueError, "takes yes or no"),
    "person": ({"task": "fix", "who": "bob"}, ValueError, "takes no str"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_typed_cannot_be_sent(local: LocalDiscord, name: str) -> None:
    """An option that is not registered, is missing or does not fit is an error of the door."""
    values, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        do(local, values)
    assert local.interactions == []


def test_a_command_is_named_whole(local: LocalDiscord) -> None:
    """A command that is not there, or goes on, is an error that names what there is."""
    for words, told in (
        ("opsu", "no command 'opsu'; registered: opus, ping"),
        ("opus bg", "goes on with one of: do"),
        ("opus bg undo", "'undo'; registered: do"),
        ("ping now", "'now'; registered: nothing"),
    ):
        with pytest.raises(LookupError, match=told):
            local.command("ann", "general", words)


def test_nobody_answers(local: LocalDiscord) -> None:
    """With no bot there, a command fails after its time, a completion too, and both are recorded."""
    failed = local.command("ann", "general", "/opus help")
    assert failed.failed == "The application did not respond"
    with pytest.raises(ValueError, match="has no completions"):
        local.autocomplete("ann", "general", "opus bg do", "task", "x")
    option = {"type": 3, "name": "o", "description": "x", "autocomplete": True}
    local.world.commands += [
        {"id": "1", **one} for one in commands([{"name": "find", "description": "x", "options": [option]}])
    ]
    with pytest.raises(TimeoutError):
        local.autocomplete("ann", "general", "find", "o", "x")
    assert [one.kind for one in local.failed] == [2, 4]


def test_commands_may_be_for_some(local: LocalDiscord) -> None:
    """A command that needs a permission is for those who have it, and one of guilds only is not offered in private."""
    limited = {"name": "stop", "description": "x", "default_member_permissions": str(1 << 5), "contexts": [0]}
    ask(local, "PUT", f"/applications/{local.bot.id}/commands", [limited])
    with pytest.raises(PermissionError, match="ann may not use /stop in general"):
        local.command("ann", "general", "stop")
    local.give_role("ann", local.guild, "chiefs", "manage_guild")
    assert local.command("ann", "general", "stop", wait=False).user.name == "ann"
    with pytest.raises(LookupError, match="no command 'stop'"):
        local.command("ann", local.direct("ann"), "stop")


def test_people_need_rights_too(local: LocalDiscord) -> None:
    """Who does not see a channel does nothing there; who may not write says nothing."""
    hidden, quiet = local.create_channel("hidden"), local.create_channel("quiet")
    local.deny(hidden, None, "view_channel")
    local.deny(quiet, local.user("ann"), "send_messages")
    with pytest.raises(PermissionError, match="ann does not see hidden"):
        local.command("ann", hidden, "ping")
    with pytest.raises(PermissionError, match="ann may not write in quiet"):
        local.say("ann", quiet, "x")
    local.say("bob", quiet, "x")
    local.say("olivia", hidden, "the owner sees everything")
    assert [local.visible_to(name, hidden) == [] for name in ("ann", "olivia")] == [True, False]
    with pytest.raises(LookupError, match="no channel 'nowhere'"):
        local.say("ann", "nowhere", "x")
    with pytest.raises(ValueError, match="1 to 2000 characters"):
        local.say("ann", "general", "x" * 2001)


def test_buttons_and_menus_hold_people_to_what_is_there(local: LocalDiscord) -> None:
    """A disabled button, a link, another's private button and a value that is not offered cannot be used."""
    options = [{"label": one, "value": one} for one in ("a", "b")]
    rows = [
        [
            {"type": 2, "style": 1, "label": "Go", "custom_id": "go"},
            {"type": 2, "style": 1, "label": "Off", "custom_id": "off", "disabled": True},
            {"type": 2, "style": 5, "label": "Link", "url": "https://example.com"},
        ],
        [{"type": 3, "custom_id": "menu", "options": options, "max_values": 2}],
    ]
    body = {"content": "x", "components": [{"type": 1, "components": row} for row in rows]}
    ask(local, "POST", f"/channels/{local.channel('general').id}/messages", body)
    (message,) = local.messages("general")
    assert local.press("ann", message, "go", wait=False).data["component_type"] == 2
    assert local.choose("ann", message, "menu", ["a", "b"], wait=False).data["values"] == ["a", "b"]
    for custom_id, values, error in (
        ("off", None, ValueError),
        ("nothing", None, LookupError),
        ("menu", None, ValueError),
        ("go", ["a"], ValueError),
        ("menu", ["c"], ValueError),
        ("menu", [], ValueError),
    ):
        with pytest.raises(error):
            use(local, message, custom_id, values)
    local.delete(message)
    with pytest.raises(LookupError):
        local.press("ann", message, "go")


def use(local: LocalDiscord, message: Message, custom_id: str, values: list[str] | None) -> None:
    if values is None:
        local.press("ann", message, custom_id)
    else:
        local.choose("ann", message, custom_id, values)


def test_what_is_private_stays_private(local: LocalDiscord) -> None:
    """An ephemeral message is seen by who asked, is not in the channel's history, and only they can press it."""
    one = local.command("ann", "general", "ping", wait=False)
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
    path = f"/interactions/{one.id}/{one.token}/callback"
    ask(local, "POST", path, {"type": 4, "data": {"content": "psst", "flags": 64, "components": [row]}})
    assert one.response is not None
    assert one.ephemeral
    assert local.visible_to("ann", "general") == [one.response]
    assert local.visible_to("bob", "general") == []
    history = ask(local, "GET", f"/channels/{one.channel.id}/messages", None).json()
    assert history == []
    with pytest.raises(LookupError, match="bob does not see this message"):
        local.press("bob", one.response, "go")
    assert local.press("ann", one.response, "go", wait=False).message is one.response


def test_mentions_follow_what_is_allowed() -> None:
    """Pings are what the text names and ``allowed_mentions`` lets through."""
    text = "hi <@1> <@!2> <@&3> @here"
    everything = mentions.Pings(frozenset({1, 2}), frozenset({3}), everyone=True)
    assert mentions.pings(text, None) == everything
    assert mentions.pings(text, {"parse": ["users", "roles", "everyone"]}) == everything
    assert not mentions.pings(text, {"parse": []})
    assert not mentions.pings(text, {})
    assert mentions.pings(text, {"users": ["2", 9]}).users == {2}
    assert mentions.pings(text, {"parse": ["roles"]}) == mentions.Pings(roles=frozenset({3}))
    assert not mentions.pings("@\u200beveryone <@x> @ here", None)


def test_an_edit_counts_as_a_ping(local: LocalDiscord) -> None:
    """A message that once would have pinged is held to it, even when an edit took the words away."""
    general = f"/channels/{local.channel('general').id}/messages"
    sent = ask(local, "POST", general, {"content": "@everyone"}).json()
    ask(local, "PATCH", f"{general}/{sent['id']}", {"content": "calm", "allowed_mentions": {"parse": []}})
    (message,) = local.messages("general")
    assert message.content == "calm"
    assert message.pings.everyone
    reply = {"content": "x", "message_reference": {"message_id": str(local.say("ann", "general", "?").id)}}
    ask(local, "POST", general, reply)
    ask(local, "POST", general, reply | {"allowed_mentions": {"parse": []}})
    loud, quiet = local.messages("general")[-2:]
    assert loud.pings.users == {local.user("ann").id}
    assert not quiet.pings

"""The local Discord refuses what Discord refuses, in its words, and keeps a record of it."""

from __future__ import annotations

import json
from http.client import RemoteDisconnected
from typing import Any

import pytest

from tests.testing import discord_conformity
from tests.testing.conftest import Client
from tests.testing.discord_rest import API, ROW, Rest, places


def embed(**parts: Any) -> dict[str, Any]:
    return {"embeds": [parts]}


def buttons(*ids: str) -> dict[str, Any]:
    return {"type": 1, "components": [{"type": 2, "style": 2, "label": "x", "custom_id": one} for one in ids]}


TOO_MUCH: dict[str, tuple[dict[str, Any], str, str]] = {
    "content": ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
    "content type": ({"content": 5}, "content", "STRING_TYPE_CONVERT"),
    "embeds": ({"embeds": [{"title": "x"}] * 11}, "embeds", "BASE_TYPE_BAD_LENGTH"),
    "title": (embed(title="x" * 257), "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
    "description": (embed(description="x" * 4097), "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
    "fields": (embed(fields=[{"name": "x", "value": "x"}] * 26), "embeds.0.fields", "BASE_TYPE_BAD_LENGTH"),
    "name": (embed(fields=[{"name": "x" * 257, "value": "x"}]), "embeds.0.fields.0.name", "BASE_TYPE_BAD_LENGTH"),
    "value": (embed(fields=[{"name": "x", "value": "x" * 1025}]), "embeds.0.fields.0.value", "BASE_TYPE_BAD_LENGTH"),
    "no value": (embed(fields=[{"name": "x", "value": " "}]), "embeds.0.fields.0.value", "BASE_TYPE_REQUIRED"),
    "footer": (embed(title="x", footer={"text": "x" * 2049}), "embeds.0.footer.text", "BASE_TYPE_BAD_LENGTH"),
    "empty": (embed(), "embeds.0.description", "BASE_TYPE_REQUIRED"),
    "color": (embed(title="x", color=1 << 24), "embeds.0.color", "NUMBER_TYPE_MAX"),
    "url": (embed(title="x", url="javascript:x"), "embeds.0.url", "URL_TYPE_INVALID_SCHEME"),
    "total": ({"embeds": [{"description": "x" * 3001}] * 2}, "embeds.1", "MAX_EMBED_SIZE_EXCEEDED"),
    "rows": ({"components": [buttons(str(at)) for at in range(6)]}, "components", "BASE_TYPE_BAD_LENGTH"),
    "buttons": ({"components": [buttons(*"abcdef")]}, "components.0.components", "BASE_TYPE_BAD_LENGTH"),
    "twice": (
        {"components": [buttons("a", "a")]},
        "components.0.components.1.custom_id",
        "COMPONENT_CUSTOM_ID_DUPLICATED",
    ),
    "long id": ({"components": [buttons("x" * 101)]}, "components.0.components.0.custom_id", "BASE_TYPE_BAD_LENGTH"),
    "bare button": ({"components": [{"type": 2}]}, "components.0.type", "BASE_TYPE_CHOICES"),
    "label": (
        {"components": [{"type": 1, "components": [{"type": 2, "style": 1, "label": "x" * 81, "custom_id": "a"}]}]},
        "components.0.components.0.label",
        "BASE_TYPE_MAX_LENGTH",
    ),
    "options": (
        {
            "components": [
                {
                    "type": 1,
                    "components": [
                        {"type": 3, "custom_id": "a", "options": [{"label": "x", "value": str(at)} for at in range(26)]}
                    ],
                }
            ]
        },
        "components.0.components.0.options",
        "BASE_TYPE_BAD_LENGTH",
    ),
    "mentions": (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        "allowed_mentions",
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
    "nonce": ({"content": "x", "nonce": "x" * 26}, "nonce", "BASE_TYPE_MAX_LENGTH"),
    "both forms": (
        {"content": "x", "flags": 1 << 15, "components": [{"type": 10, "content": "y"}]},
        "content",
        "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
    ),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_too_much_is_refused(rest: Rest, name: str) -> None:
    """A message over a limit is refused at the very place, is not there, and is kept as a violation."""
    body, place, code = TOO_MUCH[name]
    refused = rest.say(**body)
    assert refused.status == 400
    assert (refused.json()["code"], refused.json()["message"]) == (50035, "Invalid Form Body")
    assert places(refused.json()["errors"]) == {place: code}
    assert rest.local.messages("general") == []
    (violation,) = rest.local.violations
    assert (violation.code, violation.errors) == (50035, refused.json()["errors"])


def test_what_just_fits_is_taken(rest: Rest) -> None:
    """A message at every limit is taken."""
    fields = [{"name": "n" * 20, "value": "v" * 20}] * 25
    whole = {"title": "t" * 256, "description": "d" * 4000, "fields": fields, "footer": {"text": "f" * 700}}
    rows = [buttons(*(f"{row}{at}" for at in range(5))) for row in range(5)]
    assert rest.say(content="x" * 2000, embeds=[whole], components=rows, nonce="n" * 25).status == 200
    text = [{"type": 17, "components": [{"type": 10, "content": "x" * 4000}, ROW]}]
    assert rest.say(flags=1 << 15, components=text).status == 200
    assert rest.local.violations == []
    discord_conformity.check(rest.local)


def test_an_empty_message_is_none(rest: Rest) -> None:
    """A message without anything in it is refused, and so is emptying one."""
    assert rest.say(content="  ").json()["code"] == 50006
    sent = rest.say(content="x").json()
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    assert rest.ask("PATCH", path, {"content": ""}).json()["code"] == 50006
    assert rest.ask("PATCH", path, {"content": None, "embeds": [{"title": "y"}]}).json()["content"] == ""
    (message,) = rest.local.messages("general")
    assert [version.content for version in message.edits] == ["x"]


def test_strangers_and_wrong_turns(rest: Rest) -> None:
    """A wrong token, path, method, id or body gets Discord's own error."""
    stranger = Rest(rest.local, Client(rest.local.url, f"Bearer {rest.local.token}"))
    general = rest.local.channel("general").id
    expected = [
        (stranger.ask("GET", "/users/@me"), 401, 0),
        (rest.ask("GET", "/nowhere"), 404, 0),
        (rest.ask("PATCH", "/gateway"), 405, 0),
        (rest.ask("GET", "/channels/x"), 400, 50035),
        (rest.ask("GET", "/channels/12"), 404, 10003),
        (rest.ask("GET", f"/channels/{general}/messages/12"), 404, 10008),
        (rest.ask("GET", "/guilds/12"), 404, 10004),
        (rest.ask("GET", "/users/12"), 404, 10013),
        (rest.ask("GET", f"/channels/{general}/messages?limit=101"), 400, 50035),
        (rest.ask("POST", f"/channels/{general}/messages", b"{"), 400, 50109),
        (rest.client.ask("POST", f"{API}/channels/{general}/messages", b"content=x"), 400, 50035),
        (rest.ask("PUT", f"/channels/{general}/messages/12/reactions/eyes/@me"), 400, 10014),
        (rest.ask("PUT", "/applications/12/commands", []), 404, 10002),
    ]
    assert [(reply.status, reply.json()["code"]) for reply, *_ in expected] == [tuple(one[1:]) for one in expected]
    closed = {10003, 10004, 10008, 10013}
    assert [one.code for one in rest.local.violations] == [code for _, _, code in expected if code not in closed]


def test_rights_are_asked_for(rest: Rest) -> None:
    """A bot may only do what its role and the channel allow, and sees no channel that is hidden from it."""
    local = rest.local
    quiet, hidden = local.create_channel("quiet"), local.create_channel("hidden")
    (role,) = [one for one in local.guild.roles.values() if one.managed_by is local.bot]
    local.deny(quiet, role, "embed_links")
    local.deny(quiet, None, "create_public_threads")
    local.deny(hidden, local.bot, "view_channel")
    assert rest.say(quiet, content="x").status == 200
    assert rest.say(quiet, embeds=[{"title": "x"}]).json()["code"] == 50013
    assert rest.say(hidden, content="x").json()["code"] == 50001
    assert rest.ask("PATCH", f"/channels/{quiet.id}", {"topic": "x"}).json()["code"] == 50013
    sent = local.messages(quiet)[0]
    start = f"/channels/{quiet.id}/messages/{sent.id}/threads"
    assert rest.ask("POST", start, {"name": "x"}).json()["code"] == 50013
    local.allow(quiet, role, "create_public_threads")
    assert rest.ask("POST", start, {"name": "x"}).status == 201
    theirs = local.say("ann", quiet, "mine")
    path = f"/channels/{quiet.id}/messages/{theirs.id}"
    assert rest.ask("PATCH", path, {"content": "y"}).json()["code"] == 50005
    assert rest.ask("DELETE", path).json()["code"] == 50013
    other = local.create_guild("Other", owner="zoe")
    assert rest.ask("GET", f"/guilds/{other.id}").json()["code"] == 50001
    zoe = local.add_user("yan", other)
    direct = rest.ask("POST", "/users/@me/channels", {"recipient_id": str(zoe.id)}).json()
    assert rest.ask("POST", f"/channels/{direct['id']}/messages", {"content": "x"}).json()["code"] == 50007


def test_a_nonce_makes_a_message_once(rest: Rest) -> None:
    """The same enforced nonce gives the same message; without being enforced it does not."""
    first = rest.say(content="x", nonce="n1", enforce_nonce=True).json()
    again = rest.say(content="y", nonce="n1", enforce_nonce=True).json()
    other = rest.say(content="z", nonce="n1").json()
    assert (again["id"], again["content"]) == (first["id"], "x")
    assert other["id"] != first["id"]


def test_history_is_paged(rest: Rest) -> None:
    """Messages come newest first, before, after or around one."""
    local = rest.local
    said = [local.say("ann", "general", str(number)) for number in range(60)]
    path = f"/channels/{local.channel('general').id}/messages"

    def contents(query: str) -> list[int]:
        return [int(one["content"]) for one in rest.ask("GET", path + query).json()]

    assert contents("") == list(range(59, 9, -1))
    assert contents("?limit=3") == [59, 58, 57]
    assert contents(f"?limit=2&before={said[10].id}") == [9, 8]
    assert contents(f"?limit=2&after={said[10].id}") == [12, 11]
    assert contents(f"?limit=3&around={said[10].id}") == [11, 10, 9]


def test_threads_have_a_life(rest: Rest) -> None:
    """A message has one thread; an archived one takes no edits but comes back with a message; a locked one does not."""
    local = rest.local
    sent = rest.say(content="root").json()
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}/threads"
    assert rest.ask("POST", path, {"name": "x" * 101}).json()["code"] == 50035
    assert rest.ask("POST", path, {"name": "x", "auto_archive_duration": 5}).json()["code"] == 50035
    assert rest.ask("POST", path, {"name": "story"}).status == 201
    assert rest.ask("POST", path, {"name": "story"}).json()["code"] == 160004
    thread = local.channel("story")
    inside = rest.say(thread, content="one").json()
    assert rest.ask("POST", f"/channels/{thread.id}/threads", {"name": "x"}).json()["code"] == 50024
    local.archive(thread)
    edit = f"/channels/{thread.id}/messages/{inside['id']}"
    assert rest.ask("PATCH", edit, {"content": "two"}).json()["code"] == 50083
    active = f"/guilds/{local.guild.id}/threads/active"
    assert rest.ask("GET", active).json()["threads"] == []
    assert rest.say(thread, content="awake").status == 200
    assert [one["name"] for one in rest.ask("GET", active).json()["threads"]] == ["story"]
    assert rest.ask("PATCH", edit, {"content": "two"}).status == 200
    local.archive(thread, locked=True)
    assert rest.say(thread, content="x").json()["code"] == 50083
    local.delete_channel(thread)
    assert rest.say(thread, content="x").json()["code"] == 10003


def test_every_answer_tells_what_is_left(rest: Rest) -> None:
    """Answers carry Discord's headers for rate limits, and a limit's body says how long to wait."""
    sent = rest.say(content="x")
    assert int(sent.headers["X-RateLimit-Remaining"]) < int(sent.headers["X-RateLimit-Limit"])
    assert sent.headers["X-RateLimit-Bucket"]
    limit = rest.local.limit("*", "/messages", 5, everywhere=True)
    refused = rest.say(content="y")
    assert refused.status == 429
    assert refused.json() | {"message": ""} == {"message": "", "code": 0, "retry_after": 5, "global": True}
    assert refused.headers["X-RateLimit-Global"] == "true"
    assert rest.ask("GET", "/users/@me").status == 429
    assert (limit.hits, limit.early) == (2, 1)
    one = rest.local.interactions
    assert one == []
    discord_conformity.check(rest.local)


def test_faults_are_committed(rest: Rest) -> None:
    """A fault spoils the answer in Discord's shape; one that comes after has done its work."""
    rest.local.faults.add("POST", "/messages$", status=500)
    broken = rest.say(content="x")
    assert (broken.status, broken.json()) == (500, {"message": "500: Internal Server Error", "code": 0})
    rest.local.faults.add("POST", "/messages$", status=503, after=True)
    assert rest.say(content="y").status == 503
    assert [one.content for one in rest.local.messages("general")] == ["y"]
    rest.local.faults.add("POST", "/messages$", drop=True)
    with pytest.raises(RemoteDisconnected):
        rest.say(content="z")
    assert [one.status for one in rest.local.requests if one.fault] == [500, 200, 0]
    assert json.loads(rest.local.requests[0].raw_body) == {"content": "x"}

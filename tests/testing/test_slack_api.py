"""The local Slack's Web API, asked by Slack's own client."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from jobs.testing.slack import LocalSlack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slack_sdk.web import SlackResponse

DIVIDER = [{"type": "divider"}]


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    """Yield a local Slack with the channels dev, hall (without the bot) and vault (private, without the bot)."""
    with LocalSlack() as made:
        made.add_channel("dev", ["ann", "ben"])
        made.add_channel("hall", ["ann"], with_bot=False)
        made.add_channel("vault", ["ann"], private=True, with_bot=False)
        yield made


@pytest.fixture
def client(slack: LocalSlack) -> WebClient:
    """Return Slack's own client with the bot's token."""
    return WebClient(slack.bot_token, base_url=slack.api_url)


def error(call: Any, **arguments: Any) -> SlackResponse:
    """Return the answer of a call that Slack refuses."""
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    return refused.value.response


def ask(slack: LocalSlack, method: str, body: bytes, kind: str, token: str = "") -> dict[str, Any]:
    """Call a method without any client."""
    connection = http.client.HTTPConnection(slack.url.removeprefix("http://"), timeout=10)
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        connection.request("POST", f"/api/{method}", body, headers)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def test_who_the_app_is(slack: LocalSlack, client: WebClient) -> None:
    """auth.test tells the bot's ids and, in a header, its scopes."""
    answer = client.auth_test()
    assert (answer["user_id"], answer["is_enterprise_install"]) == (slack.bot.id, False)
    assert answer["bot_id"].startswith("B")
    assert "chat:write" in answer.headers["X-OAuth-Scopes"].split(",")
    assert client.api_test(foo="bar")["args"]["foo"] == "bar"


def test_tokens_are_looked_at(slack: LocalSlack) -> None:
    """No token, a wrong one and one of the wrong kind are told apart; a form may carry it, JSON may not."""
    form = "application/x-www-form-urlencoded"
    carried = urlencode({"token": slack.bot_token}).encode()
    assert ask(slack, "auth.test", b"", form)["error"] == "not_authed"
    assert ask(slack, "auth.test", b"", form, "xoxb-wrong")["error"] == "invalid_auth"
    assert ask(slack, "auth.test", b"", form, slack.app_token)["error"] == "not_allowed_token_type"
    assert ask(slack, "auth.test", carried, form)["ok"] is True
    in_json = json.dumps({"token": slack.bot_token}).encode()
    assert ask(slack, "auth.test", in_json, "application/json")["error"] == "not_authed"
    assert ask(slack, "auth.test", b"[]", "application/json")["error"] == "json_not_object"
    assert ask(slack, "auth.test", b"{", "application/json")["error"] == "invalid_json"
    assert ask(slack, "auth.test", b"x", "text/plain")["error"] == "invalid_post_type"
    assert ask(slack, "chat.shout", b"", form, slack.bot_token) == {
        "ok": False,
        "error": "unknown_method",
        "req_method": "chat.shout",
    }
    assert slack.violations[0].error == "not_authed"
    assert all(slack.bot_token not in json.dumps(call.arguments) for call in slack.calls)


def test_a_thread_grows_under_its_message(slack: LocalSlack, client: WebClient) -> None:
    """Replies stand in the thread, a broadcast in both, and history has metadata only when asked."""
    metadata = {"event_type": "task", "event_payload": {"id": "7f3c9a"}}
    root = client.chat_postMessage(channel="#dev", text="Task", metadata=metadata)
    client.chat_postMessage(channel="dev", text="first", thread_ts=root["ts"])
    client.chat_postMessage(channel="dev", text="loud", thread_ts=root["ts"], reply_broadcast=True)
    channel = root["channel"]
    answer = client.conversations_replies(channel=channel, ts=root["ts"])
    assert [one["text"] for one in answer["messages"]] == ["Task", "first", "loud"]
    assert answer["messages"][0]["reply_count"] == 2
    assert "metadata" not in answer["messages"][0]
    history = client.conversations_history(channel=channel, include_all_metadata=True)
    assert [one["text"] for one in history["messages"]] == ["loud", "Task"]
    assert history["messages"][1]["metadata"] == metadata
    reply = answer["messages"][1]["ts"]
    assert error(client.chat_postMessage, channel=channel, text="x", thread_ts=reply)["error"] == (
        "cannot_reply_to_message"
    )
    assert error(client.conversations_replies, channel=channel, ts="1.2")["error"] == "thread_not_found"
    link = client.chat_getPermalink(channel=channel, message_ts=reply)["permalink"]
    assert f"thread_ts={root['ts']}" in link


def test_pages_and_times_of_history(slack: LocalSlack, client: WebClient) -> None:
    """A limit gives pages with cursors, oldest cuts the past off."""
    sent = [client.chat_postMessage(channel="dev", text=str(number))["ts"] for number in range(5)]
    channel = slack.channel("dev").id
    texts = [one["text"] for page in client.conversations_history(channel=channel, limit=2) for one in page["messages"]]
    assert texts == ["4", "3", "2", "1", "0"]
    later = client.conversations_history(channel=channel, oldest=sent[2])["messages"]
    assert [one["text"] for one in later] == ["4", "3"]
    both = client.conversations_history(channel=channel, oldest=sent[2], latest=sent[3], inclusive=True)["messages"]
    assert [one["text"] for one in both] == ["3", "2"]


def test_an_edit_keeps_what_was(slack: LocalSlack, client: WebClient) -> None:
    """A text without blocks takes them away; every version is kept; only text marks the message as edited."""
    sent = client.chat_postMessage(channel="dev", text="one", blocks=DIVIDER)
    where = {"channel": sent["channel"], "ts": sent["ts"]}
    message = slack.channel("dev").messages[0]
    client.chat_update(**where, text="two", blocks=DIVIDER)
    assert message.edited_ts == ""
    client.chat_update(**where, text="three")
    assert (message.blocks, [one.text for one in message.edits]) == ([], ["two", "three"])
    assert message.edited_ts
    assert message.versions[0].blocks[0]["type"] == "divider"
    assert error(client.chat_update, **where, text="x" * 4001)["error"] == "msg_too_long"
    client.chat_delete(**where)
    assert error(client.chat_update, **where, text="late")["error"] == "message_not_found"
    theirs = slack.say("ann", "dev", "mine")
    mine = {"channel": sent["channel"], "ts": theirs.ts}
    assert error(client.chat_update, **mine, text="yours")["error"] == "cant_update_message"
    assert error(client.chat_delete, **mine)["error"] == "cant_delete_message"


def test_where_the_bot_is_not(slack: LocalSlack, client: WebClient) -> None:
    """Public channels want an invitation, private ones are not there, archived ones are closed."""
    post = client.chat_postMessage
    assert error(post, channel="hall", text="x")["error"] == "not_in_channel"
    assert error(post, channel="vault", text="x")["error"] == "channel_not_found"
    assert error(post, channel="C404", text="x")["error"] == "channel_not_found"
    assert error(client.conversations_history, channel="hall")["error"] == "not_in_channel"
    slack.invite_bot("vault")
    assert post(channel="vault", text="x")["ok"]
    slack.archive("vault")
    assert error(post, channel="vault", text="x")["error"] == "is_archived"
    assert slack.violations == []


def test_malformed_messages_are_violations(slack: LocalSlack, client: WebClient) -> None:
    """What Slack does not accept is refused in its words, with the place of the fault, and kept."""
    post = client.chat_postMessage
    assert error(client.api_call, api_method="chat.postMessage", params={"channel": "dev"})["error"] == "no_text"
    assert error(post, channel="dev", text="x" * 40_001)["error"] == "msg_too_long"
    assert error(post, channel="dev", text="x", blocks="{")["error"] == "invalid_blocks_format"
    assert error(post, channel="dev", text="x", metadata={"event_type": 1})["error"] == "invalid_metadata_format"
    answer = error(post, channel="dev", text="x", blocks=[{"type": "header"}])
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == ["[ERROR] missing required field: text [json-pointer:/blocks/0]"]
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}
    assert error(post, channel="dev", text="x", blocks=[long] * 5)["error"] == "msg_blocks_too_long"
    assert [one.where for one in slack.violations] == ["chat.postMessage"] * 6
    assert slack.violations[-2].messages == ("[ERROR] missing required field: text [json-pointer:/blocks/0]",)
    assert slack.channel("dev").messages == []


def test_whispers_are_for_one(slack: LocalSlack, client: WebClient) -> None:
    """An ephemeral message is seen by one member, and cannot be changed by its time stamp."""
    ann, channel = slack.user("ann"), slack.channel("dev").id
    sent = client.chat_postEphemeral(channel=channel, user=ann.id, text="psst")
    assert [one.text for one in slack.sees("ann", "dev")] == ["psst"]
    assert slack.sees("ben", "dev") == []
    stranger = slack.add_user("eve")
    refused = error(client.chat_postEphemeral, channel=channel, user=stranger.id, text="psst")
    assert refused["error"] == "user_not_in_channel"
    assert error(client.chat_update, channel=channel, ts=sent["message_ts"], text="x")["error"] == "message_not_found"


def test_reactions_once(slack: LocalSlack, client: WebClient) -> None:
    """A reaction is given once and taken back once."""
    message = slack.say("ann", "dev", "hello")
    about = {"channel": message.channel.id, "timestamp": message.ts, "name": "eyes"}
    client.reactions_add(**about)
    assert message.reactions == [("eyes", slack.bot)]
    assert error(client.reactions_add, **about)["error"] == "already_reacted"
    shown = client.conversations_history(channel=message.channel.id)["messages"][0]["reactions"]
    assert shown == [{"name": "eyes", "users": [slack.bot.id], "count": 1}]
    client.reactions_remove(**about)
    assert error(client.reactions_remove, **about)["error"] == "no_reaction"
    assert error(client.reactions_add, **{**about, "name": ":eyes:"})["error"] == "invalid_name"


def test_people_and_conversations(slack: LocalSlack, client: WebClient) -> None:
    """Users are found by id and address, channels are listed as the bot sees them, a direct one is opened once."""
    ann = slack.user("ann")
    assert client.users_info(user=ann.id)["user"]["name"] == "ann"
    assert client.users_lookupByEmail(email="ann@example.com")["user"]["id"] == ann.id
    assert error(client.users_lookupByEmail, email="no@example.com")["error"] == "users_not_found"
    assert error(client.users_info, user="U404")["error"] == "user_not_found"
    listed = client.conversations_list(types="public_channel,private_channel")["channels"]
    assert [(one["name"], one["is_member"]) for one in listed] == [("dev", True), ("hall", False)]
    assert client.conversations_info(channel=listed[1]["id"])["channel"]["is_private"] is False
    opened = client.conversations_open(users=[ann.id])["channel"]["id"]
    assert client.conversations_open(users=[ann.id])["already_open"] is True
    assert client.chat_postMessage(channel=ann.id, text="hi")["channel"] == opened
    assert [one.text for one in slack.sees("ann", slack.direct("ann"))] == ["hi"]
    with_limit = client.conversations_list(limit=1)
    assert with_limit["response_metadata"]["next_cursor"]


def test_a_view_is_changed_by_hash_or_not_at_all(slack: LocalSlack, client: WebClient) -> None:
    """An old hash is a conflict, an unknown view is not found, a bad one tells where."""
    ann = slack.user("ann")
    home = client.views_publish(user_id=ann.id, view={"type": "home", "blocks": DIVIDER})["view"]
    client.views_publish(user_id=ann.id, view={"type": "home", "blocks": []}, hash=home["hash"])
    conflict = error(client.views_publish, user_id=ann.id, view={"type": "home", "blocks": []}, hash=home["hash"])
    assert conflict["error"] == "hash_conflict"
    modal = {"type": "modal", "title": {"type": "plain_text", "text": "x" * 25}, "blocks": DIVIDER}
    bad = error(client.views_update, view_id="V404", view=modal)
    assert bad["error"] == "invalid_arguments"
    assert bad["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    modal["title"] = {"type": "plain_text", "text": "short"}
    assert error(client.views_update, view_id="V404", view=modal)["error"] == "not_found"


def test_socket_mode_is_off_unless_it_is_on(slack: LocalSlack) -> None:
    """Without Socket Mode there is no app token in the settings, and no address to be had."""
    assert set(slack.environment()) == {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL"}
    client = WebClient(base_url=slack.api_url)
    assert error(client.apps_connections_open, app_token=slack.app_token)["error"] == "not_allowed"
    with pytest.raises(LookupError, match="no Socket Mode"):
        slack.cut()

"""What a stranger sends to the doors of the conversation: made-up tokens, endless bodies, text that would be markup."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

from bot.discord_bot.answers import answer_message as discord_answer
from bot.shell.rendering import render
from bot.shell.secret import digest, fresh
from bot.slack_bot.answers import answer_message as slack_answer
from bot.slack_bot.web import LARGEST_BODY
from jobs.answer.parts import Answer, Diff, Link, Listing, Quote, Say
from jobs.answer.reply import reply
from tests.bot.conftest import app  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from flask import Flask

    from config.settings import Settings
    from jobs.store import Store

CODE = re.compile(r"^(?:> )?```.*?^(?:> )?```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
"""What is shown as it stands."""
TRICKS = [
    "@everyone",
    "/opus ` @octo/everybody ` x",
    "/opus x\n@octo/everybody",
    "<!channel> <@U123> <https://evil.example|your bank>",
    "[your bank](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "```\n@octo/everybody\n```",
    "` @octo/everybody `",
    "| a | @octo/everybody |\n|---|",
    "\x1b]8;;https://evil.example\x07your bank\x1b]8;;\x07\x1b[2J",
    "<img src=https://evil.example/x>",
]


def shown(text: str) -> Answer:
    """Return an answer in which somebody's text stands wherever texts of others can."""
    return Answer(
        (Quote(text, "They say"), Listing(("what", "now"), ((text, text),)), Link(text, "https://github.com"))
    )


@pytest.mark.parametrize("trick", TRICKS)
def test_a_strangers_text_is_text_on_github(trick: str) -> None:
    """No mention, no masked link, no image, no way out of a cell."""
    made = reply(shown(trick))
    outside = CODE.sub("", made)
    assert "@octo/everybody" not in outside
    assert "@everyone" not in outside
    assert "](https://evil" not in made
    assert "<img" not in made
    assert len([line for line in made.splitlines() if line.startswith("|")]) == 3


@pytest.mark.parametrize("trick", TRICKS)
def test_a_strangers_text_is_text_in_chats_and_terminals(trick: str) -> None:
    """Slack gets typed elements, Discord escapes and no mentions, a terminal no sequence that it would obey."""
    answer = Answer((*shown(trick).parts, Diff(f"+{trick}")))
    blocks = json.dumps(slack_answer(answer).blocks)
    for kind in ("user", "usergroup", "broadcast", "channel", "mrkdwn"):
        assert f'"type": "{kind}"' not in blocks
    message: Any = discord_answer(answer, ())
    assert message["allowed_mentions"] == {"parse": []}
    assert "@everyone" not in message["embeds"][0]["description"]
    assert "[your bank](" not in CODE.sub("", message["embeds"][0]["description"])
    assert "\x1b" not in render(answer)
    assert "\x07" not in render(answer)


def test_made_up_tokens_write_nothing(app: Flask, store: Store, settings: Settings) -> None:  # noqa: F811
    """While somebody else writes, a token that nobody made is refused at once, and a known one is known."""
    known = fresh()
    store.people.add_token(digest(known), "alice", "alice", time.time())
    assert store.people.token_login(digest(known), time.time()) == "alice"
    path = settings.database_url.removeprefix("sqlite:///")
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        headers = {"Authorization": f"Bearer {fresh()}"}
        assert app.test_client().get("/api/commands/api-0", headers=headers).status_code == 401
        assert store.people.token_login(digest(known), time.time()) == "alice"
        assert time.monotonic() - begun < 9
        other.execute("ROLLBACK")


def test_a_body_without_an_end_is_not_read_to_the_end(store: Store, settings: Settings) -> None:
    """Slack's door reads no more of a stranger's chunks than Slack would send."""
    from dataclasses import replace  # noqa: PLC0415 - of this test alone

    from bot.app import create_app  # noqa: PLC0415 - likewise

    made = create_app(replace(settings, slack_bot_token="xoxb-1", slack_signing_secret="secret"), store)
    body = io.BytesIO(b"x" * (8 * LARGEST_BODY))
    answer = made.test_client().post(
        "/slack/events",
        input_stream=body,
        headers={"X-Slack-Request-Timestamp": str(int(time.time())), "X-Slack-Signature": f"v0={'0' * 64}"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code in {401, 413}
    assert body.tell() <= 2 * LARGEST_BODY


@pytest.mark.parametrize(
    "piece", ["`", "` ", "[", "](", "<", "<@", "https://", "discord.", "&#", "> ", "a@", "`/opus ", "\u200b"]
)
def test_the_longest_text_is_shown_in_a_moment(piece: str) -> None:
    """No surface takes more than seconds for what a model or a stranger can write."""
    text = piece * (60_000 // len(piece))
    answer = Answer((Say(text), *shown(text).parts, Diff(text)))
    begun = time.monotonic()
    reply(answer)
    slack_answer(answer)
    discord_answer(answer, ())
    render(answer)
    assert time.monotonic() - begun < 60

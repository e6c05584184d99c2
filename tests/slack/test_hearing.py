"""Every way to say something in Slack becomes one stored utterance, whatever else is slow or away."""

from __future__ import annotations

import http.client
import json
import socket
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from flask import Flask

from bot import sight
from bot.slack_bot import hearing
from bot.slack_bot.rendering import task_message
from bot.slack_bot.web import slack_blueprint
from jobs.store import Store
from jobs.testing.slack.world import version
from tests.slack.conftest import Office, Woken, served, settings_for
from tests.slack.views import QUESTION, TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.testing.slack import LocalSlack
    from jobs.testing.slack.records import Message

pytestmark = pytest.mark.usefixtures("web")


def post(office: Office, state: str, thread: Message | None = None) -> Message:
    """Have the bot post a task's message in the channel."""
    world, shown = office.slack.world, task_message(TASKS[state])
    with world.change():
        return world.post(office.dev, world.bot, version(shown.text, shown.blocks), thread=thread)


@pytest.fixture
def locked(office: Office) -> Iterator[sqlite3.Connection]:
    """Hold the database's lock."""
    path = office.settings.database_url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.close()


def test_a_command_is_stored_and_acknowledged(office: Office) -> None:
    """Who, where and what are kept; nothing is said before a worker has decided."""
    delivery = office.slack.command("ann", "dev", "bg status 7f3c9a")
    assert (delivery.status, delivery.text) == (200, "")
    assert delivery.seconds < 3
    [heard] = office.heard
    ann = office.slack.user("ann")
    assert (heard.surface, heard.user_id, heard.user_name) == ("slack", ann.id, "ann")
    assert (heard.words, heard.channel, heard.thread, heard.mention) == ("bg status 7f3c9a", office.dev.id, "", False)
    assert heard.address["response_url"].startswith(office.slack.url)
    assert office.woken.guids == [heard.key]
    assert office.slack.responses == []


def test_what_slack_and_telephones_make_of_words_is_undone(office: Office) -> None:
    """Escapes, links and typographers' quotes and dashes come back as they were typed."""
    office.slack.command("ann", "dev", "bg \u2014repo octo/shop say \u201chi\u201d \u2014 a < b")
    office.slack.mention("ann", "dev", "why <https://github.com/octo/shop/issues/3> & <http://shop.io|shop.io>")
    words = {heard.words for heard in office.heard}
    assert words == {
        'bg --repo octo/shop say "hi" \u2014 a < b',
        "why https://github.com/octo/shop/issues/3 & shop.io",
    }


def test_a_mention_is_heard_without_the_mention(office: Office) -> None:
    """In a channel plain words are for the bot once it is named; in a thread the thread is kept."""
    office.slack.mention("ann", "dev", "add a flag")
    root = post(office, "working")
    office.slack.mention("ben", "dev", "/opus pause", root.ts)
    first, second = office.heard
    assert (first.words, first.thread, first.mention) == ("add a flag", "", True)
    assert (second.words, second.thread, second.mention) == ("pause", root.ts, True)
    assert second.address["thread"] == second.address["inside"] == root.ts


def test_talk_that_names_nobody_is_not_heard(office: Office) -> None:
    """The app is not told of what people say to each other, in threads of tasks too."""
    root = post(office, "working")
    office.slack.say("ann", "dev", "lunch?", root.ts)
    office.slack.command("ann", "dev", "help")
    assert [heard.words for heard in office.heard] == ["help"]


def test_talking_to_it_alone_needs_no_mention(office: Office) -> None:
    """A direct message is for the bot."""
    alone = office.slack.direct("ann")
    delivery = office.slack.message("ann", alone, "bg status")
    assert delivery.status == 200
    [heard] = office.heard
    assert (heard.words, heard.channel, heard.mention) == ("bg status", alone.id, True)


def test_a_retry_starts_nothing_twice(office: Office) -> None:
    """What Slack sends again is the same utterance, and is acknowledged again."""
    delivery = office.slack.mention("ann", "dev", "bg add a flag")
    for _ in range(3):
        office.slack.resend(delivery)
    assert delivery.status == 200
    assert len(office.heard) == 1


def test_an_edited_message_is_not_said_again(office: Office) -> None:
    """The event of a message that was edited to name somebody else is the same utterance."""
    delivery = office.slack.mention("ann", "dev", "bg add a flag")
    edited = json.loads(json.dumps(delivery.payload))
    edited["event_id"] = "Ev0EDITED"
    edited["event"]["text"] += " quickly"
    office.slack.sender.answered(office.slack.sender.event(edited))
    assert len(office.heard) == 1


@pytest.mark.parametrize(
    ("state", "button", "words"),
    [
        ("working", "do:pause", "pause 7f3c9a"),
        ("working", "do:cancel", "bg cancel 7f3c9a"),
        ("paused", "do:resume", "resume 7f3c9a"),
        ("plan", "do:approve", "approve 7f3c9a"),
        ("done", "do:review", "bg review 7f3c9a"),
        ("done", "do:merge", "bg merge 7f3c9a"),
        ("failed", "do:retry", "retry 7f3c9a"),
    ],
)
def test_a_button_says_its_words(office: Office, state: str, button: str, words: str) -> None:
    """A button is a command, said by who presses it, in the thread of the task."""
    message = post(office, state)
    assert office.slack.press("ben", message, button).status == 200
    [heard] = office.heard
    assert (heard.words, heard.user_id) == (words, office.slack.user("ben").id)
    assert (heard.channel, heard.thread) == (office.dev.id, message.ts)


def test_a_button_that_opens_a_page_says_nothing(office: Office) -> None:
    """Slack tells the app of it all the same; it is acknowledged."""
    assert office.slack.press("ben", post(office, "done"), "open:pull_request").status == 200
    assert office.heard == []


def test_an_answer_is_typed_into_the_message(office: Office) -> None:
    """The reply box under a question answers it."""
    message = post(office, "question")
    delivery = office.slack.type_into("ann", message, "type:answer", "cents & <nothing> else")
    assert delivery is not None
    assert delivery.status == 200
    assert [heard.words for heard in office.heard] == ["answer 7f3c9a cents & <nothing> else"]


@pytest.mark.parametrize(
    ("state", "button", "command"),
    [("question", "form:answer", "answer"), ("plan", "form:reject", "reject"), ("working", "form:steer", "steer")],
)
def test_a_longer_text_has_a_form(office: Office, state: str, button: str, command: str) -> None:
    """Answer, Reject and Steer open a form, whose text is said in the task's thread; sent off twice it is one."""
    message = post(office, state)
    office.slack.press("ann", message, button)
    [view] = office.slack.open_views
    delivery = office.slack.submit("ann", view, {"text": "two lines\nof text"})
    assert (delivery.status, view.open) == (200, False)
    office.slack.resend(delivery)
    [heard] = office.heard
    assert (heard.words, heard.thread) == (f"{command} 7f3c9a two lines\nof text", message.ts)


@pytest.mark.parametrize(("words", "how"), [("", "bg"), ("new", "bg"), ("bg", "bg"), ("plan", "plan"), ("ask", "ask")])
def test_a_command_without_a_task_opens_a_form(office: Office, words: str, how: str) -> None:
    """The form begins with the channel's repository; what is filled in becomes words and options."""
    assert office.slack.command("ann", "dev", words).status == 200
    [view] = office.slack.open_views
    values = {
        "task": "status of the build\nmust be shown",
        "base": "release",
        "mode": "conservative",
        "dollars": "2.50",
    }
    office.slack.submit("ann", view, values)
    [heard] = office.heard
    start = {"bg": "background:", "plan": "plan", "ask": "ask"}[how]
    assert heard.words == f"{start} status of the build\nmust be shown"
    assert heard.options == {"repo": "octo/shop", "base": "release", "mode": "conservative", "dollars": "2.50"}
    assert (heard.channel, heard.thread) == (office.dev.id, "")


def test_mistakes_are_shown_in_the_form(office: Office) -> None:
    """Nothing is stored, and the form stays open with a word beside each mistake."""
    office.slack.command("ann", "dev", "new")
    [view] = office.slack.open_views
    office.slack.submit("ann", view, {"task": "  ", "base": "a..b", "dollars": "much", "model": "two words"})
    assert set(view.errors) == {"task", "base", "dollars", "model"}
    assert (view.open, office.heard) == (True, [])
    office.slack.submit("ann", view, {"task": "add a flag", "base": "main", "dollars": "3", "model": "claude-opus-5-5"})
    assert (view.open, len(office.heard)) == (False, 1)


def test_repositories_are_searched(office: Office) -> None:
    """Who is linked finds what they may read, those first that begin with the words; others find the channel's."""
    office.slack.command("ann", "dev", "new")
    [view] = office.slack.open_views
    found = office.slack.suggest("ann", view, "repo", "sho")
    assert [one["value"] for one in found] == ["octo/shop"]
    with office.store.write() as connection:
        store, ann = office.store, office.slack.user("ann")
        store.people.identify(connection, "slack", ann.id, "ann", "1", "code", time.time())
    assert [one["value"] for one in office.slack.suggest("ann", view, "repo", "sho")] == ["octo/shop"]
    sight.keep(store, "slack", ann.id, "ann", ["acme/shopping", "octo/shop", "octo/gone-shop"], time.time())
    found = office.slack.suggest("ann", view, "repo", "sho")
    assert [one["value"] for one in found] == ["acme/shopping", "octo/shop"]
    assert office.slack.suggest("ann", view, "repo", "nothing") == []


def test_what_is_signed_wrongly_is_refused(office: Office) -> None:
    """A forged or an old request gets a 401, and nothing of it is stored."""
    for wrong in ({"secret": "guessed"}, {"age": 301.0}, {"signature": "v0=\u00e9"}, {"signature": ""}):
        with office.slack.forged(**wrong):
            assert office.slack.command("ann", "dev", "bg add a flag").status == 401
    assert office.heard == []


def test_a_stranger_gets_no_further_than_the_signature(web: str) -> None:
    """Broken bodies and times are a 401 too."""
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": "soon",
        "X-Slack-Signature": "v0=" + "0" * 64,
    }
    for body in (b"{", b"\xff\xfe", b"", b"ssl_check=1"):
        answer = httpx.post(web, content=body, headers=headers, timeout=5)
        assert answer.status_code == http.client.UNAUTHORIZED


def test_slack_verifies_the_address(office: Office) -> None:
    """The challenge is given back."""
    assert office.slack.verify_url().status == 200


def test_without_slack_the_address_says_what_is_missing(slack: LocalSlack, home: Path, office: Office) -> None:
    """With a bot's token alone no signature can be checked, so nothing is heard over HTTP."""
    app = Flask("tests.slack.bare")
    settings = settings_for(slack, home, SLACK_SIGNING_SECRET="")
    app.register_blueprint(slack_blueprint(settings, office.store, office.woken))
    answer = app.test_client().post("/slack/events", data=b"{}")
    assert (answer.status_code, "SLACK_SIGNING_SECRET" in answer.text) == (404, True)


def test_a_slow_store_keeps_nobody_waiting(office: Office, locked: sqlite3.Connection) -> None:
    """A command is acknowledged in time with a word, and is stored when that can be; an event is sent again."""
    delivery = office.slack.command("ann", "dev", "bg add a flag")
    assert (delivery.status, delivery.acknowledged) == (200, True)
    assert delivery.seconds < 3
    assert [one.text for one in office.slack.responses] == [hearing.SLOW]
    locked.execute("ROLLBACK")
    office.slack.wait_for(lambda: office.heard, what="the command")
    assert [heard.words for heard in office.heard] == ["bg add a flag"]


def test_an_event_that_cannot_be_stored_comes_again(office: Office, locked: sqlite3.Connection) -> None:
    """Slack is told so, within its time, and sends it again until it is stored, once."""
    message = office.slack.say("ann", "dev", f"<@{office.slack.bot.id}> bg add a flag")
    delivery = office.slack.wait_for(
        lambda: [one for one in office.slack.deliveries if one.attempts], what="a delivery"
    )[0]
    office.slack.wait_for(lambda: len(delivery.attempts) > 1, what="a retry")
    assert delivery.attempts[0].status == 503
    locked.execute("ROLLBACK")
    office.slack.wait_for(lambda: delivery.acknowledged, what="its acknowledgement")
    assert [heard.words for heard in office.heard] == ["bg add a flag"]
    assert message.ts in delivery.payload["event"]["ts"]


def test_a_form_that_cannot_be_stored_stays_open(office: Office, locked: sqlite3.Connection) -> None:
    """It says so, and sending it again later does it once."""
    message = post(office, "question")
    locked.execute("ROLLBACK")
    office.slack.press("ann", message, "form:answer")
    [view] = office.slack.open_views
    locked.execute("BEGIN IMMEDIATE")
    delivery = office.slack.submit("ann", view, {"text": QUESTION[:20]})
    assert (delivery.status, view.open, list(view.errors)) == (200, True, ["text"])
    assert delivery.seconds < 3
    locked.execute("ROLLBACK")
    office.slack.submit("ann", view, {"text": QUESTION[:20]})
    assert (view.open, len(office.heard)) == (False, 1)


def test_a_database_that_is_away_is_told(office: Office) -> None:
    """A command that was not stored says so to who gave it; a button too."""
    with office.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO gone")
    office.slack.command("ann", "dev", "bg add a flag")
    office.slack.press("ann", post(office, "working"), "do:pause")
    office.slack.wait_for(lambda: len(office.slack.responses) == 2, what="two answers")
    assert {(one.text, one.response_type) for one in office.slack.responses} == {(hearing.LOST, "ephemeral")}
    with office.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO deliveries")


@pytest.mark.postgresql
def test_a_database_that_never_answers_keeps_nobody_waiting(slack: LocalSlack, home: Path) -> None:
    """Commands, buttons, forms and searches are acknowledged in time all the same."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://opus67@127.0.0.1:{silent.getsockname()[1]}/opus67"
        settings = settings_for(slack, home, DATABASE_URL=url)
        store = Store(url)
        office = Office(slack, settings, store, Woken())
        with served(office):
            message = post(office, "question")
            deliveries = [slack.command("ann", "dev", "bg status"), slack.press("ann", message, "form:answer")]
            [view] = slack.open_views
            deliveries.append(slack.submit("ann", view, {"text": "cents"}))
            assert view.open
            slack.command("ann", "dev", "new")
            found = slack.suggest("ann", slack.open_views[-1], "repo", "")
            assert [one["value"] for one in found] == ["octo/shop"]
        assert [one.acknowledged for one in deliveries] == [True, True, True]
        store.close()


@pytest.mark.parametrize("fault", [{"status": 503}, {"delay": 2.5}, {"drop": True}])
def test_a_slack_that_opens_no_form_is_told(office: Office, fault: dict[str, Any]) -> None:
    """The command is acknowledged in time, with how to write the task instead."""
    office.slack.faults.add("POST", "views.open", **fault)
    delivery = office.slack.command("ann", "dev", "new")
    assert (delivery.status, delivery.acknowledged) == (200, True)
    assert "/opus bg --repo" in office.slack.responses[0].text

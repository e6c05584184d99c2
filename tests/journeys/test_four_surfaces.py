"""One task on four surfaces: begun in Slack, steered on GitHub, watched in Discord, ended from the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.testing.local_discord.records import text_of
from jobs.testing.models.script import call
from jobs.types import Conclusion, Kind, Status
from tests.conftest import fresh_database
from tests.journeys.chats import Chats, chatting
from tests.journeys.town import PATIENCE, bash, finish, seen, write
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Task
    from tests.journeys.town import Story


SOCKET = pytest.param("socket", marks=pytest.mark.postgresql)
EITHER = pytest.mark.parametrize("chats", ["http", SOCKET], indirect=True)
ONE = pytest.mark.parametrize("chats", ["http"], indirect=True)
"""For what is the same however Slack and the database are reached; test_chat_slack.py goes over sockets, too."""


@pytest.fixture(scope="module")
def chats(request: pytest.FixtureRequest) -> Iterator[Chats]:
    """Yield a town with both chats: Slack over HTTP with SQLite, and over a socket with PostgreSQL."""
    if request.param == "http":
        with chatting() as made:
            yield made
        return
    with (
        fresh_database(request.getfixturevalue("postgresql_url")) as url,
        chatting(socket_mode=True, DATABASE_URL=url) as made,
    ):
        yield made


def begun(story: Story, kind: Kind = Kind.BACKGROUND) -> Task:
    """Wait for a story's task."""
    until(story.task, seconds=PATIENCE, what="a task")
    assert story.current.kind is kind
    return story.current


@EITHER
def test_one_task_on_four_surfaces(chats: Chats) -> None:
    """Each surface shows the same task, hears the same words, and says the result once."""
    gate = chats.town.gate()
    ask = call("ask_human", question="Formal or informal?")
    story = chats.town.story([gate.before(bash("ls")), ask, write(), finish("Now it greets by name.")])
    room, den = chats.slack_room("whole"), chats.discord_room("whole")
    chats.link(story, room, den)
    chats.slack.command("ada", room, f"bg --repo {story.repository} greet by name ({story.key})")
    task = begun(story)
    root = chats.slack_shows(room, f"greet by name ({story.key})")
    gate.wait()
    story.say(f"/opus steer {task.id} keep it short")
    watched = chats.discord.command("ada", den, "opus bg status", {"id": task.id})
    chats.discord_shows(den, story.key)
    assert watched.ephemeral
    gate.open()
    question = chats.slack_thread(room, "Formal or informal?")
    assert chats.slack.user("ada").id in chats.words(question)
    asked = chats.discord_thread(den, "Formal or informal?")
    assert chats.discord.user("ada").id in {int(user) for user in asked.pings.users} | set(asked.pings.users)
    chats.discord.command("ada", den, "opus answer", {"id": task.id, "text": "informal, please"})
    story.reaches(Status.COMPLETED)
    [pull] = story.pulls()
    assert pull.pull is not None
    assert pull.pull.draft
    link = f"/{story.repository}/pull/{pull.number}"
    assert chats.slack_shows(room, link).ts == root.ts
    chats.slack_thread(room, link)
    chats.discord_shows(den, link)
    chats.discord_thread(den, link)
    told = str([one.body for one in story.asked()])
    assert "keep it short" in told
    assert "informal, please" in told
    assert len(chats.roots(room)) == 1
    assert len([one for one in chats.posts(den) if story.key in text_of(one)]) == 1
    code, review = chats.town.shell("bg", "review", task.id)
    assert (code, review["data"]["pull_request"].endswith(link)) == (0, True)


@ONE
def test_the_shell_ends_what_a_chat_began(chats: Chats) -> None:
    """A task of Slack's is cancelled on the machine; Slack says so, and who did it."""
    gate = chats.town.gate()
    story = chats.town.story([gate.before(bash("ls")), finish()])
    room, den = chats.slack_room("ended"), chats.discord_room("ended")
    chats.link(story, room, den)
    chats.slack.command("ada", room, f"bg --repo {story.repository} greet by name ({story.key})")
    task = begun(story)
    gate.wait()
    code, answer = chats.town.shell("bg", "cancel", task.id)
    assert (code, answer["ok"]) == (0, True)
    gate.open()
    story.reaches(Status.COMPLETED)
    assert story.current.conclusion is Conclusion.CANCELLED
    chats.slack_shows(room, "Cancelled")
    assert "by the operator" in chats.town.store.tasks.row(task.id).cancel


@EITHER
def test_a_plan_is_approved_by_a_button_of_another_chat(chats: Chats) -> None:
    """Asked for in Discord, approved in Slack; nothing is pushed before."""
    plan = call("finish", plan="1. Use the name\n2. Test it")
    story = chats.town.story([plan, write(), finish()])
    room, den = chats.slack_room("plan"), chats.discord_room("plan")
    chats.link(story, room, den)
    options = {"task": f"greet by name ({story.key})", "repo": story.repository}
    chats.discord.command("ada", den, "opus plan", options)
    task = begun(story)
    story.reaches(Status.WAITING)
    chats.discord_shows(den, "Use the name")
    assert story.branches() == set()
    chats.slack.command("ada", room, f"bg status {task.id}")
    root = chats.slack_shows(room, "Use the name")
    approve = next(one for one in root.current.blocks if one["type"] == "actions")["elements"]
    [button] = [one["action_id"] for one in approve if "pprove" in one["text"]["text"]]
    chats.slack.press("ada", root, button)
    story.reaches(Status.COMPLETED)
    assert len(story.pulls()) == 1
    chats.discord_shows(den, f"/{story.repository}/pull/")


@ONE
def test_a_question_about_the_code_is_answered_with_links(chats: Chats) -> None:
    """Asked in Slack; the answer links to lines that are there, and no branch is made."""
    story = chats.town.story([call("finish", answer="It is said in greeting.py:2, and nowhere in nothing.py:7.")])
    room, den = chats.slack_room("ask"), chats.discord_room("ask")
    chats.link(story, room, den)
    chats.slack.command("ada", room, f"ask --repo {story.repository} where is the greeting? ({story.key})")
    begun(story, Kind.ASK)
    story.reaches(Status.COMPLETED)
    shown = chats.slack_thread(room, "greeting.py")
    words = chats.words(shown) + chats.words(chats.roots(room)[0])
    assert f"/{story.repository}/blob/" in words
    assert "nothing.py#" not in words
    assert (story.branches(), story.pulls(), story.check_runs()) == (set(), [], [])


@ONE
def test_people_who_are_not_linked_only_look(chats: Chats) -> None:
    """They get one line that says how to link, and change nothing."""
    gate = chats.town.gate()
    story = chats.town.story([gate.before(bash("ls")), finish()])
    room, den = chats.slack_room("unlinked"), chats.discord_room("unlinked")
    chats.link(story, room, den)
    chats.slack.command("ada", room, f"bg --repo {story.repository} greet ({story.key})")
    task = begun(story)
    gate.wait()
    chats.slack.command("nobody", room, f"bg cancel {task.id}")
    chats.whispered(room, "I do not know yet who you are on GitHub")
    asked = chats.discord.command("nobody", den, "opus bg cancel", {"id": task.id})
    until(lambda: "/opus link" in seen(asked.text), seconds=PATIENCE, what="how to link")
    assert asked.ephemeral
    chats.slack.command("nobody", room, f"bg status {task.id}")
    chats.whispered(room, task.id)
    assert chats.town.store.tasks.row(task.id).cancel == ""
    gate.open()
    story.reaches(Status.COMPLETED)


@EITHER
def test_outages_of_the_chats_are_caught_up_with(chats: Chats) -> None:
    """While both chats are away the work goes on; afterwards each shows the end, once."""
    gate = chats.town.gate()
    story = chats.town.story([gate.before(write()), finish()])
    room, den = chats.slack_room("outage"), chats.discord_room("outage")
    chats.link(story, room, den)
    chats.slack.command("ada", room, f"bg --repo {story.repository} greet by name ({story.key})")
    task = begun(story)
    chats.slack_shows(room, story.key)
    chats.discord.command("ada", den, "opus bg status", {"id": task.id})
    chats.discord_shows(den, story.key)
    gate.wait()
    chats.slack.down()
    chats.discord.down()
    gate.open()
    story.reaches(Status.COMPLETED)
    assert len(story.pulls()) == 1
    chats.slack.up()
    chats.discord.up()
    link = f"/{story.repository}/pull/"
    chats.slack_shows(room, link)
    chats.discord_shows(den, link)
    chats.slack_thread(room, link)
    chats.discord_thread(den, link)
    [root] = chats.roots(room)
    assert sum(link in chats.words(reply) for reply in root.replies) == 1

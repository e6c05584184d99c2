"""People work with the bot in Slack over its sockets: forms, buttons, the reply box, and things that go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.testing.models.script import call
from jobs.types import Conclusion, Status
from tests.journeys.town import FIXED, PATIENCE, bash, finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from jobs.testing.slack.records import Message
    from jobs.types import Task
    from tests.journeys.chats import Chats
    from tests.journeys.town import Story

PLAN = call("finish", plan="1. Use the name\n2. Test it")
IN_TIME = 3.0
"""Seconds that Slack waits for an acknowledgement."""


@pytest.fixture
def room(chats: Chats, request: pytest.FixtureRequest) -> str:
    """Return a channel of this test alone."""
    return chats.slack_room(request.node.name.removeprefix("test_")[:60])


def asked(chats: Chats, story: Story, room: str, words: str = "bg") -> Task:
    """Have Ada, who is linked, ask for something in a channel, and return the task."""
    chats.link(story, room, chats.discord_room(room))
    delivery = chats.slack.command("ada", room, f"{words} --repo {story.repository} greet by name ({story.key})")
    assert delivery.acknowledged
    return until(story.task, seconds=PATIENCE, what="a task")  # type: ignore[return-value]


def press(chats: Chats, root: Message, button: str) -> None:
    """Press a button once it is there, and check that it is acknowledged in time."""
    until(lambda: button in str(root.current.blocks), seconds=PATIENCE, what=f"the button {button}")
    delivery = chats.slack.press("ada", root, button)
    assert delivery.acknowledged
    assert delivery.seconds < IN_TIME


def test_a_form_becomes_a_task(chats: Chats, room: str) -> None:
    """`/opus` alone opens a form; the repository is searched, a plan is made first, and the budget is kept."""
    story = chats.town.story([PLAN, write(), finish()])
    chats.link(story, room, chats.discord_room(room))
    story.settles()
    chats.slack.command("ada", room, "whoami")
    chats.slack.command("ada", room, "")
    view = chats.slack.open_views[-1]
    until(
        lambda: story.repository in str(chats.slack.suggest("ada", view, "repo", story.repository[:20])),
        seconds=PATIENCE,
        what="the repository among those that are offered",
    )
    task = f"greet by name ({story.key})"
    chats.slack.submit("ada", view, {"repo": story.repository, "task": task, "how": "plan", "dollars": "0.75"})
    assert not view.open
    story.reaches(Status.WAITING)
    assert (story.current.title, story.current.limits.dollars) == (task, 0.75)
    root = chats.slack_shows(room, "Use the name")
    assert "$0.75" in chats.words(root)
    press(chats, root, "do:approve")
    story.reaches(Status.COMPLETED)
    assert story.current.conclusion is Conclusion.SUCCESS
    assert chats.roots(room) == [root]


def test_a_question_is_answered_in_the_reply_box_of_its_thread(chats: Chats, room: str) -> None:
    """What is typed under the question goes on the way to the agent, and the box is gone afterwards."""
    story = chats.town.story([call("ask_human", question="Formal or informal?"), write(), finish()])
    asked(chats, story, room)
    question = chats.slack_thread(room, "Formal or informal?")
    assert chats.slack.user("ada").id in chats.words(question)
    delivery = chats.slack.type_into("ada", question, "type:answer", "informal, please")
    assert delivery is not None
    assert delivery.seconds < IN_TIME
    story.reaches(Status.COMPLETED)
    assert "informal, please" in str([one.body for one in story.asked()])
    root = chats.slack_shows(room, f"/{story.repository}/pull/")
    assert "type:answer" not in chats.words(root)


def test_buttons_lead_a_task_from_its_pause_to_its_merge(chats: Chats, room: str) -> None:
    """Pause, Resume, Review and Merge do what they say; each is answered in the task's thread."""
    gate = chats.town.gate()
    story = chats.town.story([gate.before(bash("ls")), write(), finish()])
    asked(chats, story, room)
    gate.wait()
    root = chats.slack_shows(room, "do:pause")
    press(chats, root, "do:pause")
    until(lambda: chats.town.store.tasks.row(story.current.id).pause, seconds=PATIENCE, what="the pause")
    gate.open()
    story.reaches(Status.WAITING)
    press(chats, root, "do:resume")
    story.reaches(Status.COMPLETED)
    press(chats, root, "do:review")
    chats.slack_thread(room, "Hello, {name}")
    press(chats, root, "do:merge")
    until(lambda: story.file("greeting.py", "main") == FIXED, seconds=PATIENCE, what="the merge")
    chats.slack_thread(room, "Merged")
    assert chats.roots(room) == [root]


def test_a_plan_is_rejected_with_a_reason_and_made_anew(chats: Chats, room: str) -> None:
    """Reject opens a form; its reason reaches the agent, whose next plan is shown in the same message."""
    again = call("finish", plan="1. Use the name\n2. Test it with an umlaut")
    story = chats.town.story([PLAN, again, write(), finish()])
    asked(chats, story, room, "plan")
    root = chats.slack_shows(room, "Use the name")
    press(chats, root, "form:reject")
    chats.slack.submit("ada", chats.slack.open_views[-1], {"text": "try umlauts"})
    assert chats.slack_shows(room, "umlaut") is root
    assert "try umlauts" in str([one.body for one in story.asked()])
    assert story.branches() == set()
    press(chats, root, "do:approve")
    story.reaches(Status.COMPLETED)
    assert len(story.pulls()) == 1


def test_what_went_wrong_is_tried_again_by_a_button(chats: Chats, room: str) -> None:
    """Retry under a failure starts another task, which has a message of its own."""
    story = chats.town.story([finish("There is nothing to do.")])
    first = asked(chats, story, room)
    story.reaches(Status.COMPLETED)
    press(chats, chats.slack_shows(room, "do:retry"), "do:retry")
    story.reaches(Status.COMPLETED, than=first.id)
    until(lambda: len(chats.roots(room)) == 2, seconds=PATIENCE, what="the second task's message")


def test_nothing_waits_for_workers(chats: Chats, room: str) -> None:
    """While all workers stand still Slack has its acknowledgement in time, and its retries start one task."""
    story = chats.town.story()
    chats.link(story, room, chats.discord_room(room))
    with chats.town.stopped("worker"):
        said = chats.slack.mention("ada", room, f"bg --repo {story.repository} greet by name ({story.key})")
        again = [chats.slack.resend(said) for _ in range(3)]
        shown = chats.slack.command("ada", room, "bg status")
    assert all(one.seconds < IN_TIME + 0.5 for one in [said, *again, shown])
    if not any(one.acknowledged for one in [said, *again]):
        chats.slack.resend(said)  # a worker stood still in the middle of a write: Slack was told to come again
    story.reaches(Status.COMPLETED)
    chats.slack_shows(room, f"/{story.repository}/pull/")
    assert len(story.tasks()) == 1
    assert len(chats.roots(room)) == 1


def test_a_locked_database_keeps_nobody_waiting(chats: Chats, room: str) -> None:
    """Commands are acknowledged in time, mentions are sent again by Slack, and both are carried out once."""
    story = chats.town.story()
    chats.link(story, room, chats.discord_room(room))
    with chats.town.locked():
        shown = chats.slack.command("ada", room, "whoami")
        said = chats.slack.say("ada", room, f"<@{chats.slack.bot.id}> bg --repo {story.repository} {story.key}")
        tried = until(
            lambda: next((one for one in chats.slack.deliveries if said.ts in str(one.payload) and one.attempts), None),
            seconds=PATIENCE,
            what="the first try",
        )
    assert shown.acknowledged
    assert shown.seconds < IN_TIME
    assert tried is not None
    assert tried.first.seconds <= IN_TIME + 0.5
    chats.whispered(room, "@ada")
    story.reaches(Status.COMPLETED)
    assert len(story.tasks()) == 1


def test_a_killed_process_doubles_nothing(chats: Chats, room: str) -> None:
    """The process of Slack dies in the middle, and again at the end: one message, one result, and buttons work."""
    gate = chats.town.gate()
    story = chats.town.story([gate.before(write()), finish()])
    asked(chats, story, room)
    gate.wait()
    root = chats.slack_shows(room, "do:pause")
    chats.town.kill("slack")
    chats.slack.wait_for(lambda: chats.slack.connections, timeout=PATIENCE, what="the bot on Slack")
    press(chats, root, "form:steer")
    chats.slack.submit("ada", chats.slack.open_views[-1], {"text": "keep it short"})
    until(lambda: chats.town.store.runs.unheard(story.current.id), seconds=PATIENCE, what="the word")
    gate.open()
    story.reaches(Status.COMPLETED)
    chats.town.kill("slack")
    chats.slack.wait_for(lambda: chats.slack.connections, timeout=PATIENCE, what="the bot on Slack")
    link = f"/{story.repository}/pull/"
    assert chats.slack_shows(room, link) is root
    chats.slack_thread(room, link)
    assert chats.roots(room) == [root]
    assert sum(link in chats.words(reply) for reply in root.replies) == 1
    assert "keep it short" in str([one.body for one in story.asked()])


def test_a_message_that_somebody_deleted_comes_again(chats: Chats, room: str) -> None:
    """The task's message is posted anew, once, and its thread has the result."""
    gate = chats.town.gate()
    story = chats.town.story([gate.before(write()), finish()])
    asked(chats, story, room)
    gate.wait()
    root = chats.slack_shows(room, "do:pause")
    with chats.slack.world.change():
        chats.slack.world.delete(root)
    gate.open()
    link = f"/{story.repository}/pull/"
    anew = chats.slack_shows(room, link)
    assert anew is not root
    chats.slack_thread(room, link)
    assert chats.roots(room) == [anew]

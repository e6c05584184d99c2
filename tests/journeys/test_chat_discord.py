"""People work with the bot in Discord: forms, completion, buttons, threads, and things that go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.testing.local_discord.records import text_of
from jobs.testing.models.script import call
from jobs.types import Conclusion, Status
from tests.journeys.town import FIXED, PATIENCE, bash, finish, seen, write
from tests.waiting import until

if TYPE_CHECKING:
    from jobs.testing.local_discord.records import Channel, Message
    from jobs.types import Task
    from tests.journeys.chats import Chats
    from tests.journeys.town import Story


@pytest.fixture
def den(chats: Chats, request: pytest.FixtureRequest) -> str:
    """Return a channel of this test alone."""
    return chats.discord_room(request.node.name.removeprefix("test_")[:60])


def asked(chats: Chats, story: Story, den: str, command: str = "bg start") -> Task:
    """Have Ada, who is linked, ask for something in a channel, and return the task."""
    chats.link(story, chats.slack_room(den), den)
    words = {"task": f"greet by name ({story.key})", "repo": story.repository}
    assert chats.discord.command("ada", den, f"opus {command}", words).acknowledged == 5
    return until(story.task, seconds=PATIENCE, what="a task")  # type: ignore[return-value]


def press(chats: Chats, den: str, story: Story, button: str) -> Message:
    """Press a button of the task's message once it is there, and return the message."""
    name = f"opus67:{button}:{story.current.id}"
    root = chats.discord_shows(den, name)
    assert chats.discord.press("ada", root, name).acknowledged
    return root


def thread_of(chats: Chats, den: str) -> Channel:
    """Return the thread of the only task in a channel."""
    [thread] = until(lambda: chats.discord.threads(den), seconds=PATIENCE, what="a thread")
    return thread


def said(chats: Chats, den: str, words: str) -> int:
    """Count the messages in the threads of a channel that hold words."""
    return sum(
        words in chats.post(one) for thread in chats.discord.threads(den) for one in chats.discord.messages(thread)
    )


def test_a_form_becomes_a_task(chats: Chats, den: str) -> None:
    """A command without words opens a form; names are completed; what is sent begins a task with a thread."""
    story = chats.town.story()
    chats.link(story, chats.slack_room(den), den)
    story.settles()
    chats.discord.command("ada", den, "opus whoami")
    until(
        lambda: (
            story.repository
            in str(chats.discord.autocomplete("ada", den, "opus bg start", "repo", story.repository[:20]))
        ),
        seconds=PATIENCE,
        what="the repository among those that are offered",
    )
    opened = chats.discord.command("ada", den, "opus bg start", {"repo": story.repository})
    chats.discord.submit("ada", opened, {"task": f"greet by name\nand test it ({story.key})", "dollars": "0.75"})
    story.reaches(Status.COMPLETED)
    assert (story.current.title, story.current.limits.dollars) == ("greet by name", 0.75)
    chats.discord_shows(den, f"/{story.repository}/pull/")
    offered = chats.discord.autocomplete("ada", den, "opus bg review", "id", story.current.id[:3])
    assert story.current.id in [one["value"] for one in offered]
    assert len(chats.discord.threads(den)) == 1


def test_buttons_work_after_a_restart(chats: Chats, den: str) -> None:
    """The process dies between the message and its buttons; Pause, Resume, Review and Merge do what they say."""
    gate = chats.town.gate()
    story = chats.town.story([gate.before(bash("ls")), write(), finish()])
    asked(chats, story, den)
    gate.wait()
    chats.discord_shows(den, "opus67:pause")
    restarted(chats)
    root = press(chats, den, story, "pause")
    until(lambda: chats.town.store.tasks.row(story.current.id).pause, seconds=PATIENCE, what="the pause")
    gate.open()
    story.reaches(Status.WAITING)
    press(chats, den, story, "resume")
    story.reaches(Status.COMPLETED)
    press(chats, den, story, "review")
    until(
        lambda: any("Hello, {name}" in one.text for one in chats.discord.interactions), seconds=PATIENCE, what="a diff"
    )
    press(chats, den, story, "merge")
    until(lambda: story.file("greeting.py", "main") == FIXED, seconds=PATIENCE, what="the merge")
    assert [one for one in chats.posts(den) if story.key in text_of(one)] == [root]


def test_a_question_and_a_plan_are_answered_by_buttons(chats: Chats, den: str) -> None:
    """Reject and Answer open forms over the thread; Approve starts the work."""
    plan, again = (call("finish", plan=f"1. {words}") for words in ("Use the name", "Use the name with its umlaut"))
    ask = call("ask_human", question="Formal or informal?")
    story = chats.town.story([plan, again, ask, write(), finish()])
    task = asked(chats, story, den, "plan")
    chats.discord_shows(den, "Use the name")
    rejected = chats.discord.press("ada", chats.discord_thread(den, "Use the name"), f"opus67:reject:{task.id}")
    chats.discord.submit("ada", rejected, {"text": "try umlauts"})
    until(lambda: said(chats, den, "umlaut"), seconds=PATIENCE, what="the second plan")
    press(chats, den, story, "approve")
    question = chats.discord_thread(den, "Formal or informal?")
    answered = chats.discord.press("ada", question, f"opus67:answer:{task.id}")
    chats.discord.submit("ada", answered, {"text": "informal, please"})
    story.reaches(Status.COMPLETED)
    told = str([one.body for one in story.asked()])
    assert "try umlauts" in told
    assert "informal, please" in told
    assert len(story.pulls()) == 1


def test_words_in_a_tasks_thread_are_for_it(chats: Chats, den: str) -> None:
    """A mention there reaches the agent; without a mention, people talk with each other."""
    gate = chats.town.gate()
    story = chats.town.story([gate.before(bash("ls")), write(), finish()])
    asked(chats, story, den)
    gate.wait()
    thread = thread_of(chats, den)
    chats.discord.say("ada", thread, "I would not say more than that")
    chats.discord.say("ada", thread, f"{chats.discord.bot.mention} keep it short")
    until(lambda: chats.town.store.runs.unheard(story.current.id), seconds=PATIENCE, what="the word")
    gate.open()
    story.reaches(Status.COMPLETED)
    told = str([one.body for one in story.asked()])
    assert "keep it short" in told
    assert "more than that" not in told


def test_an_answer_that_comes_too_late_is_given_in_the_channel(chats: Chats, den: str) -> None:
    """Nobody waits for workers; after fifteen minutes the person is answered by name, without the interaction."""
    story = chats.town.story()
    chats.link(story, chats.slack_room(den), den)
    with chats.town.stopped("worker"):
        late = chats.discord.command("ada", den, "opus mission status")
        task = {"task": f"greet by name ({story.key})", "repo": story.repository}
        begun = chats.discord.command("ada", den, "opus bg start", task)
        assert all(one.seconds is not None and one.seconds < 3 for one in (late, begun))
        chats.discord.expire(late)
        chats.discord.expire(begun)
    ada = chats.discord.user("ada")
    answer = chats.discord_shows(den, "tasks at once")
    assert ada.id in {int(user) for user in answer.pings.users}
    story.reaches(Status.COMPLETED)
    chats.discord_shows(den, f"/{story.repository}/pull/")
    assert len(story.tasks()) == 1


def test_mentions_of_an_outage_are_heard_afterwards(chats: Chats, den: str) -> None:
    """The gateway forgets the session; what was said in the thread meanwhile reaches the agent, once."""
    gate = chats.town.gate()
    story = chats.town.story([gate.before(bash("ls")), write(), finish()])
    asked(chats, story, den)
    gate.wait()
    thread = thread_of(chats, den)
    place = chats.town.store.showing.of_task
    until(lambda: place(story.current.id)[0].address.get("thread"), seconds=PATIENCE, what="the place is known")
    chats.discord.down()
    chats.discord.cut(resumable=False)
    chats.discord.say("ada", thread, f"{chats.discord.bot.mention} keep it short")
    chats.discord.up()
    until(lambda: chats.town.store.runs.unheard(story.current.id), seconds=PATIENCE, what="the word")
    gate.open()
    story.reaches(Status.COMPLETED)
    assert str(story.asked()[-1].body).count("keep it short") <= 1
    assert sum("keep it short" in seen(text) for text in map(text_of, chats.discord.messages(thread))) == 1
    chats.discord_thread(den, f"/{story.repository}/pull/")


def test_a_killed_process_doubles_nothing(chats: Chats, den: str) -> None:
    """The process of Discord dies in the middle and at the end; words of meanwhile are heard, and all is there once."""
    gate = chats.town.gate()
    story = chats.town.story([gate.before(bash("ls")), write(), finish()])
    asked(chats, story, den)
    gate.wait()
    thread = thread_of(chats, den)
    restarted(chats)
    chats.discord.say("ada", thread, f"{chats.discord.bot.mention} keep it short")
    until(lambda: chats.town.store.runs.unheard(story.current.id), seconds=PATIENCE, what="the word")
    gate.open()
    story.reaches(Status.COMPLETED)
    restarted(chats)
    link = f"/{story.repository}/pull/"
    root = chats.discord_shows(den, link)
    chats.discord_thread(den, link)
    assert [one for one in chats.posts(den) if story.key in text_of(one)] == [root]
    assert said(chats, den, link) == 1
    assert len(story.tasks()) == 1
    assert story.current.conclusion is Conclusion.SUCCESS


def restarted(chats: Chats) -> None:
    """Kill the process of Discord, and wait until it is connected again."""
    chats.discord.wait_for(lambda: chats.discord.connected, PATIENCE, "a connection")
    chats.town.kill("discord")
    chats.discord.wait_for(lambda: chats.discord.connected, PATIENCE, "a new connection")

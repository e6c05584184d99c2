"""What people do on Discord is acknowledged at once, stored once, and means what it would mean in words."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot import sight
from jobs.answer.parts import refused, said
from jobs.testing.local_discord.records import text_of, walk
from jobs.types import Actor, Conclusion, Outcome
from tests.discord_bot.conftest import installed
from tests.discord_bot.locks import locked
from tests.discord_bot.tasks import outcome_of, task
from tests.testing import discord_conformity
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.settings import Settings
    from jobs.testing.local_discord import LocalDiscord
    from tests.discord_bot.conftest import Opus


def test_a_slash_command_is_deferred_and_stored(opus: Opus, local: LocalDiscord) -> None:
    """A command is acknowledged privately and stored in the words of the table, with who and where."""
    asked = local.command("ann", "general", "opus bg start", {"task": "fix the basket", "repo": "octo/shop"})
    assert asked.acknowledged == 5
    heard = opus.next()
    assert (heard.surface, heard.words, heard.options) == (
        "discord",
        "background: fix the basket",
        {"repo": "octo/shop"},
    )
    assert (heard.user_id, heard.user_name) == (str(local.user("ann").id), "ann")
    assert (heard.channel, heard.thread) == (str(local.channel("general").id), "")
    assert heard.address["guild"] == str(local.guild.id)
    assert not heard.mention
    assert asked.ephemeral
    opus.answer(heard, said("Task 7f3c9a was started."))
    opus.told(asked, "Task 7f3c9a was started.")
    assert local.violations == []
    assert discord_conformity.check(local) > 0


def test_every_command_of_the_table_can_be_used(opus: Opus, local: LocalDiscord) -> None:
    """Each subcommand that is registered reaches the store."""
    asked = {
        "opus bg cancel": "bg cancel 7f3c9a",
        "opus mission show": "mission 7f3c9a",
        "opus mission pause-all": "mission pause all",
        "opus whoami": "whoami",
        "opus help": "help",
    }
    for used, words in asked.items():
        local.command("ann", "general", used, {"id": "7f3c9a"} if "7f3c9a" in words else {})
        assert opus.next().words == words
    assert local.failed == []


def test_a_slow_store_keeps_nobody_waiting(opus: Opus, local: LocalDiscord) -> None:
    """While the database is locked by others, a command is acknowledged in time all the same, and stored later."""
    with locked(opus):
        asked = local.command("ann", "general", "opus bg status")
        assert asked.acknowledged == 5
        assert asked.seconds is not None
        assert asked.seconds < 3
    assert opus.next().words == "bg status"


def test_what_cannot_be_stored_is_said(opus: Opus, local: LocalDiscord) -> None:
    """A database that stays away is told to the person who asked, and to nobody else."""
    opus.store.database.engine.dispose()
    with opus.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO away")
    asked = local.command("ann", "general", "opus bg status")
    opus.told(asked, "I could not take this down")
    assert asked.ephemeral
    local.say("ann", "general", f"{local.bot.mention} status")
    local.wait_for(lambda: any("I could not take this down" in text_of(one) for one in local.messages("general")[2:]))


@pytest.mark.postgresql
def test_a_database_that_never_answers_is_told(
    opus_settings: Settings, local: LocalDiscord, postgresql_database_url: str
) -> None:
    """While the database hangs, people are told to look first before they say it again."""
    import psycopg  # noqa: PLC0415 - not every machine has it

    with installed(replace(opus_settings, database_url=postgresql_database_url), local) as opus:
        opus.start()
        with psycopg.connect(postgresql_database_url) as other:
            other.execute("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE")
            asked = local.command("ann", "general", "opus bg status")
            assert asked.acknowledged == 5
            opus.told(asked, "My database does not answer")


def test_a_task_without_words_opens_a_form(opus: Opus, local: LocalDiscord) -> None:
    """`/opus bg start` alone brings up a form with the channel's repository, and what is sent starts the task."""
    asked = local.command("ann", "general", "opus bg start", {"base": "main"})
    assert asked.acknowledged == 9
    assert asked.modal is not None
    sent = local.submit("ann", asked, {"task": "Line one\nLine two", "mode": ["conservative"], "dollars": "2.50"})
    assert sent.acknowledged == 5
    heard = opus.next()
    assert heard.words == "background: Line one\nLine two"
    assert heard.options == {"repo": "octo/shop", "base": "main", "mode": "conservative", "dollars": "2.50"}
    assert local.violations == []
    assert discord_conformity.check(local) > 0


def test_buttons_work_after_a_restart(opus: Opus, local: LocalDiscord) -> None:
    """A button of a message that another process posted says its action and task."""
    task_id = task(opus.store).id
    opus.show(task_id, str(local.channel("general").id))
    (root,) = local.wait_for(lambda: local.messages("general"), 15)
    opus.restart()
    pressed = local.press("bob", root, f"opus67:cancel:{task_id}")
    assert pressed.acknowledged == 5
    heard = opus.next()
    assert (heard.words, heard.user_name, heard.thread) == (f"bg cancel {task_id}", "bob", str(root.id))
    opus.answer(heard, refused("You may not do that."))
    opus.told(pressed, "You may not do that.")
    assert pressed.ephemeral
    assert local.violations == []


def test_a_button_asks_for_words(opus: Opus, local: LocalDiscord) -> None:
    """Answer opens a form over the message of the question, and what is sent answers the task."""
    made = task(opus.store, question="Which one?")
    opus.show(made.id, str(local.channel("general").id))
    (thread,) = local.wait_for(lambda: local.threads("general"), 15)
    (question,) = local.wait_for(lambda: [one for one in local.messages(thread) if one.embeds], 15)
    opened = local.press("ann", question, f"opus67:answer:{made.id}")
    assert opened.modal is not None
    local.submit("ann", opened, {"text": "The second"})
    heard = opus.next()
    assert heard.words == f"answer {made.id} The second"
    assert (heard.channel, heard.thread) == (str(local.channel("general").id), str(thread.id))
    assert local.violations == []


def test_an_unknown_button_is_told(opus: Opus, local: LocalDiscord) -> None:
    """A form that this version does not know is answered with a sentence, not with silence."""
    asked = local.command("ann", "general", "opus bg start")
    assert asked.modal is not None
    asked.modal["custom_id"] = "opus67:form:dance:7f3c9a"
    sent = local.submit("ann", asked, {"task": "x"})
    opus.told(sent, "I do not know this button")
    assert opus.heard() == []


def test_a_mention_is_heard_with_its_thread(opus: Opus, local: LocalDiscord) -> None:
    """Who names the bot in a channel or a task's thread is heard; who does not, is not."""
    task_id = task(opus.store).id
    opus.show(task_id, str(local.channel("general").id))
    (thread,) = local.wait_for(lambda: local.threads("general"), 15)
    local.say("ann", "general", "hello")
    local.say("ann", "general", f"{local.bot.mention} fix the basket")
    heard = opus.next()
    assert (heard.words, heard.mention, heard.thread) == ("fix the basket", True, "")
    local.say("ann", thread, f"{local.bot.mention}, keep the old name")
    heard = opus.next()
    assert (heard.words, heard.thread) == ("keep the old name", str(thread.id))
    assert heard.channel == str(local.channel("general").id)


def test_an_answer_to_the_bot_counts_in_a_thread_only(opus: Opus, local: LocalDiscord) -> None:
    """Replying to the bot's message in a task's thread is meant for it; in a channel people may talk about it."""
    made = task(opus.store, question="Which one?")
    opus.show(made.id, str(local.channel("general").id))
    (thread,) = local.wait_for(lambda: local.threads("general"), 15)
    (question,) = local.wait_for(lambda: [one for one in local.messages(thread) if one.embeds], 15)
    root = local.messages("general")[0]
    local.say("ann", "general", "nice", answering=root)
    local.say("ann", thread, "the second", answering=question)
    heard = opus.next()
    assert (heard.words, heard.thread) == ("the second", str(thread.id))
    local.say("ann", "general", f"{local.bot.mention} the first", answering=root)
    assert opus.next().thread == str(root.id)


def test_names_are_offered_to_those_who_may_see_them(opus: Opus, local: LocalDiscord) -> None:
    """Who is linked is offered what they can read; a stranger the one that the channel is bound to."""
    with opus.store.write() as connection:
        opus.store.records.save_installation(connection, 1, "octo", 1.0)
        opus.store.records.add_repositories(connection, 1, ["octo/shop", "octo/secret", "octo/site"])
        opus.store.people.identify(connection, "discord", str(local.user("ann").id), "ann", "1", "code", 1.0)
    sight.keep(opus.store, "discord", str(local.user("ann").id), "ann", ["octo/shop", "octo/site"], 1.0)
    offered = local.autocomplete("ann", "general", "opus bg start", "repo", "s")
    assert [one["value"] for one in offered] == ["octo/shop", "octo/site"]
    assert [one["value"] for one in local.autocomplete("bob", "general", "opus bg start", "repo", "")] == ["octo/shop"]
    assert discord_conformity.check(local) > 0


def test_tasks_are_offered_with_title_and_state(opus: Opus, local: LocalDiscord) -> None:
    """While an id is typed, the tasks of the channel's repository and one's own are offered, those under way first."""
    ann = Actor("discord", str(local.user("ann").id), "")
    over = task(opus.store, number=1, title="Old one")
    outcome_of(opus.store, over, Outcome(Conclusion.SUCCESS, "done"))
    open_one = task(opus.store, number=2, title="Basket total <@1>")
    mine = task(opus.store, number=3, title="Mine", repository="octo/secret", actor=ann)
    task(opus.store, number=4, title="Hidden", repository="octo/other")
    offered = local.autocomplete("ann", "general", "opus bg cancel", "id", "")
    assert [one["value"] for one in offered] == [mine.id, open_one.id, over.id]
    assert offered[1]["name"] == f"{open_one.id} \u00b7 Basket total <@1> \u00b7 working"
    assert [one["value"] for one in local.autocomplete("bob", "general", "opus bg cancel", "id", "basket")] == [
        open_one.id
    ]


def test_suggestions_come_in_time_from_a_slow_store(opus: Opus, local: LocalDiscord) -> None:
    """While the database is not to be had, nothing is offered, in time."""
    with opus.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE repositories RENAME TO away")
        opus.store.people.identify(connection, "discord", str(local.user("ann").id), "ann", "1", "code", 1.0)
    assert local.autocomplete("ann", "general", "opus bg start", "repo", "") == []


def test_a_command_that_comes_twice_is_stored_once(opus: Opus, local: LocalDiscord) -> None:
    """An interaction whose acknowledgement was lost on the way is acknowledged again, and heard once."""
    local.faults.add("POST", "/callback$", drop=True, after=True)
    asked = local.command("ann", "general", "opus bg status")
    assert asked.acknowledged == 5
    assert opus.next().words == "bg status"
    assert opus.heard() == []


def test_nothing_is_stored_of_what_could_not_be_acknowledged(opus: Opus, local: LocalDiscord) -> None:
    """A person who was told that the application did not respond says it again; it is not done behind their back."""
    local.faults.add("POST", "/callback$", times=None, status=403)
    asked = local.command("ann", "general", "opus bg status")
    until(lambda: asked.failed, what="the person was told")
    assert opus.heard() == []


def test_the_form_opens_with_a_button_for_each_moment(opus: Opus, local: LocalDiscord) -> None:
    """A task's message has the buttons of its state, each with an id of its own."""
    made = task(opus.store)
    opus.show(made.id, str(local.channel("general").id))
    (root,) = local.wait_for(lambda: local.messages("general"), 15)
    ids = [one["custom_id"] for one in walk(root.components) if "custom_id" in one]
    assert ids == [f"opus67:{name}:{made.id}" for name in ("steer", "pause", "cancel")]


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    """Have every thread of the product end with its process."""
    before = {one.name for one in threading.enumerate()}
    yield
    left = {one.name for one in threading.enumerate()} - before
    assert not {name for name in left if name.startswith("teller")}

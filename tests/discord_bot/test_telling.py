"""Tasks, moments and answers on Discord: one message edited in place, told once, whatever happens to the service."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobs.answer.parts import Answer, Quote, refused, said
from jobs.testing.local_discord.records import text_of
from jobs.types import Actor, Conclusion, Outcome, Phase, PlanItem
from tests.discord_bot.tasks import ask, outcome_of, task
from tests.testing import discord_conformity
from tests.waiting import until

if TYPE_CHECKING:
    from jobs.testing.local_discord import LocalDiscord
    from jobs.testing.local_discord.records import Channel, Message
    from jobs.types import Task
    from tests.discord_bot.conftest import Opus

DONE = Outcome(Conclusion.SUCCESS, "The total is right now.", pull_request="https://github.com/octo/shop/pull/31")
EVIL = "<@1> @everyone <@&2> [free](https://evil.example) https://discord.gg/abc"


def shown(opus: Opus, local: LocalDiscord, made: Task) -> tuple[Message, Channel]:
    """Have a task shown in the channel, and return its message and thread."""
    opus.show(made.id, str(local.channel("general").id))
    return local.wait_for(lambda: local.messages("general"), 15)[-1], local.wait_for(
        lambda: local.threads("general"), 15
    )[-1]


def says(local: LocalDiscord, where: Channel | str, words: str, number: int = 1) -> list[Message]:
    """Wait until so many messages of a channel have these words, and return them."""
    return local.wait_for(
        lambda: (
            found if len(found := [one for one in local.messages(where) if words in text_of(one)]) >= number else []
        ),
        20,
        f"{words!r} is said",
    )


def test_one_message_follows_the_task(opus: Opus, local: LocalDiscord) -> None:
    """A task has one message in the channel, which is edited as it goes on, and a thread named after it."""
    made = task(opus.store)
    root, thread = shown(opus, local, made)
    assert thread.id == root.id
    assert thread.name.startswith(f"{made.id} \u00b7 Total is wrong")
    opus.store.tasks.progress(made.id, 1, Phase.CODING, [PlanItem("Round once", "done"), PlanItem("Test it")])
    opus.ring()
    local.wait_for(lambda: "50 %" in text_of(root), 20)
    outcome_of(opus.store, made, DONE)
    opus.ring()
    local.wait_for(lambda: "Done: a draft" in text_of(root), 20)
    assert len(local.messages("general")) == 1
    assert not root.pings
    (place,) = opus.store.showing.of_task(made.id)
    assert place.external_id == str(root.id)
    assert place.url == f"https://discord.com/channels/{local.guild.id}/{root.channel.id}/{root.id}"
    assert place.address["thread"] == str(thread.id)
    assert local.violations == []
    assert discord_conformity.check(local) > 0


def test_people_hear_of_a_question_and_of_the_end(opus: Opus, local: LocalDiscord) -> None:
    """Who asked is pinged in the thread for the question and for the result, once each, and nobody else is."""
    ann = local.user("ann")
    made = task(opus.store, question="Which one?", actor=Actor("discord", str(ann.id)))
    _, thread = shown(opus, local, made)
    (question,) = says(local, thread, "Which one?")
    assert question.pings.users == {ann.id}
    assert not question.pings.everyone
    opus.store.tasks.told(made.id, 1)
    with opus.store.write() as connection:
        opus.store.tasks.resume(connection, made.id)
    assert opus.store.tasks.claim(made.id, "one", time.time()) is not None
    opus.store.tasks.complete(made.id, 2, DONE, worked=9.0, now=time.time())
    opus.ring()
    (result,) = says(local, thread, "This task is over.")
    assert result.pings.users == {ann.id}
    assert len([one for one in local.messages(thread) if one.embeds]) == 2


def test_text_of_models_and_strangers_pings_nobody(opus: Opus, local: LocalDiscord) -> None:
    """Whatever a title, a question, a plan, a summary or an answer says, only who asked is pinged."""
    ann = local.user("ann")
    made = task(opus.store, actor=Actor("discord", str(ann.id)), title=EVIL)
    root, thread = shown(opus, local, made)
    opus.store.tasks.progress(made.id, 1, Phase.CODING, [PlanItem(EVIL, "in_progress")])
    ask(opus.store, made, EVIL)
    opus.ring()
    (question,) = says(local, thread, "I have a question")
    local.command("ann", "general", "opus bg status")
    opus.answer(opus.next(), Answer((Quote(EVIL),)))
    until(lambda: local.interactions[-1].text, what="the answer")
    everything = [root, question, *local.interactions[-1].messages]
    assert [set(one.pings.users) for one in everything] == [set(), {ann.id}, set()]
    assert not any(one.pings.everyone or one.pings.roles for one in everything)
    assert all("@everyone" not in text_of(one) for one in everything)


def test_an_answer_after_fifteen_minutes_is_a_message(opus: Opus, local: LocalDiscord) -> None:
    """When an interaction takes no answer any more, the person is answered in the channel, by name."""
    asked = local.command("ann", "general", "opus bg status")
    heard = opus.next()
    local.expire(asked)
    opus.answer(heard, said("Nothing runs."))
    (late,) = says(local, "general", "Nothing runs.")
    assert late.pings.users == {local.user("ann").id}
    assert not late.ephemeral
    until(lambda: not opus.store.notices.waiting("discord"), what="it counts as said")


def test_a_private_answer_after_fifteen_minutes_goes_to_the_person(opus: Opus, local: LocalDiscord) -> None:
    """An error that comes late is for who asked alone: it is a direct message, and the channel sees nothing of it."""
    asked = local.command("ann", "general", "opus bg status")
    heard = opus.next()
    local.expire(asked)
    opus.answer(heard, refused("That is not allowed."))
    says(local, local.direct("ann"), "That is not allowed.")
    assert not any("not allowed" in text_of(one) for one in local.visible_to("bob", "general"))


def test_an_answer_to_a_mention_stands_under_it(opus: Opus, local: LocalDiscord) -> None:
    """Who named the bot is answered by a reply that pings them once; a refusal comes as a direct message."""
    spoken = local.say("ann", "general", f"{local.bot.mention} status")
    heard = opus.next()
    opus.answer(heard, said("Nothing runs."))
    (reply,) = says(local, "general", "Nothing runs.")
    assert reply.reference is spoken
    assert reply.pings.users == {local.user("ann").id}
    opus.answer(heard, refused("Not for you."))
    says(local, local.direct("ann"), "Not for you.")
    assert discord_conformity.check(local) > 0


def test_who_takes_no_direct_messages_is_told_so(opus: Opus, local: LocalDiscord) -> None:
    """Where a private answer cannot be given, a sentence says so in the channel, without what was private."""
    local.faults.add("POST", "/users/@me/channels$", times=None, status=403)
    local.say("ann", "general", f"{local.bot.mention} status")
    opus.answer(opus.next(), refused("Secret reason."))
    says(local, "general", "I could not answer you in private")
    assert not any("Secret reason" in text_of(one) for one in local.messages("general"))


def test_an_outage_is_waited_out(opus: Opus, local: LocalDiscord) -> None:
    """While Discord is away nothing is lost, and after it everything is there once."""
    made = task(opus.store)
    root, _ = shown(opus, local, made)
    local.down()
    outcome_of(opus.store, made, DONE)
    opus.ring()
    until(lambda: opus.store.showing.of_task(made.id)[0].shown, what="an attempt")
    local.up()
    local.wait_for(lambda: "Done: a draft" in text_of(root), 40)
    assert len(local.messages("general")) == 1


def test_an_answer_that_was_lost_on_the_way_is_not_given_twice(opus: Opus, local: LocalDiscord) -> None:
    """A message that was posted while its answer was lost is found again, and not posted a second time."""
    local.faults.add("POST", "/messages$", drop=True, after=True, times=2)
    made = task(opus.store, question="Which one?")
    opus.show(made.id, str(local.channel("general").id))
    (thread,) = local.wait_for(lambda: local.threads("general"), 30)
    says(local, thread, "Which one?")
    until(lambda: opus.store.showing.of_task(made.id)[0].moment.startswith("question"), seconds=30, what="it was told")
    assert len(local.messages("general")) == 1
    assert len([one for one in local.messages(thread) if one.embeds]) == 1


def test_rate_limits_are_kept(opus: Opus, local: LocalDiscord) -> None:
    """A refusal for haste is waited out as long as Discord says, and the message comes after it."""
    limit = local.limit("POST", "/messages$", 1.0)
    made = task(opus.store)
    root, _ = shown(opus, local, made)
    assert (limit.hits, limit.early) == (1, 0)
    assert "Working on it" in text_of(root)


def test_a_deleted_message_is_posted_anew_once(opus: Opus, local: LocalDiscord) -> None:
    """A task's message that somebody deleted comes back with a new thread; deleted again, it stays away."""
    made = task(opus.store)
    root, _ = shown(opus, local, made)
    until(lambda: opus.store.showing.of_task(made.id)[0].external_id, what="the place is known")
    local.delete(root)
    opus.store.tasks.progress(made.id, 1, Phase.CODING, [PlanItem("One", "done")])
    opus.ring()
    (again,) = says(local, "general", "100 %")
    local.wait_for(lambda: again.thread, 15)
    until(lambda: opus.store.showing.of_task(made.id)[0].external_id == str(again.id), what="the new place is known")
    local.delete(again)
    opus.store.tasks.progress(made.id, 1, Phase.TESTING)
    opus.ring()
    until(lambda: not opus.store.showing.due("discord", 4e9), seconds=20, what="it is given up")
    assert local.messages("general") == []


def test_a_closed_thread_is_opened_again(opus: Opus, local: LocalDiscord) -> None:
    """A moment is told in a thread that Discord had folded away."""
    made = task(opus.store)
    _, thread = shown(opus, local, made)
    until(lambda: opus.store.showing.of_task(made.id)[0].external_id, what="the place is known")
    local.archive(thread)
    ask(opus.store, made, "Which one?")
    opus.ring()
    says(local, thread, "Which one?")


def test_without_threads_moments_are_replies(opus: Opus, local: LocalDiscord) -> None:
    """Where the bot may start no thread, what happens is told by replies to the task's message."""
    local.deny(local.channel("general"), None, "create_public_threads")
    role = next(one for one in local.guild.roles.values() if one.managed_by)
    local.deny(local.channel("general"), role, "create_public_threads")
    made = task(opus.store, question="Which one?")
    opus.show(made.id, str(local.channel("general").id))
    (reply,) = says(local, "general", "I have a question")
    assert reply.reference is local.messages("general")[0]


def test_a_lost_channel_is_given_up(opus: Opus, local: LocalDiscord) -> None:
    """A channel that was deleted, or that the bot may not write in, is not tried for ever."""
    closed, deleted = local.create_channel("closed"), local.create_channel("deleted")
    role = next(one for one in local.guild.roles.values() if one.managed_by)
    local.deny(closed, role, "send_messages")
    local.deny(closed, None, "send_messages")
    local.delete_channel(deleted)
    made = task(opus.store)
    opus.show(made.id, str(closed.id))
    opus.show(made.id, str(deleted.id))
    until(lambda: not opus.store.showing.due("discord", 4e9), seconds=20, what="both are given up")
    root, _ = shown(opus, local, made)
    assert "Working on it" in text_of(root)


def test_secrets_are_never_posted(opus: Opus, local: LocalDiscord) -> None:
    """A value that must appear nowhere is redacted from what models wrote."""
    made = task(opus.store, question=f"Is {local.token} the token?", title=f"Use {local.token}")
    root, thread = shown(opus, local, made)
    (question,) = says(local, thread, "I have a question")
    for message in (root, question):
        assert local.token not in text_of(message)
        assert "[redacted]" in text_of(message).replace("\\", "")
    assert local.token not in thread.name

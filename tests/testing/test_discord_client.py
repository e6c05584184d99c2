"""The local Discord with the real client library on the other side: commands, buttons, forms, threads, outages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import discord
import pytest

from jobs.testing.local_discord import LocalDiscord
from jobs.testing.local_discord.records import text_of, walk
from tests.testing import discord_conformity
from tests.testing.discord_client import Bot, Running, pointed_at, running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def local() -> Iterator[LocalDiscord]:
    """Yield a local Discord with one guild and one channel."""
    with LocalDiscord() as made:
        yield made


@pytest.fixture
def bot(local: LocalDiscord) -> Iterator[Running]:
    """Yield a bot that runs there."""
    with running(local) as made:
        yield made


def channel_of(bot: Running, local: LocalDiscord, name: str = "general") -> Any:
    return bot.bot.get_channel(local.channel(name).id)


def test_a_command_becomes_a_thread(local: LocalDiscord, bot: Running) -> None:
    """A deferred command ends in a message with a button, a thread with its people, an edit, and a private answer."""
    asked = local.command("ann", "general", "opus do", {"task": "Fix it", "repository": "octo/shop"})
    assert asked.acknowledged == 5
    assert asked.deferred
    assert asked.seconds is not None
    assert asked.seconds < 3
    local.wait_for(lambda: asked.text == "Started Fix it")
    assert asked.ephemeral
    assert asked.followups == []
    (root,) = local.visible_to("bob", "general")
    assert text_of(root) == "Fix it\nqueued\nMode\nbalanced\nat work\nCancel"
    assert [version.embeds[0].get("footer") for version in root.edits] == [None]
    assert asked.response in local.visible_to("ann", "general")
    (thread,) = local.threads("general")
    assert (thread.name, thread.id) == ("Fix it", root.id)
    assert thread.thread is not None
    assert set(thread.thread.members) == {local.bot.id, local.user("ann").id}
    assert [message.content for message in local.messages(thread)][-1] == "Working on octo/shop"
    until(lambda: bot.bot.joined == ["Fix it"])
    assert local.violations == []


def test_all_that_is_said_is_as_described(local: LocalDiscord, bot: Running) -> None:
    """What the client library asks and what is answered are as Discord's own description says."""
    asked = local.command("ann", "general", "opus do", {"task": "Fix it"})
    local.wait_for(lambda: asked.text)
    local.autocomplete("ann", "general", "opus do", "repository", "sh")
    form = local.command("ann", "general", "opus form")
    local.submit("ann", form, {input_ids(form)[0]: "A long one"})
    status = local.command("ann", "general", "opus bg status")
    local.wait_for(lambda: status.followups)
    (root,) = [message for message in local.visible_to("bob", "general") if message.thread]
    local.press("bob", root, root.button("Cancel")["custom_id"])
    bot.do(use_everything(bot, local))
    assert local.violations == []
    assert discord_conformity.check(local) > 30


async def use_everything(bot: Running, local: LocalDiscord) -> None:
    """Call what else of the API the product may use."""
    channel, client = channel_of(bot, local), bot.bot
    ann = await client.fetch_user(local.user("ann").id)
    await client.application_info()
    guild = await client.fetch_guild(local.guild.id)
    await guild.fetch_channels()
    await guild.fetch_member(ann.id)
    await guild.active_threads()
    await client.tree.fetch_commands()
    await client.tree.sync(guild=guild)
    said = await channel.send("one", allowed_mentions=discord.AllowedMentions(users=[ann]))
    await said.reply("two", file=discord.File(io.BytesIO(b"\xff\x00\r\n1"), "a.bin", description="bytes"))
    await said.add_reaction("👀")
    assert [one.content async for one in channel.history(limit=2)] == ["two", "one"]
    assert [one.content async for one in channel.history(after=said)] == ["two"]
    await channel.fetch_message(said.id)
    async with channel.typing():
        await ann.send("hello")
    thread = await channel.create_thread(name="loose", type=discord.ChannelType.public_thread)
    await thread.edit(name="tight", archived=True)
    await (await client.fetch_channel(thread.id)).send("back again")
    await said.delete()


def input_ids(form: Any) -> list[str]:
    return [one["custom_id"] for one in walk(form.modal["components"]) if "custom_id" in one]


def test_completion_offers_choices(local: LocalDiscord, bot: Running) -> None:
    """What is typed into an option is completed by the bot."""
    offered = local.autocomplete("ann", "general", "opus do", "repository", "sh", {"task": "x"})
    assert [choice["value"] for choice in offered] == ["octo/shop", "octo/shelf"]
    with pytest.raises(ValueError, match="has no completions"):
        local.autocomplete("ann", "general", "opus do", "task", "x")
    assert bot.bot.is_ready()


def test_a_button_survives_a_restart(local: LocalDiscord) -> None:
    """A button that an earlier process made is understood by the next one."""
    with running(local):
        asked = local.command("ann", "general", "opus do", {"task": "Fix it"})
        local.wait_for(lambda: asked.text)
    (root,) = local.visible_to("bob", "general")
    with running(local):
        pressed = local.press("bob", root, root.button("Cancel")["custom_id"])
    assert pressed.acknowledged == 7
    assert root.content == "7f3c was cancelled"
    assert root.components == []
    with pytest.raises(LookupError):
        root.button("Cancel")


def test_a_form_is_filled_in(local: LocalDiscord, bot: Running) -> None:
    """A modal comes up, holds people to its rules, and is answered privately."""
    opened = local.command("ann", "general", "opus form")
    assert opened.acknowledged == 9
    task, place = input_ids(opened)
    with pytest.raises(ValueError, match="must be filled in"):
        local.submit("ann", opened, {})
    with pytest.raises(ValueError, match="takes 3 to 4000 characters"):
        local.submit("ann", opened, {task: "x"})
    with pytest.raises(LookupError, match="has no field"):
        local.submit("ann", opened, {"other": "x"})
    with pytest.raises(PermissionError):
        local.submit("bob", opened, {task: "A long one"})
    sent = local.submit("ann", opened, {"Task": "A long one", place: "octo/shop"})
    assert (sent.text, sent.ephemeral) == ("A long one in octo/shop", True)
    assert local.visible_to("bob", "general") == []
    assert bot.bot.is_ready()


def test_silence_is_told(bot: Running) -> None:
    """A command that is not acknowledged in time fails for the person, and the late answer is refused."""
    assert bot.bot.is_ready()
    with LocalDiscord(scale=0.05) as quick, running(quick) as late:
        asked = quick.command("ann", "general", "opus slow")
        assert asked.failed == "The application did not respond"
        assert quick.failed == [asked]
        late.bot.loop.call_soon_threadsafe(late.bot.release.set)
        until(lambda: late.bot.joined == ["refused 10062"])
        assert [(one.status, one.code) for one in quick.violations] == [(404, 10062)]
        assert asked.text == ""


def test_after_fifteen_minutes_the_token_is_void(local: LocalDiscord, bot: Running) -> None:
    """An interaction's token opens nothing after its time; the channel still does."""
    asked = local.command("ann", "general", "opus bg status")
    local.wait_for(lambda: asked.followups)
    local.expire(asked)
    hook = discord.Webhook.partial(local.bot.id, asked.token, client=bot.bot)
    with pytest.raises(discord.HTTPException) as refused:
        bot.do(hook.send("too late", wait=True))
    assert (refused.value.status, refused.value.code) == (401, 50027)
    bot.do(channel_of(bot, local).send("by bot token"))
    assert local.messages("general")[-1].content == "by bot token"


def test_a_cut_line_is_resumed(local: LocalDiscord, bot: Running) -> None:
    """What happened while the line was cut is heard when the session is taken up again."""
    local.cut()
    local.say("ann", "general", f"are you there, {local.bot.mention}?")
    until(lambda: [one.content for one in bot.bot.heard if one.author.name == "ann"])
    assert (local.identified, local.resumed) == (1, 1)
    asked = local.command("ann", "general", "opus bg status")
    assert asked.acknowledged == 4


def test_a_lost_session_loses_what_it_missed(local: LocalDiscord, bot: Running) -> None:
    """Without a session to resume, the bot begins anew and never hears what was said meanwhile."""
    local.cut(resumable=False)
    local.say("ann", "general", f"lost, {local.bot.mention}")
    until(lambda: local.identified == 2 and local.connected)
    local.say("ann", "general", f"heard, {local.bot.mention}")
    until(lambda: any("heard" in one.content for one in bot.bot.heard))
    assert not any("lost" in one.content for one in bot.bot.heard)


def test_discord_moves_its_clients(local: LocalDiscord, bot: Running) -> None:
    """A client that is asked to connect again resumes, and one whose session was ended begins anew."""
    local.ask_to_reconnect()
    until(lambda: local.resumed == 1 and local.connected)
    local.invalidate()
    until(lambda: local.identified == 2 and local.connected)
    assert local.command("ann", "general", "opus bg status").acknowledged == 4
    assert bot.error is None


def test_discord_goes_away_and_comes_back(local: LocalDiscord, bot: Running) -> None:
    """While Discord is down nothing answers; afterwards the bot hears what it missed."""
    local.down()
    local.say("ann", "general", f"anyone, {local.bot.mention}?")
    with pytest.raises(OSError, match="Connect call failed"):
        bot.do(channel_of(bot, local).send("into the void"))
    local.up()
    until(lambda: any("anyone" in one.content for one in bot.bot.heard), seconds=20)
    assert local.resumed >= 1


def test_words_are_kept_from_those_who_may_not_read_them(local: LocalDiscord, bot: Running) -> None:
    """Without the privileged intent only messages that mention the bot, or come from it, have contents."""
    local.say("ann", "general", "a secret")
    local.say("ann", "general", f"hello {local.bot.mention}")
    said = bot.do(channel_of(bot, local).send("yes?"))
    (message,) = [one for one in local.messages("general") if one.id == said.id]
    local.say("ann", "general", "an answer", answering=message)
    until(lambda: len(bot.bot.heard) == 4)
    assert [one.content for one in bot.bot.heard] == ["", f"hello {local.bot.mention}", "yes?", "an answer"]


def test_what_is_hidden_from_the_bot_is_not_heard(local: LocalDiscord, bot: Running) -> None:
    """The bot knows that there is a channel which it cannot see, and nothing of what is said there."""
    hidden = local.create_channel("hidden")
    local.deny(hidden, local.bot, "view_channel")
    local.say("ann", hidden, f"psst, {local.bot.mention}")
    local.say("ann", "general", "done")
    until(lambda: bot.bot.heard)
    assert [one.channel.id for one in bot.bot.heard] == [local.channel("general").id]
    assert channel_of(bot, local, "hidden").name == "hidden"
    with pytest.raises(discord.Forbidden, match="50001"):
        bot.do(channel_of(bot, local, "hidden").send("x"))
    local.delete_channel(hidden)
    until(lambda: bot.bot.get_channel(hidden.id) is None)


def test_a_wrong_token_is_refused(local: LocalDiscord) -> None:
    """A bot with a wrong token does not get in."""
    with pointed_at(local):
        wrong = Running(Bot(), "wrong")
        wrong.start()
        wrong.stop()
    assert isinstance(wrong.error, discord.LoginFailure)
    assert [(one.status, one.path) for one in local.violations] == [(401, "/api/v10/users/@me")]


def test_privileged_intents_must_be_granted(local: LocalDiscord) -> None:
    """A bot that asks for the contents of messages is turned away unless its application may have them."""
    intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
    with pointed_at(local):
        greedy = Running(Bot(intents=intents), local.token)
        greedy.start()
        greedy.stop()
    assert isinstance(greedy.error, discord.PrivilegedIntentsRequired)
    with LocalDiscord(privileged=1 << 15) as open_hearted, running(open_hearted, intents=intents) as bot:
        open_hearted.say("ann", "general", "no secret")
        until(lambda: [one.content for one in bot.bot.heard] == ["no secret"])


def test_limits_are_waited_for(local: LocalDiscord, bot: Running) -> None:
    """A request over the limit is refused with the time to wait, which the client library keeps."""
    limit = local.limit("POST", "/messages$", 0.1)
    bot.do(channel_of(bot, local).send("patience"))
    assert (limit.hits, limit.early) == (1, 0)
    everywhere = local.limit("POST", "/messages$", 0.1, everywhere=True)
    bot.do(channel_of(bot, local).send("more patience"))
    assert (everywhere.hits, everywhere.early) == (1, 0)
    refused = [one for one in local.requests if one.status == 429]
    assert [one.answer_headers.get("X-RateLimit-Scope") for one in refused] == ["user", "global"]
    assert [one.content for one in local.messages("general")] == ["patience", "more patience"]


def test_a_lost_answer_is_not_a_second_message(local: LocalDiscord, bot: Running) -> None:
    """A message whose answer was lost is sent again with its nonce, and is there once."""
    fault = local.faults.add("POST", "/messages$", status=502, after=True)
    bot.do(channel_of(bot, local).send("once", nonce="task-7f3c"))
    assert fault.hits == 1
    assert [one.content for one in local.messages("general")] == ["once"]


def test_nobody_is_pinged_without_leave(local: LocalDiscord, bot: Running) -> None:
    """A message tells whom it pings: nobody by this bot's default, and whom it names where it may."""
    ann, channel = local.user("ann"), channel_of(bot, local)
    text = f"{ann.mention} @everyone <@&12>"
    bot.do(channel.send(text))
    bot.do(channel.send(text, allowed_mentions=discord.AllowedMentions(users=True, everyone=False, roles=False)))
    bot.do(channel.send(text, allowed_mentions=discord.AllowedMentions.all()))
    quiet, users, everybody = local.messages("general")
    assert not quiet.pings
    assert users.pings.users == {ann.id}
    assert (users.pings.roles, users.pings.everyone) == (frozenset(), False)
    assert (everybody.pings.roles, everybody.pings.everyone) == ({12}, True)


def test_files_come_through(local: LocalDiscord, bot: Running) -> None:
    """A file's bytes arrive as they were sent, and can be fetched from where the message says."""
    data = bytes(range(256)) * 3 + b"\r\n--\n"
    sent = bot.do(channel_of(bot, local).send("a patch", file=discord.File(io.BytesIO(data), "a.patch")))
    (message,) = local.messages("general")
    assert [(one.filename, one.data) for one in message.attachments] == [("a.patch", data)]
    assert bot.do(sent.attachments[0].read()) == data


def test_a_conversation_with_one_person(local: LocalDiscord) -> None:
    """The bot writes to a person and hears what they answer, with its words; nobody else sees it."""
    with running(local, intents=discord.Intents(guilds=True, dm_messages=True)) as bot:
        person = bot.do(bot.bot.fetch_user(local.user("ann").id))
        bot.do(person.send("your task is done"))
        place = local.direct("ann")
        assert [one.content for one in local.visible_to("ann", place)] == ["your task is done"]
        assert local.visible_to("bob", place) == []
        local.say("ann", place, "thanks")
        until(lambda: "thanks" in [one.content for one in bot.bot.heard])


def test_the_bot_comes_into_another_guild(local: LocalDiscord, bot: Running) -> None:
    """A guild that the bot is let into is announced; one that it is put out of is gone."""
    other = local.create_guild("Other", owner="zoe", channels=("lobby",))
    assert bot.bot.get_guild(other.id) is None
    local.invite(other)
    until(lambda: bot.bot.get_guild(other.id))
    asked = local.command("zoe", "lobby", "opus bg status")
    assert asked.acknowledged == 4
    local.throw_out(other)
    until(lambda: bot.bot.get_guild(other.id) is None)

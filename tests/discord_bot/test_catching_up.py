"""Connections that go and come back: nothing that was meant for the bot is lost, and nothing is done twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.discord_bot.catching_up import CURSOR
from tests.discord_bot.tasks import task
from tests.testing import discord_conformity
from tests.waiting import until

if TYPE_CHECKING:
    from jobs.testing.local_discord import LocalDiscord
    from tests.discord_bot.conftest import Opus


def seen(opus: Opus, message_id: int) -> None:
    """Wait until the cursor has come so far."""
    until(lambda: int(opus.store.records.value(CURSOR) or 0) >= message_id, seconds=15, what="the cursor is kept")


def test_a_cut_connection_is_taken_up_again(opus: Opus, local: LocalDiscord) -> None:
    """After a cut the session goes on, and what was said meanwhile is heard once."""
    local.cut()
    local.say("ann", "general", f"{local.bot.mention} status")
    local.wait_for(lambda: local.resumed and local.connected, 20)
    assert opus.next().words == "status"
    local.command("ann", "general", "opus whoami")
    assert opus.next().words == "whoami"


def test_a_new_session_reads_what_was_missed(opus: Opus, local: LocalDiscord) -> None:
    """When the session is lost, mentions of the meantime are read from bound channels and threads of open tasks."""
    task_id = task(opus.store).id
    opus.show(task_id, str(local.channel("general").id))
    (thread,) = local.wait_for(lambda: local.threads("general"), 15)
    until(lambda: opus.store.showing.of_task(task_id)[0].address.get("thread"), what="the place is known")
    before = local.say("ann", "general", f"{local.bot.mention} before")
    assert opus.next().words == "before"
    seen(opus, before.id)
    local.create_channel("elsewhere")
    local.down()
    local.cut(resumable=False)
    local.say("ann", "general", f"{local.bot.mention} in the channel")
    local.say("ann", "general", "not for the bot")
    local.say("bob", thread, f"{local.bot.mention} in the thread")
    local.say("bob", "elsewhere", f"{local.bot.mention} in a channel that is bound to nothing")
    local.up()
    local.wait_for(lambda: local.connected, 30)
    found: dict[str, str] = {}
    until(
        lambda: len(found | {one.words: one.thread for one in collect(opus, found)}) == 2,
        seconds=20,
        what="both are heard",
    )
    assert found == {"in the channel": "", "in the thread": str(thread.id)}
    assert discord_conformity.check(local) > 0


def test_a_restart_reads_what_was_missed(opus: Opus, local: LocalDiscord) -> None:
    """A process that comes back hears what was said while there was none, and nothing a second time."""
    before = local.say("ann", "general", f"{local.bot.mention} before")
    assert opus.next().words == "before"
    seen(opus, before.id)
    opus.stop()
    local.say("ann", "general", f"{local.bot.mention} meanwhile")
    opus.start()
    assert opus.next().words == "meanwhile"
    after = local.say("ann", "general", f"{local.bot.mention} after")
    assert opus.next().words == "after"
    seen(opus, after.id)
    assert opus.heard() == []


def test_catching_up_is_tried_again(opus: Opus, local: LocalDiscord) -> None:
    """A history that cannot be read at once is read later; a channel that may not be read keeps nobody waiting."""
    before = local.say("ann", "general", f"{local.bot.mention} before")
    assert opus.next().words == "before"
    seen(opus, before.id)
    opus.stop()
    local.say("ann", "general", f"{local.bot.mention} meanwhile")
    local.faults.add("GET", "/messages$", drop=True)
    opus.start()
    heard = until(opus.heard, seconds=30, what="it is heard in the end")
    assert [one.words for one in heard] == ["meanwhile"]


def test_a_first_start_listens_from_now_on(stopped: Opus, local: LocalDiscord) -> None:
    """What was said before the bot was ever there is not acted on."""
    local.say("ann", "general", f"{local.bot.mention} long ago")
    stopped.start()
    local.say("ann", "general", f"{local.bot.mention} now")
    assert stopped.next().words == "now"
    assert stopped.heard() == []


def test_discord_may_move_the_connection(opus: Opus, local: LocalDiscord) -> None:
    """Asked to connect again, or told that the session is over, the client does so and hears on."""
    local.ask_to_reconnect()
    local.wait_for(lambda: local.resumed, 20)
    local.wait_for(lambda: local.connected, 20)
    local.invalidate()
    local.wait_for(lambda: local.identified == 2 and local.connected, 30)
    local.say("ann", "general", f"{local.bot.mention} hello")
    assert opus.next().words == "hello"


def collect(opus: Opus, found: dict[str, str]) -> list[object]:
    """Add what was heard meanwhile."""
    heard = opus.heard()
    found.update({one.words: one.thread for one in heard})
    return []

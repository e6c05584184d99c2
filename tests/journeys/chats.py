"""A town with a Slack workspace and a Discord server, and what people see in both."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs.testing.local_discord import LocalDiscord
from jobs.testing.local_discord.records import text_of
from jobs.testing.slack import LocalSlack
from tests.journeys.town import PATIENCE, seen
from tests.journeys.towns import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.local_discord.records import Message as Post
    from jobs.testing.slack.records import Message
    from tests.journeys.town import Story, Town

EXPIRED = 50027
"""What Discord says when fifteen minutes are over, which nobody knows before."""
CODE = re.compile(r"/opus link ([0-9A-Z]{4}-[0-9A-Z]{4})")


@dataclass
class Chats:
    """The product with both chats; ``ada`` is linked in both once ``link`` was called."""

    town: Town
    slack: LocalSlack
    discord: LocalDiscord
    linked: set[str] = field(default_factory=set)

    # -- Slack --------------------------------------------------------------------------------------------------

    def slack_room(self, name: str) -> str:
        """Make a channel of Slack with the bot in it, and return its id."""
        channel = self.slack.add_channel(name)
        self.slack.invite_bot(channel)
        return channel.id

    def roots(self, room: str) -> list[Message]:
        """Return the bot's messages in a channel of Slack, those in threads left out."""
        return [one for one in self.slack.channel(room).messages if one.user.is_bot and not one.deleted]

    def whispered(self, room: str, words: str) -> str:
        """Wait until the bot whispered words to somebody in Slack, and return what it said."""

        def there() -> str:
            said = [self.words(one) for one in self.slack.channel(room).whispers]
            said += [json.dumps([one.text, one.blocks], ensure_ascii=False) for one in self.slack.responses]
            return next((text for text in reversed(said) if words in seen(text)), "")

        return until(there, seconds=PATIENCE, what=f"{words!r} whispered in Slack")

    @staticmethod
    def words(message: Message) -> str:
        """Return all that a message of Slack shows now."""
        return seen(json.dumps([message.current.text, message.current.blocks], ensure_ascii=False))

    def slack_shows(self, room: str, words: str) -> Message:
        """Wait until the task's message in a channel of Slack shows words."""

        def there() -> Message | None:
            return next((one for one in self.roots(room) if words in self.words(one)), None)

        return until(there, seconds=PATIENCE, what=f"{words!r} in Slack")  # type: ignore[return-value]

    def slack_thread(self, room: str, words: str) -> Message:
        """Wait until the bot said words in a thread of a channel of Slack."""

        def there() -> Message | None:
            replies = [reply for root in self.roots(room) for reply in root.replies]
            return next((one for one in replies if words in self.words(one)), None)

        return until(there, seconds=PATIENCE, what=f"{words!r} in a thread of Slack")  # type: ignore[return-value]

    # -- Discord ------------------------------------------------------------------------------------------------

    def discord_room(self, name: str) -> str:
        """Make a channel of Discord, and return its name."""
        self.discord.create_channel(name)
        return name

    def posts(self, room: str) -> list[Post]:
        """Return the bot's messages in a channel of Discord that everybody sees."""
        return [one for one in self.discord.messages(room) if one.author.bot and not one.ephemeral]

    @staticmethod
    def post(message: Post) -> str:
        """Return all that a message of Discord shows now, the addresses of its buttons too."""
        return seen(f"{text_of(message)} {json.dumps(message.components, default=str)}")

    def discord_shows(self, room: str, words: str) -> Post:
        """Wait until a message of the bot in a channel of Discord shows words."""

        def there() -> Post | None:
            return next((one for one in self.posts(room) if words in self.post(one)), None)

        return until(there, seconds=PATIENCE, what=f"{words!r} in Discord")  # type: ignore[return-value]

    def discord_thread(self, room: str, words: str) -> Post:
        """Wait until the bot said words in a thread of a channel of Discord."""

        def there() -> Post | None:
            said = [one for thread in self.discord.threads(room) for one in self.discord.messages(thread)]
            return next((one for one in said if words in self.post(one)), None)

        return until(there, seconds=PATIENCE, what=f"{words!r} in a thread of Discord")  # type: ignore[return-value]

    # -- who is who ---------------------------------------------------------------------------------------------

    def link(self, story: Story, room: str, discord_room: str, login: str = "ada") -> None:
        """Link a person's accounts in both chats by codes posted on GitHub, unless an earlier test did."""
        if self.town.store.people.accounts(login):
            return
        self.slack.command(login, room, "link")
        code = CODE.search(self.whispered(room, "/opus link "))
        assert code is not None
        story.say(f"/opus link {code[1]}", by=login)
        self.whispered(room, f"You are @{login}")
        asked = self.discord.command(login, discord_room, "opus link")
        until(lambda: CODE.search(seen(asked.text)), seconds=PATIENCE, what=f"a code in Discord: {asked}")
        code = CODE.search(seen(asked.text))
        assert code is not None
        story.say(f"/opus link {code[1]}", by=login)
        store = self.town.store
        until(lambda: len(store.people.accounts(login)) == 2, seconds=PATIENCE, what="both accounts linked")


@contextmanager
def chatting(*, socket_mode: bool = False, **changes: str) -> Iterator[Chats]:
    """Run a town with both chats, and check at the end that they were spoken to by their rules."""
    with ExitStack() as stack:
        slack = stack.enter_context(LocalSlack(socket_mode=socket_mode, retry_pace=0.02))
        discord = stack.enter_context(LocalDiscord())
        settings = {**slack.environment(), **discord.environment(), **changes}
        town = stack.enter_context(running(**settings))
        if socket_mode:
            slack.wait_for(lambda: slack.connections, timeout=PATIENCE, what="the bot on Slack")
        else:
            slack.events_url = f"http://127.0.0.1:{town.product.port}/slack/events"
        discord.wait_for(lambda: discord.connected, timeout=PATIENCE, what="the bot on Discord")
        discord.wait_for(discord.commands, timeout=PATIENCE, what="the command on Discord")
        yield Chats(town, slack, discord)
        broken = [str(one) for one in slack.violations]
        broken += [str(one) for one in discord.violations if one.code != EXPIRED]
        assert not broken, "\n".join(broken)

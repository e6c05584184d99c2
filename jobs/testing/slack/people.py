"""What people write in the local Slack: commands, mentions, messages; each goes to the app as Slack would send it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jobs.testing.slack import payloads
from jobs.testing.slack.errors import Refused
from jobs.testing.slack.records import Channel, ErrorSeen, Violation
from jobs.testing.slack.responses import respond
from jobs.testing.slack.world import VERIFICATION, version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.slack.records import JSON, Delivery, Message, User
    from jobs.testing.slack.sender import Sender
    from jobs.testing.slack.world import ResponseUrl, World

HEARD = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}


class People:
    """The doors through which people write; a user is given as such, by id, or by name, and made where new."""

    world: World
    sender: Sender

    def add_user(self, name: str, email: str = "", *, real_name: str = "") -> User:
        """Make a person."""
        with self.world.change():
            return self.world.add_user(name, email or f"{name}@example.com", real_name=real_name)

    def user(self, who: User | str) -> User:
        """Return a person by id or name, made where nobody is called so yet."""
        with self.world.change():
            return self.world.user(who)

    def add_channel(
        self, name: str, members: Sequence[User | str] = (), *, private: bool = False, with_bot: bool = True
    ) -> Channel:
        """Make a channel, with the bot in it unless it is said otherwise."""
        with self.world.change():
            people = [self.world.user(one) for one in members] + ([self.world.bot] if with_bot else [])
            return self.world.add_channel(name, "group" if private else "channel", people)

    def channel(self, which: Channel | str) -> Channel:
        """Return a channel by id or name; raises ``LookupError`` where there is none."""
        with self.world.lock:
            return self.world.channel(which)

    def direct(self, user: User | str) -> Channel:
        """Return the conversation of a person with the bot."""
        with self.world.change():
            return self.world.direct(self.world.user(user))

    def invite_bot(self, channel: Channel | str) -> None:
        """Take the bot into a channel."""
        with self.world.change():
            self.world.channel(channel).members.append(self.world.bot.id)

    def remove_bot(self, channel: Channel | str) -> None:
        """Throw the bot out of a channel."""
        with self.world.change():
            self.world.channel(channel).members.remove(self.world.bot.id)

    def archive(self, channel: Channel | str) -> None:
        """Archive a channel: nobody writes there any more."""
        with self.world.change():
            self.world.channel(channel).archived = True

    def sees(self, user: User | str, channel: Channel | str) -> list[Message]:
        """Return what a person sees in a channel, oldest first: messages, threads, and what only they may see."""
        with self.world.lock:
            who, where = self.world.user(user), self.world.channel(channel)
            whispers = [one for one in where.whispers if one.visible_to == who.id and not one.deleted]
            return sorted((*where.everything, *whispers), key=lambda one: one.ts)

    def command(self, user: User | str, channel: Channel | str, text: str, command: str = "/opus") -> Delivery:
        """Type a slash command; raises ``LookupError`` for one that the app did not register."""
        commands = self.world.registration.commands
        if command not in commands:
            raise LookupError(f"{command} is not a valid command")
        with self.world.change():
            who, where = self._enter(user, channel)
            entry = self.world.new_response_url("commands", who, where)
            trigger_id = self.world.new_trigger(who)
        typed = payloads.escaped(text) if commands[command] else text
        payload = payloads.command(who, where, command, typed, trigger_id, entry)
        delivery = self.sender.once("slash_commands", payload, trigger_id)
        if delivery.acknowledged:
            self._answer(entry, delivery)
        else:
            self._see_error(who, f"{command} {text}".strip(), delivery)
        return delivery

    def say(self, user: User | str, channel: Channel | str, text: str, thread_ts: str | None = None) -> Message:
        """Write a message, and do not wait for the app, which may not hear it at all."""
        with self.world.change():
            who, where = self._enter(user, channel)
            root = where.find(thread_ts) if thread_ts else None
            if thread_ts and root is None:
                raise LookupError(f"there is no message {thread_ts} in {where.name}")
            if root is not None and root.thread_ts:
                root = where.find(root.thread_ts)
            typed = payloads.escaped(text)
            return self.world.post(where, who, version(typed, payloads.rich_text(text)), thread=root)

    def message(self, user: User | str, channel: Channel | str, text: str, thread_ts: str | None = None) -> Delivery:
        """Write a message and return the event; raises ``LookupError`` where the app does not hear it."""
        return self._delivery_of(self.say(user, channel, text, thread_ts), "message")

    def mention(self, user: User | str, channel: Channel | str, text: str, thread_ts: str | None = None) -> Delivery:
        """Write a message that names the bot first, and return the event; an app may hear two of one message."""
        message = self.say(user, channel, f"<@{self.world.bot.id}> {text}", thread_ts)
        return self._delivery_of(message, "app_mention")

    def open_home(self, user: User | str) -> Delivery:
        """Look at the app's home tab; raises ``LookupError`` where the app does not hear of it."""
        if "app_home_opened" not in self.world.registration.events:
            raise LookupError("the app does not hear app_home_opened")
        with self.world.change():
            who = self.world.user(user)
            home = self.world.homes.get(who.id)
            event = payloads.home_opened(who, self.world.direct(who), home, self.world.new_ts())
        return self.sender.answered(self.sender.event(payloads.event_callback(self.world, event)))

    def verify_url(self) -> Delivery:
        """Ask the app whether the address is its own, as Slack does before it sends events there."""
        challenge = self.world.new_id("challenge")
        payload = {"token": VERIFICATION, "challenge": challenge, "type": "url_verification"}
        delivery = self.sender.once("url_verification", payload, challenge)
        if delivery.acknowledged and challenge not in delivery.text:
            self._blame("url_verification", "challenge_failed", (delivery.text[:500],), payload)
        return delivery

    def announce(self, what: str, message: Message, before: JSON | None) -> None:
        """Tell the app what happened to a message, as far as it wants to hear and is there to hear it."""
        channel, events = message.channel, self.world.registration.events
        if self.world.bot.id not in channel.members or not (self.sender.url or self.sender.carrier):
            return
        named = f"<@{self.world.bot.id}>" in message.text and message.user is not self.world.bot
        if what == "message" and named and channel.kind != "im" and "app_mention" in events:
            self.sender.event(payloads.event_callback(self.world, payloads.app_mention(message)))
        if HEARD[channel.kind] not in events:
            return
        if what == "message":
            event = payloads.said(message)
        elif what == "message_changed":
            event = payloads.changed(message, before or {}, self.world.new_ts())
        else:
            event = payloads.deleted(message, self.world.new_ts())
        self.sender.event(payloads.event_callback(self.world, event))

    def _delivery_of(self, message: Message, kind: str) -> Delivery:
        with self.world.lock:
            for delivery in self.world.deliveries:
                event = delivery.payload.get("event", {})
                if event.get("type") == kind and event.get("ts") == message.ts:
                    break
            else:
                raise LookupError(f"the app does not hear {kind} in this channel")
        return self.sender.answered(delivery)

    def _enter(self, user: User | str, channel: Channel | str) -> tuple[User, Channel]:
        """Return who writes where; public channels are open to everybody."""
        who, where = self.world.user(user), self.world.channel(channel)
        if where.archived or (where.kind != "channel" and who.id not in where.members):
            raise LookupError(f"{who.name} cannot write in {where.name or where.id}")
        if who.id not in where.members:
            where.members.append(who.id)
        return who, where

    def _answer(self, entry: ResponseUrl, delivery: Delivery) -> None:
        """Show what the app answered to a command at once, if it said something."""
        text = delivery.text.strip()
        if not text:
            return
        given: JSON = json.loads(text) if text.startswith("{") else {"text": text}
        try:
            with self.world.change():
                respond(self.world, entry, given)
        except Refused as refused:
            self._blame("answer to a command", refused.error, refused.messages, given)

    def _see_error(self, user: User, what: str, delivery: Delivery) -> None:
        """Show to the person what Slack shows when the app does not answer as it should."""
        late = delivery.attempts[-1].reason in {"http_timeout", "timeout"}
        with self.world.change():
            self.world.errors_seen.append(ErrorSeen(user, what, "operation_timeout" if late else "dispatch_failed"))

    def _blame(self, where: str, error: str, messages: Sequence[str], arguments: JSON) -> None:
        with self.world.change():
            self.world.violations.append(Violation(where, error, tuple(messages), arguments))

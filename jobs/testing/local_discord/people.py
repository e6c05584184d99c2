"""What people do on the local Discord, with the application and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.local_discord import forms, happenings, permissions, shapes
from jobs.testing.local_discord.invocation import Typed, invocation
from jobs.testing.local_discord.message_rules import Draft
from jobs.testing.local_discord.places import Places
from jobs.testing.local_discord.records import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    JSON,
    MODAL,
    Channel,
    Interaction,
    Message,
    User,
)
from jobs.testing.local_discord.world import ACKNOWLEDGE_SECONDS, Event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_ANSWER = "The application did not respond"
LONGEST = 2000


class People(Places):
    """The doors through which people act; a person is a ``User`` or a name, and a channel a ``Channel`` or a name.

    Doors that do something with the application return when it has answered for the first time, or when its time is
    over, unless ``wait`` is false; the record that they return goes on to fill.
    """

    def channel(self, where: Channel | str) -> Channel:
        """Return a channel, the newest of that name; raises ``LookupError`` where there is none."""
        if isinstance(where, Channel):
            return where
        with self.world.lock:
            return self.world.channel_named(where)

    def command(
        self,
        who: User | str,
        where: Channel | str,
        words: str,
        options: Mapping[str, Any] | None = None,
        *,
        wait: bool = True,
    ) -> Interaction:
        """Use a slash command: ``words`` are its name and those of its subcommands, without options.

        Raises ``LookupError`` for what the bot did not register, ``ValueError`` for a value that cannot be sent, and
        ``PermissionError`` where the person may not use it.
        """
        with self.world.change():
            person, place = self._inside(who, where)
            command, data = invocation(self.world, place, words, options or {})
            self._may_use(person, place, command)
            made = self._interact(COMMAND, person, place, data)
        return self._answered(made, wait=wait)

    def autocomplete(
        self,
        who: User | str,
        where: Channel | str,
        words: str,
        option: str,
        typed: str,
        options: Mapping[str, Any] | None = None,
    ) -> list[JSON]:
        """Type into an option and return the choices that are offered: ``{"name": …, "value": …}``.

        Raises ``TimeoutError`` where the bot offers nothing in time, besides what ``command`` raises.
        """
        with self.world.change():
            person, place = self._inside(who, where)
            command, data = invocation(self.world, place, words, options or {}, Typed(option, typed))
            self._may_use(person, place, command)
            made = self._interact(AUTOCOMPLETE, person, place, data)
        if self._answered(made, wait=True).failed:
            raise TimeoutError("loading options failed")
        return made.choices

    def press(self, who: User | str, message: Message, custom_id: str, *, wait: bool = True) -> Interaction:
        """Press a button; raises ``LookupError`` where there is none, ``ValueError`` where it cannot be pressed."""
        component = message.component(custom_id)
        if component["type"] != 2:
            raise ValueError(f"{custom_id!r} is not a button")
        return self._use(who, message, component, {}, wait=wait)

    def choose(
        self, who: User | str, message: Message, custom_id: str, values: Sequence[str], *, wait: bool = True
    ) -> Interaction:
        """Pick values in a select menu; raises as ``press`` does."""
        component = message.component(custom_id)
        if component["type"] == 2:
            raise ValueError(f"{custom_id!r} is a button")
        return self._use(who, message, component, {"values": forms.picked(component, values)}, wait=wait)

    def submit(
        self, who: User | str, opened: Interaction, values: Mapping[str, Any], *, wait: bool = True
    ) -> Interaction:
        """Send a modal that ``opened`` brought up, with ``values`` by label or custom id; raises as ``press`` does."""
        with self.world.change():
            person = self.user(who)
            if opened.modal is None:
                raise LookupError("no modal was opened")
            if person is not opened.user:
                raise PermissionError(f"the modal is not {person.name}'s")
            data = forms.filled(opened.modal, values)
            made = self._interact(MODAL, person, opened.channel, data, opened.message, opened)
        return self._answered(made, wait=wait)

    def say(self, who: User | str, where: Channel | str, text: str, *, answering: Message | None = None) -> Message:
        """Write a message; what ``answering`` says is answered, which mentions its author."""
        with self.world.change():
            person, place = self._inside(who, where)
            if not 0 < len(text) <= LONGEST:
                raise ValueError(f"a message has 1 to {LONGEST} characters")
            needed = "send_messages" if place.thread is None else "send_messages_in_threads"
            if not permissions.can(person, place, needed):
                raise PermissionError(f"{person.name} may not write in {place.name}")
            kind = happenings.REPLY if answering else 0
            draft = Draft(content=text)
            return happenings.create_message(self.world, place, person, draft, reference=answering, kind=kind)

    def react(self, who: User | str, message: Message, emoji: str) -> None:
        """Put a reaction on a message."""
        with self.world.change():
            happenings.react(self.world, message, emoji, self.user(who))

    def delete(self, message: Message) -> None:
        """Delete a message, as its author or a moderator."""
        with self.world.change():
            happenings.delete_message(self.world, message)

    def archive(self, thread: Channel, *, locked: bool = False) -> None:
        """Close a thread; a locked one is opened by a moderator only."""
        with self.world.change():
            happenings.change_channel(self.world, thread, {"archived": True, "locked": locked})

    def direct(self, who: User | str) -> Channel:
        """Return the conversation of a person with the bot."""
        with self.world.change():
            return self.world.direct(self.user(who))

    def visible_to(self, who: User | str, where: Channel | str) -> list[Message]:
        """Return what a person sees in a channel, oldest first: others' ephemeral messages are not there."""
        with self.world.lock:
            person, place = self.user(who), self.channel(where)
            if place.deleted or not permissions.can(person, place):
                return []
            return [one for one in place.messages if not one.deleted and one.only_for in {None, person}]

    def _inside(self, who: User | str, where: Channel | str) -> tuple[User, Channel]:
        person, place = self.user(who), self.channel(where)
        if place.deleted:
            raise LookupError(f"the channel {place.name} is gone")
        if not permissions.can(person, place):
            raise PermissionError(f"{person.name} does not see {place.name}")
        return person, place

    def _may_use(self, person: User, place: Channel, command: JSON) -> None:
        needed = int(command["default_member_permissions"] or 0) | permissions.BITS["use_application_commands"]
        if permissions.in_channel(place, person) & needed != needed:
            raise PermissionError(f"{person.name} may not use /{command['name']} in {place.name}")

    def _use(self, who: User | str, message: Message, component: JSON, more: JSON, *, wait: bool) -> Interaction:
        with self.world.change():
            person, place = self._inside(who, message.channel)
            if message.deleted or message.only_for not in {None, person}:
                raise LookupError(f"{person.name} does not see this message")
            if component.get("disabled") or "custom_id" not in component:
                raise ValueError(f"{component.get('label', 'this')!r} cannot be used")
            data = {"component_type": component["type"], "custom_id": component["custom_id"], "id": component["id"]}
            made = self._interact(COMPONENT, person, place, data | more, message)
        return self._answered(made, wait=wait)

    def _interact(
        self,
        kind: int,
        person: User,
        place: Channel,
        data: JSON,
        message: Message | None = None,
        origin: Interaction | None = None,
    ) -> Interaction:
        world = self.world
        made = Interaction(world.new_id(), world.new_token(), kind, person, place, data, message, origin)
        world.interactions.append(made)
        world.announce(Event("INTERACTION_CREATE", shapes.interaction(world, made)))

        def look() -> None:
            with world.change():
                if made.acknowledged is None:
                    made.failed = NO_ANSWER

        world.later(ACKNOWLEDGE_SECONDS * world.scale, look)
        return made

    def _answered(self, made: Interaction, *, wait: bool) -> Interaction:
        if wait:
            most = ACKNOWLEDGE_SECONDS * self.world.scale + 10
            self.world.wait_for(lambda: made.acknowledged or made.failed, most, "an answer to an interaction")
        return made

"""Making and changing guilds, channels and who may do what there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.local_discord import happenings, permissions
from jobs.testing.local_discord.records import TEXT_CHANNEL, Channel, Guild, Member, Overwrite, Role, User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.local_discord.world import World

BOT_ROLE = "Opus 67"


class Places:
    """The doors for those who own and run guilds."""

    world: World

    def user(self, who: User | str) -> User:
        """Return a person; a new name comes into being and joins the first guild."""
        if isinstance(who, User):
            return who
        with self.world.change():
            found = self.world.user_named(who)
            if found is None:
                found = self.world.new_user(who)
                for guild in list(self.world.guilds.values())[:1]:
                    guild.members[found.id] = Member(found, [])
            return found

    def add_user(self, name: str, *guilds: Guild) -> User:
        """Make a person who is only in these guilds."""
        with self.world.change():
            made = self.world.new_user(name)
            for guild in guilds:
                guild.members[made.id] = Member(made, [])
            return made

    def create_guild(self, name: str, *, owner: str, channels: Sequence[str] = ("general",)) -> Guild:
        """Make a guild with some channels, without the bot."""
        with self.world.change():
            person = self.world.user_named(owner) or self.world.new_user(owner)
            guild = self.world.new_guild(name, person)
            for channel in channels:
                self.world.new_channel(TEXT_CHANNEL, channel, guild)
            return guild

    def invite(self, guild: Guild, *names: str) -> None:
        """Let the bot into a guild with these permissions, by default with those that it asks for."""
        with self.world.change():
            bot = self.world.bot
            role = Role(self.world.new_id(), BOT_ROLE, permissions.bits(names or permissions.BOT), bot)
            guild.roles[role.id] = role
            guild.members[bot.id] = Member(bot, [role])
            happenings.enter(self.world, guild)

    def throw_out(self, guild: Guild) -> None:
        """Put the bot out of a guild; its commands there go with it."""
        with self.world.change():
            guild.members.pop(self.world.bot.id, None)
            guild.commands = []
            happenings.leave(self.world, guild)

    def create_channel(self, name: str, guild: Guild | str = "", kind: int = TEXT_CHANNEL) -> Channel:
        """Make a channel, in the first guild unless another is named."""
        with self.world.change():
            place = guild if isinstance(guild, Guild) else self.world.guild_named(guild)
            return happenings.create_channel(self.world, place, name, kind)

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel or a thread."""
        with self.world.change():
            happenings.delete_channel(self.world, channel)

    def give_role(self, who: User | str, guild: Guild, name: str, *names: str) -> Role:
        """Give somebody a role with these permissions, made where there is none of that name."""
        with self.world.change():
            role = next((one for one in guild.roles.values() if one.name == name), None)
            if role is None:
                role = Role(self.world.new_id(), name, permissions.bits(names))
                guild.roles[role.id] = role
            guild.members[self.user(who).id].roles.append(role)
            return role

    def deny(self, channel: Channel, whom: User | Role | None, *names: str) -> None:
        """Take permissions away in one channel, from one person, from a role, or (None) from everyone."""
        self._overwrite(channel, whom, names, allow=False)

    def allow(self, channel: Channel, whom: User | Role | None, *names: str) -> None:
        """Give permissions in one channel."""
        self._overwrite(channel, whom, names, allow=True)

    def _overwrite(self, channel: Channel, whom: User | Role | None, names: Sequence[str], *, allow: bool) -> None:
        with self.world.change():
            if channel.guild is None:
                raise LookupError("a conversation has no permissions")
            number = channel.guild.id if whom is None else whom.id
            found = next((one for one in channel.overwrites if one.id == number), None)
            if found is None:
                found = Overwrite(number, isinstance(whom, User))
                channel.overwrites.append(found)
            wanted = permissions.bits(names)
            found.allow = found.allow | wanted if allow else found.allow & ~wanted
            found.deny = found.deny & ~wanted if allow else found.deny | wanted
            happenings.change_channel(self.world, channel, {})

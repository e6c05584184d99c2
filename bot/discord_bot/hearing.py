"""The client: whatever a person does is acknowledged at once and stored in a thread; nothing is decided here."""

from __future__ import annotations

import asyncio
import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import discord

from bot.discord_bot import forms
from bot.discord_bot.answers import sentence
from bot.discord_bot.buttons import pressed
from bot.discord_bot.catching_up import CatchingUp
from bot.discord_bot.places import from_interaction, from_message, said_live, spot_of
from bot.discord_bot.registration import command, invoked, is_registered, typing
from bot.discord_bot.rest import Refused, Rest
from bot.discord_bot.suggestions import Suggestions
from bot.telling import Later
from jobs.types import AuditEntry, Unrecorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bot.discord_bot.places import Said
    from bot.heard import Heard
    from bot.wake import BackgroundWaker
    from jobs.services import Services

Found = TypeVar("Found")

DEFER, CHOICES, FORM = 5, 8, 9
EPHEMERAL = {"flags": 64}
SUGGEST_SECONDS = 1.8
"""Discord gives three seconds, the way included, for suggestions and forms."""
GUILD_SECONDS = 0.5
"""How long no further guild has to come before the client counts as ready; nothing that it does waits for guilds."""
STORE_SECONDS = 8.0
"""How long a database may keep somebody waiting before they are told."""
_THREADS, _SUGGESTING_THREADS = 8, 3
_FINISH_SECONDS = 3.0
"""How long what was acknowledged may still take to be stored when the process stops."""
_COMMANDS = "/applications/{application_id}/commands"
_RETRY_SECONDS = 15.0
NOT_STORED = (
    "I could not take this down: my database cannot be reached. Nothing was done. Say it again in a moment; "
    "if it goes on, tell who runs me to look at `opus67 doctor`."
)
INTERNAL = "An internal error (number {number}) kept me from taking this down; the operator finds it in the log."
NO_WORD = (
    "My database does not answer, so I do not know whether I could take this down. Look at `/opus bg status` in a "
    "moment before you say it again."
)
STRANGE = "I do not know this button or command any more. `/opus help` lists what there is."

log = logging.getLogger(__name__)


class Client(discord.Client):
    """Hears interactions and mentions in the guilds that the bot was invited to."""

    def __init__(self, services: Services, waker: BackgroundWaker) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=GUILD_SECONDS,
            max_messages=None,
            max_ratelimit_timeout=30.0,
        )
        self._services, self._waker = services, waker
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="hearing")
        # What is only nice to have must not stand in the way of what was said.
        self._suggesting = ThreadPoolExecutor(_SUGGESTING_THREADS, thread_name_prefix="suggesting")
        self._hearing: set[asyncio.Task[Any]] = set()
        self._suggestions = Suggestions(services)
        self.rest = Rest(self, services.store.audit)
        self.catching_up = CatchingUp(services, self, self.in_thread)
        self._registering: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        """Begin to register the slash command, once the token was found to be good."""
        self.rest.open()
        self._registering = asyncio.create_task(self._register())
        self.catching_up.begin()

    async def close(self) -> None:
        """Store what was acknowledged, and close the connection."""
        if self._registering is not None:
            self._registering.cancel()
        await self.catching_up.end()
        if self._hearing:
            await asyncio.wait(set(self._hearing), timeout=_FINISH_SECONDS)
        await super().close()
        for pool in (self._pool, self._suggesting):
            pool.shutdown(wait=False, cancel_futures=True)

    async def in_thread(self, work: Callable[..., Found], *arguments: Any) -> Found:
        """Do something that blocks, such as asking the database, beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*arguments))

    async def store(self, heard: Heard) -> None:
        """Store what was heard, and wake somebody for it; raises what the store raises."""
        delivery = heard.delivery()
        if await self.in_thread(self._services.store.deliveries.add, delivery):
            self._waker.delivery(delivery.guid)

    async def on_ready(self) -> None:
        """Tell the operator how to invite the bot where nobody has, and catch up."""
        self._obey_gateway()
        self.catching_up.wanted()
        log.info("connected to Discord as %s, in %s servers", self.user, len(self.guilds))
        if not self.guilds:
            log.warning("nobody has invited the bot yet; this address does it: %s", invitation(self.application_id))

    async def on_resumed(self) -> None:
        """Catch up: what was missed is replayed, but not what was lost on the way."""
        self.catching_up.wanted()

    async def on_connect(self) -> None:
        """Have the setting, not Discord, say where to resume."""
        self._obey_gateway()

    async def on_disconnect(self) -> None:
        """From now on messages may be missed."""
        if not self.is_closed():
            log.warning("the connection to Discord was lost; connecting again")
        self.catching_up.interrupted()

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Hear a slash command, a button, a form, or an option that is being typed."""
        with self._under_way():
            await self._interaction(interaction, interaction.data or {})

    async def _interaction(self, interaction: discord.Interaction[Any], data: Any) -> None:
        match interaction.type:
            case discord.InteractionType.application_command:
                await self._command(interaction, data)
            case discord.InteractionType.component:
                await self._press(interaction, str(data.get("custom_id", "")))
            case discord.InteractionType.modal_submit:
                found = forms.submitted(data)
                await self._hear(interaction, *(found or ("", {})))
            case discord.InteractionType.autocomplete:
                await self._suggest(interaction, data)

    async def on_message(self, message: discord.Message) -> None:
        """Hear a message that mentions the bot."""
        with self._under_way():
            await self._message(message)

    async def _message(self, message: discord.Message) -> None:
        channel: Any = message.channel
        if self.user in message.mentions and isinstance(channel, discord.PartialMessageable):
            channel = await self.fetch_channel(channel.id)
        said = said_live(message, channel)
        try:
            await asyncio.wait_for(self.hear_message(said), STORE_SECONDS)
        except (TimeoutError, *self._services.store.UNAVAILABLE) as error:
            log.warning("a mention could not be stored: %s", error or "the database does not answer")
            await self._not_stored(said, NO_WORD if isinstance(error, TimeoutError) else NOT_STORED)
        self.catching_up.seen(message.id)

    async def hear_message(self, said: Said) -> None:
        """Store a message if it was meant for the bot; raises what the store raises."""
        heard = from_message(said, str(self.user.id)) if self.user else None
        if heard is not None:
            await self.store(heard)

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """Have the end of the process wait for what this task does."""
        task = asyncio.current_task()
        if task is not None:
            self._hearing.add(task)
            task.add_done_callback(self._hearing.discard)
        yield

    async def on_error(self, event_method: str, /, *arguments: Any, **_named: Any) -> None:
        """Log what went wrong in hearing under a number, and tell it to who waits for an answer."""
        number = secrets.token_hex(4)
        log.exception("%s was not handled (error %s)", event_method, number)  # noqa: LOG004 - called in a handler
        if arguments and isinstance(arguments[0], discord.Interaction):
            await self._say(arguments[0], INTERNAL.format(number=number))

    async def _command(self, interaction: discord.Interaction[Any], data: Any) -> None:
        found = invoked(data)
        if found is None:
            await self._hear(interaction, "", {})
        elif found.wants_form:
            await self._open_start_form(interaction, found.options)
        else:
            await self._hear(interaction, found.words, found.options)

    async def _press(self, interaction: discord.Interaction[Any], custom_id: str) -> None:
        found = pressed(custom_id)
        if found is None:
            await self._hear(interaction, "", {})
            return
        action, task_id = found
        if action.form:
            await self.rest.respond(interaction, FORM, forms.words_form(action.name, task_id))
        else:
            await self._hear(interaction, f"{action.command} {task_id}", {})

    async def _hear(self, interaction: discord.Interaction[Any], words: str, options: dict[str, str]) -> None:
        """Acknowledge, then store; what nobody can have meant is told so."""
        if not await self.rest.respond(interaction, DEFER, EPHEMERAL):
            return  # the person was told that nothing came of it, and will do it again
        if not words:
            await self._say(interaction, STRANGE)
            return
        try:
            await asyncio.wait_for(self.store(from_interaction(interaction, words, options)), STORE_SECONDS)
        except (TimeoutError, *self._services.store.UNAVAILABLE) as error:
            log.warning("an interaction could not be stored: %s", error or "the database does not answer")
            await self._say(interaction, NO_WORD if isinstance(error, TimeoutError) else NOT_STORED)

    async def _say(self, interaction: discord.Interaction[Any], words: str) -> None:
        try:
            await self.rest.edit_original(interaction.token, sentence(words, ok=False))
        except (Later, Refused) as error:
            log.warning("an interaction could not be answered: %s", error)

    async def _open_start_form(self, interaction: discord.Interaction[Any], given: dict[str, str]) -> None:
        spot = spot_of(interaction.channel, interaction.guild_id)
        names = await self._soon(self._suggestions.repositories, spot.bound, str(interaction.user.id)) or []
        form = forms.start_form(names, given, chosen=self._suggestions.bound(spot.bound))
        await self.rest.respond(interaction, FORM, form)

    async def _suggest(self, interaction: discord.Interaction[Any], data: Any) -> None:
        option, typed = typing(data)
        spot = spot_of(interaction.channel, interaction.guild_id)
        found = await self._soon(self._suggestions.of, option, typed, spot, str(interaction.user.id))
        await self.rest.respond(interaction, CHOICES, {"choices": found or []})

    async def _soon(self, work: Callable[..., Found], *arguments: Any) -> Found | None:
        """Ask the store for something that a person does without where it takes too long."""
        try:
            asked = asyncio.get_running_loop().run_in_executor(self._suggesting, lambda: work(*arguments))
            return await asyncio.wait_for(asked, SUGGEST_SECONDS)
        except (TimeoutError, *self._services.store.UNAVAILABLE) as error:
            log.warning("no suggestions in time: %s", type(error).__name__)
            return None

    async def _not_stored(self, said: Said, words: str) -> None:
        where = said.spot.thread or said.spot.channel
        reference = {"message_id": said.id, "fail_if_not_exists": False}
        try:
            message = sentence(words, ok=False) | {"message_reference": reference}
            await self.rest.ask("POST", "/channels/{channel_id}/messages", message, channel_id=where)
        except (Later, Refused) as error:
            log.warning("a mention could not be answered: %s", error)

    async def _register(self) -> None:
        """Register the slash command where Discord has another one; an outage is waited out."""
        while True:
            try:
                number = self.rest.application_id
                registered = await self.rest.ask("GET", _COMMANDS, application_id=number)
                if not is_registered(registered):
                    await self.in_thread(self._services.store.audit.record, AuditEntry("discord:PUT commands"))
                    await self.rest.ask("PUT", _COMMANDS, [command()], application_id=number)
                    log.info("the slash command /opus was registered")
            except (Later, Unrecorded) as later:
                log.warning("the slash command cannot be registered yet: %s", later)
                await asyncio.sleep(min(max(getattr(later, "retry_after", 0.0), 1.0), _RETRY_SECONDS))
            except Refused as refused:
                log.exception("Discord refuses the slash command (code %s)", refused.code)
                return
            else:
                return

    def _obey_gateway(self) -> None:
        """Discord names an address to resume at; another gateway that was set stays the one."""
        chosen = discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
        if self.ws is not None and chosen.host != OFFICIAL_GATEWAY:
            self.ws.gateway = chosen


OFFICIAL_GATEWAY = "gateway.discord.gg"
PERMISSIONS = 1 << 10 | 1 << 11 | 1 << 14 | 1 << 16 | 1 << 35 | 1 << 38
"""View Channel, Send Messages, Embed Links, Read Message History, Create Public Threads, Send Messages in Threads."""


def invitation(application_id: int | None) -> str:
    """Return the address by which somebody invites the bot to a server."""
    scopes = "scope=bot+applications.commands"
    return f"https://discord.com/oauth2/authorize?client_id={application_id}&{scopes}&permissions={PERMISSIONS}"

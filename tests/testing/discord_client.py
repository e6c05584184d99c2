"""A bot on the real discord.py, pointed at a local Discord and run in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import discord
import yarl
from discord import app_commands, ui
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.waiting import until

if TYPE_CHECKING:
    import re
    from collections.abc import Coroutine, Iterator

    from jobs.testing.local_discord import LocalDiscord

REPOSITORIES = ("octo/shop", "octo/site", "octo/shelf")


@contextmanager
def pointed_at(local: LocalDiscord) -> Iterator[None]:
    """Point discord.py at a local Discord, and back again at the end."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    settings = local.environment()
    Route.BASE = settings["DISCORD_API_URL"]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings["DISCORD_GATEWAY_URL"])
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


class Cancel(ui.DynamicItem[ui.Button[Any]], template=r"task:(?P<id>[0-9a-f]+):cancel"):
    """A button that is understood from its id alone, so that it survives a restart."""

    def __init__(self, task: str) -> None:
        button: ui.Button[Any] = ui.Button(label="Cancel", style=discord.ButtonStyle.danger)
        button.custom_id = f"task:{task}:cancel"
        super().__init__(button)
        self.task = task

    @classmethod
    async def from_custom_id(cls, _: Any, __: Any, match: re.Match[str], /) -> Cancel:
        return cls(match["id"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.edit_message(content=f"{self.task} was cancelled", view=None)


class Long(ui.Modal, title="A long task"):
    """A form for a long task."""

    task: ui.TextInput[Any] = ui.TextInput(label="Task", style=discord.TextStyle.paragraph, min_length=3)
    place: ui.Label[Any] = ui.Label(text="Repository", component=ui.TextInput(required=False, max_length=30))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        place = self.place.component.value or "nowhere"  # type: ignore[attr-defined]
        await interaction.response.send_message(f"{self.task.value} in {place}", ephemeral=True)


class Bot(discord.Client):
    """A small bot that uses what the product's bot uses."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("intents", discord.Intents(guilds=True, guild_messages=True))
        super().__init__(guild_ready_timeout=0.05, allowed_mentions=discord.AllowedMentions.none(), **settings)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.joined: list[str] = []
        self.release = asyncio.Event()
        self.tree.add_command(_group())

    async def setup_hook(self) -> None:
        self.add_dynamic_items(Cancel)
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Begin a second session at once; by itself the library waits for five seconds."""

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message)

    async def on_thread_create(self, thread: discord.Thread) -> None:
        self.joined.append(thread.name)


def _group() -> app_commands.Group:
    top = app_commands.Group(name="opus", description="Ask for work", guild_only=True)
    bg = app_commands.Group(name="bg", description="Background tasks", parent=top)

    @top.command(name="do", description="Start a task")
    @app_commands.describe(task="What to do", repository="Where", mode="How bold")
    @app_commands.choices(mode=[app_commands.Choice(name=name, value=name) for name in ("balanced", "conservative")])
    async def do(
        interaction: discord.Interaction[Bot], task: str, repository: str = "", mode: str = "balanced"
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        view = ui.View(timeout=None)
        view.add_item(Cancel("7f3c"))
        channel = interaction.channel
        assert isinstance(channel, discord.TextChannel)
        embed = discord.Embed(title=task, description="queued").add_field(name="Mode", value=mode)
        message = await channel.send(embed=embed, view=view, nonce=str(interaction.id))
        thread = await message.create_thread(name=task[:100])
        await thread.send(f"Working on {repository or 'the default'}")
        await thread.add_user(interaction.user)
        await message.edit(embed=embed.set_footer(text="at work"))
        await interaction.followup.send(f"Started {task}")

    @do.autocomplete("repository")
    async def complete(_: discord.Interaction[Bot], current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=name, value=name) for name in REPOSITORIES if current in name]

    @top.command(name="form", description="Start a long task")
    async def form(interaction: discord.Interaction[Bot]) -> None:
        await interaction.response.send_modal(Long())

    @top.command(name="slow", description="Never answers in time")
    async def slow(interaction: discord.Interaction[Bot]) -> None:
        await interaction.client.release.wait()
        try:
            await interaction.response.send_message("too late")
        except discord.NotFound as refused:
            interaction.client.joined.append(f"refused {refused.code}")

    @bg.command(name="status", description="Show the tasks")
    async def status(interaction: discord.Interaction[Bot], count: app_commands.Range[int, 1, 10] = 5) -> None:
        await interaction.response.send_message(f"{count} tasks, {interaction.user.mention} @everyone")
        await interaction.followup.send("and more", ephemeral=True)

    return top


class Running:
    """A bot that runs; ``do`` calls something in its loop."""

    def __init__(self, bot: Bot, token: str) -> None:
        self.bot = bot
        self.error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, args=(token,), daemon=True)

    def _run(self, token: str) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            async with self.bot:
                await self.bot.start(token)

        try:
            asyncio.run(main())
        except discord.DiscordException as error:
            self.error = error

    def start(self) -> None:
        self._thread.start()
        until(lambda: self.error or self.bot.is_ready(), what="the bot is ready")

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def wait_closed(self) -> None:
        self._thread.join(10)

    def stop(self) -> None:
        if self._loop is not None and self._thread.is_alive():
            self.do(self.bot.close())
        self._thread.join(10)


@contextmanager
def running(local: LocalDiscord, **settings: Any) -> Iterator[Running]:
    """Run a bot against a local Discord."""
    with pointed_at(local):
        made = Running(Bot(**settings), local.token)
        made.start()
        try:
            yield made
        finally:
            made.stop()

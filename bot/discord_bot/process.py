"""The process ``opus67 discord``: hears in an event loop and tells from a thread, until it is asked to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from typing import TYPE_CHECKING

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.discord_bot.hearing import Client
from bot.discord_bot.telling import DiscordSurface
from bot.telling import ChatTeller
from bot.wake import BackgroundWaker
from config.settings import load
from jobs import logs
from jobs.keys import signing_key
from jobs.services import build
from jobs.types import UserError

if TYPE_CHECKING:
    import argparse

    from config.settings import Settings
    from jobs.services import Services

STOP_SECONDS = 6.0
_LONGEST_WAIT = 30.0
_BAD_TOKEN = 4004
UNSET = (
    "DISCORD_TOKEN is not set. Make an application on Discord's developer portal, add a bot to it, and put the bot's "
    "token into .env."
)
UNACCEPTED = (
    "Discord does not accept DISCORD_TOKEN. Take the token from the page Bot of your application on Discord's "
    "developer portal (Reset Token shows a new one), and put it into .env."
)
CLOSED = "Discord closed the connection for good (code {code}). Look at the bot's settings on the developer portal."

log = logging.getLogger(__name__)


def run_discord(_arguments: argparse.Namespace) -> int:
    """Run until asked to stop; 2 where the token is missing or wrong."""
    settings = load()
    logs.set_up(settings)
    logging.getLogger("discord").setLevel(logging.WARNING)
    # It writes a traceback for each lost connection; what happens to the connection is logged by our client.
    logging.getLogger("discord.client").setLevel(logging.CRITICAL)
    try:
        return _run(settings)
    except UserError as error:
        log.error("%s", error)  # noqa: TRY400 - a sentence for the operator, not a defect of ours
        return 2


def _run(settings: Settings) -> int:
    if not settings.discord_token:
        raise UserError(UNSET)
    point_client(settings)
    services = build(settings)
    try:
        return asyncio.run(_until_signalled(services))
    finally:
        services.close()


def point_client(settings: Settings) -> None:
    """Have the client library talk to the Discord of the settings."""
    Route.BASE = settings.discord_api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.discord_gateway_url)


async def _until_signalled(services: Services) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(services, stop)
    return 0


async def serve(services: Services, stop: asyncio.Event) -> None:
    """Hear and tell until ``stop`` is set; raises UserError where Discord will not have the bot."""
    waker = BackgroundWaker(services.settings.redis_url, signing_key(services.settings))
    client = Client(services, waker)
    surface = DiscordSurface(client.rest, services.redacted)
    teller = threading.Thread(target=ChatTeller(services, surface).run, name="teller", daemon=True)
    running = asyncio.create_task(_connected(client, services.settings.discord_token, teller))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        services.stopping.set()
        if teller.is_alive():
            # It waits at its bell for some seconds otherwise.
            await asyncio.to_thread(services.waker.ring, "discord")
            await asyncio.to_thread(teller.join, STOP_SECONDS)
        await client.close()
    if not stop.is_set():
        await running
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _connected(client: Client, token: str, teller: threading.Thread) -> None:
    """Log in, as often as it takes, and stay connected; the client itself connects again and again."""
    wait = 1.0
    while True:
        try:
            await client.login(token)
            break
        except discord.LoginFailure as failure:
            raise UserError(UNACCEPTED) from failure
        except (OSError, aiohttp.ClientError, discord.HTTPException, TimeoutError) as error:
            log.warning("Discord cannot be reached; trying again in %.0f s: %s", wait, error)
            await client.http.close()
            client.http.connector = discord.utils.MISSING
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)
    teller.start()
    try:
        await _stay(client)
    except discord.ConnectionClosed as closed:
        raise UserError(UNACCEPTED if closed.code == _BAD_TOKEN else CLOSED.format(code=closed.code)) from closed


async def _stay(client: Client) -> None:
    """Be connected to the gateway until the end."""
    while not client.is_closed():
        try:
            await client.connect()
        except AttributeError:
            # Where the very first connection fails, the library looks for where to go on in one that there never was.
            if client.ws is not None:
                raise

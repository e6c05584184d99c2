"""After an absence, reads what was said meanwhile where the bot should have listened, and hears what was for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

from bot.discord_bot.places import Spot, said_before
from bot.discord_bot.rest import Refused
from bot.telling import Later

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.discord_bot.hearing import Client
    from jobs.services import Services

CURSOR = "discord:seen"
"""The key under which the newest message that was seen is kept."""
KEEP_SECONDS = 5.0
_EPOCH = 1_420_070_400.0
"""Where Discord's ids begin to count milliseconds; they are the time in their upper bits."""
_SHIFT = 22
_MARGIN_SECONDS = 60.0
"""Messages of several channels may arrive in another order than they were written; what is read twice is done once."""
_LONGEST_SECONDS = 86_400.0
"""Nobody expects an answer to what they said longer ago."""
_PAGE, _PAGES = 100, 10
_RETRY_SECONDS = 15.0
_ALWAYS = float("inf")

log = logging.getLogger(__name__)


class CatchingUp:
    """Keeps a cursor while the bot is there, and reads on from it when it comes back."""

    def __init__(
        self,
        services: Services,
        client: Client,
        in_thread: Callable[..., Awaitable[Any]],
    ) -> None:
        self._services, self._client, self._in_thread = services, client, in_thread
        self._newest = 0
        self._there = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to wait for the connection."""
        self._task = asyncio.create_task(self._work())

    async def end(self) -> None:
        """Stop."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def seen(self, message_id: int) -> None:
        """Remember that a message arrived."""
        self._newest = max(self._newest, message_id)

    def wanted(self) -> None:
        """The connection is there: what was missed is to be read."""
        self._there = True
        self._wake.set()

    def interrupted(self) -> None:
        """The connection is gone: what arrives from now on is missed."""
        self._there = False

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if await self._caught_up():
                await self._keep_while_there()
            else:
                await asyncio.sleep(_RETRY_SECONDS)
                self._wake.set()

    async def _keep_while_there(self) -> None:
        """Write the cursor down from time to time, until something may have been missed."""
        while self._there and not self._wake.is_set():
            await self._keep(self._newest)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), KEEP_SECONDS)

    async def _keep(self, newest: int) -> None:
        records = self._services.store.records
        try:
            if newest > int(await self._in_thread(records.value, CURSOR) or 0):
                await self._in_thread(records.keep, CURSOR, str(newest), time.time())
        except self._services.store.UNAVAILABLE as error:
            log.warning("the cursor could not be kept: %s", error)

    async def _caught_up(self) -> bool:
        """Read what was missed; tell whether nothing stood in the way."""
        now = time.time()
        try:
            cursor = int(await self._in_thread(self._services.store.records.value, CURSOR) or 0)
            if cursor:
                after = max(cursor - _snowflake(_EPOCH + _MARGIN_SECONDS), _snowflake(now - _LONGEST_SECONDS))
                for spot in await self._in_thread(self._spots):
                    await self._read(spot, after)
            else:
                self.seen(_snowflake(now))
        except (Later, *self._services.store.UNAVAILABLE) as error:
            log.warning("could not catch up with what was said meanwhile; trying again: %s", error)
            return False
        return True

    def _spots(self) -> list[Spot]:
        """Return the channels that are bound to a repository, and the threads of tasks that are not over."""
        bound = [Spot(one.id) for one in self._services.settings.channels if one.surface == "discord"]
        threads = [
            Spot(place.channel, str(place.address["thread"]), str(place.address.get("guild", "")))
            for place in self._services.store.showing.due("discord", _ALWAYS)
            if place.address.get("thread")
        ]
        return [*bound, *threads]

    async def _read(self, spot: Spot, after: int) -> None:
        """Hear the messages of a channel or thread after an id, oldest first."""
        for _ in range(_PAGES):
            query = {"after": str(after), "limit": _PAGE}
            try:
                listed = await self._client.rest.ask(
                    "GET", "/channels/{channel_id}/messages", query=query, channel_id=spot.thread or spot.channel
                )
            except Refused as refused:
                log.warning("channel %s cannot be read: %s (code %s)", spot.channel, refused, refused.code)
                return
            for message in sorted(listed, key=lambda one: int(one["id"])):
                after = int(message["id"])
                await self._client.hear_message(said_before(message, spot))
                self.seen(after)
            if len(listed) < _PAGE:
                return


def _snowflake(moment: float) -> int:
    """Return the smallest id of a moment."""
    return max(int((moment - _EPOCH) * 1000), 0) << _SHIFT

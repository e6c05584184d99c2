"""Discord's REST API through the client's own HTTP, which keeps the rate limits; errors become Later and Gone."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
from discord.http import Route

from bot.telling import Gone, Later
from jobs.text.redact import redact
from jobs.types import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.store import Audit

SECONDS = 20.0
"""How long a call is waited for, with the client's own attempts and waits; it goes on by itself after that."""
UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION = 10003, 10008, 10015, 10062
ACKNOWLEDGED, NO_DIRECT_MESSAGES, NO_ACCESS, NO_PERMISSION, BAD_TOKEN = 40060, 50007, 50001, 50013, 50027
THREAD_ARCHIVED, THREAD_EXISTS, THREAD_LOCKED = 50083, 160004, 160005
TOO_LATE = frozenset({UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION, BAD_TOKEN})
"""What is answered when an interaction's fifteen minutes are over."""
CURES = {
    UNKNOWN_CHANNEL: "The channel was deleted; say the command in another one.",
    NO_ACCESS: "The bot does not see the channel: give it the permission View Channel there.",
    NO_PERMISSION: "The bot may not write in the channel: give it the permissions View Channel, Send Messages, "
    "Send Messages in Threads, Create Public Threads, Embed Links and Read Message History there.",
    THREAD_ARCHIVED: "The thread is closed: open it again.",
    THREAD_LOCKED: "The thread is locked: a moderator can unlock it.",
}
_SERVER_ERROR, _TOO_MANY, _UNAUTHORIZED = 500, 429, 401

log = logging.getLogger(__name__)


class Refused(Exception):
    """Discord refused a request; ``code`` is its own number for the reason."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    def gone(self) -> Gone:
        """Return it as the reason for which nothing more is said at a place, with the cure."""
        return Gone(CURES.get(self.code, f"Discord refused it: {self} (code {self.code})."))


class Rest:
    """Calls to Discord, from the client's loop (``ask``) and from threads (``call``)."""

    def __init__(self, client: discord.Client, audit: Audit) -> None:
        """Take the client, and the audit that is told of what threads send, before it is sent.

        What is said from the loop is no more than that something was heard, or that it could not be stored.
        """
        self._client, self._audit = client, audit
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Remember the running loop, in which the calls of threads will be made."""
        self._loop = asyncio.get_running_loop()

    @property
    def application_id(self) -> str:
        """The id of the application, which interactions are answered by."""
        return str(self._client.application_id)

    @property
    def user_id(self) -> str:
        """The id of the bot's user; with old applications it is not that of the application."""
        return str(self._client.user.id) if self._client.user else ""

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        **parts: str,
    ) -> Any:
        """Make a call; ``parts`` fill the path. Raises Later, or Refused with Discord's number."""
        options: dict[str, Any] = {} if body is None else {"json": body}
        if query:
            options["params"] = dict(query)
        request = asyncio.ensure_future(self._client.http.request(Route(method, path, **parts), **options))
        request.add_done_callback(_retrieve)
        try:
            # A request that waits out a rate limit holds the client's lock for all others: it must not be cancelled.
            return await asyncio.wait_for(asyncio.shield(request), SECONDS)
        except discord.RateLimited as limit:
            raise Later("Discord wants us to wait", limit.retry_after, here=True) from limit
        except discord.HTTPException as error:
            raise _translated(error, self._client.http.token or "") from error
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            raise Later(f"Discord cannot be reached: {type(error).__name__}") from error

    def call(
        self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None, **parts: str
    ) -> Any:
        """Make a call from another thread than the loop's, and wait for it."""
        if self._loop is None or self._loop.is_closed() or self._client.is_closed():
            raise Later("not connected to Discord")
        if method == "GET":
            return self._call(self._loop, method, path, body, query, **parts)
        where: dict[str, Any] = {name: parts[name] for name in ("channel_id", "message_id") if name in parts}
        with self._audit.effect(AuditEntry(f"discord:{method} {_words(path)}", details=where)):
            return self._call(self._loop, method, path, body, query, **parts)

    def _call(
        self,
        loop: asyncio.AbstractEventLoop,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, Any] | None,
        **parts: str,
    ) -> Any:
        future = asyncio.run_coroutine_threadsafe(self.ask(method, path, body, query, **parts), loop)
        try:
            return future.result(SECONDS + 5)
        except (concurrent.futures.CancelledError, concurrent.futures.TimeoutError) as error:
            future.cancel()
            raise Later("the connection to Discord is being closed") from error

    async def respond(self, interaction: discord.Interaction[Any], kind: int, data: Any = None) -> bool:
        """Answer an interaction for the first time; False where Discord takes no answer any more.

        One that was answered already, by an attempt of which we did not hear, counts as answered.
        """
        path = "/interactions/{webhook_id}/{webhook_token}/callback"
        body = {"type": kind} | ({} if data is None else {"data": data})
        for attempt in (1, 2):
            try:
                await self.ask("POST", path, body, webhook_id=str(interaction.id), webhook_token=interaction.token)
            except Later as error:
                log.warning("an interaction could not be answered (attempt %s): %s", attempt, error)
                continue
            except Refused as error:
                if error.code == ACKNOWLEDGED:
                    return True
                log.warning("an interaction could not be answered: %s (code %s)", error, error.code)
                return False
            return True
        return False

    async def edit_original(self, token: str, message: Any) -> None:
        """Write into the place that the first answer to an interaction left open."""
        await self.ask("PATCH", ORIGINAL, message, webhook_id=self.application_id, webhook_token=token)


ORIGINAL = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"


def _words(path: str) -> str:
    """Return what a path is about, without ids and without the tokens that stand in some."""
    return "/".join(part for part in path.strip("/").split("/") if not part.startswith("{"))


def _retrieve(request: asyncio.Future[Any]) -> None:
    """Look at how a request ended, so that one that nobody waits for any more does not end in a complaint."""
    if not request.cancelled():
        request.exception()


def _translated(error: discord.HTTPException, secret: str) -> Later | Refused:
    """Return what an error means; its words may repeat the ``secret``."""
    if error.status == _TOO_MANY or error.status >= _SERVER_ERROR or error.status == 0:
        here = error.status == _TOO_MANY
        return Later(f"Discord answered {error.status}", _retry_after(error), here=here)
    if error.status == _UNAUTHORIZED and not error.code:
        return Later("Discord does not know the bot's token (any more)", 60.0)
    return Refused(error.code, redact(error.text or str(error), (secret,)))


def _retry_after(error: discord.HTTPException) -> float:
    headers = getattr(error.response, "headers", {})
    try:
        return max(float(headers.get("Retry-After", "")), 1.0)
    except ValueError:
        return 5.0

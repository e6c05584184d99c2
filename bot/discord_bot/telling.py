"""Shows tasks in Discord's channels and tells moments and answers there; called from the teller's thread, it blocks."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bot.discord_bot import rest
from bot.discord_bot.answers import answer_message, sentence
from bot.discord_bot.rendering import (
    fingerprint,
    footer,
    moment_footer,
    moment_message,
    task_message,
    thread_name,
)
from bot.discord_bot.rest import ORIGINAL, Refused
from bot.telling import Gone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.discord_bot.rest import Rest
    from jobs.answer.parts import Answer
    from jobs.answer.view import TaskView
    from jobs.store import ChatPlace, Notice

MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = "/channels/{channel_id}/messages/{message_id}"
_THREAD = "/channels/{channel_id}/messages/{message_id}/threads"
_CHANNEL = "/channels/{channel_id}"
_A_DAY = 1440
"""Minutes without a message after which Discord folds a thread away."""
_LOOKED_AT = 100
_MARGIN_SECONDS = 15.0
_CLOSED = (
    "I could not answer you in private, since you take no direct messages from here. With `/opus` only you see it."
)

log = logging.getLogger(__name__)


class DiscordSurface:
    """Discord as the teller sees it."""

    name = "discord"

    def __init__(self, api: Rest, redacted: Sequence[str] = (), clock: Callable[[], float] = time.time) -> None:
        self._api, self._redacted, self._clock = api, tuple(redacted), clock

    def fingerprint(self, view: TaskView) -> str:
        """Return a hash of what ``show`` would show."""
        return fingerprint(task_message(view, self._redacted))

    def show(self, place: ChatPlace, view: TaskView, *, look: bool) -> ChatPlace:
        """Post the task's message with its thread, or edit it; one that somebody deleted is posted anew once."""
        message = task_message(view, self._redacted)
        try:
            if not place.external_id and look:
                place = self._found(place, footer(view.task.id))
            if place.external_id and self._edited(place, message):
                return self._with_thread(place, view)
            if place.external_id:
                place = self._forgotten(place)
            return self._with_thread(self._posted(place, message), view)
        except Refused as refused:
            raise refused.gone() from refused

    def tell(self, place: ChatPlace, view: TaskView, moment: str, people: Sequence[str], *, look: bool) -> None:
        """Say a moment in the task's thread, or under its message where there can be no thread."""
        key = moment_footer(view, moment)
        message = moment_message(view, moment, people, self._redacted)
        where = str(place.address.get("thread") or place.channel)
        try:
            if look and self._search(where, key):
                return
            if where == place.channel and place.external_id:
                message["message_reference"] = {"message_id": place.external_id, "fail_if_not_exists": False}
            self._send(where, message, f"{view.task.id}-{key[-6:]}")
        except Refused as refused:
            raise refused.gone() from refused

    def answer(self, notice: Notice, answer: Answer) -> None:
        """Say an answer: in the place that its interaction left open while that is good, later by a message."""
        address = notice.address
        message = answer_message(answer, self._redacted)
        try:
            if address.get("token") and self._clock() < float(address.get("until", 0)) - _MARGIN_SECONDS:
                try:
                    self._api.call(
                        "PATCH", ORIGINAL, message,
                        webhook_id=str(address["application"]), webhook_token=str(address["token"]),
                    )  # fmt: skip
                except Refused as refused:
                    if refused.code not in {*rest.TOO_LATE, rest.UNKNOWN_MESSAGE}:
                        raise
                else:
                    return
            self._answer_by_message(notice, message, private=answer.private)
        except Refused as refused:
            raise refused.gone() from refused

    def _answer_by_message(self, notice: Notice, message: dict[str, Any], *, private: bool) -> None:
        address = notice.address
        user = str(address.get("user", ""))
        where = str(address.get("thread") or address.get("channel", ""))
        nonce = f"answer-{notice.id}"
        if private:
            if self._sent_in_private(user, message, nonce):
                return
            message = sentence(_CLOSED, ok=False)
        reply = str(address.get("message", ""))
        if reply:
            message["message_reference"] = {"message_id": reply, "fail_if_not_exists": False}
        message = {**message, "content": f"<@{user}>", "allowed_mentions": {"parse": [], "users": [user]}}
        try:
            self._send(where, message, nonce)
        except Refused as refused:
            if refused.code != rest.UNKNOWN_CHANNEL or where == address.get("channel"):
                raise
            # The thread is gone; the channel may still be there.
            message.pop("message_reference", None)
            self._send(str(address["channel"]), message, nonce)

    def _sent_in_private(self, user: str, message: Mapping[str, Any], nonce: str) -> bool:
        try:
            channel = self._api.call("POST", "/users/@me/channels", {"recipient_id": user})
            self._send(str(channel["id"]), message, nonce)
        except Refused as refused:
            log.info("a private answer to %s could not be given: %s (code %s)", user, refused, refused.code)
            return False
        return True

    def _posted(self, place: ChatPlace, message: Mapping[str, Any]) -> ChatPlace:
        again = "-again" if place.address.get("again") else ""
        nonce = f"{place.task_id}-task{again}"
        made = self._send(place.channel, message, nonce)
        return self._known(place, made)

    def _edited(self, place: ChatPlace, message: Mapping[str, Any]) -> bool:
        """Edit a message; tell whether it is there."""
        try:
            self._api.call("PATCH", MESSAGE, message, channel_id=place.channel, message_id=place.external_id)
        except Refused as refused:
            if refused.code != rest.UNKNOWN_MESSAGE:
                raise
            return False
        return True

    def _forgotten(self, place: ChatPlace) -> ChatPlace:
        if place.address.get("again"):
            raise Gone("The task's message was deleted twice; it is not posted again.")
        kept = {name: value for name, value in place.address.items() if name != "thread"}
        return replace(place, external_id="", url="", address={**kept, "again": True})

    def _with_thread(self, place: ChatPlace, view: TaskView) -> ChatPlace:
        """Start the task's thread where there is none; a channel that takes none is told in by replies."""
        if "thread" in place.address:
            return place
        body = {"name": thread_name(view, self._redacted), "auto_archive_duration": _A_DAY}
        thread = place.external_id
        try:
            made = self._api.call("POST", _THREAD, body, channel_id=place.channel, message_id=place.external_id)
            thread = str(made["id"])
        except Refused as refused:
            if refused.code == rest.UNKNOWN_MESSAGE:
                raise
            if refused.code != rest.THREAD_EXISTS:
                log.warning("no thread for task %s: %s (code %s)", place.task_id, refused, refused.code)
                thread = ""
        return replace(place, address={**place.address, "thread": thread})

    def _found(self, place: ChatPlace, key: str) -> ChatPlace:
        """Return the place with the message that an earlier attempt posted there, if one did."""
        message = self._search(place.channel, key)
        return self._known(place, message) if message else place

    def _search(self, channel: str, key: str) -> dict[str, Any] | None:
        """Return our message with this footer among the newest of a channel."""
        try:
            listed = self._api.call("GET", MESSAGES, query={"limit": _LOOKED_AT}, channel_id=channel)
        except Refused as refused:
            # Without Read Message History, Discord's own memory of the nonce has to do.
            if refused.code not in {rest.NO_ACCESS, rest.NO_PERMISSION}:
                raise
            return None
        own = [one for one in listed if one["author"]["id"] == self._api.user_id]
        return next((one for one in reversed(own) if any(_foot(embed) == key for embed in one["embeds"])), None)

    def _known(self, place: ChatPlace, message: Mapping[str, Any]) -> ChatPlace:
        guild = str(place.address.get("guild") or self._guild(place.channel))
        number = str(message["id"])
        address = {**place.address, "guild": guild}
        if message.get("thread"):
            address["thread"] = str(message["thread"]["id"])
        url = f"https://discord.com/channels/{guild or '@me'}/{place.channel}/{number}"
        return replace(place, external_id=number, url=url, address=address)

    def _guild(self, channel: str) -> str:
        return str(self._api.call("GET", _CHANNEL, channel_id=channel).get("guild_id", ""))

    def _send(self, channel: str, message: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """Post a message; the same nonce within a few minutes gives the message that is there already."""
        body = {**message, "nonce": nonce, "enforce_nonce": True}
        try:
            made: dict[str, Any] = self._api.call("POST", MESSAGES, body, channel_id=channel)
        except Refused as refused:
            if refused.code != rest.THREAD_ARCHIVED:
                raise
            self._api.call("PATCH", _CHANNEL, {"archived": False}, channel_id=channel)
            made = self._api.call("POST", MESSAGES, body, channel_id=channel)
        return made


def _foot(embed: Mapping[str, Any]) -> str:
    return str((embed.get("footer") or {}).get("text", ""))

"""Stores what was heard within the time that Slack gives, whatever the database does meanwhile."""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeVar

from slack_sdk.errors import SlackClientError
from slack_sdk.webhook import WebhookClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.heard import Heard
    from jobs.store import Store

PATIENCE_SECONDS = 1.8
"""Slack waits for 3 s in all."""
LOOK_UP_SECONDS = 0.8
"""Forms are opened after it, for which there is little time."""
ANSWER_SECONDS = 5
_THREADS = 8

Found = TypeVar("Found")
log = logging.getLogger(__name__)


class Waker(Protocol):
    """What wakes somebody for a stored delivery, soon, and never blocks."""

    def delivery(self, guid: str) -> None:
        """Wake somebody for a delivery."""
        ...


class Kept(Enum):
    """What became of an utterance."""

    STORED = "stored"
    SLOW = "slow"
    """Nobody knows yet; the database takes its time."""
    LOST = "lost"


class Keeper:
    """Stores utterances in threads of its own, so that a slow database keeps nobody waiting."""

    def __init__(self, store: Store, waker: Waker) -> None:
        self._store, self._waker = store, waker
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="slack")

    def keep(self, heard: Heard, lost: Callable[[], None] | None = None) -> Kept:
        """Store an utterance and wake somebody; ``lost`` is called when it turns out later that it was not stored."""
        storing = self._threads.submit(self._keep, heard)
        try:
            return Kept.STORED if storing.result(PATIENCE_SECONDS) else Kept.LOST
        except TimeoutError:
            if storing.cancel():
                return Kept.LOST
        if lost is not None:
            storing.add_done_callback(lambda done: None if _succeeded(done) else lost())
        return Kept.SLOW

    def look_up(self, question: Callable[[Store], Found], unknown: Found) -> Found:
        """Ask the store something, or go on without an answer where it takes its time."""
        asking = self._threads.submit(question, self._store)
        try:
            return asking.result(LOOK_UP_SECONDS)
        except (TimeoutError, *self._store.UNAVAILABLE):
            asking.cancel()
            return unknown

    def whisper(self, response_url: str, text: str) -> None:
        """Tell something to who spoke, soon, and to nobody else; best effort."""
        if response_url:
            self._threads.submit(_whisper, response_url, text)

    def close(self) -> None:
        """Finish what is under way."""
        self._threads.shutdown()

    def _keep(self, heard: Heard) -> bool:
        delivery = heard.delivery()
        try:
            if self._store.deliveries.add(delivery):
                self._waker.delivery(delivery.guid)
        except self._store.UNAVAILABLE as error:
            log.warning("what was heard on Slack could not be stored (%s): %s", delivery.guid, error)
            return False
        return True


def _succeeded(done: Future[bool]) -> bool:
    try:
        return not done.exception() and done.result()
    except CancelledError:
        return False


def _whisper(response_url: str, text: str) -> None:
    try:
        client = WebhookClient(response_url, timeout=ANSWER_SECONDS, retry_handlers=[])
        client.send(text=text, response_type="ephemeral", replace_original=False)
    except (SlackClientError, OSError) as error:
        log.warning("somebody on Slack could not be told: %s", error)

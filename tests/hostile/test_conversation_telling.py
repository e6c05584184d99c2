"""Where a chat is slow, strict or shared by two processes: nobody hears things twice, and nobody waits for a stranger."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.heard import Heard
from bot.inbox import handle
from bot.telling import STALE_SECONDS, ChatTeller, Later
from jobs.answer.parts import said
from jobs.services import Services
from tests.bot.test_conversation import Chat
from tests.bot.test_telling import Board

if TYPE_CHECKING:
    from jobs.answer.parts import Answer
    from jobs.answer.view import TaskView
    from jobs.store import ChatPlace, Notice
    from jobs.testing.github import LocalGitHub


@dataclass
class Strict(Board):
    """A chat in which one channel is full."""

    full: str = "C0LOUD"
    asked: list[str] = field(default_factory=list)

    def answer(self, notice: Notice, answer: Answer) -> None:
        self._knock(str(notice.address["channel"]))
        super().answer(notice, answer)

    def show(self, place: ChatPlace, view: TaskView, *, look: bool) -> ChatPlace:
        self._knock(place.channel)
        return super().show(place, view, look=look)

    def _knock(self, channel: str) -> None:
        self.asked.append(channel)
        if channel == self.full:
            raise Later("too many messages in this channel", 30.0, here=True)


@pytest.fixture
def chat(services: Services, local: LocalGitHub) -> Chat:
    """Return a channel of Slack."""
    return Chat(services, local)


def leave(chat: Chat, key: str, channel: str, *, body: dict[str, Any] | None = None) -> None:
    """Have something to say in a channel."""
    with chat.services.store.write() as connection:
        address = {"channel": channel, "user": "U0ALICE"}
        chat.services.store.notices.add(
            connection, "slack", key, address, said("hello").dump() if body is None else body, time.time()
        )


def test_a_full_channel_keeps_no_other_channel_waiting(chat: Chat) -> None:
    """It is left in peace by itself, for as long as the service says, and is told everything afterwards."""
    for number in range(3):
        leave(chat, f"loud-{number}", "C0LOUD")
    chat.say("bg do it")
    board, now = Strict(), time.time() + 10
    teller = ChatTeller(chat.services, board)
    teller.round(now)
    assert (len(board.answers), board.posted) == (1, [chat.newest().id])
    assert board.asked.count("C0LOUD") == 1
    teller.round(now + 5)
    assert board.asked.count("C0LOUD") == 1
    board.full = ""
    teller.round(now + 40)
    assert len(board.answers) == 4


def test_an_answer_that_can_never_be_said_is_given_up(chat: Chat) -> None:
    """A broken answer is not tried for ever, nor does it stand before the others."""
    leave(chat, "broken", "C0SHOP", body={"parts": [{"kind": "of another age"}]})
    leave(chat, "sound", "C0SHOP")
    board = Board()
    teller = ChatTeller(chat.services, board)
    teller.round(time.time() + 10)
    assert len(board.answers) == 1
    assert chat.services.store.notices.waiting("slack") == 1
    teller.round(time.time() + STALE_SECONDS + 60)
    assert chat.services.store.notices.waiting("slack") == 0


class Slow(Board):
    """A chat in which everything takes twelve seconds; a second process looks in each time."""

    def __init__(self, other: ChatTeller, now: float) -> None:
        super().__init__()
        self.other, self.now = other, now

    def clock(self) -> float:
        """Return the time as this chat makes it pass."""
        return self.now

    def answer(self, notice: Notice, answer: Answer) -> None:
        super().answer(notice, answer)
        self._drag()

    def show(self, place: ChatPlace, view: TaskView, *, look: bool) -> ChatPlace:
        self._drag()
        return super().show(place, view, look=look)

    def _drag(self) -> None:
        self.now += 12.0
        self.other.round(self.now)


def test_two_processes_at_once_say_each_thing_once(chat: Chat) -> None:
    """While one is at it the other says nothing, also where all of it together takes longer than the lease."""
    for number in range(30):
        leave(chat, f"one-{number}", "C0SHOP")
    chat.say("bg do it")
    now, quick = time.time() + 10, Board()
    slow = Slow(ChatTeller(Services(chat.services.settings, chat.services.store), quick), now)
    ChatTeller(chat.services, slow, slow.clock).round(now)
    assert (len(slow.answers), len(quick.answers)) == (31, 0)
    assert (slow.posted, quick.posted) == ([chat.newest().id], [])


def test_one_utterance_that_comes_many_times_at_once_is_one_task(chat: Chat) -> None:
    """A service's retries meet each other and the worker, and one task begins; what differs under their key is lost."""
    heard = Heard("slack", "slack-once", "U0ALICE", "alice", "bg do it", "C0SHOP", address={"channel": "C0SHOP"})
    store = chat.services.store

    def come() -> None:
        if store.deliveries.add(heard.delivery()):
            handle(chat.services, heard.key)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.tasks.listed()) == 1
    assert not store.deliveries.add(replace(heard, words="bg do something else").delivery())

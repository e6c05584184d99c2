"""What kills whoever takes it up is put aside, in words, after a few deaths; everything else goes on."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from bot.heard import Heard
from bot.inbox import handle
from bot.telling import ChatTeller
from jobs.answer.parts import Answer, said
from jobs.services import Services
from jobs.store import Store
from jobs.store.deliveries import DEATHS
from jobs.store.tables import deliveries, notices
from tests.bot.test_conversation import ALICE, Chat
from tests.bot.test_telling import Board

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from jobs.answer.view import TaskView
    from jobs.store import ChatPlace, Notice
    from jobs.testing.github import LocalGitHub
    from tests.bot.conftest import Inbox

MOST_DEATHS = 6


@pytest.fixture
def chat(services: Services, local: LocalGitHub) -> Chat:
    """Return a channel of Slack."""
    return Chat(services, local)


def dies(services: Services, work: Callable[[Services], object]) -> bool:
    """Do something in a process of its own, and tell whether that was killed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(Services(services.settings, Store(services.settings.database_url)))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def die(*_anything: object) -> object:
    """Die without a word, as of a full memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    return signal.pause()


def later(services: Services, table: sa.Table, **values: float) -> None:
    """Let time pass for all that waits or is held."""
    with services.store.write() as connection:
        connection.execute(table.update().values(**values))


def killer_of(guid: str) -> Callable[[Services], object]:
    """Return what a worker does that a delivery kills: it takes it up and is gone."""

    def work(services: Services) -> object:
        assert services.store.deliveries.claim(guid, time.time()) is not None
        return die()

    return work


def test_a_delivery_that_kills_the_inbox_is_put_aside(
    services: Services, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    """After three deaths, told to the operator once; the next label is heard, and GitHub may send it once more."""
    guid = "12345678-poison"
    services.store.deliveries.add(_labeled(guid))
    for _ in range(DEATHS):
        assert dies(services, killer_of(guid))
        later(services, deliveries, lease_until=0.0)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            handle(services, guid)
    [told] = [one.getMessage() for one in caplog.records]
    assert f"delivery {guid} (github issues) was put aside" in told
    assert services.store.deliveries.counts() == {"failed": 1}
    assert list(services.store.deliveries.due(time.time() + 3600)) == []
    inbox.label()
    assert inbox.task() is not None
    assert services.store.deliveries.add(_labeled(guid))
    handle(services, guid)
    assert services.store.deliveries.is_done(guid)


def test_an_error_is_no_death(services: Services) -> None:
    """A delivery that was given back with an error has more than three goes, since nobody died of it."""
    guid = "12345678-error"
    services.store.deliveries.add(_labeled(guid))
    assert services.store.deliveries.claim(guid, time.time()) is not None
    services.store.deliveries.release(guid, "KeyError: 'x'", 0.0)
    for _ in range(DEATHS):
        assert services.store.deliveries.claim(guid, time.time()) is not None
        later(services, deliveries, lease_until=0.0)


def test_who_said_what_kills_is_told(chat: Chat) -> None:
    """A command in a chat that kills the inbox is answered: nobody will try again."""
    heard = Heard("slack", "slack-poison", ALICE, "alice", "bg status", "C0SHOP", address={"channel": "C0SHOP"})
    chat.services.store.deliveries.add(heard.delivery())
    for _ in range(DEATHS):
        assert dies(chat.services, killer_of(heard.key))
        later(chat.services, deliveries, lease_until=0.0)
    handle(chat.services, heard.key)
    notice = chat.services.store.notices.find(heard.key)
    assert notice is not None
    assert "could not be carried out" in str(Answer.load(notice.body))


class Deadly(Board):
    """A chat service whose client dies of one answer and of one task."""

    poison = ""

    def answer(self, notice: Notice, answer: Answer) -> None:
        if notice.key == "poison":
            die()
        super().answer(notice, answer)

    def show(self, place: ChatPlace, view: TaskView, *, look: bool) -> ChatPlace:
        if view.task.id == self.poison:
            die()
        return super().show(place, view, look=look)


def deaths(chat: Chat, board: Board, rounds: int = 2) -> int:
    """Start processes of a chat one after another until one lives through some rounds; return how many died."""

    def tell(services: Services) -> None:
        teller = ChatTeller(services, board)
        for number in range(rounds):
            teller.round(time.time() + number)

    for count in range(MOST_DEATHS):
        if not dies(chat.services, tell):
            return count
        later(chat.services, notices, not_before=0.0)
    return MOST_DEATHS


def test_an_answer_that_kills_the_teller_is_not_said(chat: Chat) -> None:
    """After three deaths it is put aside, and the answers behind it are said."""
    with chat.services.store.write() as connection:
        for key in ("poison", "harmless"):
            body = said("Done.").dump()
            chat.services.store.notices.add(connection, "slack", key, {"channel": "C0SHOP"}, body, time.time())
    assert deaths(chat, Deadly()) == 3
    assert chat.services.store.notices.waiting("slack") == 0


def test_a_task_that_kills_the_teller_is_not_shown(chat: Chat) -> None:
    """After three deaths its message is left as it is; the other tasks are shown, and no process dies any more."""
    tasks = []
    for words in ("bg one", "bg two", "bg three"):
        chat.say(words)
        tasks.append(chat.newest().id)
    later(chat.services, notices, sent_at=time.time())
    board = Deadly()
    board.poison = tasks[1]
    assert deaths(chat, board) <= 3
    shown = {task: chat.services.store.showing.of_task(task)[0].external_id for task in tasks}
    assert [bool(shown[task]) for task in tasks] == [True, False, True]
    assert deaths(chat, board) == 0


def _labeled(guid: str) -> object:
    from jobs.types import Delivery  # noqa: PLC0415 - used by one function

    return Delivery(guid, "github", "issues", b'{"action": "labeled"}', time.time())

"""What a chat is told: each message once, kept current, caught up after an outage; by one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from bot.telling import ChatTeller, Gone, Later
from jobs.answer.parts import Answer, said
from jobs.owners import new_name
from jobs.services import Services
from jobs.store.showing import SENDING
from jobs.types import Conclusion, Outcome, Phase, PlanItem, Status
from tests.bot.test_conversation import ALICE, Chat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.answer.view import TaskView
    from jobs.store import ChatPlace, Notice
    from jobs.testing.github import LocalGitHub


@dataclass
class Board:
    """A chat service of the test's own: what was posted, edited and said, and how it fails."""

    name: str = "slack"
    posted: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    told: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    lost: bool = False
    """Whether what is done next is done, and its answer lost."""

    def fingerprint(self, view: TaskView) -> str:
        return f"{view.task.status}{view.percent}{view.task.question}"

    def show(self, place: ChatPlace, view: TaskView, *, look: bool) -> ChatPlace:
        self._fail()
        if place.external_id:
            self.edited.append(view.task.id)
            return place
        if look:
            self.looked.append(view.task.id)
        if not (look and view.task.id in self.posted):
            self.posted.append(view.task.id)
        self._lose()
        return replace(place, external_id=f"m{len(self.posted)}")

    def tell(self, place: ChatPlace, view: TaskView, moment: str, people: Sequence[str], *, look: bool) -> None:
        assert view.task.id == place.task_id
        self._fail()
        said = (place.task_id, moment, tuple(people))
        if not (look and said in self.told):
            self.told.append(said)
        self._lose()

    def answer(self, notice: Notice, answer: Answer) -> None:
        assert notice.surface == self.name
        self._fail()
        self.answers.append(answer)

    def _fail(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)

    def _lose(self) -> None:
        if self.lost:
            self.lost = False
            raise Later("the answer was lost", 0.0)


@dataclass
class Cry:
    """A teller over the board, with a clock of the test's own."""

    services: Services
    board: Board
    now: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.teller = ChatTeller(self.services, self.board)

    def round(self) -> None:
        """Let some time pass, and go round once."""
        self.now += 60.0
        self.teller.round(self.now)


@pytest.fixture
def chat(services: Services, local: LocalGitHub) -> Chat:
    """Return a channel of Slack."""
    return Chat(services, local)


@pytest.fixture
def cry(chat: Chat) -> Cry:
    """Return a teller that told the answer to a task's beginning."""
    chat.say("bg do it")
    return Cry(chat.services, Board())


def claim(chat: Chat) -> int:
    """Take the newest task, and return the attempt."""
    taken = chat.services.store.tasks.claim(chat.newest().id, "one", time.time())
    assert taken is not None
    return taken.task.attempt


def test_a_message_is_posted_once_and_edited(chat: Chat, cry: Cry) -> None:
    """One message for a task; nothing is sent while nothing has changed, and after the end it is left alone."""
    task, tasks = chat.newest(), chat.services.store.tasks
    for _ in range(3):
        cry.round()
    assert (cry.board.posted, cry.board.edited, len(cry.board.answers)) == ([task.id], [], 1)
    attempt = claim(chat)
    tasks.progress(task.id, attempt, Phase.CODING, [PlanItem("one", "done"), PlanItem("two")])
    for _ in range(2):
        cry.round()
    assert len(cry.board.edited) == 1
    tasks.complete(task.id, attempt, Outcome(Conclusion.SUCCESS, "Done."), worked=1.0, now=time.time())
    for _ in range(3):
        cry.round()
    assert len(cry.board.edited) == 2
    assert cry.board.told == [(task.id, "result", (ALICE,))]
    assert not chat.services.store.showing.due("slack", cry.now + 1e6)


def test_a_question_is_told_each_time_it_is_asked(chat: Chat, cry: Cry) -> None:
    """The person who asked and those who spoke are named; the same words at another time are another question."""
    task, tasks = chat.newest(), chat.services.store.tasks
    number = str(chat.local.add_user("bob").id)
    with chat.services.store.write() as connection:
        chat.services.store.people.identify(connection, "slack", "U0BOB", "bob", number, "code", time.time())
    chat.local.set_permission(task.repository, "bob", "write")
    chat.say(f"steer {task.id} keep it short", user="U0BOB")
    for times in (1, 2):
        attempt = claim(chat)
        tasks.wait(task.id, attempt, worked=float(times), question="Which?")
        tasks.told(task.id, attempt)
        for _ in range(2):
            cry.round()
        assert cry.board.told == [(task.id, "question", (ALICE, "U0BOB"))] * times
        chat.say(f"answer {task.id} that one")


def test_a_lost_answer_doubles_nothing(chat: Chat, cry: Cry) -> None:
    """What may have been sent is looked for before it is sent again."""
    task = chat.newest()
    cry.board.lost = True
    cry.round()
    [place] = chat.services.store.showing.of_task(task.id)
    assert (place.external_id, place.shown) == ("", SENDING)
    cry.round()
    assert (cry.board.posted, cry.board.looked) == ([task.id], [task.id])
    attempt = claim(chat)
    outcome = Outcome(Conclusion.FAILURE, "No.")
    chat.services.store.tasks.complete(task.id, attempt, outcome, worked=1.0, now=time.time())
    cry.round()
    assert cry.board.told == [(task.id, "failure", (ALICE,))]


def test_an_outage_is_caught_up_with(chat: Chat, cry: Cry) -> None:
    """While the service is away nothing is lost and it is not stormed; afterwards it shows the present state."""
    cry.board.trouble = [Later("away", 10.0)] * 3
    for _ in range(3):
        cry.round()
    assert (cry.board.posted, cry.board.answers) == ([], [])
    task = chat.newest()
    chat.say(f"cancel {task.id}")
    for _ in range(3):
        cry.round()
    assert cry.board.posted == [task.id]
    assert cry.board.told == []  # who cancelled it knows
    assert [answer.ok for answer in cry.board.answers] == [True, True]


def test_a_place_that_is_gone_keeps_nothing_waiting(chat: Chat, cry: Cry) -> None:
    """A deleted channel is given up; the task goes on, and other places are told."""
    task = chat.newest()
    with chat.services.store.write() as connection:
        chat.services.store.showing.show(connection, task.id, "slack", "C0OTHER", {})
    cry.board.trouble = [Gone("no such answer any more"), Gone("the channel was deleted")]
    for _ in range(2):
        cry.round()
    assert len(cry.board.posted) == 1
    assert len(chat.services.store.showing.due("slack", cry.now + 1e6)) == 1
    assert chat.task(task.id).status is Status.QUEUED


def test_a_fault_of_ours_is_not_repeated_at_once(chat: Chat, cry: Cry) -> None:
    """An error in one message is logged and tried later; the others are told."""
    cry.board.trouble = [RuntimeError("a fault"), RuntimeError("another")]
    cry.round()
    assert (cry.board.posted, cry.board.answers) == ([], [])
    for _ in range(2):
        cry.round()
    assert (len(cry.board.posted), len(cry.board.answers)) == (1, 1)


def test_one_process_tells(chat: Chat, cry: Cry) -> None:
    """A second process stays silent while the first one lives, and takes over when it falls silent."""
    other = Services(chat.services.settings, chat.services.store)
    second = ChatTeller(other, cry.board)
    cry.round()
    assert not second.round(cry.now + 1.0)
    with chat.services.store.write() as connection:
        chat.services.store.notices.add(connection, "slack", "one", {}, said("Hello.").dump(), cry.now)
    assert not second.round(cry.now + 2.0)
    assert second.round(cry.now + 3600.0)
    assert len(cry.board.answers) == 2


def test_nobody_waits_for_a_dead_process(chat: Chat, cry: Cry) -> None:
    """Who had the say and was killed is followed at once; somebody of another machine may only be silent."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lead, mine = chat.services.store.showing.lead, new_name()
    theirs = mine.replace(f":{os.getpid()}:", f":{dead.pid}:")
    assert lead("slack", f"elsewhere:{dead.pid}:7f3c9a", cry.now, 30.0)
    assert not cry.teller.round(cry.now + 1.0)
    assert lead("slack", f"elsewhere:{dead.pid}:7f3c9a", cry.now, -1.0)
    assert lead("slack", mine, cry.now + 1.0, 30.0)
    assert not cry.teller.round(cry.now + 2.0)
    assert lead("slack", mine, cry.now + 2.0, -1.0)
    assert lead("slack", theirs, cry.now + 2.0, 30.0)
    assert cry.teller.round(cry.now + 3.0)

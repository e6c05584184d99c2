"""One attempt's hold on a task: renewed while it lives, heard from, broken off, and given up when it is lost."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from jobs.lease import InterruptibleModel, InterruptibleSandbox, Lease
from jobs.models.chain import build
from jobs.store import LEASE_SECONDS
from jobs.testing.models import ChatCompletionsAPI, MessagesAPI
from jobs.testing.models.script import Failure, hang
from jobs.types import Cancelled, HandOver, LeaseLost, Paused
from tests.store.asking import cancel, claim, pause, running
from tests.waiting import until

if TYPE_CHECKING:
    from jobs.store import Store
    from jobs.types import Message, Task

LONG = 60.0
HELLO: list[Message] = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]


class Slow:
    """A model and a sandbox that take as long as they want."""

    name = "slow"

    def query(self, *_given: Any) -> str:
        threading.Event().wait(LONG)
        return "reply"

    def run(self, _command: str, **_options: Any) -> str:
        threading.Event().wait(LONG)
        return "result"


@pytest.fixture
def task(store: Store) -> Task:
    """Return a task in our hands, as of now."""
    return running(store, now=time.time())


def hold(store: Store, task: Task, stopping: threading.Event | None = None) -> Lease:
    return Lease(store, task.id, task.attempt, stopping or threading.Event())


def test_what_people_ask_is_heard_between_two_steps(store: Store, task: Task) -> None:
    """``check`` raises a pause, a cancel before it, and the loss of the task before both; ``fence`` just the loss."""
    lease = hold(store, task)
    lease.check()
    pause(store, task.id)
    with pytest.raises(Paused, match="by @alice"):
        lease.check()
    cancel(store, task.id, "by @bob")
    with pytest.raises(Cancelled, match="by @bob"):
        lease.check()
    lease.fence()
    claim(store, task.id, time.time() + LEASE_SECONDS + 1)
    for ask in (lease.check, lease.fence):
        with pytest.raises(LeaseLost):
            ask()


def test_a_worker_that_stops_hands_over(store: Store, task: Task) -> None:
    """Between two steps at once."""
    stopping = threading.Event()
    lease = hold(store, task, stopping)
    stopping.set()
    with pytest.raises(HandOver):
        lease.check()


def test_a_models_reply_is_broken_off_by_a_cancel(store: Store, task: Task) -> None:
    """Within seconds, and just there: other waits are left alone, and the signal's old meaning is back afterwards."""
    before = signal.getsignal(signal.SIGUSR1)
    began = time.monotonic()
    with hold(store, task) as lease:
        cancel(store, task.id, "the issue was closed", time.time())
        model = InterruptibleModel(Slow(), lease)  # type: ignore[arg-type]
        assert model.name == "slow"
        with pytest.raises(Cancelled, match="the issue was closed"):
            model.query("", [], [])
        threading.Event().wait(1.2)
    assert time.monotonic() - began < LONG / 3
    assert signal.getsignal(signal.SIGUSR1) is before


@pytest.mark.parametrize("provider", ["claude-opus-5-5", "openai:qwen3-coder"])
def test_what_is_broken_off_is_not_asked_again(store: Store, task: Task, provider: str) -> None:
    """Neither SDK takes it for a lost connection, after which it would send the request, and have it paid, once more."""
    asked = []

    def silence(request: Any) -> Failure:
        asked.append(request)
        return hang()

    with MessagesAPI(silence) as claude, ChatCompletionsAPI(silence, models=["qwen3-coder"]) as other:
        model = build(
            [provider],
            anthropic_api_key=claude.api_key,
            anthropic_base_url=claude.url,
            openai_api_key=other.api_key,
            openai_base_url=other.base_url,
        )

        def cancelled_meanwhile() -> None:
            until(lambda: asked, what="the request")
            cancel(store, task.id, "by @bob", time.time())

        with hold(store, task) as lease, ThreadPoolExecutor(1) as bob:
            bob.submit(cancelled_meanwhile)
            with pytest.raises(Cancelled, match="by @bob"):
                InterruptibleModel(model, lease).query("You work.", HELLO, [])
        model.close()
    assert len(asked) == 1


def test_a_long_wait_is_broken_off_when_the_worker_stops(store: Store, task: Task) -> None:
    """The wait has a few seconds to end by itself, and less than the worker has to stop."""
    stopping = threading.Event()
    with hold(store, task, stopping) as lease:
        stopping.set()
        began = time.monotonic()
        with lease.interruptible():
            threading.Event().wait(1.0)
        with pytest.raises(HandOver), lease.interruptible():
            threading.Event().wait(LONG)
        assert 2.5 < time.monotonic() - began < 20


def test_a_command_is_broken_off_when_the_task_is_lost(store: Store, task: Task) -> None:
    """The heartbeat notices that another attempt holds the task."""
    with hold(store, task) as lease:
        claim(store, task.id, time.time() + LEASE_SECONDS + 1)
        sandbox = InterruptibleSandbox(Slow(), lease)  # type: ignore[arg-type]
        assert sandbox.name == "slow"
        with pytest.raises(LeaseLost):
            sandbox.run("sleep 60", timeout=60)


def test_the_heartbeat_keeps_the_lease_through_an_outage(store: Store, task: Task) -> None:
    """While the database is away it is tried again and again, and the lease is renewed as soon as it is back."""
    first = store.tasks.row(task.id).lease_until
    with store.write() as connection:
        connection.execute(sa.text("ALTER TABLE tasks RENAME TO away"))
    with hold(store, task):
        until(lambda: time.time() > first - LEASE_SECONDS + 5, what="a failed beat")
        with store.write() as connection:
            connection.execute(sa.text("ALTER TABLE away RENAME TO tasks"))
        until(lambda: store.tasks.row(task.id).lease_until > first, what="a renewed lease")

"""Processes that write to one SQLite database come one after the other, and nobody who is killed holds them up."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.store.turns import bell_of, turn
from tests.waiting import until

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

FORKED = multiprocessing.get_context("fork")


def hold(file: str, has_it: Event, give_back: Event) -> None:
    """Have the turn until it is wanted back."""
    with turn(file):
        has_it.set()
        give_back.wait(30)


def come(file: str, name: str, deaf: float = 0.1) -> None:
    """Wait for the turn, and write down that one has it."""
    with turn(file, deaf=deaf), Path(f"{file}-order").open("a") as order:
        order.write(f"{name} ")


def is_waiting(process: int | None) -> bool:
    """Tell whether a process has begun to wait for the bell: what it has from its parent is waited for otherwise."""
    alone = f"{select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP | select.EPOLLEXCLUSIVE:x}"
    with suppress(FileNotFoundError):  # it has just closed one
        return any(alone in one.read_text().split() for one in Path(f"/proc/{process}/fdinfo").iterdir())
    return False


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return the name of a database."""
    return f"{tmp_path}/database"


def test_who_came_first_is_first(file: str) -> None:
    """Of three that wait the one that waited longest writes next, by the bell alone."""
    has_it, give_back = FORKED.Event(), FORKED.Event()
    holder = FORKED.Process(target=hold, args=(file, has_it, give_back))
    holder.start()
    assert has_it.wait(30)
    waiting = []
    for name in ("first", "second", "third"):
        process = FORKED.Process(target=come, args=(file, name, 60.0))
        process.start()
        waiting.append(process)
        until(lambda number=process.pid: is_waiting(number), what=f"the {name} to wait")  # type: ignore[misc]
    give_back.set()
    for process in (holder, *waiting):
        process.join(30)
        assert process.exitcode == 0
    assert Path(f"{file}-order").read_text() == "first second third "


def test_who_is_killed_holds_up_nobody(file: str) -> None:
    """The kernel gives the turn back; nobody rings, and it is found all the same."""
    has_it = FORKED.Event()
    holder = FORKED.Process(target=hold, args=(file, has_it, FORKED.Event()))
    holder.start()
    assert has_it.wait(30)
    waiting = FORKED.Process(target=come, args=(file, "next"))
    waiting.start()
    until(lambda: is_waiting(waiting.pid), what="the next one to wait")
    assert not Path(f"{file}-order").exists()
    os.kill(holder.pid or 0, signal.SIGKILL)
    waiting.join(5)
    assert Path(f"{file}-order").read_text() == "next "
    holder.join(30)


@pytest.mark.parametrize("beside", ["a pipe", "no pipe"])
def test_patience_ends(file: str, beside: str) -> None:
    """Who has waited as long as is wanted goes on without the turn, and SQLite says what is the matter."""
    if beside == "no pipe":
        Path(bell_of(file)).touch()
    has_it, give_back = FORKED.Event(), FORKED.Event()
    holder = FORKED.Process(target=hold, args=(file, has_it, give_back))
    holder.start()
    assert has_it.wait(30)
    began = time.monotonic()
    with turn(file, 0.3):
        assert 0.3 <= time.monotonic() - began < 10
    give_back.set()
    holder.join(30)
    began = time.monotonic()
    with turn(file, 5):
        assert time.monotonic() - began < 5


def test_rings_that_nobody_hears_are_no_trouble(file: str) -> None:
    """More turns than the pipe has room for hold up nobody, and leave no file open."""
    with turn(file):
        bell = os.open(bell_of(file), os.O_RDWR | os.O_NONBLOCK)
    room = fcntl.fcntl(bell, fcntl.F_SETPIPE_SZ, 4096)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(room + 100):
        with turn(file):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert len(os.read(bell, 2 * room)) == room
    os.close(bell)

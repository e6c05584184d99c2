"""Whether the holder of a lease has died is known at once on its own machine, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.lease import free_the_orphaned
from jobs.owners import is_dead, new_name, process_of
from jobs.store import LEASE_SECONDS
from tests.store.asking import delivery, request, submit
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.store import Store

NAME = "from jobs.owners import new_name; print(new_name(), flush=True); input()"


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """Yield a process that says its name and then waits."""
    command, home = [sys.executable, "-c", NAME], Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=home) as process:
        yield process
        process.kill()


def name_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_name_tells_whether_its_process_lives(other: subprocess.Popen[str]) -> None:
    """It lives while it runs, and is dead once it was killed, even before its parent took note of that."""
    name = name_of(other)
    assert process_of(name) == other.pid
    assert not is_dead(name)
    other.kill()
    until(lambda: is_dead(name), what="the death to be seen")
    other.wait()
    assert is_dead(name)


def test_no_two_processes_have_one_name() -> None:
    """A process that comes later with the same number is another one."""
    assert new_name() != new_name()
    assert process_of(new_name()) == os.getpid()


@pytest.mark.parametrize("change", ["host", "place", "nonsense", "nothing"])
def test_who_is_elsewhere_is_never_taken_for_dead(other: subprocess.Popen[str], change: str) -> None:
    """Numbers of another host, of another container with the host's name, or of no process mean nothing here."""
    host, number, rest = name_of(other).split(":")
    other.kill()
    other.wait()
    names = {
        "host": f"another-{host}:{number}:{rest}",
        "place": f"{host}:{number}:{'0' * 8}{rest[8:]}",
        "nonsense": f"{host}:²:{rest}",
        "nothing": "",
    }
    assert not is_dead(names[change])


def test_what_the_dead_held_is_free_at_once(store: Store, other: subprocess.Popen[str]) -> None:
    """The lease of a process that died ends without running out, its death is counted; the living keep theirs."""
    now, theirs = time.time(), name_of(other)
    orphan, mine = submit(store, request(1)), submit(store, request(2))
    assert store.tasks.claim(orphan.id, theirs, now)
    assert store.tasks.claim(mine.id, new_name(), now)
    assert free_the_orphaned(store, now) == ([], [])
    other.kill()
    other.wait()
    assert free_the_orphaned(store, now) == ([orphan.id], [])
    assert free_the_orphaned(store, now) == ([], [])
    assert list(store.tasks.due(now)) == [orphan.id]
    taken = store.tasks.claim(orphan.id, new_name(), now + 1)
    assert taken is not None
    assert (taken.task.attempt, taken.crashes) == (2, 1)
    assert store.tasks.claim(mine.id, new_name(), now + LEASE_SECONDS - 1) is None


def test_a_delivery_that_the_dead_held_is_free_at_once(store: Store, other: subprocess.Popen[str]) -> None:
    """It is due again; one that waits for a time, or is held by the living, waits on."""
    now, theirs = time.time(), name_of(other)
    for guid, owner in (("orphaned", theirs), ("put-off-0", theirs), ("held-0001", new_name())):
        store.deliveries.add(delivery(guid))
        assert store.deliveries.claim(guid, now, owner)
    store.deliveries.release("put-off-0", "GitHub is away", now + 60, counts=False)
    other.kill()
    other.wait()
    assert free_the_orphaned(store, now) == ([], ["orphaned"])
    assert free_the_orphaned(store, now) == ([], [])
    assert list(store.deliveries.due(now)) == ["orphaned"]

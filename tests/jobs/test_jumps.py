"""Clocks that are set while work goes on: nobody who lives is taken for dead, and nobody waits for hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.jumps import LEAST_JUMP, Jumps, mend
from jobs.store import LEASE_SECONDS, Store
from jobs.store.tables import metadata
from tests.store.asking import claim, delivery, request, submit

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_800_000_000.0
HOURS = [7200.0, -3600.0]


class Clocks:
    """The clock that people set, and the one that they cannot."""

    def __init__(self) -> None:
        self.wall, self.steady = NOW, 50.0

    def pass_by(self, seconds: float) -> None:
        """Let time go by."""
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def kept(database_url: str) -> Iterator[Store]:
    """Yield a store, on SQLite and on PostgreSQL."""
    store = Store(database_url)
    metadata.create_all(store.database.engine)
    yield store
    store.close()


@pytest.fixture
def clocks() -> Clocks:
    """Return two clocks."""
    return Clocks()


@pytest.fixture
def jumps(clocks: Clocks) -> Jumps:
    """Return what watches them."""
    return Jumps(lambda: clocks.wall, lambda: clocks.steady)


def sweep(store: Store, jumps: Jumps, clocks: Clocks, times: int) -> None:
    """Look every five seconds, as the clock does."""
    for _ in range(times):
        mend(store, jumps, clocks.wall)
        clocks.pass_by(5.0)


@pytest.mark.parametrize("jump", HOURS)
def test_a_living_worker_keeps_its_task(kept: Store, jumps: Jumps, clocks: Clocks, jump: float) -> None:
    """Whatever the clock says now, nobody takes the task of a worker that goes on renewing its lease."""
    task = submit(kept, request(), NOW)
    held = claim(kept, task.id, clocks.wall)
    clocks.wall += jump
    for _ in range(6):
        sweep(kept, jumps, clocks, 1)
        assert kept.tasks.claim(task.id, "another", clocks.wall) is None
        kept.tasks.renew(task.id, held.task.attempt, clocks.wall)
    assert kept.tasks.row(task.id).attempt == held.task.attempt


@pytest.mark.parametrize("jump", HOURS)
def test_a_worker_with_another_clock_keeps_its_task(kept: Store, jumps: Jumps, clocks: Clocks, jump: float) -> None:
    """A machine whose clock is hours off for ever works as well as any other, and dies as any other."""
    task = submit(kept, request(), NOW)
    held = claim(kept, task.id, clocks.wall + jump)
    for _ in range(6):
        sweep(kept, jumps, clocks, 1)
        assert kept.tasks.claim(task.id, "another", clocks.wall) is None
        kept.tasks.renew(task.id, held.task.attempt, clocks.wall + jump)
    sweep(kept, jumps, clocks, 5)
    taken = kept.tasks.claim(task.id, "another", clocks.wall)
    assert taken is not None
    assert (taken.task.attempt, taken.crashes) == (held.task.attempt + 1, 1)


@pytest.mark.parametrize("jump", HOURS)
def test_a_dead_worker_is_succeeded_all_the_same(kept: Store, jumps: Jumps, clocks: Clocks, jump: float) -> None:
    """Who died just before the clock was set is missed within seconds, not within hours."""
    task = submit(kept, request(), NOW)
    claim(kept, task.id, clocks.wall)
    clocks.wall += jump
    sweep(kept, jumps, clocks, int(LEASE_SECONDS / 5) + 2)
    assert list(kept.tasks.due(clocks.wall)) == [task.id]
    assert kept.tasks.claim(task.id, "another", clocks.wall) is not None


def test_a_lease_that_just_ran_out_is_taken_at_once(kept: Store, clocks: Clocks) -> None:
    """Where the clock tells nothing odd, nobody watches first."""
    task = submit(kept, request(), NOW)
    claim(kept, task.id, clocks.wall)
    assert kept.tasks.claim(task.id, "another", clocks.wall + LEASE_SECONDS + 1) is not None


def test_what_waits_does_not_wait_longer(kept: Store, jumps: Jumps, clocks: Clocks) -> None:
    """A clock that is set back an hour leaves what was put off where it was on the way."""
    task = submit(kept, request(), NOW)
    held = claim(kept, task.id, clocks.wall)
    kept.tasks.release(task.id, held.task.attempt, not_before=clocks.wall + 300)
    kept.deliveries.add(delivery())
    kept.deliveries.release("guid-0001", "GitHub is away", clocks.wall + 300, counts=False)
    clocks.wall -= 3600
    sweep(kept, jumps, clocks, 1)
    assert kept.tasks.row(task.id).not_before - clocks.wall == pytest.approx(295)
    clocks.pass_by(300)
    assert list(kept.tasks.due(clocks.wall)) == [task.id]
    assert list(kept.deliveries.due(clocks.wall)) == ["guid-0001"]


def test_a_clock_that_is_adjusted_a_little_has_not_jumped(jumps: Jumps, clocks: Clocks) -> None:
    """What a time service does all day is nothing to act on."""
    for _ in range(20):
        clocks.pass_by(5.0)
        clocks.wall -= LEAST_JUMP / 10
        assert jumps.jump() == 0.0


def test_the_real_clocks_agree() -> None:
    """Where nobody sets a clock there is no jump."""
    jumps = Jumps()
    assert jumps.jump() == 0.0

"""The breaker: a service that fails again and again is left alone, tried now and then, and trusted when it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.breaker import (
    FAILURES,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    LONGEST_WISH,
    TRY_SECONDS,
    WINDOW_SECONDS,
    Breaker,
    Circuit,
)
from jobs.store import Store
from jobs.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "model:claude-opus-5-5"
START = 1_800_000_000.0


class Hours:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def hours() -> Hours:
    """Return a clock."""
    return Hours()


@pytest.fixture
def kept(database_url: str) -> Iterator[Store]:
    """Yield where circuits are kept, on SQLite and on PostgreSQL."""
    store = Store(database_url)
    metadata.create_all(store.database.engine)
    yield store
    store.close()


def open_one(breaker: Breaker) -> Circuit:
    """Let a service fail until its circuit is open."""
    return [breaker.failed(NAME, "answers 529") for _ in range(FAILURES)][-1]


def test_failures_in_a_row_open_a_circuit(kept: Store, hours: Hours) -> None:
    """Until then the service is asked; after that nobody asks before the next try, in any process."""
    breaker, other = Breaker(kept.records, hours), Breaker(kept.records, hours)
    for _ in range(FAILURES - 1):
        assert not breaker.failed(NAME, "answers 529").is_open
        assert other.ask(NAME) is None
    circuit = other.failed(NAME, "answers 529")
    assert (circuit.since, circuit.next_try, circuit.reason) == (START, START + FIRST_PAUSE, "answers 529")
    assert breaker.ask(NAME) == circuit
    assert breaker.open() == {NAME: circuit}
    assert breaker.ask("model:another") is None


def test_one_at_a_time_tries_whether_it_is_back(kept: Store, hours: Hours) -> None:
    """Of all who ask when the time has come one may; the others wait for what comes of it, and not for ever."""
    breaker, other = Breaker(kept.records, hours), Breaker(kept.records, hours)
    open_one(breaker)
    hours.now += FIRST_PAUSE
    assert [breaker.ask(NAME) is None, other.ask(NAME) is None] == [True, False]
    hours.now += TRY_SECONDS
    assert other.ask(NAME) is None
    other.answered(NAME)
    assert breaker.ask(NAME) is None
    assert breaker.open() == {}
    assert not breaker.failed(NAME, "answers 500").is_open


def test_tries_become_rarer(kept: Store, hours: Hours) -> None:
    """Each failed try doubles the pause, up to some minutes; since when it is away is remembered."""
    breaker = Breaker(kept.records, hours)
    circuit, pauses = open_one(breaker), []
    for _ in range(6):
        pauses.append(circuit.next_try - hours.now)
        hours.now = circuit.next_try
        assert breaker.ask(NAME) is None
        circuit = breaker.failed(NAME, "answers 503")
    assert pauses == [30.0, 60.0, 120.0, 240.0, LONGEST_PAUSE, LONGEST_PAUSE]
    assert (circuit.since, circuit.reason) == (START, "answers 503")


def test_failures_far_apart_are_not_in_a_row() -> None:
    """A service that fails once an hour is not away."""
    circuit = Circuit()
    for turn in range(10):
        circuit = circuit.failed("answers 500", START + turn * (WINDOW_SECONDS + 1))
        assert (circuit.failures, circuit.is_open) == (1, False)


def test_a_service_that_says_when_it_is_back_is_believed_at_once() -> None:
    """A long Retry-After opens the circuit; an hour is the most that anybody may ask for."""
    assert Circuit().failed("answers 429", START, 120.0).next_try == START + 120.0
    assert Circuit().failed("answers 429", START, 1e9).next_try == START + LONGEST_WISH
    assert not Circuit().failed("answers 429", START, 5.0).is_open


@pytest.mark.parametrize("jump", [-7200.0, 7200.0, -1e9])
def test_a_clock_that_is_set_keeps_nobody_away(kept: Store, hours: Hours, jump: float) -> None:
    """After a jump of the clock the circuit is tried within the longest wait that there may be."""
    breaker = Breaker(kept.records, hours)
    open_one(breaker)
    hours.now += jump
    assert breaker.ask(NAME) is None
    assert breaker.failed(NAME, "answers 529").next_try - hours.now <= LONGEST_PAUSE


def test_several_services_are_shut_only_together(kept: Store, hours: Hours) -> None:
    """While one of a list may be asked, there is no reason to wait."""
    breaker = Breaker(kept.records, hours)
    circuit = open_one(breaker)
    assert breaker.shut([NAME, "model:another"]) is None
    assert breaker.shut([NAME]) == circuit
    assert breaker.shut([]) is None

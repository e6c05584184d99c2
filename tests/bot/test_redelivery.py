"""What GitHub could not deliver comes once more, for few requests, and in the end at the latest when we are back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bot.housekeeping.redelivery import FIRST_PAUSE, MOST_AT_ONCE, PENDING, QUIET, READ, WINDOW_SECONDS, look
from jobs.testing.github.world import stamp
from jobs.testing.loopback import Answer, Loopback
from jobs.types import Delivery
from tests.bot.conftest import SHOP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.services import Services
    from jobs.testing.github import LocalGitHub
    from jobs.testing.github.webhooks import Delivery as Sent


@dataclass
class Door:
    """What GitHub's webhooks are answered, and what was asked of GitHub since it was asked last."""

    services: Services
    local: LocalGitHub
    answers: int = 503
    now: float = field(default_factory=time.time)
    seen: int = 0

    def send(self, count: int = 1, event: str = "issues", action: str = "labeled") -> list[Sent]:
        """Have GitHub send webhooks, and wait until it has tried."""
        github, payload = self.local, {"action": action, "repository": {"full_name": SHOP}}
        sent = [github.webhooks.send(github.app, event, action, payload) for _ in range(count)]
        self.wait(sent, 1)
        self.asked()
        return sent

    def wait(self, sent: list[Sent], attempts: int) -> None:
        """Wait until GitHub has tried each so often."""
        self.local.wait_for(lambda: all(len(one.attempts) == attempts for one in sent), what=f"attempt {attempts}")

    def look(self, after: float = 0.0) -> tuple[int, int]:
        """Look once, so many seconds later; return how often the list was read, and what was asked for.

        The client, which goes by the machine's own clock, is that of a worker begun meanwhile.
        """
        self.now += after
        if after and "github" in self.services.__dict__:
            self.services.__dict__.pop("github").close()
        look(self.services, self.now)
        return self.asked()

    def age(self, sent: list[Sent]) -> None:
        """Have GitHub believe that it tried these an hour ago."""
        for one in sent:
            one.attempts[0].delivered_at = stamp(self.now - 3600)

    def asked(self) -> tuple[int, int]:
        """Return how often the list was read since the last time, and how many deliveries were asked for."""
        made = self.local.requests
        fresh, self.seen = made[self.seen :], len(made)
        read = sum(one.path == "/app/hook/deliveries" for one in fresh)
        return read, sum(one.path.endswith("/attempts") for one in fresh)


@pytest.fixture
def door(services: Services, local: LocalGitHub) -> Iterator[Door]:
    """Yield a door that takes nothing."""
    made = Door(services, local)
    server = Loopback(lambda _request: Answer(made.answers))
    server.start()
    local.webhook_url = server.url
    yield made
    local.webhook_url = ""
    server.stop()


def test_a_minutes_look_costs_one_request(door: Door) -> None:
    """When nothing failed; after an absence each page is read once, and what nobody wants is not asked for."""
    door.age(door.send(120, "label", "edited"))
    lost = door.send(3)
    door.answers = 202
    assert door.look() == (2, 3)
    door.wait(lost, 2)
    for _ in range(3):
        assert door.look(60) == (1, 0)


def test_what_failed_is_read_although_much_succeeded_since(door: Door) -> None:
    """The list of failures alone is read, so that a busy hour behind an outage does not hide what failed in it."""
    lost = door.send()
    door.answers = 202
    door.send(150)
    assert door.look() == (1, 1)
    door.wait(lost, 2)


def test_a_reading_that_was_interrupted_goes_on_where_it_was(door: Door) -> None:
    """A worker that must stop has read one page; the next one reads the rest, and nothing is left out or read twice."""
    door.age(door.send(249))
    door.send()
    door.services.stopping.set()
    assert door.look() == (1, 0)
    door.services.stopping.clear()
    door.answers = 202
    assert door.look() == (2, MOST_AT_ONCE)
    assert len(door.services.store.records.kept(PENDING, 1000)) == 250
    assert door.look(1) == (1, MOST_AT_ONCE)
    assert door.look(1) == (1, 50)


def test_what_we_cannot_take_is_asked_for_again_with_growing_pauses(door: Door) -> None:
    """While we answer 503 each failed redelivery doubles and more the time until the next, and at last it arrives."""
    sent = door.send()
    assert door.look() == (1, 1)
    pauses, attempt = [], 2
    for pause in (FIRST_PAUSE, 3 * FIRST_PAUSE, 9 * FIRST_PAUSE):
        door.wait(sent, attempt)
        assert door.look(1) == (1, 0)
        assert door.look(pause - 2) == (1, 0)
        assert door.look(3) == (1, 1)
        pauses.append(pause)
        attempt += 1
    door.answers = 202
    door.wait(sent, attempt)
    one = sent[0]
    door.services.store.deliveries.add(Delivery(one.guid, "github", "issues", one.body, door.now))
    assert door.look(27 * FIRST_PAUSE) == (1, 0)
    assert door.look(27 * FIRST_PAUSE) == (1, 0)


def test_a_redelivery_that_is_refused_is_the_last(door: Door) -> None:
    """What we refused twice is left to the comparison of states, also days later, and forgotten in the end."""
    door.answers = 401
    sent = door.send()
    assert door.look() == (1, 1)
    door.wait(sent, 2)
    for _ in range(3):
        assert door.look(3600) == (1, 0)
    assert door.look(WINDOW_SECONDS) == (1, 0)
    assert door.services.store.records.kept(PENDING, 10) == {}


def test_what_arrived_is_not_asked_for(door: Door) -> None:
    """A delivery that is stored, done or not, is none of GitHub's business any more."""
    [one] = door.send()
    door.services.store.deliveries.add(Delivery(one.guid, "github", "issues", one.body, door.now))
    assert door.look() == (1, 0)


def test_somebody_elses_failed_redelivery_counts(door: Door) -> None:
    """One that an operator asked for by hand while we were away, and that failed, is asked for after a pause."""
    [one] = door.send()
    door.local.webhooks.send_again(one)
    door.wait([one], 2)
    assert door.look() == (1, 0)
    assert door.look(FIRST_PAUSE + 1) == (1, 1)


def test_github_is_left_in_peace_while_it_wants_quiet(door: Door) -> None:
    """A limit with Retry-After is kept to the second, outages make the pauses grow, and nothing is given up."""
    sent = door.send(2)
    door.local.faults.add("POST", r"/attempts$", status=429, headers={"Retry-After": "300"})
    assert door.look() == (1, 1)
    assert door.look(290) == (0, 0)
    assert door.look(20) == (1, 2)
    door.wait(sent, 2)
    door.local.faults.add("GET", r"/deliveries$", times=None, status=502)
    reads = [door.look(60)[0] > 0 for _ in range(16)]
    assert 4 <= sum(reads) <= 6
    door.local.faults.clear()
    assert door.look(900) == (1, 0)
    assert door.look(FIRST_PAUSE + 1) == (1, 2)
    assert door.services.store.records.value(QUIET) is None


def test_a_cursor_that_github_does_not_know_any_more_is_dropped(door: Door) -> None:
    """The list is read from its beginning then."""
    lost = door.send()
    door.services.store.records.keep(READ, '[0.0, 1.0, "v1_999"]', door.now)
    door.local.faults.add("GET", r"/deliveries$", status=422)
    assert door.look() == (1, 0)
    assert door.look(60) == (1, 1)
    door.wait(lost, 2)


def test_a_delivery_that_github_has_no_more_is_left(door: Door) -> None:
    """GitHub's refusal to send one does not keep the others from being sent, and it is not asked again."""
    first, second = door.send(2)
    door.local.faults.add("POST", r"/attempts$", status=404)
    assert door.look() == (1, 2)
    door.local.wait_for(lambda: len(first.attempts) + len(second.attempts) == 3, what="the one redelivery")
    door.answers = 202
    assert door.look(1) == (1, 0)

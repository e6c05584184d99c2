"""One run of chaos: events at a steady rate, faults at random from a seed, and the wait until all is quiet."""

from __future__ import annotations

import random
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.testing.chaos.events import Events, model
from jobs.testing.chaos.faults import SORTS, Faults
from jobs.testing.chaos.figures import Figures, arrived, count
from jobs.testing.chaos.machine import Machine, send
from jobs.testing.product import Product

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from jobs.store import Store
    from jobs.testing.chaos.figures import Wanted

THINK_SECONDS = 0.4
"""What each reply of the model takes."""
WAIT_SECONDS = 25.0
"""How long a fault waits for somebody to hurt."""
TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Weather:
    """What a storm is made of; ``rate`` is of labels a second, ``talk`` of comments that ask for nothing."""

    seed: int
    seconds: float
    rate: float
    faults: int
    talk: float = 5.0
    provider: str = "bubblewrap"
    workers: int = 4
    quiet_seconds: float = 200.0
    """How long the end is waited for at most."""
    sorts: Sequence[str] = tuple(SORTS)

    def plan(self) -> list[tuple[float, str]]:
        """Return when which sort of fault is committed: each sort as often as the others, in an order by the seed."""
        dice, order = random.Random(self.seed), list[str]()  # noqa: S311 - it shall be the same each time
        while len(order) < self.faults:
            order += dice.sample(self.sorts, len(self.sorts))
        gap = self.seconds / max(self.faults, 1)
        return [(gap * (number + dice.random()), sort) for number, sort in enumerate(order[: self.faults])]


class Storm:
    """The product in a storm, under ``home``."""

    def __init__(
        self, home: Path, weather: Weather, environment: Mapping[str, str], wanted: Wanted, database: str = ""
    ) -> None:
        """Take what tells of a webhook's event and action whether the product reads it."""
        changes = {"OPUS67_SANDBOX": weather.provider, "OPUS67_WORKERS": str(weather.workers)}
        changes |= {"DATABASE_URL": database} if database else {}
        self.weather, self.wanted = weather, wanted
        self.product = Product(home, model(), environment=environment, changes=changes)
        self.product.model.delay = THINK_SECONDS
        self.machine = Machine(self.product, weather.provider)

    def run(self) -> Figures:
        """Let it rage, and return what came of it."""
        weather = self.weather
        with self.product as product:
            events = Events(product.github)
            events.prepare(int(weather.seconds * weather.rate))
            product.up()
            store = product.store
            dice = random.Random(weather.seed)  # noqa: S311 - as above
            faults = Faults(self.machine, store, dice)
            try:
                self._rage(events, faults)
                self._calm(events, store)
                left = self._leftovers()
                return count(product, store, events, faults, left, self.wanted)
            finally:
                faults.end()
                store.close()

    def _rage(self, events: Events, faults: Faults) -> None:
        weather = self.weather
        over = threading.Event()
        people = [
            threading.Thread(target=self._steadily, args=(events.ask, weather.rate, over)),
            threading.Thread(target=self._steadily, args=(events.talk, weather.talk, over)),
        ]
        for person in people:
            person.start()
        self._hurt(faults)
        over.set()
        for person in people:
            person.join()
        faults.end()

    def _hurt(self, faults: Faults) -> None:
        """Commit each fault when its time has come; one that finds nobody to hurt waits for somebody, for a while."""
        began, planned, waiting = time.monotonic(), self.weather.plan(), list[tuple[float, str]]()
        while (now := time.monotonic() - began) < self.weather.seconds or waiting or planned:
            waiting += [one for one in planned if one[0] <= now]
            planned = [one for one in planned if one[0] > now]
            waiting = [(at, sort) for at, sort in waiting if not faults.commit(sort) and now - at < WAIT_SECONDS]
            time.sleep(TICK_SECONDS)

    def _steadily(self, act: Callable[[], None], rate: float, over: threading.Event) -> None:
        """Act so often a second, until it is over or nothing is left to do."""
        began = time.monotonic()
        for number in range(int(self.weather.seconds * rate)):
            if over.wait(max(0.0, began + number / rate - time.monotonic())):
                return
            act()

    def _calm(self, events: Events, store: Store) -> None:
        """Wait until every event has been worked on and told of, and every webhook has arrived."""
        # The clock is started again, so that its chores are due now and not within their minutes.
        send(self.machine.family("clock")[0], signal.SIGKILL)
        deadline = time.monotonic() + self.weather.quiet_seconds
        while time.monotonic() < deadline and not (self._answered(events, store) and self._delivered(store)):
            time.sleep(0.25)

    def _answered(self, events: Events, store: Store) -> bool:
        tasks = store.tasks.recent(100_000)
        subjects = {(task.repository, task.subject.number) for task in tasks}
        asked = all((event.repository, event.number) in subjects for event in events.asked)
        return asked and all(store.tasks.row(task.id).told for task in tasks)

    def _delivered(self, store: Store) -> bool:
        return all(arrived(one, store, self.wanted) for one in self.product.github.deliveries)

    def _leftovers(self) -> list[str]:
        """Return the sandboxes that are still there although no task is, after the clock's chores."""
        deadline = time.monotonic() + 60.0
        if self.machine.sandboxes():
            send(self.machine.family("clock")[0], signal.SIGKILL)
        while (left := self.machine.sandboxes()) and time.monotonic() < deadline:
            time.sleep(0.25)
        return left

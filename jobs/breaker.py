"""Keeps work away from a service that fails again and again: only one in a while tries whether it is back.

A circuit is closed while its service answers, open after some failures in a row, and half-open while one caller tries.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PREFIX = "breaker:"
FAILURES = 3
"""So many failures in a row open a circuit; each is one that was already tried again within."""
WINDOW_SECONDS = 600.0
"""Failures that are further apart are not in a row."""
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 300.0
"""Seconds between two tries of a service that is away: doubled each time."""
LONGEST_WISH = 3600.0
"""What a service may ask for at most; a next try that is later was written by a clock that was wrong."""
TRY_SECONDS = 60.0
"""Who tries has so long before another one may."""
MOST = 100
SWAPS = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of a service that failed. Times are seconds since the epoch; ``next_try`` is 0 while closed."""

    failures: int = 0
    since: float = 0.0
    last: float = 0.0
    next_try: float = 0.0
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Tell whether the service is taken to be away."""
        return self.next_try > 0

    def is_shut(self, now: float) -> bool:
        """Tell whether nobody should ask the service now."""
        return 0 < self.next_try - now <= LONGEST_WISH + TRY_SECONDS

    def failed(self, reason: str, now: float, retry_after: float = 0.0) -> Circuit:
        """Return the circuit after one more failure; a service that says when it is back is believed at once."""
        in_a_row = self.is_open or 0 <= now - self.last <= WINDOW_SECONDS
        failures, since = (self.failures + 1, self.since) if self.failures and in_a_row else (1, now)
        wish = min(retry_after, LONGEST_WISH)
        if failures < FAILURES and wish < FIRST_PAUSE:
            return Circuit(failures, since, now, 0.0, reason)
        pause = min(FIRST_PAUSE * 2.0 ** max(0, failures - FAILURES), LONGEST_PAUSE)
        return Circuit(failures, since, now, now + max(pause, wish), reason)

    def tried(self, now: float) -> Circuit:
        """Return the circuit while one caller tries: the others wait for what comes of it."""
        return replace(self, next_try=now + TRY_SECONDS)


class Keeper(Protocol):
    """Where circuits are kept, for all workers together; the store's records are one."""

    def value(self, key: str) -> str | None:
        """Return what was kept under a key."""
        ...

    def kept(self, prefix: str, most: int) -> Mapping[str, str]:
        """Return what was kept under keys that begin so, by the rest of the key."""
        ...

    def swap(self, key: str, old: str | None, new: str, now: float) -> bool:
        """Keep ``new`` in the place of ``old``; False where something else is kept there meanwhile."""
        ...


class Breaker:
    """The circuits of all services, by names such as ``model:claude-opus-5-5``."""

    def __init__(self, keeper: Keeper, now: Callable[[], float] = time.time) -> None:
        """Take where circuits are kept, and the clock: seconds since the epoch."""
        self._keeper, self._now = keeper, now

    def ask(self, service: str) -> Circuit | None:
        """Return None where the service may be asked now, or the circuit that is shut; one in a while may try."""
        for _ in range(SWAPS):
            kept = self._keeper.value(PREFIX + service)
            circuit, now = _read(kept), self._now()
            if not circuit.is_open:
                return None
            if circuit.is_shut(now):
                return circuit
            if self._keeper.swap(PREFIX + service, kept, _written(circuit.tried(now)), now):
                log.info("trying whether a service is back", extra={"service": service})
                return None
        return circuit

    def shut(self, services: Sequence[str]) -> Circuit | None:
        """Return the circuit that opens first where all of these are shut, and None where one may be asked."""
        circuits = [_read(self._keeper.value(PREFIX + service)) for service in services]
        if not circuits or not all(circuit.is_shut(self._now()) for circuit in circuits):
            return None
        return min(circuits, key=lambda circuit: circuit.next_try)

    def failed(self, service: str, reason: str, retry_after: float = 0.0) -> Circuit:
        """Count a failure of the service itself; return what is known of it now."""
        circuit = Circuit()
        for _ in range(SWAPS):
            kept, now = self._keeper.value(PREFIX + service), self._now()
            before = _read(kept)
            circuit = before.failed(reason, now, retry_after)
            if self._keeper.swap(PREFIX + service, kept, _written(circuit), now):
                if circuit.is_open and not before.is_open:
                    log.warning("a service is taken to be away", extra={"service": service, "reason": reason})
                break
        return circuit

    def answered(self, service: str) -> None:
        """Close the circuit: the service answered, be it with a refusal."""
        kept = self._keeper.value(PREFIX + service)
        if kept and self._keeper.swap(PREFIX + service, kept, "", self._now()) and _read(kept).is_open:
            log.warning("a service is back", extra={"service": service})

    def open(self) -> dict[str, Circuit]:
        """Return the services that are taken to be away."""
        circuits = {name: _read(kept) for name, kept in self._keeper.kept(PREFIX, MOST).items()}
        return {name: circuit for name, circuit in sorted(circuits.items()) if circuit.is_open}


def told(service: str, circuit: Circuit) -> str:
    """Say in a line what is away, since when, why, and when somebody tries it again."""
    kind, _, name = service.partition(":")
    reason = f" ({circuit.reason.rstrip('.')})" if circuit.reason else ""
    return f"{kind} {name}: away since {clock(circuit.since)}{reason}; next try at {clock(circuit.next_try)}"


def _read(kept: str | None) -> Circuit:
    return Circuit(**json.loads(kept)) if kept else Circuit()


def _written(circuit: Circuit) -> str:
    return json.dumps(asdict(circuit))


def clock(at: float) -> str:
    """Return a time of day, as people are told of it."""
    return f"{time.strftime('%H:%M', time.gmtime(at))} UTC"

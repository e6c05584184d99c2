"""What GitHub could not deliver is asked for again: its list is read from where the last look ended, in one request."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.triggers import wanted
from jobs.types import GitHubUnavailable, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.services import Services

OK, FAILED = 200, 400
NOBODY = frozenset({0, 502, 503, 504})
"""Nobody took it: we were away, too slow, or could not store it. What was refused otherwise would be so again."""
WINDOW_SECONDS = 3 * 86400.0
"""How long GitHub keeps what it delivered, and can deliver it again."""
OVERLAP_SECONDS = 120.0
"""What is listed late is not passed over: so much before the last look is read once more."""
MOST_AT_ONCE = 100
"""GitHub slows down who makes many requests at once, and redeliveries come back to us all together."""
MOST_PENDING = 20_000
TURN_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 6 * 3600.0
QUIETEST = 900.0

READ = "deliveries:read"
QUIET = "deliveries:quiet"
PENDING = "redeliver:"
CHORE = "redeliver"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lost:
    """A delivery that did not reach us: its newest attempt, and when it is asked for; times are GitHub's but ``due``.

    ``asked`` counts how often it was sent again; where ``due`` is None it is left to the comparison of states.
    """

    id: int
    first: float
    last: float
    asked: int = 0
    due: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the list was read: all until ``mark``, and, while ``cursor`` is set, from ``newest`` down to there."""

    mark: float = 0.0
    newest: float = 0.0
    cursor: str = ""


def redeliver(services: Services) -> None:
    """Ask GitHub once for each delivery of the last days that did not reach us; one process at a time does."""
    if services.store.showing.lead(CHORE, services.owner, time.time(), 2 * TURN_SECONDS):
        look(services, time.time())


def look(services: Services, now: float) -> None:
    """Read what failed since the last look, and ask for what is due; best effort, and quieter while GitHub refuses."""
    records = services.store.records
    until, times = json.loads(records.value(QUIET) or "[0, 0]")
    if now < until:
        return
    try:
        _read(services, now)
        _ask(services, now)
    except GitHubUnavailable as outage:
        pause = min(FIRST_PAUSE * 2**times, QUIETEST)
        log.warning("what did not arrive cannot be asked for now: %s", outage)
        # The clock comes once a minute: the first pause must not make that two.
        records.keep(QUIET, json.dumps([now + max(outage.retry_after, pause - 5), times + 1]), now)
    else:
        if times:
            records.drop([QUIET])


def _read(services: Services, now: float) -> None:
    records, turn_ends = services.store.records, time.monotonic() + TURN_SECONDS
    known = Reading(*json.loads(records.value(READ) or "[]"))
    reading = known
    while True:
        try:
            entries, cursor = services.github.failed_deliveries(reading.cursor)
        except UserError as refused:
            log.warning("GitHub's list of deliveries cannot be read: %s", refused)
            reading = replace(reading, cursor="")  # it may be the cursor that GitHub does not know any more
            break
        newest = max([reading.newest, *(_seconds(entry) for entry in entries[:1])])
        fresh = [entry for entry in entries if _seconds(entry) > known.mark - OVERLAP_SECONDS]
        _note(services, fresh, now)
        if len(fresh) < len(entries) or not cursor:
            reading = Reading(newest, newest)
            break
        reading = replace(reading, newest=newest, cursor=cursor)
        if time.monotonic() > turn_ends or services.stopping.is_set():
            services.waker.chore(CHORE)
            break
    if reading != known:
        records.keep(READ, json.dumps(astuple(reading)), now)


def _note(services: Services, newest_first: Sequence[Mapping[str, Any]], now: float) -> None:
    """Keep what failed and concerns us; a failed redelivery changes when its delivery is asked for again."""
    records = services.store.records
    failed = [
        entry
        for entry in reversed(newest_first)
        if not OK <= entry["status_code"] < FAILED and wanted(entry["event"], entry["action"] or "")
    ]
    stored = services.store.deliveries.stored(entry["guid"] for entry in failed)
    changed: dict[str, str] = {}
    for entry in failed:
        if entry["guid"] in stored:
            continue
        key = f"{PENDING}{entry['guid']}"
        before = changed.get(key) or records.value(key)
        after = _after(_load(before) if before else None, entry, now)
        if _dump(after) != before:
            changed[key] = _dump(after)
    if changed:
        records.keep_all(changed, now)


def _after(known: Lost | None, entry: Mapping[str, Any], now: float) -> Lost:
    """Return what is known of a delivery after one more of its failed attempts was read."""
    at, number = _seconds(entry), int(entry["id"])
    if known is not None and (at, number) <= (known.last, known.id):
        return replace(known, first=min(known.first, at))
    first, asked = (at, 0) if known is None else (known.first, known.asked)
    asked = max(asked, int(entry["redelivery"]))
    due: float | None = 0.0
    if asked:
        due = now + min(FIRST_PAUSE * 3 ** (asked - 1), LONGEST_PAUSE) if entry["status_code"] in NOBODY else None
    return Lost(number, first, at, asked, due)


def _ask(services: Services, now: float) -> None:
    """Ask for what is due, oldest first; forget what arrived since, and what GitHub cannot send any more."""
    records, turn_ends = services.store.records, time.monotonic() + TURN_SECONDS
    pending = {guid: _load(text) for guid, text in records.kept(PENDING, MOST_PENDING).items()}
    over = {guid for guid, lost in pending.items() if lost.first < now - WINDOW_SECONDS}
    due = {guid: lost for guid, lost in pending.items() if lost.due is not None and lost.due <= now}
    over |= services.store.deliveries.stored(due)
    if over:
        records.drop(f"{PENDING}{guid}" for guid in over)
    waiting = sorted((lost.first, guid) for guid, lost in due.items() if guid not in over)
    for _, guid in waiting[:MOST_AT_ONCE]:
        if time.monotonic() > turn_ends or services.stopping.is_set():
            return
        lost = due[guid]
        try:
            services.github.redeliver(lost.id)
        except UserError as refused:
            log.warning("delivery %s is not sent again: %s", guid, refused)
        asked = replace(lost, asked=lost.asked + 1, due=None)
        records.keep(f"{PENDING}{guid}", _dump(asked), now)


def _seconds(entry: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(entry["delivered_at"]).timestamp()


def _load(text: str) -> Lost:
    return Lost(*json.loads(text))


def _dump(lost: Lost) -> str:
    return json.dumps(astuple(lost))

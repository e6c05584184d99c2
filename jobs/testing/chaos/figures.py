"""What became of every event, counted by what GitHub and the model saw, and which promises were broken."""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs.testing.chaos.events import key_of
from jobs.testing.models.script import Reply, tool_names, turn
from jobs.types import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jobs.store import Store
    from jobs.testing.chaos.events import Event, Events
    from jobs.testing.chaos.faults import Faults, Hit
    from jobs.testing.github.webhooks import Attempt, Delivery
    from jobs.testing.models.server import Asked
    from jobs.testing.product import Product
    from jobs.types import Task

    Wanted = Callable[[str, str], bool]

ACKNOWLEDGED = 0.999
RECOVERY_SECONDS = 20.0
EFFECTS = ("pull requests", "comments", "check runs of a commit", "branches")
DONE = "Done: a draft pull request is ready"


@dataclass(slots=True)
class Figures:
    """The figures of one storm; ``wrong`` has a line for each single thing that should not be."""

    faults: Mapping[str, int]
    events: int
    sent: int = 0
    acknowledged: int = 0
    late: int = 0
    """Webhooks that were stored although their sender gave up, arrived at a later try, or are read by nobody."""
    lost: int = 0
    tasks: int = 0
    failed_in_words: int = 0
    effects: dict[str, int] = field(default_factory=dict)
    """Of each effect, for how many events there is exactly one."""
    doubled: int = 0
    unfinished: int = 0
    hits: int = 0
    pauses: int = 0
    recovery: list[float] = field(default_factory=list)
    delayed: list[float] = field(default_factory=list)
    """Recoveries while Valkey or the database was kept from everybody, too: they take as long as that does."""
    takeover: list[float] = field(default_factory=list)
    repeated: int = 0
    paid_twice: int = 0
    violations: int = 0
    leftovers: int = 0
    wrong: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    """What was done to the product, and when."""

    @property
    def share(self) -> float:
        """The share of webhooks that were acknowledged at their first try."""
        return self.acknowledged / self.sent if self.sent else 0.0

    def broken(self, *, recovery: float = RECOVERY_SECONDS, acknowledged: float = ACKNOWLEDGED) -> list[str]:
        """Return the promises that were not kept, in words."""
        whole = self.events - self.failed_in_words
        kept = {
            f"at least {acknowledged:.1%} of the webhooks are acknowledged": self.share >= acknowledged,
            "no event is lost": self.lost == 0,
            "every webhook arrives in the end": self.late == self.sent - self.acknowledged,
            "one task for each event": self.tasks == self.events,
            "nothing is doubled": self.doubled == 0,
            "every run ends and is told": self.unfinished == 0,
            "no step is paid twice": self.paid_twice == 0,
            f"a killed run goes on within {recovery:g} s": max(self.recovery, default=0.0) < recovery,
            "nothing is asked of GitHub that is not allowed": self.violations == 0,
            "no sandbox is left over": self.leftovers == 0,
        }
        kept |= {f"one of the {effect} for each event": found == whole for effect, found in self.effects.items()}
        return [promise for promise, is_kept in kept.items() if not is_kept]

    def table(self) -> str:
        """Return all figures as a Markdown table."""
        whole = self.events - self.failed_in_words
        rows = [
            ("events that ask for work", f"{self.events}", ""),
            ("faults", f"{sum(self.faults.values())}", f"{len(self.faults)} sorts"),
            ("webhooks sent", f"{self.sent}", ""),
            ("acknowledged within 10 s, at the first try", f"{self.share:.3%}", f"≥ {ACKNOWLEDGED:.1%}"),
            (
                "of the rest, stored all the same, fetched again, or read by nobody",
                f"{self.late}",
                f"{self.sent - self.acknowledged}",
            ),
            ("events lost", f"{self.lost}", "0"),
            ("tasks", f"{self.tasks}", f"{self.events}"),
            ("tasks failed in words, killed three times", f"{self.failed_in_words}", ""),
            *((f"exactly one of the {name}", f"{number}", f"{whole}") for name, number in self.effects.items()),
            ("effects doubled", f"{self.doubled}", "0"),
            ("runs killed, runs whose worker was paused", f"{self.hits}, {self.pauses}", ""),
            ("killed run → next attempt's first step, p50", _seconds(self.recovery, middle=True), ""),
            ("killed run → next attempt's first step, p100", _seconds(self.recovery), f"< {RECOVERY_SECONDS:g} s"),
            ("the same while Valkey or the database was away, too, p100", _seconds(self.delayed), ""),
            ("paused worker → another one's first step, p100", _seconds(self.takeover), ""),
            ("steps asked again that were in flight", f"{self.repeated - self.paid_twice}", ""),
            ("steps paid twice beyond that", f"{self.paid_twice}", "0"),
            ("requests that GitHub would not allow", f"{self.violations}", "0"),
            ("sandboxes left over", f"{self.leftovers}", "0"),
        ]
        head = "| what | found | to reach |\n|---|--:|--:|"
        return "\n".join([head, *(f"| {what} | {found} | {goal} |" for what, found, goal in rows)])


def count(
    product: Product, store: Store, events: Events, faults: Faults, left: Sequence[str], wanted: Wanted
) -> Figures:
    """Count what became of everything; ``wanted`` tells of a webhook's event and action whether anybody reads it."""
    figures = Figures(dict(+faults.done), len(events.asked))
    figures.log = [f"{_clock(at)} {sort}" for at, sort in faults.log]
    figures.log += [f"{_clock(hit.at)} {hit.sort} hit task {hit.task_id}" for hit in faults.hits]
    tasks: defaultdict[tuple[str, int], list[Task]] = defaultdict(list)
    for task in store.tasks.recent(1_000_000):
        tasks[task.repository, task.subject.number].append(task)
    figures.tasks = sum(map(len, tasks.values()))
    figures.leftovers = len(left)
    figures.violations = len(product.github.violations)
    figures.wrong += [f"GitHub would not allow {one}" for one in product.github.violations]
    figures.wrong += [f"left over: {name}" for name in left]
    _count_webhooks(figures, product, store, wanted)
    for event in events.asked:
        mine = tasks[event.repository, event.number]
        figures.lost += not mine
        if len(mine) != 1:
            figures.wrong.append(f"{event.key}: {len(mine)} tasks")
        for task in mine:
            _count_effects(figures, product, store, event, task)
    asked = _by_event(product.model.requests)
    for event in events.asked:
        for task in tasks[event.repository, event.number][:1]:
            hits = [hit for hit in faults.hits if hit.task_id == task.id]
            row = store.tasks.row(task.id)
            _count_steps(figures, event, asked[event.key], row.attempt - 1)
            _count_recovery(figures, faults, hits, asked[event.key], row.completed_at or 0.0, product.model.delay)
    return figures


def _count_webhooks(figures: Figures, product: Product, store: Store, wanted: Wanted) -> None:
    for delivery in product.github.deliveries:
        tries = delivery.attempts
        figures.sent += 1
        first = bool(tries) and is_fine(tries[0])
        figures.acknowledged += first
        figures.late += not first and arrived(delivery, store, wanted)
        if not first:
            answers = ", ".join(f"{one.status_code} after {one.duration:g} s" for one in tries)
            figures.wrong.append(
                f"webhook {delivery.event}.{delivery.action} {delivery.guid}: {answers or 'not tried'}"
            )


def arrived(delivery: Delivery, store: Store, wanted: Wanted) -> bool:
    """Tell whether a webhook is here: acknowledged at some try, or stored when its sender had given up already.

    What nobody reads is neither stored nor asked for again, and is not missed.
    """
    if any(map(is_fine, delivery.attempts)) or not wanted(delivery.event, delivery.action):
        return True
    return store.deliveries.known(delivery.guid)


def is_fine(attempt: Attempt) -> bool:
    """Tell whether a webhook's attempt was acknowledged."""
    return 200 <= attempt.status_code < 300


def _count_effects(figures: Figures, product: Product, store: Store, event: Event, task: Task) -> None:
    """Count what people see of one task: each effect is there once, and tells the end."""
    row = store.tasks.row(task.id)
    if row.conclusion == Conclusion.FAILURE:
        figures.failed_in_words += 1
        figures.wrong.append(f"{event.key}: failed in words after {row.crashes} deaths: {row.summary[:300]}")
    github, marker = product.github, f"<!-- opus67:task={task.id}"
    comments = [one for one in github.comments(event.repository, event.number) if one.body.startswith(marker)]
    checks = [one for one in github.check_runs(event.repository) if one.external_id == task.id]
    branches = [name for name in github.branches(event.repository) if name.endswith(f"-{task.id}")]
    pulls = [one for one in github.pull_requests(event.repository) if one.pull and one.pull.head in branches]
    of_a_commit = Counter(one.head_sha for one in checks)
    numbers = dict(
        zip(EFFECTS, (len(pulls), len(comments), max(of_a_commit.values(), default=0), len(branches)), strict=True)
    )
    for effect, number in numbers.items():
        figures.effects[effect] = figures.effects.get(effect, 0) + (number == 1)
        figures.doubled += max(0, number - 1)
    told = bool(comments) and (DONE in comments[0].body) == (row.conclusion == Conclusion.SUCCESS)
    ended = row.told and told and all(one.status == "completed" for one in checks)
    figures.unfinished += not ended
    if not ended or set(numbers.values()) != {1}:
        figures.wrong.append(
            f"{event.key}, task {task.id}: {numbers}, {row.status}, told {row.told}, {row.summary[:200]}"
        )


def _by_event(requests: Sequence[Asked]) -> defaultdict[str, list[Asked]]:
    found: defaultdict[str, list[Asked]] = defaultdict(list)
    for one in requests:
        if isinstance(one.body, dict) and isinstance(one.line, Reply):
            found[key_of(one.body)].append(one)
    return found


def _count_steps(figures: Figures, event: Event, asked: Sequence[Asked], deaths: int) -> None:
    """Count replies that were asked for again: each attempt that died may have had one of them in flight."""
    replies = Counter((_is_review(one), turn(one.body)) for one in asked)
    repeated = sum(replies.values()) - len(replies)
    beyond = max(0, repeated - deaths)
    figures.repeated += repeated
    figures.paid_twice += beyond
    if beyond:
        when = [f"{turn(one.body)}{' (review)' * _is_review(one)} {_clock(one.at)}" for one in asked]
        figures.wrong.append(f"{event.key}: {repeated} replies asked for again in {deaths + 1} attempts: {when}")


def _is_review(asked: Asked) -> bool:
    return "report_review" in tool_names(asked.body)


def _count_recovery(
    figures: Figures, faults: Faults, hits: Sequence[Hit], asked: Sequence[Asked], ended_at: float, delay: float
) -> None:
    """Measure from each death to the next attempt's first step, or to the run's end where no step was left to make.

    A run that is hit again before it made one is measured from the last hit.
    """
    moments = sorted(one.at - delay for one in asked)
    for hit, following in zip(hits, [*(one.at for one in hits[1:]), float("inf")], strict=False):
        if hit.at > ended_at:
            continue
        figures.hits += hit.killed
        figures.pauses += not hit.killed and hit.sort == "pause a worker"
        first = next((moment for moment in moments if moment > hit.at), ended_at)
        if following < first:
            continue
        if hit.killed:
            (figures.delayed if faults.away(hit.at, first) else figures.recovery).append(first - hit.at)
        elif hit.sort == "pause a worker":
            figures.takeover.append(first - hit.at)
        if first - hit.at >= RECOVERY_SECONDS:
            figures.wrong.append(
                f"task {hit.task_id}: {hit.sort} at {_clock(hit.at)}, a step after {first - hit.at:.1f} s"
            )


def _seconds(values: Sequence[float], *, middle: bool = False) -> str:
    if not values:
        return "none"
    return f"{statistics.median(values) if middle else max(values):.1f} s"


def _clock(at: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 10)}"

"""From asks to effects in three beats: read what is true now, change our own state in one transaction, then tell."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from jobs.types import GitHubUnavailable, UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from bot.events import Event
    from jobs.github import Repository
    from jobs.services import Services
    from jobs.types import Task

log = logging.getLogger(__name__)


@dataclass
class Actions:
    """What one event leads to. ``commits`` run in the transaction; ``follow_ups`` after it, each best effort.

    What people must hear is said while preparing, under a key by which a second attempt finds it: a crash behind the
    transaction must not lead to silence.
    """

    services: Services
    event: Event
    commits: list[Callable[[sa.Connection], None]] = field(default_factory=list)
    follow_ups: list[Callable[[], object]] = field(default_factory=list)
    started: dict[str, Task] = field(default_factory=dict)
    """The tasks that the transaction stored or joined, by the key of the order that asked for them."""
    place: str = ""
    """Where it was said, for the record: ``slack:C024BE91L``; empty on GitHub, where the subject says it."""
    again: bool = False
    """Whether the event is to be acted on once more, since something keeps it from being judged now."""

    @cached_property
    def repository(self) -> Repository:
        """The event's repository on GitHub."""
        return self.services.github.repository(self.event.repository, self.event.installation_id)

    def commit(self, connection: sa.Connection) -> None:
        """Change our own state, all or nothing."""
        for change in self.commits:
            change(connection)

    def follow_up(self) -> None:
        """Tell what is left to tell."""
        for effect in self.follow_ups:
            try:
                effect()
            except (GitHubUnavailable, UserError) as error:
                log.warning("a follow-up of delivery %s was not possible: %s", self.event.guid, error)

    def say(self, number: int, marker: str, body: str) -> None:
        """Write what people must hear; where GitHub takes no comment, as on a locked issue, the rest still counts."""
        try:
            self.repository.ensure_comment(number, marker, body)
        except UserError as refused:
            log.warning("delivery %s could not be answered: %s", self.event.guid, refused)

    def wake(self, task_id: str) -> None:
        """Wake somebody for a task once its change is committed: first of all, since GitHub takes its time."""
        self.follow_ups.insert(0, lambda: _ignore(self.services.waker.task(task_id)))

    def change(self, change: Callable[[sa.Connection], object]) -> None:
        """Have something done in the transaction."""
        self.commits.append(lambda connection: _ignore(change(connection)))

    def cancel(self, task_id: str, words: str) -> None:
        """End a task in the transaction, and see to it that somebody tells."""
        now = time.time()
        self.commits.append(
            lambda connection: _ignore(self.services.store.tasks.cancel(connection, task_id, words, now))
        )
        self.wake(task_id)


def _ignore(_value: object) -> None:
    """Drop an answer that does not matter: the clock's sweep finds what was missed."""

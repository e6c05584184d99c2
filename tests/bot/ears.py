"""What the local GitHub tells, taken through the inbox in its order; and pull requests that are the bot's own."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.inbox import handle
from bot.triggers import wanted
from jobs.kinds.base import pull_key
from jobs.store.tables import deliveries, tasks
from jobs.types import Actor, Conclusion, Delivery, Kind, Limits, Outcome, Subject, TaskRequest
from tests.bot.conftest import SHOP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.services import Services
    from jobs.testing.github import LocalGitHub
    from jobs.types import Task

ALICE = Actor("github", "11", "alice")
RULES = ".github/opus67.yml"


@dataclass
class Ears:
    """The bot's ears at a local GitHub, and what has happened to its tasks."""

    services: Services
    local: LocalGitHub
    taken: int = 0

    def listen(self) -> None:
        """Take everything that was told since, as the receiver and the inbox do."""
        told = self.local.deliveries
        for one in told[self.taken :]:
            if wanted(one.event, one.action):
                self.take(one.guid, one.event, one.body)
        self.taken = len(told)

    def forget(self) -> None:
        """Pass over what was told so far, as if it had been lost on the way."""
        self.taken = len(self.local.deliveries)

    def take(self, guid: str, event: str, body: bytes, source: str = "github") -> None:
        """Store one delivery and act on it."""
        self.services.store.deliveries.add(Delivery(guid, source, event, body, time.time()))
        handle(self.services, guid)

    def later(self) -> int:
        """Act now on what was put off, and tell how much that was."""
        with self.services.store.write() as connection:
            connection.execute(deliveries.update().values(lease_until=0.0))
        due = list(self.services.store.deliveries.due(time.time()))
        for guid in due:
            handle(self.services, guid)
        return len(due)

    def rules(self, text: str) -> None:
        """Write the repository's file."""
        self.local.commit_file(SHOP, "main", RULES, text, by="olga")
        self.forget()

    def tasks(self, kind: Kind | None = None) -> Sequence[Task]:
        """Return the tasks of a kind, oldest first, without those that opened pull requests."""
        found = [task for task in reversed(self.services.store.tasks.recent()) if task.title != "Opened"]
        return [task for task in found if kind in {None, task.kind}]

    def reasons(self, key: str) -> list[tuple[str, bool, str]]:
        """Return what was decided on a subject, newest first: who, whether, why."""
        rows = self.services.store.records.decisions(f"{SHOP} {key}")
        return [(who, allowed, reason) for _, who, _, allowed, reason in rows]

    def own_pull(self, files: Mapping[str, str] | None = None, actor: Actor = ALICE) -> tuple[int, Task]:
        """Return the number of an open pull request of the bot's, and the ended task that opened it."""
        task = self.store(kind=Kind.RESOLVE_ISSUE, subject=Subject("issue", 1), title="Opened", actor=actor)
        self.end(task)
        for path, text in (files or {"total.py": "total = 0\n"}).items():
            self.local.commit_file(SHOP, task.branch, path, text, by=f"{self.local.slug}[bot]")
        opened = self.local.open_pull_request(SHOP, task.branch, "Mend the total", by=f"{self.local.slug}[bot]")
        self.services.store.records.keep(pull_key(SHOP, opened.number), task.id, time.time())
        self.forget()
        return opened.number, task

    def store(self, **values: Any) -> Task:
        """Store a task."""
        known = {"repository": SHOP, "installation_id": self.local.installation_id, "text": "", "actor": ALICE}
        request = TaskRequest(**{**known, "limits": Limits(), **values})
        if request.actor.platform == "github":
            account = str(self.local.add_user(request.actor.login).id)
            request = replace(request, actor=replace(request.actor, id=account))
        with self.services.store.write() as connection:
            return self.services.store.tasks.submit(connection, request, time.time())[0]

    def claim(self, task: Task) -> Task:
        """Return a task in somebody's hands."""
        taken = self.services.store.tasks.claim(task.id, "one", time.time())
        assert taken is not None
        return taken.task

    def end(self, task: Task) -> None:
        """Complete a task."""
        held = self.claim(task)
        outcome = Outcome(Conclusion.SUCCESS, "Done.")
        self.services.store.tasks.complete(task.id, held.attempt, outcome, worked=0.0, now=time.time())
        self.services.store.tasks.told(task.id, held.attempt)

    def wait_for(self, task: Task, sha: str) -> None:
        """Have a task wait for the CI of a commit."""
        held = self.claim(task)
        tasks_, event = self.services.store.tasks, f"ci:{SHOP}@{sha}"
        tasks_.listen(task.id, held.attempt, event, "CI is awaited.")
        tasks_.release(task.id, held.attempt, not_before=time.time() + 900, note="CI is awaited.")

    def is_awake(self, task: Task) -> bool:
        """Tell whether a task may be taken up now."""
        with self.services.store.database.read() as connection:
            row = connection.execute(tasks.select().where(tasks.c.id == task.id)).one()
        return bool(row.not_before <= time.time())

    def head(self, branch: str) -> str:
        """Return the commit of a branch."""
        return self.local.branches(SHOP)[branch]

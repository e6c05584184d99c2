"""A repository with a real CI, a worker that sees to its red runs, and a model that does as it is told."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.execute import execute
from jobs.store.tables import stages
from jobs.testing.github import ci_from_command
from jobs.types import Actor, Diagnosis, Kind, Mode, Status, Subject
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.testing.github import LocalGitHub
    from jobs.testing.github.workflows import CiResult
    from jobs.types import Task
    from tests.jobs.workshop import Workshop

TILL = "octo/till"
ALICE = Actor("github", "11", "alice")
COMMAND = "python3 -m unittest discover -s tests"
RIGHT = "def total(prices):\n    return round(sum(prices), 2)\n\n\ndef count(prices):\n    return len(prices)\n"
WRONG = RIGHT.replace("round(sum(prices), 2)", "sum(prices) + 1")
WORSE = WRONG.replace("len(prices)", "len(prices) + 1")
OTHERWISE = RIGHT.replace("len(prices)", "len(prices) + 1")
TEST = (
    "import sys, unittest\n\nsys.path.insert(0, '.')\nfrom till import count, total\n\n\n"
    "class Totals(unittest.TestCase):\n"
    "    def test_total(self):\n        self.assertEqual(total([0.1, 0.2]), 0.3)\n\n"
    "    def test_count(self):\n        self.assertEqual(count([1, 2]), 2)\n"
)
FILES = {"till.py": RIGHT, "tests/test_till.py": TEST, ".github/opus67.yml": "checks: [python3 -c 'import till']\n"}
LISTENED = 8
"""How often a task may wait for CI in a test."""


@dataclass
class Till:
    """The repository, with the workshop's services behind it."""

    workshop: Workshop

    @property
    def github(self) -> LocalGitHub:
        """The local GitHub."""
        return self.workshop.github

    def open(self, command: str = COMMAND) -> None:
        """Make the repository, green, with a CI that runs a command."""
        self.github.create_repository(TILL, FILES)
        self.github.set_permission(TILL, "alice", "write")
        self.github.set_ci(TILL, ci_from_command(command))
        self.push("# Till\n", "README.md")

    def rules(self, text: str) -> None:
        """Write the repository's file."""
        checks = "checks: [python3 -c 'import till']\n"
        self.github.commit_file(TILL, "main", ".github/opus67.yml", checks + text, by="alice")

    def push(self, text: str | None, path: str = "till.py", *, branch: str = "main", by: str = "alice") -> str:
        """Push a file, and wait for the end of the CI that this starts."""
        sha = self.github.commit_file(TILL, branch, path, text, by=by)
        self.settled(sha)
        return sha

    def hold(self) -> threading.Event:
        """Have CI of the bot's branches end only when the event that is returned is set."""
        free = threading.Event()

        def ci(path: Path, sha: str, branch: str, attempt: int) -> CiResult:
            assert not branch.startswith("opus/") or free.wait(60)
            return ci_from_command(COMMAND)(path, sha, branch, attempt)

        self.github.set_ci(TILL, ci)
        return free

    def settled(self, sha: str) -> None:
        """Wait until all runs of a commit have ended, and there is one."""

        def done() -> bool:
            runs = [run for run in self.github.workflow_runs(TILL) if run.head_sha == sha]
            return bool(runs) and all(run.status == "completed" for run in runs)

        until(done, seconds=60, what=f"the end of CI of {sha}")

    def task(self, sha: str, *, place: str = "default", branch: str = "main", **changes: Any) -> Task:
        """Submit a task for a red commit."""
        pull, asked = changes.pop("pull", 0), changes.pop("asked", False)
        about = {"source": "actions", "sha": sha, "branch": branch, "run": 0, "suite": 0, "report": ""}
        about |= {"workflow": "CI", "place": place, "pull": pull, "asked": asked, **changes.pop("about", {})}
        subject = Subject("pull", pull) if pull else Subject("ci")
        values = {"repository": TILL, "subject": subject, "title": f"CI is red on {branch}: CI", "text": ""}
        alice = replace(ALICE, id=str(self.github.add_user("alice").id))
        values |= {"actor": alice, "mode": Mode.BALANCED, "key": f"fix_ci:{TILL}|{branch}", "about": about}
        return self.workshop.task(Kind.FIX_CI, **{**values, **changes})

    def go(self, task: Task) -> Any:
        """Execute a task until it ends or waits for a person, CI's end being heard in between; return its row."""
        tasks = self.workshop.services.store.tasks
        for _ in range(LISTENED):
            execute(self.workshop.services, task.id)
            row = tasks.row(task.id)
            if row.status in {Status.COMPLETED, Status.WAITING}:
                return row
            assert row.listens, row.note
            self.settled(row.listens.rpartition("@")[2])
            with self.workshop.services.store.write() as connection:
                tasks.heard(connection, row.listens, time.time())
        raise AssertionError(f"the task does not end: {row}")

    def once(self, task: Task) -> Any:
        """Execute a task once, and return its row."""
        execute(self.workshop.services, task.id)
        return self.workshop.services.store.tasks.row(task.id)

    def hear(self, event: str) -> None:
        """Have who listens hear of an event."""
        with self.workshop.services.store.write() as connection:
            self.workshop.services.store.tasks.heard(connection, event, time.time())

    def age(self, task: Task, seconds: float, *timed: str) -> None:
        """Have a task be older than it is, with the times in these stages, and wake it."""
        store = self.workshop.services.store
        with store.write() as connection:
            older = "UPDATE tasks SET not_before = 0, created_at = created_at - :seconds WHERE id = :id"
            connection.execute(sa.text(older), {"seconds": seconds, "id": task.id})
            for name in timed:
                held = (stages.c.task_id == task.id, stages.c.name == name)
                product = connection.execute(sa.select(stages.c.product).where(*held)).scalar_one()
                moved = {**product, "at": product["at"] - seconds}
                connection.execute(sa.update(stages).where(*held).values(product=moved))

    def diagnosis(self, task: Task) -> Diagnosis:
        """Return what people are shown of a red run."""
        return Diagnosis.load(self.workshop.services.store.runs.stage(task.id, "diagnosed"))

    def again(self, task: Task) -> None:
        """Have a task be taken up as if its worker had died before it could say how it ended."""
        with self.workshop.services.store.write() as connection:
            dead = "UPDATE tasks SET status = 'in_progress', conclusion = NULL, completed_at = NULL, outcome = NULL, "
            connection.execute(
                sa.text(f"{dead} not_before = 0, listens = '', lease_owner = 'dead', told = false WHERE id = :id"),
                {"id": task.id},
            )

    def paid(self) -> int:
        """Return how often the model was asked."""
        return len(self.workshop.model.requests)

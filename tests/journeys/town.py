"""One running product in which many stories happen: each has its own owner, repository, issue and model script."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from jobs.store.audit import Wanted
from jobs.testing.models.script import Script, by_tool, call, refused
from jobs.testing.product import Product
from jobs.types import Status
from tests.waiting import SLOWER, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from jobs.store import Store
    from jobs.store.audit import AuditRow
    from jobs.testing.github.records import CheckRun, Comment, Issue
    from jobs.testing.github.webhooks import Delivery
    from jobs.testing.models.script import Answerer, Line, Reply
    from jobs.testing.models.server import Asked
    from jobs.types import Task

LABEL = "assign-to-opus"
KEY = re.compile(r"story-\d+x")
PATIENCE = 40.0
"""Seconds for something to come about; tests are not about speed, and the machine may be busy."""

FILES = {
    "pyproject.toml": '[project]\nname = "greeting"\nversion = "1"\n',
    "greeting.py": 'def greet(name):\n    return "Hello"\n',
    "tests/test_greeting.py": (
        "import unittest\n\nfrom greeting import greet\n\n\nclass Greet(unittest.TestCase):\n"
        '    def test_it_greets(self):\n        self.assertTrue(greet("Ada").startswith("Hello"))\n'
    ),
}
FIXED = 'def greet(name):\n    return f"Hello, {name}"\n'
BROKEN = 'def greet(name):\n    return f"Bye, {name}"\n'
BODY = "`greet('Ada')` says Hello, but not to whom."


def write(text: str = FIXED, path: str = "greeting.py") -> Reply:
    """Have the model write a file."""
    return call("str_replace_based_edit_tool", command="create", path=f"/workspace/{path}", file_text=text)


def bash(command: str) -> Reply:
    """Have the model run a command."""
    return call("bash", command=command)


def finish(summary: str = "The name was not used.", title: str = "Greet by name") -> Reply:
    """Have the model end its work."""
    return call("finish", title=title, summary=summary)


def approve(remarks: str = "It does what was asked.") -> Reply:
    """Have the reviewer approve."""
    return call("report_review", verdict="approve", remarks=remarks)


def seen(text: str) -> str:
    """Return a text without the invisible spaces that keep mentions and links from being any."""
    return text.replace("&#8203;", "").replace("\u200b", "")


class Gate:
    """Holds a model's reply back until it is opened; ``reached`` tells that somebody stands before it."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def before(self, reply: Line) -> Answerer:
        """Return a script's line that answers with ``reply`` once the gate is open."""

        def answer(_request: dict[str, Any]) -> Line:
            self.reached.set()
            self.opened.wait(120 * SLOWER)
            return reply

        return answer

    def wait(self) -> None:
        """Wait until the model was asked for what is behind the gate."""
        assert self.reached.wait(PATIENCE * SLOWER), "the model was not asked for what is behind the gate"

    def open(self) -> None:
        """Let the reply go."""
        self.opened.set()


class Cast:
    """The models of all stories: who answers follows from the key in the title, which every request carries."""

    def __init__(self) -> None:
        self.roles: dict[str, Answerer] = {}

    def __call__(self, request: dict[str, Any]) -> Line:
        """Answer as the story of this request has it."""
        found = KEY.search(json.dumps(request["messages"][0]))
        role = self.roles.get(found[0]) if found else None
        return role(request) if role else refused(400, "invalid_request_error", "no story has this request")


@dataclass(eq=False)
class Town:
    """The product with what people see of it."""

    product: Product
    cast: Cast
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _store: Store | None = None
    gates: list[Gate] = field(default_factory=list)

    @classmethod
    def build(cls, home: Path, environment: Mapping[str, str], **changes: str) -> Self:
        """Build a town under ``home``; ``changes`` are settings."""
        cast = Cast()
        settings = {"OPUS67_SANDBOX": "bubblewrap", **changes}
        return cls(Product(home, cast, environment=environment, changes=settings), cast)

    @property
    def store(self) -> Store:
        """The product's database, to wait for what happens in it."""
        if self._store is None:
            self._store = self.product.store
        return self._store

    def shell(self, *arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
        """Run the command line on the machine itself; return the exit code and what it printed for programs."""
        done = subprocess.run(
            [sys.executable, "-m", "bot.cli", *arguments, "--json"],
            cwd=self.product.home,
            env={**self.product.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, json.loads(done.stdout.splitlines()[-1] if done.stdout else "{}") or {"": done.stderr}

    def send(self, command: str, number: signal.Signals) -> list[int]:
        """Send a signal to all processes of a command, and return which they were."""
        found = self.product.processes(command)
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, number)
        return found

    def kill(self, command: str) -> None:
        """Kill all processes of a command without a word, and wait until there are others in their place."""
        killed = self.send(command, signal.SIGKILL)
        others = partial(self.product.processes, command)
        until(lambda: set(others()) - set(killed), seconds=PATIENCE, what=f"another {command}")

    @contextmanager
    def stopped(self, command: str) -> Iterator[None]:
        """Have all processes of a command stand still for a while."""
        self.send(command, signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(command, signal.SIGCONT)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock of the SQLite database, as a long transaction of another process does."""
        file = self.product.home / "var" / "opus67.sqlite3"
        with closing(sqlite3.connect(file, isolation_level=None, timeout=PATIENCE)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.rollback()

    def close(self) -> None:
        """Open all gates and let go of the database."""
        for gate in self.gates:
            gate.open()
        if self._store is not None:
            self._store.close()

    def gate(self) -> Gate:
        """Make a gate that is open at the end at the latest."""
        made = Gate()
        self.gates.append(made)
        return made

    def story(
        self,
        replies: Sequence[Line | Answerer] = (write(), finish()),
        *,
        files: Mapping[str, str] | None = None,
        body: str = BODY,
        title: str = "Greet by name",
        config: str = "",
        review: Sequence[Line | Answerer] = (approve(),),
        then: Line | None = None,
    ) -> Story:
        """Make a repository with an issue, people who may write, and a model that plays ``replies``."""
        key = f"story-{next(self._numbers)}x"
        github, repository = self.product.github, f"owner-of-{key}/greeting"
        more = {".github/opus67.yml": config} if config else {}
        github.create_repository(repository, files={**FILES, **(files or {}), **more})
        github.set_permission(repository, "ada", "write")
        self.cast.roles[key] = by_tool({"report_review": Script(review)}, otherwise=Script(replies, then=then))
        issue = github.create_issue(repository, f"{title} ({key})", body, by="ada")
        return Story(self, key, repository, issue.number)


@dataclass(eq=False)
class Story:
    """One issue and all that people see of the work on it."""

    town: Town
    key: str
    repository: str
    number: int

    # -- what people do -----------------------------------------------------------------------------------------

    def ask(self, by: str = "ada", label: str = LABEL) -> Self:
        """Put the label on the issue."""
        self.town.product.github.label_issue(self.repository, self.number, label, by=by)
        return self

    def say(self, text: str, by: str = "ada", *, on: int = 0) -> Comment:
        """Comment on the issue, or on the pull request of a number."""
        return self.town.product.github.comment(self.repository, on or self.number, text, by=by)

    def press(self, button: str, by: str = "ada") -> None:
        """Press a button of the newest check run that has it."""
        github = self.town.product.github
        run = [run for run in self.check_runs() if button in {action["identifier"] for action in run.actions}][-1]
        github.click_check_action(run.id, button, by=by)

    # -- what is waited for -------------------------------------------------------------------------------------

    def task(self) -> Task | None:
        """Return the newest task on the issue."""
        return next((task for task in self.town.store.tasks.recent() if task.repository == self.repository), None)

    @property
    def current(self) -> Task:
        """The newest task on the issue; fails where there is none."""
        task = self.task()
        assert task is not None, "there is no task"
        return task

    def tasks(self) -> list[Task]:
        """Return all tasks on the issue, newest first."""
        return [task for task in self.town.store.tasks.recent() if task.repository == self.repository]

    def reaches(self, status: Status, seconds: float = PATIENCE, *, than: str = "") -> Task:
        """Wait until the newest task (another one ``than`` named) has a status and people know; return it."""

        def there() -> Task | None:
            task = self.task()
            if task is None or task.status is not status or task.id == than:
                return None
            told = status not in {Status.COMPLETED, Status.WAITING} or self.town.store.tasks.row(task.id).told
            return task if told else None

        try:
            return until(there, seconds=seconds, what=f"a task that is {status}")  # type: ignore[return-value]
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.task()}\n{self.town.product.log[-4000:]}") from None

    def ends(self, seconds: float = PATIENCE, *, than: str = "") -> str:
        """Wait until the work has ended and people know; return what the comment says."""
        self.reaches(Status.COMPLETED, seconds, than=than)
        return self.comment()

    def shows(self, words: str, seconds: float = PATIENCE) -> str:
        """Wait until the living comment shows words, and return it."""
        return until(lambda: words in self.comment() and self.comment(), seconds=seconds, what=f"{words!r} shown")  # type: ignore[return-value]

    def answers(self, words: str, seconds: float = PATIENCE, *, on: int = 0) -> str:
        """Wait until some comment of the bot's holds words, and return it."""

        def there() -> str:
            return next((text for one in self.comments(on) if words in (text := seen(one.body))), "")

        return until(there, seconds=seconds, what=f"a comment with {words!r}")

    def settles(self) -> None:
        """Wait until everything that GitHub told of this repository has been acted on."""

        def settled() -> bool:
            mine = [one for one in self.town.product.github.deliveries if self.repository.encode() in one.body]
            return all(self._is_settled(one) for one in mine)

        until(settled, seconds=PATIENCE, what="that all deliveries are acted on")

    def _is_settled(self, delivery: Delivery) -> bool:
        if not delivery.attempts:
            return False
        return "not wanted" in delivery.attempts[-1].answer or self.town.store.deliveries.is_done(delivery.guid)

    # -- what people see ----------------------------------------------------------------------------------------

    @property
    def issue(self) -> Issue:
        """The issue as it is now."""
        return self.town.product.github.issue(self.repository, self.number)

    def comments(self, on: int = 0) -> list[Comment]:
        """Return the bot's comments on the issue, or on the pull request of a number, oldest first."""
        found = self.town.product.github.comments(self.repository, on or self.number)
        return [comment for comment in found if comment.app is not None]

    def living(self) -> list[Comment]:
        """Return the comments that carry a task's marker."""
        return [comment for comment in self.comments() if comment.body.startswith("<!-- opus67:task=")]

    def comment(self) -> str:
        """Return the newest task's living comment as people read it, or nothing."""
        return seen(self.living()[-1].body) if self.living() else ""

    def reactions(self) -> list[str]:
        """Return the reactions to the issue."""
        return [one.content for one in self.town.product.github.reactions(self.repository, self.number)]

    def pulls(self) -> list[Issue]:
        """Return the pull requests."""
        return self.town.product.github.pull_requests(self.repository)

    def check_runs(self) -> list[CheckRun]:
        """Return the check runs, oldest first."""
        return self.town.product.github.check_runs(self.repository)

    def branches(self) -> set[str]:
        """Return the branches that are the bot's."""
        return {name for name in self.town.product.github.branches(self.repository) if name.startswith("opus/")}

    def file(self, path: str, ref: str) -> str:
        """Return a file on a branch."""
        return (self.town.product.github.file(self.repository, path, ref) or b"").decode()

    def asked(self) -> list[Asked]:
        """Return the requests to the model for this story."""
        return [one for one in self.town.product.model.requests if self.key in json.dumps(one.body)]

    def audited(self, ending: str) -> list[AuditRow]:
        """The rows of the audit about this repository whose names end so, oldest first."""
        rows = self.town.product.store.audit.rows(Wanted(repository=self.repository))
        return [row for row in rows if row.what.endswith(ending)]

    def posts(self, ending: str) -> int:
        """Count the writes of this repository to a path that ends so."""
        return sum(
            one.method == "POST" and one.path.startswith(f"/repos/{self.repository}/") and one.path.endswith(ending)
            for one in self.town.product.github.requests
        )

    def assert_alone(self) -> None:
        """Check that there is just one pull request, one living comment and one branch."""
        counted = len(self.pulls()), len(self.living()), len(self.branches())
        assert counted == (1, 1, 1), (
            f"pull requests, comments, branches: {counted}; {self.branches()}\n{self.comment()}"
        )

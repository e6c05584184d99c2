"""A worker's services with a real sandbox, a local GitHub and a scripted model, and tasks to carry out with them."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from config.settings import load
from jobs.execute import execute
from jobs.services import Services
from jobs.testing.models import MessagesAPI, Script, call
from jobs.types import Actor, Kind, Limits, Status, Subject
from tests.store.asking import request, submit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from jobs.store import Store
    from jobs.testing.github import LocalGitHub
    from jobs.testing.github.records import Issue
    from jobs.testing.models.script import Answerer, Line, Reply
    from jobs.types import Task

SHOP = "octo/shop"
WORKSHOP = "octo/workshop"
NOWHERE = "redis://127.0.0.1:9/0"
GREETING = 'def greet(name):\n    return "Hello"\n'
FIXED = 'def greet(name):\n    return f"Hello, {name}"\n'
FILES = {"greeting.py": GREETING, ".github/opus67.yml": "checks: [python3 -c 'import greeting']\n"}
SLACKER = Actor("slack", "U123", "alice")
"""Alice, who linked her Slack account."""


def write(text: str = FIXED, path: str = "greeting.py") -> Reply:
    """Have the model write a file."""
    return call("str_replace_based_edit_tool", command="create", path=f"/workspace/{path}", file_text=text)


def finish(summary: str = "The name was not used.", title: str = "Greet by name") -> Reply:
    """Have the model end its work."""
    return call("finish", title=title, summary=summary)


class Cast:
    """The model in its roles, told by the tools that a run offers: work, plan, ask, inspect, and a review that approves."""

    def __init__(self) -> None:
        self.roles: dict[str, Answerer] = {}
        self.verdict = call("report_review", verdict="approve", remarks="")

    def __call__(self, asked: dict[str, Any]) -> Line:
        """Answer as the role does."""
        names = {tool["name"] for tool in asked["tools"]}
        if "report_review" in names:
            return self.verdict
        if "report_finding" in names:
            return self.roles["inspect"](asked)
        if "update_plan" in names:
            return self.roles["work"](asked)
        return self.roles["plan" if "ask_human" in names else "ask"](asked)


@dataclass
class Workshop:
    """The services, and what the model was asked."""

    services: Services
    github: LocalGitHub
    model: MessagesAPI
    cast: Cast

    @classmethod
    @contextmanager
    def open(
        cls, home: Path, github: LocalGitHub, store: Store, sandbox: str = "bubblewrap", **settings: str
    ) -> Iterator[Self]:
        """Open a workshop over bubblewrap or another sandbox, on a repository with one Python file."""
        github.create_repository(WORKSHOP, FILES)
        github.set_permission(WORKSHOP, "alice", "write")
        github.create_issue(WORKSHOP, "Greet by name", "It says Hello to nobody.", by="bob")
        with ExitStack() as stack:
            cast = Cast()
            model = stack.enter_context(MessagesAPI(cast))
            values = {**github.environment(), **model.environment(), "OPUS67_SANDBOX": sandbox}
            values |= {"OPUS67_HOME": str(home), "REDIS_URL": NOWHERE, "OPUS67_MODEL": "claude-opus-5-5"}
            values |= {"OPUS67_SPARES": "0", **settings}
            services = Services(load(values, dotenv=None), store)
            stack.callback(services.close)
            yield cls(services, github, model, cast)

    def plays(self, **roles: Sequence[Line | Answerer]) -> None:
        """Say what the model does in runs that ``work``, ``plan``, ``ask`` or ``inspect`` a pull request."""
        self.cast.roles = {role: Script(lines) for role, lines in roles.items()}

    def task(self, kind: Kind = Kind.BACKGROUND, **changes: Any) -> Task:
        """Submit a task of alice's, from Slack and without an issue unless changed."""
        subject = Subject("ask" if kind is Kind.ASK else "bg")
        values: dict[str, Any] = {"kind": kind, "subject": subject, "repository": WORKSHOP, "actor": SLACKER}
        values |= {"installation_id": self.github.installation_id, "limits": Limits(), "removed": ()}
        asked = replace(request(), title="Greet by name", text="It should say whom it greets.", **values)
        return submit(self.services.store, replace(asked, **changes), time.time() - 5)

    def run(self, task: Task) -> Any:
        """Execute a task until it ends or waits, and return its row."""
        tasks = self.services.store.tasks
        for _ in range(5):
            execute(self.services, task.id)
            row = tasks.row(task.id)
            if row.status in {Status.COMPLETED, Status.WAITING}:
                return row
        raise AssertionError(f"the task does not end: {row}")

    def pull(self) -> Issue:
        """Return the one pull request."""
        [found] = self.github.pull_requests(WORKSHOP)
        return found

    def file(self, path: str, ref: str) -> str:
        """Return a file on a branch."""
        return (self.github.file(WORKSHOP, path, ref) or b"").decode()

    def asked(self) -> list[Any]:
        """Return the bodies of what the model was asked, without the reviews."""
        bodies = [one.body for one in self.model.requests]
        return [body for body in bodies if not any(tool["name"] == "report_review" for tool in body["tools"])]

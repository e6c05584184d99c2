"""What people ask for while the product is being hurt, and the model that does what they ask."""

from __future__ import annotations

import itertools
import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.testing.models import Script, by_tool, call
from jobs.testing.models.script import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.github import LocalGitHub
    from jobs.testing.models.script import Line

LABEL = "assign-to-opus"
KEY = re.compile(r"event-\d+x")
REPOSITORIES = 6
FILES = {
    "greeting.py": 'def greet(name):\n    return "Hello"\n',
    "test_greeting.py": "import greeting\n\nassert greeting.greet('Ada').startswith('Hello')\n",
    # As many at once as there are workers: what is measured is not how long a task waits for its turn.
    ".github/opus67.yml": "checks: [python3 test_greeting.py]\nlimits:\n  tasks: {repository: 50, actor: 50}\n",
}
LOST = "The sandbox was lost and replaced"
STEPS = ("cat greeting.py", "grep -n Hello greeting.py", "python3 test_greeting.py", "git status --short", "git diff")


@dataclass(frozen=True, slots=True)
class Event:
    """One label that a person put on an issue; its key is in the issue's title, so the model's requests carry it."""

    key: str
    repository: str
    number: int
    at: float


class Events:
    """The people of a few repositories, who label issues and talk on others."""

    def __init__(self, github: LocalGitHub) -> None:
        self.asked: list[Event] = []
        self._github = github
        self._waiting: Iterator[tuple[str, str, int]] = iter(())
        self._said = itertools.count(1)

    def prepare(self, count: int) -> None:
        """Make repositories and as many issues as will be labelled, while nobody listens."""
        github, made = self._github, []
        url, github.webhook_url = github.webhook_url, ""
        for number in range(REPOSITORIES):
            name = f"octo/greeting-{number}"
            github.create_repository(name, files=FILES)
            github.set_permission(name, "ada", "write")
            github.create_issue(name, "Where people talk", "Good morning.", by="ada")
        for number in range(count):
            key, name = f"event-{number}x", f"octo/greeting-{number % REPOSITORIES}"
            issue = github.create_issue(name, f"Greet by name ({key})", "It says Hello, but not to whom.", by="ada")
            made.append((key, name, issue.number))
        github.webhook_url, self._waiting = url, iter(made)

    def ask(self) -> None:
        """Have somebody put the label on the next issue."""
        key, repository, number = next(self._waiting)
        self.asked.append(Event(key, repository, number, time.time()))
        self._github.label_issue(repository, number, LABEL, by="ada")

    def talk(self) -> None:
        """Have somebody say something that asks for nothing; the bot has to hear it all the same."""
        number = next(self._said)
        repository = f"octo/greeting-{number % REPOSITORIES}"
        self._github.comment(repository, 1, f"Good morning, number {number}.", by="ada")


def model() -> Any:
    """Return the model: it looks around, writes a file of the event's own, tries it, and ends."""
    looks = [call("bash", command=command) for command in STEPS]
    finish = call("finish", title="Greet by name", summary="The name was not used.")
    script = Script([_write, *looks, finish], then=finish)
    review = Script([call("report_review", verdict="approve", remarks="It does what was asked.")])
    role = by_tool(
        {"report_review": review}, otherwise=lambda request: (_write if _is_lost(request) else script)(request)
    )

    def answer(request: dict[str, Any]) -> Line:
        return role(request) if key_of(request) else refused(400, "invalid_request_error", "no event asks for this")

    return answer


def key_of(request: dict[str, Any]) -> str:
    """Return the key of the event that a request to the model is about, or nothing."""
    found = KEY.search(json.dumps(request.get("messages", [{}])[0]))
    return found[0] if found else ""


def _is_lost(request: dict[str, Any]) -> bool:
    """Tell whether the model was just told that its sandbox is another one: it then does its work again."""
    return LOST in json.dumps(request["messages"][-1])


def _write(request: dict[str, Any]) -> Line:
    text = 'def greet(name):\n    return f"Hello, {name}"\n'
    path = f"/workspace/{key_of(request)}.py"
    return call("str_replace_based_edit_tool", command="create", path=path, file_text=text)

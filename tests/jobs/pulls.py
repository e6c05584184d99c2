"""Pull requests of people's to review, what the model finds in them, and what people then see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.testing.models import call
from jobs.types import Kind, Subject
from tests.jobs.workshop import WORKSHOP

if TYPE_CHECKING:
    from jobs.testing.github.records import CheckRun, Issue
    from jobs.testing.github.review_records import Review, Thread
    from jobs.testing.models.script import Reply
    from jobs.types import Task
    from tests.jobs.workshop import Workshop

TILL = "".join(f"price_{number} = {number}\n" for number in range(1, 21))
BROKEN = TILL.replace("price_5 = 5\n", "price_5 = 1 / 0\n")
DIVIDES = "This divides by zero as soon as the module is imported, so nothing in the shop starts any more."
LEAKS = "The handle of the ledger is opened here and never closed, which leaks descriptors under load."


def found(
    line: int = 5, severity: str = "critical", reason: str = DIVIDES, path: str = "till.py", **more: Any
) -> Reply:
    """Have the model report a finding."""
    return call("report_finding", path=path, line=line, severity=severity, reason=reason, **more)


def done(summary: str = "I read the till.") -> Reply:
    """Have the model end its review."""
    return call("finish", summary=summary)


@dataclass
class Opened:
    """A pull request that adds a till to the workshop."""

    workshop: Workshop
    number: int
    branch: str

    @classmethod
    def by(cls, workshop: Workshop, text: str = BROKEN, *, draft: bool = False, body: str = "A till.") -> Opened:
        """Have carol open one."""
        workshop.github.commit_file(WORKSHOP, "till", "till.py", text, by="carol")
        opened = workshop.github.open_pull_request(WORKSHOP, "till", "Add a till", body, by="carol", draft=draft)
        return cls(workshop, opened.number, "till")

    @property
    def issue(self) -> Issue:
        """The pull request as GitHub has it."""
        return next(one for one in self.workshop.github.pull_requests(WORKSHOP) if one.number == self.number)

    @property
    def head(self) -> str:
        """The newest commit."""
        assert self.issue.pull is not None
        return self.issue.pull.head_sha

    @property
    def reviews(self) -> list[Review]:
        """The reviews, oldest first."""
        return self.workshop.github.reviews(WORKSHOP, self.number)

    @property
    def threads(self) -> list[Thread]:
        """The threads, oldest first."""
        return self.workshop.github.threads(WORKSHOP, self.number)

    @property
    def checks(self) -> list[CheckRun]:
        """The check runs on the newest commit, oldest first."""
        return [run for run in self.workshop.github.check_runs(WORKSHOP) if run.head_sha == self.head]

    def push(self, text: str, path: str = "till.py") -> str:
        """Have carol push a commit."""
        return self.workshop.github.commit_file(WORKSHOP, self.branch, path, text, by="carol")

    def task(self, *, asked: bool = False, **changes: Any) -> Task:
        """Submit a review of it."""
        about = {"pull": self.number, "asked": asked}
        values = {"subject": Subject("pull", self.number), "title": "Review", "text": "", "about": about, **changes}
        return self.workshop.task(Kind.REVIEW_PULL_REQUEST, **values)

    def review(self, *lines: Any, asked: bool = False, **changes: Any) -> Any:
        """Have it reviewed by a model that says these lines, and return the task's row."""
        self.workshop.plays(inspect=lines)
        return self.workshop.run(self.task(asked=asked, **changes))

    def said(self) -> str:
        """Return what the model was told first in its last review."""
        return str(self.workshop.asked()[-1]["messages"][0]["content"])

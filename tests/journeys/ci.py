"""Repositories whose CI really runs their tests, and what people see when it is red."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from jobs.testing.github import ci_from_command, git
from jobs.testing.models.script import Script, by_tool
from jobs.types import CHECK_NAME, Status
from tests.journeys.town import PATIENCE, Story, approve, finish, seen, write
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from jobs.testing.github import CiResult
    from jobs.testing.github.records import CheckRun, Issue
    from jobs.testing.github.workflows import WorkflowRun
    from jobs.testing.models.script import Answerer, Line
    from jobs.types import Task
    from tests.journeys.town import Town

    Ci = Callable[[Path, str, str, int], CiResult]

COMMAND = "python -m unittest -q"
RIGHT = "def total(prices):\n    return round(sum(prices), 2)\n\n\ndef count(prices):\n    return len(prices)\n"
WRONG = RIGHT.replace("round(sum(prices), 2)", "sum(prices) + 1")
WORSE = WRONG.replace("len(prices)", "len(prices) + 1")
OTHERWISE = RIGHT.replace("len(prices)", "len(prices) + 1")
TESTS = (
    "import unittest\n\nfrom till import count, total\n\n\nclass Totals(unittest.TestCase):\n"
    "    def test_total(self):\n        self.assertEqual(total([0.1, 0.2]), 0.3)\n\n"
    "    def test_count(self):\n        self.assertEqual(count([1, 2]), 2)\n"
)
TILL = {"till.py": RIGHT, "test_till.py": TESTS}
TEST_LINE = 8
"""Where the test of the sum stands."""
MEND = (write(RIGHT, "till.py"), finish("The sum had one too many.", "Sum without one more"))
STAMP = "2026-11-21T09:18:19.1234567Z "


def job_log(*lines: str, command: str = COMMAND) -> bytes:
    """Return the log of a job whose command printed these lines and failed."""
    told = [f"##[group]Run {command}", command, "shell: /usr/bin/bash -e {0}", "##[endgroup]", *lines]
    return "".join(f"{STAMP}{line}\n" for line in [*told, "##[error]Process completed with exit code 1."]).encode()


def work_then_mend(work: Sequence[Line | Answerer], mend: Sequence[Line | Answerer]) -> Sequence[Line | Answerer]:
    """Return a script that plays ``mend`` where CI is red, and ``work`` before."""
    scripts = Script(work), Script(mend)

    def line(request: dict[str, Any]) -> Line:
        return scripts["is red at the commit" in str(request["messages"][0])](request)

    return [line] * 12


@dataclass(eq=False)
class Red(Story):
    """A repository with a CI; the issue of the story is there for journeys that begin with one."""

    @classmethod
    def build(
        cls,
        town: Town,
        replies: Sequence[Line | Answerer] = MEND,
        *,
        ci: Ci | None = None,
        config: str = "",
        files: Mapping[str, str] | None = None,
        then: Line | None = None,
    ) -> Self:
        """Make a repository, green, with a CI that runs its tests."""
        story = town.story(replies, files={**TILL, **(files or {})}, config=config, then=then)
        made = cls(town, story.key, story.repository, story.number)
        made.runs_ci(ci or ci_from_command(COMMAND))
        made.push("# Till\n", "README.md")
        return made

    # -- what people do -----------------------------------------------------------------------------------------

    def runs_ci(self, ci: Ci) -> None:
        """Have this CI from now on; its name carries the story's key, by which the model knows whose request it is."""
        self.town.product.github.set_ci(self.repository, ci, name=self.workflow)

    def plays(self, replies: Sequence[Line | Answerer]) -> None:
        """Have the model play this from now on."""
        self.town.cast.roles[self.key] = by_tool({"report_review": Script([approve()])}, otherwise=Script(replies))

    def push(self, text: str | None, path: str = "till.py", *, branch: str = "main", by: str = "ada") -> str:
        """Push a file, wait for the end of the CI that this starts, and return the commit."""
        sha = self.town.product.github.commit_file(self.repository, branch, path, text, by=by)
        self.settled(sha)
        return sha

    def pull(self, branch: str, text: str, path: str = "till.py", *, by: str = "ada") -> Issue:
        """Open a pull request whose CI has not begun, and then push what it is about."""
        github = self.town.product.github
        github.commit_file(self.repository, branch, f"{branch}.md", f"{branch}\n", by=by)
        made = github.open_pull_request(self.repository, branch, f"Work on {branch}", by=by)
        self.push(text, path, branch=branch, by=by)
        return made

    def slowly(self, ci: Ci) -> Ci:
        """Return a CI that takes as long as the task that pushed; real ones take longer than opening a pull request."""

        def run(path: Path, sha: str, branch: str, attempt: int) -> CiResult:
            until(lambda: not self._is_pushing(branch), seconds=PATIENCE, what="the end of what pushed")
            return ci(path, sha, branch, attempt)

        return run

    def _is_pushing(self, branch: str) -> bool:
        return any(task.branch == branch and task.status is Status.IN_PROGRESS for task in self.tasks())

    # -- what is waited for -------------------------------------------------------------------------------------

    def settled(self, sha: str) -> None:
        """Wait until all CI runs of a commit have ended, and there is one."""

        def done() -> bool:
            runs = self.runs_at(sha)
            return bool(runs) and all(run.status == "completed" for run in runs)

        until(done, seconds=PATIENCE, what=f"the end of CI of {sha}")

    def completed(self, number: int = 1) -> Task:
        """Wait until so many tasks have completed, none is under way, and people know; return the newest."""

        def there() -> Task | None:
            tasks, rows = self.tasks(), self.town.store.tasks
            ended = [task for task in tasks if task.status is Status.COMPLETED and rows.row(task.id).told]
            return tasks[0] if len(ended) == len(tasks) >= number else None

        return self._within(there, f"{number} completed tasks")

    def listening(self) -> Task:
        """Wait until the newest task waits for CI without a worker."""

        def there() -> Task | None:
            task = self.task()
            waits = task is not None and bool(task.listens) and task.status is Status.QUEUED
            return task if waits else None

        return self._within(there, "a task that listens")

    def _within(self, condition: Callable[[], Task | None], what: str) -> Task:
        try:
            return until(condition, seconds=PATIENCE, what=what)  # type: ignore[return-value]
        except AssertionError as error:
            tasks = "\n".join(map(str, self.tasks()))
            raise AssertionError(f"{error}: {tasks}\n{self.town.product.log[-4000:]}") from None

    # -- what people see ----------------------------------------------------------------------------------------

    @property
    def workflow(self) -> str:
        """The name of the workflow."""
        return f"CI of {self.key}"

    def runs_at(self, sha: str) -> list[WorkflowRun]:
        """Return the CI runs of a commit."""
        return [run for run in self.town.product.github.workflow_runs(self.repository) if run.head_sha == sha]

    def check(self, sha: str) -> CheckRun:
        """Return the bot's one check run on a commit."""
        [found] = [run for run in self.check_runs() if run.name == CHECK_NAME and run.head_sha == sha]
        return found

    def shown(self, sha: str) -> str:
        """Return all that the check run on a commit shows."""
        output: dict[str, Any] = self.check(sha).output
        return seen("\n".join(str(output.get(part) or "") for part in ("title", "summary", "text")))

    def told_on(self, number: int) -> str:
        """Return the one living comment on a pull request."""
        [found] = [one for one in self.comments(number) if one.body.startswith("<!-- opus67:task=")]
        return seen(found.body)

    def head(self, branch: str) -> str:
        """Return the newest commit of a branch."""
        return self.town.product.github.branches(self.repository)[branch]

    def commits(self, branch: str) -> list[str]:
        """Return who made the commits of a branch since the default one, newest first."""
        path = self.town.product.github.world.repository(self.repository).path
        told = git.run(path, "log", "--format=%an", f"main..{branch}")
        return told.decode().split("\n")[:-1]

    def history(self, branch: str) -> list[str]:
        """Return the commits of a branch, newest first."""
        path = self.town.product.github.world.repository(self.repository).path
        return git.run(path, "log", "--format=%H", branch).decode().split()

    def bot_pushes(self) -> int:
        """Count what the bot pushed."""
        return sum(push.token != "" and push.repository == self.repository for push in self.town.product.github.pushes)

"""After a push CI decides: green, the same, another round, worse; and people who go on meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from jobs.execute import execute
from jobs.testing.github import CiResult, Job, ci_from_command
from jobs.types import Conclusion, Mode, Status
from tests.jobs.fix_ci.till import COMMAND, OTHERWISE, RIGHT, TILL, WORSE, WRONG
from tests.jobs.workshop import finish, write

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from jobs.testing.models import Reply
    from jobs.types import Task
    from tests.jobs.fix_ci.till import Till

pytestmark = pytest.mark.bubblewrap


def own(till: Till, text: str) -> tuple[str, int, str]:
    """Have the bot open a pull request, and break it; return its branch, number and red head."""
    till.workshop.plays(work=[write("# Notes\n", "notes.md"), finish("Notes.", "Add notes")])
    task = till.workshop.task(repository=TILL)
    assert till.workshop.run(task).conclusion == Conclusion.SUCCESS
    sha = till.push(text, branch=task.branch)
    [opened] = till.github.pull_requests(TILL)
    return task.id, opened.number, sha


def mend(till: Till, owner: str, number: int, sha: str, *texts: str, **changes: Any) -> tuple[Task, Any]:
    """Have the red head of an own pull request mended with these texts, one for each round."""
    branch = f"opus/bg-{owner}"

    def next_text(asked: dict[str, Any]) -> Reply:
        second = "second round" in str(asked["messages"][0])
        return write(texts[-1 if second else 0], "till.py")

    till.workshop.plays(work=[next_text, *[finish("Tried it.", "Mend the sum")] * 4])
    task = till.task(sha, place="own", branch=branch, pull=number, follows=owner, onto=branch, **changes)
    return task, till.go(task)


def blind(till: Till, gate: threading.Event | None = None) -> None:
    """Have the repository check nothing, and CI print what the sandbox cannot run; it ends behind the gate."""

    def ci(path: Path, sha: str, branch: str, attempt: int) -> CiResult:
        assert gate is None or gate.wait(120)
        found = ci_from_command(COMMAND)(path, sha, branch, attempt)
        job = found.jobs[0]
        text = b"" if job.log is None else bytes(job.log)  # type: ignore[arg-type]
        return CiResult([Job(job.name, job.conclusion, log=text.replace(COMMAND.encode(), b"only-in-ci check"))])

    till.github.set_ci(TILL, ci)


def test_a_mend_of_our_own_pull_request_goes_to_its_branch(till: Till) -> None:
    """No second pull request is opened; the one that is there says what was added."""
    owner, number, sha = own(till, WRONG)
    _, row = mend(till, owner, number, sha, RIGHT)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    [opened] = till.github.pull_requests(TILL)
    assert opened.number == number
    assert "## Then: Mend CI: Mend the sum" in opened.body
    assert till.github.file(TILL, "till.py", f"opus/bg-{owner}") == RIGHT.encode()
    assert "CI is green at" in row.summary


def test_the_same_failure_after_the_push_is_not_tried_again(till: Till) -> None:
    """One round, one push, and a diagnosis."""
    blind(till)
    owner, number, sha = own(till, WRONG)
    task, row = mend(till, owner, number, sha, WRONG.replace("+ 1", "+ 1  # still"))
    assert row.conclusion == Conclusion.ACTION_REQUIRED
    assert "same failure" in row.summary
    assert till.workshop.services.store.runs.stage(task.id, "round") is None


def test_another_failure_gets_a_second_round_on_the_same_branch(till: Till) -> None:
    """The agent is told what it tried and that CI is red still; the second commit stands on the first."""
    blind(till)
    owner, number, sha = own(till, WRONG)
    task, row = mend(till, owner, number, sha, OTHERWISE, RIGHT)
    assert row.conclusion in {Conclusion.SUCCESS, Conclusion.NEUTRAL}, row.summary
    assert "CI is green at" in row.summary
    assert till.workshop.services.store.runs.stage(task.id, "round")["number"] == 2
    second = [asked for asked in till.workshop.asked() if "second round" in str(asked["messages"][0])]
    assert "Tried it." in str(second[0]["messages"][0])
    assert till.github.file(TILL, "till.py", f"opus/bg-{owner}") == RIGHT.encode()


def test_a_second_round_that_changes_nothing_is_called_so(till: Till) -> None:
    """The words say that CI is red still and name the commit; they do not say that there is no pull request."""
    blind(till)
    owner, number, sha = own(till, WRONG)
    _, row = mend(till, owner, number, sha, OTHERWISE, OTHERWISE)
    head = till.github.branches(TILL)[f"opus/bg-{owner}"]
    assert row.conclusion == Conclusion.ACTION_REQUIRED
    assert row.summary.startswith(f"CI is still red at `{head[:10]}`, with other failures than before, and a second")
    assert "no pull request" not in row.summary


def test_what_is_worse_and_finds_no_mend_is_taken_back(till: Till) -> None:
    """A second round without a change leaves nothing of the first that made it worse."""
    blind(till)
    owner, number, sha = own(till, WRONG)
    _, row = mend(till, owner, number, sha, WORSE, WORSE)
    assert row.conclusion == Conclusion.ACTION_REQUIRED
    assert "taken back" in row.summary
    assert till.github.file(TILL, "till.py", f"opus/bg-{owner}") == WRONG.encode()


def test_what_is_worse_after_two_rounds_is_taken_back(till: Till) -> None:
    """A commit on top puts the branch back to where the person left it; nothing is forced."""
    blind(till)
    owner, number, sha = own(till, WRONG)
    _, row = mend(till, owner, number, sha, WORSE, WORSE + "\n# more\n")
    assert row.conclusion == Conclusion.ACTION_REQUIRED
    assert "taken back" in row.summary
    branch = f"opus/bg-{owner}"
    assert till.github.file(TILL, "till.py", branch) == WRONG.encode()
    client = till.workshop.services.github.repository(TILL, till.github.installation_id)
    titles = [change.title for change in client.changes_between(sha, branch)]
    assert titles[:2] == ["Mend CI: Mend the sum"] * 2
    assert titles[2].startswith('Revert "Mend CI')
    assert len(titles) == 3


def test_a_person_who_goes_on_meanwhile_ends_the_listening(till: Till) -> None:
    """Their commit has a CI run of its own."""
    owner, number, sha = own(till, WRONG)
    branch = f"opus/bg-{owner}"
    till.workshop.plays(work=[write(RIGHT, "till.py"), finish("Tried it.", "Mend the sum")])
    task = till.task(sha, place="own", branch=branch, pull=number, follows=owner, onto=branch)
    free = till.hold()
    execute(till.workshop.services, task.id)
    assert till.workshop.services.store.tasks.row(task.id).listens
    free.set()
    till.push("mine\n", "mine.md", branch=branch)
    with till.workshop.services.store.write() as connection:
        listens = till.workshop.services.store.tasks.row(task.id).listens
        till.workshop.services.store.tasks.heard(connection, listens, time.time())
    row = till.go(task)
    assert "Somebody pushed" in row.summary


def test_a_worker_that_dies_while_ci_is_awaited_pays_and_pushes_nothing_twice(till: Till) -> None:
    """Each stage is found again."""
    sha = till.push(WRONG)
    till.workshop.plays(work=[write(RIGHT, "till.py"), finish("Tried it.", "Mend the sum")])
    task = till.task(sha)
    free = till.hold()
    execute(till.workshop.services, task.id)
    free.set()
    paid, head = till.paid(), till.github.branches(TILL)[task.own_branch]
    till.again(task)
    assert till.go(task).conclusion == Conclusion.SUCCESS
    till.again(task)
    assert till.go(task).conclusion == Conclusion.SUCCESS
    assert till.paid() == paid
    assert till.github.branches(TILL)[task.own_branch] == head
    assert len(till.github.pull_requests(TILL)) == 1


def test_an_aggressive_mend_is_merged_where_the_repository_allows_it(till: Till) -> None:
    """The draft is made ready and merged for who asked, once CI is green."""
    till.rules("ci: {merge: true}\n")
    sha = till.push(WRONG)
    till.workshop.plays(work=[write(RIGHT, "till.py"), finish("Tried it.", "Mend the sum")])
    row = till.go(till.task(sha, mode=Mode.AGGRESSIVE))
    assert "Merged:" in row.summary, row.summary
    assert till.github.file(TILL, "till.py", "main") == RIGHT.encode()


def test_a_merge_that_something_stands_in_the_way_of_says_what(till: Till) -> None:
    """Who may not write does not get it merged."""
    till.rules("ci: {merge: true}\n")
    sha = till.push(WRONG)
    till.workshop.plays(work=[write(RIGHT, "till.py"), finish("Tried it.", "Mend the sum")])
    task = till.task(sha, mode=Mode.AGGRESSIVE)
    till.github.set_permission(TILL, "alice", "read")
    row = till.go(task)
    assert "It is not merged" in row.summary
    assert row.status == Status.COMPLETED

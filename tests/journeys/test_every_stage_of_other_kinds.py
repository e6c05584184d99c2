"""Workers of the other kinds are killed before and behind each effect: replies, reviews, merges, mends, reverts."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from jobs.types import Conclusion
from tests.jobs.conftest import github, private_key, store, workshop  # noqa: F401 - fixtures
from tests.jobs.fix_ci.conftest import till  # noqa: F401 - a fixture
from tests.jobs.fix_ci.test_for_nothing import FLAKY, attempts
from tests.jobs.fix_ci.till import RIGHT, TILL, WRONG
from tests.jobs.pulls import Opened, done, found
from tests.jobs.reviewed import ASKED, Reviewed, answer, rewrite
from tests.jobs.test_conflicts import BOTH, THEIRS, ask
from tests.jobs.workshop import WORKSHOP, finish, write
from tests.journeys.careful import Meter, careful
from tests.journeys.mortal import Moment, Mortals

if TYPE_CHECKING:
    from jobs.types import Task
    from tests.jobs.fix_ci.till import Till
    from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap

PUSHED = Moment("POST", "git-receive-pack$")
OPENED = Moment("POST", "/pulls$")
CHANGED = Moment("PATCH", r"/pulls/\d+$")
REVIEWED = Moment("POST", r"/pulls/\d+/reviews$")


def doomed(shop: Workshop, task: Task, *moments: Moment, steps: int = 0) -> tuple[Mortals, Meter]:
    """Return workers that die before each moment, behind it, and at each of so many steps of the agent."""
    mortals = Mortals(shop)
    for moment in moments:
        mortals.dies_at(moment.path, moment, after=False)
        mortals.dies_at(moment.path, moment, after=True)
    return mortals, Meter.on(mortals, task.id, [f"step {number}" for number in range(steps)])


def follow(till: Till, mortals: Mortals, task: Task) -> Any:  # noqa: F811 - a fixture's name
    """Have a task that listens for CI go on when CI has ended, and return its row."""

    def settle() -> None:
        row = mortals.workshop.services.store.tasks.row(task.id)
        if row.listens:
            till.settled(row.listens.rpartition("@")[2])

    return mortals.run(task, settle)


def pushes(shop: Workshop) -> int:
    """Return how often the bot moved a branch."""
    return sum(push.by == shop.github.app.bot.login for push in shop.github.pushes)


def test_while_a_review_is_addressed(workshop: Workshop) -> None:  # noqa: F811 - a fixture
    """The change is pushed once, each thread has one answer, and the right one is resolved."""
    reviewed = Reviewed.open(workshop)
    reviewed.review((3, "Make this 300."), (4, "Why four?"))
    told = answer("T1", "It is 300.", done=True) + answer("T2", "Since three is taken.")
    workshop.cast.roles = {"work": careful(rewrite(line_3="value_3 = 300"), told, finish(), asked=ASKED)}
    task, before = reviewed.task(), pushes(workshop)
    replied = Moment("POST", r"/pulls/\d+/comments/\d+/replies$")
    resolved = Moment("POST", "/graphql$", "resolveReviewThread")
    mortals, meter = doomed(workshop, task, PUSHED, CHANGED, replied, resolved, steps=1)
    row = mortals.run(task)
    assert row.conclusion == Conclusion.SUCCESS, f"{row.summary}\n{mortals.log}"
    assert len(mortals.died) == 9, mortals.died
    assert [len(reviewed.talk(0)), len(reviewed.talk(1)), reviewed.resolved()] == [2, 2, [0]]
    assert f"Done in {reviewed.head()}." in reviewed.talk(0)[1]
    assert (pushes(workshop) - before, meter.paid_twice) == (1, [])


def test_while_a_pull_request_is_reviewed(workshop: Workshop) -> None:  # noqa: F811 - a fixture
    """There is one review with one comment, and one check run that says how it ended."""
    opened = Opened.by(workshop)
    workshop.cast.roles = {"inspect": careful(found(), done())}
    task = opened.task()
    made, changed = Moment("POST", "/check-runs$"), Moment("PATCH", "/check-runs/")
    mortals, meter = doomed(workshop, task, made, REVIEWED, changed, steps=2)
    row = mortals.run(task)
    assert row.conclusion == Conclusion.NEUTRAL, f"{row.summary}\n{mortals.log}"
    assert len(mortals.died) == 8, mortals.died
    assert (len(opened.reviews), [len(thread.comments) for thread in opened.threads]) == (1, [1])
    assert [(run.status, run.conclusion) for run in opened.checks] == [("completed", "neutral")]
    assert meter.paid_twice == []


def test_while_the_base_is_merged(workshop: Workshop) -> None:  # noqa: F811 - a fixture
    """There is one merge commit, which was pushed once."""
    workshop.plays(work=[write(), finish("Greets by name now.")])
    earlier = workshop.task()
    assert workshop.run(earlier).conclusion == Conclusion.SUCCESS
    head = workshop.github.branches(WORKSHOP)[earlier.branch]
    base = workshop.github.commit_file(WORKSHOP, "main", "greeting.py", THEIRS, by="bob")
    task, before = ask(workshop, earlier), pushes(workshop)
    workshop.cast.roles = {"work": careful(write(BOTH), finish("Kept both."), asked="git stopped at the conflicts")}
    mortals, meter = doomed(workshop, task, PUSHED, CHANGED, steps=1)
    row = mortals.run(task)
    assert row.conclusion == Conclusion.SUCCESS, f"{row.summary}\n{mortals.log}"
    assert len(mortals.died) == 5, mortals.died
    path = workshop.github.world.repository(WORKSHOP).path
    command = ["git", f"--git-dir={path}", "-c", "safe.directory=*", "rev-list", "--parents", "-n1", earlier.branch]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert shown[1:] == [head, base]
    assert workshop.file("greeting.py", earlier.branch) == BOTH
    assert (pushes(workshop) - before, meter.paid_twice) == (1, [])


def test_while_failed_jobs_run_again(till: Till) -> None:  # noqa: F811 - a fixture
    """They run again once."""
    till.github.set_ci(TILL, attempts(FLAKY, None))
    sha = till.push("# one\n", "notes.md")
    task = till.task(sha)
    mortals, _ = doomed(till.workshop, task, Moment("POST", "/rerun-failed-jobs$"))
    row = follow(till, mortals, task)
    assert (row.conclusion, len(mortals.died)) == (Conclusion.SUCCESS, 2), f"{row.summary}\n{mortals.log}"
    [run] = [one for one in till.github.workflow_runs(TILL) if one.head_sha == sha]
    assert len(run.attempts) == 2
    assert till.paid() == 0


@pytest.mark.parametrize("text", [RIGHT, WRONG.replace("+ 1", "+ 2")], ids=["a mend", "a revert"])
def test_while_red_ci_is_mended(till: Till, text: str) -> None:  # noqa: F811 - a fixture
    """One pull request is opened, from one push, and its CI is listened for to the end."""
    sha = till.push(WRONG)
    task = till.task(sha)
    till.workshop.cast.roles = {"work": careful(write(text, "till.py"), *[finish("Summed.", "Mend the sum")] * 4)}
    looked = Moment("GET", "/git/ref/heads/opus/")
    mortals, meter = doomed(till.workshop, task, PUSHED, OPENED, looked)
    row = follow(till, mortals, task)
    assert row.conclusion == Conclusion.SUCCESS, f"{row.summary}\n{mortals.log}"
    assert len(mortals.died) == 6, mortals.died
    [opened] = till.github.pull_requests(TILL)
    assert opened.title.startswith("Mend CI" if text == RIGHT else "Revert")
    assert till.github.file(TILL, "till.py", task.own_branch) == RIGHT.encode()
    assert "CI is green at" in row.summary
    assert (pushes(till.workshop), meter.paid_twice) == (1, [])


def test_while_a_mend_is_suggested(till: Till) -> None:  # noqa: F811 - a fixture
    """The suggestion is on their pull request once, and their branch is as it was."""
    sha = till.push(WRONG, branch="bobs", by="bob")
    number = till.github.open_pull_request(TILL, "bobs", "Mine", by="bob").number
    task = till.task(sha, place="other", branch="bobs", pull=number)
    till.workshop.cast.roles = {"work": careful(write(RIGHT, "till.py"), finish("One too many.", "Sum right"))}
    mortals, meter = doomed(till.workshop, task, REVIEWED)
    row = follow(till, mortals, task)
    assert (row.conclusion, len(mortals.died)) == (Conclusion.SUCCESS, 2), f"{row.summary}\n{mortals.log}"
    assert len(till.github.reviews(TILL, number)) == 1
    assert (pushes(till.workshop), meter.paid_twice) == (0, [])
    assert till.github.branches(TILL)["bobs"] == sha

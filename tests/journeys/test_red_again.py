"""CI is red at the mend, too: it stops, is taken back, or goes on; and what dies or gets lost meanwhile."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from jobs.testing.github import CiResult, Job, ci_from_command
from jobs.testing.models.script import turn
from jobs.types import Conclusion
from tests.journeys.ci import COMMAND, OTHERWISE, RIGHT, WORSE, WRONG, Red, work_then_mend
from tests.journeys.town import PATIENCE, Gate, finish, seen, write
from tests.testing import conformity
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.town import Town

CHECKS = "checks: [python3 -c 'import till']\n"
STILL = WRONG.replace("+ 1", "+ 1  # still")


def blind(path: Path, sha: str, branch: str, attempt: int) -> CiResult:
    """Run the tests as a CI does whose command no sandbox has, so that CI alone sees what a mend is worth."""
    job = ci_from_command(COMMAND)(path, sha, branch, attempt).jobs[0]
    log = b"" if job.log is None else bytes(job.log)  # type: ignore[arg-type]
    return CiResult([Job(job.name, job.conclusion, log=log.replace(COMMAND.encode(), b"only-in-ci check"))])


class Held(Gate):
    """A CI that waits with what the bot pushed until it is let go."""

    def __init__(self, town: Town) -> None:
        super().__init__()
        town.gates.append(self)

    def __call__(self, path: Path, sha: str, branch: str, attempt: int) -> CiResult:
        """Run the tests."""
        if branch.startswith("opus/"):
            self.opened.wait(PATIENCE * 2)
        return ci_from_command(COMMAND)(path, sha, branch, attempt)


def test_the_same_failure_at_the_mend_ends_it(town: Town) -> None:
    """One push, and words; another run of the same begins nothing, and a person's push that is red alike costs nothing."""
    story = Red.build(town, [write(STILL, "till.py"), finish("Tried.", "Mend the sum")], config=CHECKS)
    story.runs_ci(blind)
    story.push(WRONG)
    task = story.completed()
    assert task.conclusion is Conclusion.ACTION_REQUIRED
    [opened] = story.pulls()
    assert opened.pull is not None
    assert "with the same failure as before" in story.shown(opened.pull.head_sha)
    assert "with the same failure as before" in seen(opened.body)
    assert story.check(opened.pull.head_sha).conclusion == "action_required"
    paid = len(story.asked())
    [run] = story.runs_at(opened.pull.head_sha)
    town.product.github.rerun(run, by="ada")
    story.settled(opened.pull.head_sha)
    story.settles()
    assert [one.id for one in story.tasks()] == [task.id]
    story.push(f"{STILL}# mine\n", branch=opened.pull.head)
    story.settles()
    story.completed(2)
    assert (len(story.asked()), story.bot_pushes()) == (paid, 1)
    [last] = [one for one in story.tasks() if one.id != task.id]
    assert "with the same failure: the mend does not reach it" in last.summary
    assert "with the same failure: the mend does not reach it" in story.told_on(opened.number)


def test_a_mend_that_makes_it_worse_is_taken_back(town: Town) -> None:
    """Two rounds, both worse: a commit on top puts the branch back to where the person left it, and that is the end."""
    first = [write("# Notes\n", "notes.md"), finish("Notes.", "Add notes")]
    second = [write(WORSE, "till.py"), finish("Tried.", "Mend the sum")]
    story = Red.build(town, work_then_mend(first, second), config=CHECKS, ci=blind)
    story.ask()
    story.ends()
    [opened] = story.pulls()
    assert opened.pull is not None
    theirs = story.push(WRONG, branch=opened.pull.head)
    story.plays([lambda request: write(f"{WORSE}# {len(str(request['messages'][0]))}\n", "till.py"), *second[1:]])
    story.completed(2)
    story.settled(story.head(opened.pull.head))
    story.settles()
    task = story.completed(2)
    assert len(story.tasks()) == 2
    assert task.conclusion is Conclusion.ACTION_REQUIRED
    told = story.told_on(opened.number)
    assert "the mend was taken back by a commit on top" in told
    assert story.file("till.py", opened.pull.head) == WRONG
    authors = story.commits(opened.pull.head)
    assert authors[-2:] == ["ada", "opus-67[bot]"]
    assert set(authors[:-2]) == {"opus-67[bot]"}
    assert theirs in story.history(opened.pull.head)


def test_another_failure_gets_a_second_round_on_the_same_branch(town: Town) -> None:
    """The agent hears what it tried and what CI said; the second commit stands on the first, and CI is green."""

    def next_text(request: dict[str, object]) -> object:
        return write(RIGHT if "second round" in str(request["messages"]) else OTHERWISE, "till.py")

    story = Red.build(town, [next_text, finish("Tried it so.", "Mend the sum")], config=CHECKS)  # type: ignore[list-item]
    story.runs_ci(blind)
    story.push(WRONG)
    task = story.completed()
    [opened] = story.pulls()
    assert opened.pull is not None
    assert "CI is green at" in story.shown(opened.pull.head_sha), story.shown(opened.pull.head_sha)
    assert story.commits(opened.pull.head) == ["opus-67[bot]"] * 2
    assert story.branches() == {f"opus/ci-{task.id}"}


def test_a_mend_that_is_cancelled_while_ci_is_awaited(town: Town) -> None:
    """The draft stays, its check run says who ended it, the red commit's points to it, and CI's end wakes nobody."""
    held = Held(town)
    story = Red.build(town)
    story.runs_ci(held)
    sha = story.push(WRONG)
    story.listening()
    [opened] = story.pulls()
    assert opened.pull is not None
    head = opened.pull.head_sha
    until(lambda: story.check(head).actions, seconds=PATIENCE, what="the button on the draft")
    story.press("cancel")
    assert story.completed().conclusion is Conclusion.CANCELLED
    assert story.check(head).conclusion == "cancelled"
    assert "ada" in story.shown(head)
    assert story.check(sha).conclusion == "neutral"
    assert "The work has a draft pull request" in story.shown(sha)
    held.open()
    story.settled(head)
    story.settles()
    assert (story.completed().conclusion, story.bot_pushes()) == (Conclusion.CANCELLED, 1)


def test_a_killed_worker_pushes_and_says_nothing_twice(own_town: Town) -> None:
    """Killed behind the push, and again while CI is awaited: one pull request, one push, each step paid once."""
    town, held = own_town, Held(own_town)
    story = Red.build(town)
    story.runs_ci(held)
    fault = town.product.github.faults.add("POST", f"^/repos/{story.repository}/pulls$", hang=True, after=True)
    sha = story.push(WRONG)
    until(lambda: fault.hits, seconds=PATIENCE, what="the pull request")
    town.kill("worker")
    town.product.github.faults.clear()
    story.listening()
    town.kill("worker")
    held.open()
    assert story.completed().conclusion is Conclusion.SUCCESS
    [opened] = story.pulls()
    assert opened.pull is not None
    assert "CI is green at" in story.shown(opened.pull.head_sha)
    assert story.bot_pushes() == 1
    assert {run.head_sha for run in story.check_runs() if run.app.slug == "opus-67"} == {sha, opened.pull.head_sha}
    agent = Counter(turn(one.body) for one in story.asked() if one.body["tools"][0]["name"] != "report_review")
    assert max(agent.values()) == 1


def test_a_lost_webhook_of_the_green_run_is_not_missed(own_town: Town) -> None:
    """Nobody tells that CI is green, and GitHub does not tell what was lost: the work looks for itself and ends."""
    town, held = own_town, Held(own_town)
    github = town.product.github
    story = Red.build(town)
    story.runs_ci(held)
    story.push(WRONG)
    task = story.listening()
    head = story.head(f"opus/ci-{task.id}")
    silence = github.faults.add("GET", "^/app/hook/deliveries", status=500, times=None)
    hooks, github.webhook_url = github.webhook_url, "http://127.0.0.1:9/lost"
    held.open()
    story.settled(head)
    until(lambda: _lost(story, head), seconds=PATIENCE, what="the loss of the event")
    github.webhook_url = hooks
    assert story.listening().id == task.id
    with town.store.write() as connection:  # a minute or more goes by
        connection.execute(sa.text("UPDATE tasks SET not_before = 0 WHERE id = :id"), {"id": task.id})
    assert story.completed().conclusion is Conclusion.SUCCESS
    assert "CI is green at" in story.shown(head)
    assert _lost(story, head)
    silence.times = 0
    assert conformity.check_exchanges(github) > 10
    assert github.violations == []


def _lost(story: Red, sha: str) -> bool:
    told = [one for one in story.town.product.github.deliveries if one.event == "workflow_run"]
    ends = [one for one in told if one.action == "completed" and one.payload["workflow_run"]["head_sha"] == sha]
    return bool(ends) and all(one.attempts and one.status_code != 202 for one in ends)

"""Where work meets the world: bases that vanish, pushes that are refused, a database that is locked, day budgets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.store.database import BUSY_SECONDS
from jobs.types import Conclusion
from tests.journeys.town import FIXED, LABEL, bash, finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from tests.journeys.town import Town


def test_rules_come_from_the_default_branch_to_the_last_stage(town: Town) -> None:
    """A configuration on the base branch does not replace the default branch's when the work is published."""
    config = "base_branch: develop\nprotected:\n  - secret.txt\n"
    story = town.story([write("x", "secret.txt"), finish(), finish(), finish()], config=config)
    github = town.product.github
    github.commit_file(story.repository, "develop", "README", "develop", by="ada")
    github.commit_file(story.repository, "develop", ".github/opus67.yml", "protected: []\n", by="ada")
    comment = story.ask().ends()
    assert "secret.txt" in comment
    assert story.branches() == set()
    assert story.pulls() == []


def test_a_base_branch_that_vanishes_costs_no_work(town: Town) -> None:
    """When the base branch is deleted while the agent works, the work is kept and the comment says where."""
    gate = town.gate()
    story = town.story([write(), gate.before(finish())], config="base_branch: develop\n")
    github = town.product.github
    github.commit_file(story.repository, "develop", "README", "develop", by="ada")
    story.ask()
    gate.wait()
    github.delete_branch(story.repository, "develop", by="ada")
    gate.open()
    comment = story.ends()
    kept = [story.file("greeting.py", branch) for branch in story.branches()]
    assert FIXED in kept or "Hello, {name}" in comment, comment


def test_a_push_that_is_refused_costs_no_work(town: Town) -> None:
    """When GitHub takes no push, as from an archived repository, the comment holds the patch."""
    gate = town.gate()
    story = town.story([write(), gate.before(finish())]).ask()
    gate.wait()
    town.product.github.faults.add("*", f"^/{story.repository}.git/git-receive-pack", status=403, times=None)
    town.product.github.faults.add("*", f"^/{story.repository}.git/info/refs", status=403, times=None)
    gate.open()
    comment = story.ends()
    assert "Hello, {name}" in comment, comment


def test_a_token_for_pushing_that_is_refused_costs_no_work(town: Town) -> None:
    """When the App may no longer write, the comment holds the patch."""
    gate = town.gate()
    story = town.story([write(), gate.before(finish())]).ask()
    gate.wait()
    story.shows("Working on it")
    town.product.github.faults.add("POST", "/access_tokens$", status=422, times=None)
    gate.open()
    comment = story.ends()
    town.product.github.faults.clear()
    assert "Hello, {name}" in comment, comment


def test_a_locked_database_costs_no_work(town: Town) -> None:
    """A database that is locked for longer than a writer waits interrupts the work; the next attempt goes on."""
    gate = town.gate()
    story = town.story([bash("true"), gate.before(bash("echo 1")), write(), finish()]).ask()
    gate.wait()
    task = story.current
    interrupted = f"left task {task.id} to the next attempt, since the database is away"
    with town.locked():
        gate.open()
        until(lambda: interrupted in town.product.log, seconds=4 * BUSY_SECONDS, what="the end of the attempt")
    assert "Done: a draft pull request is ready" in story.ends(90)
    assert town.store.tasks.row(task.id).attempt > 1


def test_the_days_budget_holds_for_tasks_at_once(town: Town) -> None:
    """Tasks that were allowed before any had cost something stop together when the day's budget is used up."""
    dear = [replace(bash(f"echo {number}"), usage={"input_tokens": 25_000, "output_tokens": 0}) for number in range(40)]
    story = town.story([write(), *dear], config="limits:\n  day:\n    dollars: 1\n")
    other = town.product.github.create_issue(story.repository, f"The same ({story.key})", "please", by="ada")
    story.ask()
    town.product.github.label_issue(story.repository, other.number, LABEL, by="ada")
    until(lambda: len(story.tasks()) == 2, what="two tasks")
    until(lambda: all(task.conclusion for task in story.tasks()), seconds=60, what="their ends")
    spent = sum(town.store.runs.totals(task.id)[1] for task in story.tasks())
    assert spent < 1.3

    def told() -> bool:
        """Tell whether both read why: the day's budget, or the run's own limit where one task spent it all."""
        bodies = [
            str([one.body for one in town.product.github.comments(story.repository, number)])
            for number in (story.number, other.number)
        ]
        return all("today" in body or "limit of dollars" in body for body in bodies)

    until(told, seconds=20, what="words on the budget")


def test_a_zero_byte_costs_no_work(town: Town) -> None:
    """A zero byte in the model's summary does not stop the work."""
    story = town.story([write(), finish("Half \x00 of it.", "Title \x00")]).ask()
    assert "Done: a draft pull request is ready" in story.ends()
    assert story.current.conclusion is Conclusion.SUCCESS

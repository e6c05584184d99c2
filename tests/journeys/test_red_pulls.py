"""CI is red on pull requests: the bot's own, somebody else's, a fork's, and all of them because of their base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import ci_from_command
from jobs.types import Conclusion, Kind, Status
from tests.journeys.ci import COMMAND, RIGHT, TEST_LINE, WORSE, WRONG, Red, work_then_mend
from tests.journeys.town import PATIENCE, finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from tests.journeys.town import Town


def test_three_pull_requests_on_a_red_base_are_one_piece_of_work(town: Town) -> None:
    """The base is mended once, by one task, and each pull request is told where; nothing is pushed to them."""
    story = Red.build(town, config="ci: {others: true}\n")
    github = town.product.github
    github.set_ci(story.repository, None, name=story.workflow)
    github.commit_file(story.repository, "main", "till.py", WRONG, by="ada")
    github.set_permission(story.repository, "bob", "write")
    pulls = []
    for number, who in enumerate(("ada", "bob", "ada")):
        branch = f"work-{number}"
        github.commit_file(story.repository, branch, f"{branch}.md", "one\n", by=who)
        pulls.append(github.open_pull_request(story.repository, branch, f"Work {number}", by=who))
    gate = town.gate()
    story.plays([gate.before(write(RIGHT, "till.py")), finish("The sum had one too many.", "Sum right")])
    story.runs_ci(ci_from_command(COMMAND))
    base = story.push("red\n", "red.md")
    gate.wait()
    for number, who in enumerate(("ada", "bob", "ada")):
        story.push("two\n", f"work-{number}.md", branch=f"work-{number}", by=who)
    for made in pulls:
        story.answers("task `", on=made.number)
    gate.open()
    story.completed(4)
    [on_base] = [task for task in story.tasks() if not task.subject.number]
    assert on_base.about["sha"] == base
    for made in pulls:
        told = story.told_on(made.number)
        assert "the base branch fails in the same way" in told
        assert f"task `{on_base.id}` sees to it" in told
    assert len([task for task in story.tasks() if task.kind is Kind.FIX_CI]) == 4
    assert len(story.pulls()) == 4
    assert story.branches() == {f"opus/ci-{on_base.id}"}
    assert len(story.asked()) == 3


def test_our_own_pull_request_is_mended_on_its_branch(town: Town) -> None:
    """An issue becomes a draft whose CI is red: the mend goes to the same branch, and CI says that it is green."""
    bad = RIGHT.replace("return round(sum(prices), 2)", "return round(sum(prices), 2)\n    # TAB")
    first = [write(bad, "till.py"), finish("Noted.", "Note the tab")]
    second = [write(RIGHT, "till.py"), finish("No tab any more.", "Take the tab out")]
    story = Red.build(town, work_then_mend(first, second))
    story.runs_ci(story.slowly(ci_from_command("grep TAB *.py && exit 1 || exit 0")))
    story.ask()
    until(lambda: len(story.tasks()) == 2, seconds=PATIENCE, what="a task for the red draft")
    task = story.completed(2)
    assert (task.kind, task.conclusion) == (Kind.FIX_CI, Conclusion.SUCCESS), story.told_on(2)
    [opened] = story.pulls()
    assert opened.pull is not None
    assert story.branches() == {opened.pull.head}
    assert story.file("till.py", opened.pull.head) == RIGHT
    assert story.commits(opened.pull.head) == ["opus-67[bot]"] * 2
    assert "## Then: Mend CI: Take the tab out" in opened.body
    told = story.told_on(opened.number)
    assert "CI is green at" in told
    assert story.check(opened.pull.head_sha).conclusion == "success"


def test_a_fork_is_only_told_of_and_only_for_who_may_write(town: Town) -> None:
    """A stranger's fork is met with silence; that of somebody with write access gets one comment, and nothing else."""
    story = Red.build(town, config="ci: {others: true}\nmode: aggressive\n")
    github = town.product.github
    numbers = {}
    for who in ("ada", "mallory"):
        fork = github.fork(story.repository, by=who)
        github.commit_file(fork, "work", "till.py", WRONG, by=who)
        made = github.open_pull_request(story.repository, "work", f"From {who}", by=who, fork=fork)
        numbers[who] = made.number
        assert made.pull is not None
        story.settled(made.pull.head_sha)
    story.completed()
    story.settles()
    assert [task.subject.number for task in story.tasks()] == [numbers["ada"]]
    told = story.told_on(numbers["ada"])
    assert "This is the CI of a fork, where the bot changes nothing" in told
    assert "test_total" in told
    assert story.comments(numbers["mallory"]) == []
    assert (story.asked(), story.bot_pushes()) == ([], 0)


def test_somebody_asks_for_a_mend_of_a_pull_request_that_is_not_ours(town: Town) -> None:
    """With `ci.others` off nothing begins by itself; `/opus fix` has it mended, as suggestions, and nothing is pushed."""
    story = Red.build(town)
    made = story.pull("work", WRONG)
    story.settles()
    assert (story.tasks(), story.comments(made.number)) == ([], [])
    head = story.head("work")
    story.say("/opus fix", on=made.number)
    task = story.completed()
    assert (task.kind, task.subject.number) == (Kind.FIX_CI, made.number)
    told = story.told_on(made.number)
    assert "test_total" in told
    assert f"test_till.py:{TEST_LINE}" in told
    assert "offered as suggestions" in told, told
    assert (story.head("work"), story.bot_pushes(), story.branches()) == (head, 0, set())


def test_a_person_who_pushes_meanwhile_goes_first(town: Town) -> None:
    """While the agent works a person mends it: the task ends, and nothing is pushed over theirs."""
    gate = town.gate()
    first = [write("# Notes\n", "notes.md"), finish("Notes.", "Add notes")]
    story = Red.build(town, work_then_mend(first, [gate.before(write(RIGHT, "till.py")), finish()]))
    story.ask()
    story.ends()
    [opened] = story.pulls()
    assert opened.pull is not None
    branch = opened.pull.head
    story.push(WRONG, branch=branch)
    gate.wait()
    pushed = story.bot_pushes()
    theirs = story.push(RIGHT, branch=branch, by="ada")
    until(lambda: story.current.cancel or story.current.conclusion, seconds=PATIENCE, what="the end of the mend")
    gate.open()
    task = story.completed(2)
    assert task.conclusion in {Conclusion.CANCELLED, Conclusion.SKIPPED}, task
    assert (story.head(branch), story.bot_pushes()) == (theirs, pushed)
    assert story.file("till.py", branch) == RIGHT


def test_an_offer_that_is_declined_is_left(town: Town) -> None:
    """Two broken tests in somebody's pull request are not simple: people are asked, and who says no is named."""
    story = Red.build(town, config="ci: {others: true}\n")
    made = story.pull("work", WORSE)
    story.reaches(Status.WAITING)
    told = story.told_on(made.number)
    assert "offer the change as suggestions on the pull request" in told
    story.say("/opus reject I see to it myself", on=made.number)
    assert story.completed().conclusion is Conclusion.NEUTRAL
    told = story.told_on(made.number)
    assert "Not mended, as `ada` wanted: I see to it myself" in told, told
    assert (story.asked(), story.bot_pushes()) == ([], 0)

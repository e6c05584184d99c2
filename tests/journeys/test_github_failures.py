"""A GitHub that fails: every write is made once, whatever becomes of its answer, and the work ends in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.town import bash, finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from tests.journeys.town import Story, Town

WRITES = ("/issues/1/reactions", "/issues/1/comments", "/check-runs", "/pulls")
FAULTS: dict[str, dict[str, Any]] = {
    "an answer is lost": {"status": 502, "after": True},
    "the connection is cut after the deed": {"drop": True, "after": True},
    "an error of the server": {"status": 500},
    "a request to wait": {"status": 403, "headers": {"Retry-After": "1"}},
}


def spoil(story: Story, method: str, path: str, **fault: Any) -> None:
    """Have GitHub commit a fault for a path of this story's repository, which no other story notices."""
    faults = story.town.product.github.faults
    faults.add(method, f"^/(repos/)?{re.escape(story.repository)}(\\.git)?{path}", **fault)


def assert_done_once(story: Story) -> None:
    """Check that people see one good end, and nothing of it twice."""
    assert "Done: a draft pull request is ready" in story.ends(90)
    assert story.alone()
    assert story.reactions() == ["eyes"]
    shas = [run.head_sha for run in story.check_runs()]
    assert len(shas) == len(set(shas))
    assert story.check_runs()[-1].conclusion == "success"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_each_write_doubles_nothing(town: Town, fault: str) -> None:
    """The first write to each place goes wrong; what was done is found again and what was not is done."""
    story = town.story()
    for path in WRITES:
        spoil(story, "POST", f"{path}$", **FAULTS[fault])
    assert_done_once(story.ask())


def test_edits_that_fail_are_made_later(town: Town) -> None:
    """When neither comment nor check run can be edited for a while, the ending is told as soon as they can."""
    story = town.story()
    spoil(story, "PATCH", "/issues/comments/", status=503)
    spoil(story, "PATCH", "/check-runs/", status=503)
    assert_done_once(story.ask())


def test_reads_that_fail_are_tried_again(town: Town) -> None:
    """A server that fails two reads of every kind in a row delays the work, and no more."""
    story = town.story()
    for path in ("/contents/", "/collaborators/", "/issues/1$", "/issues/1/comments", "/commits/"):
        spoil(story, "GET", path, status=500, times=2)
    assert_done_once(story.ask())


def test_a_longer_outage_is_waited_for(town: Town) -> None:
    """A request that cannot be checked with GitHub is not dropped: it is taken up again when GitHub answers."""
    story = town.story()
    spoil(story, "GET", "/collaborators/", status=503, times=7)
    assert_done_once(story.ask())


def test_a_github_that_keeps_silent_is_not_waited_for_for_ever(town: Town) -> None:
    """The request for the pull request is never answered although it was done: it is found again, not made twice."""
    story = town.story()
    spoil(story, "POST", "/pulls$", hang=True, after=True)
    assert_done_once(story.ask())


@pytest.mark.parametrize("after", [False, True])
def test_a_push_that_breaks_off_is_made_again(town: Town, after: bool) -> None:
    """A push that failed, or whose answer was lost, is made again to the same branch with the same commit."""
    story = town.story()
    spoil(story, "POST", "/git-receive-pack$", status=502, after=after)
    assert_done_once(story.ask())
    commits = {push.new for push in town.product.github.pushes if push.repository == story.repository}
    assert len(commits - {town.product.github.branches(story.repository)["main"]}) == 1


def test_a_fetch_that_breaks_off_is_made_again(town: Town) -> None:
    """A repository that cannot be fetched at first is fetched later, and people read that it is tried again."""
    story = town.story()
    spoil(story, "POST", "/git-upload-pack$", status=502)
    assert_done_once(story.ask())


def test_a_branch_that_somebody_else_moved_is_left_alone(town: Town) -> None:
    """The work goes to a branch beside it, no pull request is opened, and the comment says which branch holds what."""
    gate = town.gate()
    story = town.story([gate.before(write()), finish()]).ask()
    gate.wait()
    task = story.current
    theirs = town.product.github.commit_file(story.repository, task.branch, "theirs.txt", "mine\n", by="bob")
    gate.open()
    comment = story.ends()
    assert story.pulls() == []
    assert f"`{task.branch}-1`" in comment
    branches = town.product.github.branches(story.repository)
    assert branches[task.branch] == theirs
    assert "Hello, {name}" in story.file("greeting.py", f"{task.branch}-1")
    assert story.check_runs()[-1].conclusion == "action_required"


def test_a_base_that_moved_in_the_same_place_is_told(town: Town) -> None:
    """The pull request is opened all the same, is called incomplete, and names the file that needs a hand."""
    gate = town.gate()
    story = town.story([gate.before(write()), finish()]).ask()
    gate.wait()
    town.product.github.commit_file(
        story.repository, "main", "greeting.py", "def greet(who):\n    return who\n", by="bob"
    )
    gate.open()
    comment = story.ends()
    assert "moved on meanwhile" in comment
    assert "greeting.py" in story.pulls()[0].body
    assert "Fixes" not in story.pulls()[0].body


def test_a_base_that_moved_elsewhere_is_no_matter(town: Town) -> None:
    """A commit on the base branch in another file changes nothing."""
    gate = town.gate()
    story = town.story([gate.before(write()), finish()]).ask()
    gate.wait()
    town.product.github.commit_file(story.repository, "main", "NOTES.md", "Notes\n", by="bob")
    gate.open()
    assert_done_once(story)


@pytest.mark.parametrize("how", ["suspend", "uninstall", "take away"])
def test_an_installation_that_goes_ends_its_tasks(town: Town, how: str) -> None:
    """A suspended or removed App, or a repository taken from it, ends the work although nobody can be told on GitHub."""
    story = town.story([bash("sleep 300")]).ask()
    until(story.asked, seconds=30, what="a request to the model")
    github, owner = town.product.github, story.repository.partition("/")[0]
    if how == "suspend":
        github.suspend(owner)
    elif how == "uninstall":
        github.uninstall(owner)
    else:
        github.remove_repositories(owner, [story.repository])
    until(lambda: story.current.conclusion == "cancelled", seconds=20, what="the end of the task")
    assert "App" in story.current.summary

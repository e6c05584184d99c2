"""A GitHub that fails: every write is made once, whatever becomes of its answer, and the work ends in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.town import bash, finish, write
from tests.journeys.towns import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.journeys.town import Story, Town

WRITES = ("/issues/1/reactions", "/issues/1/comments", "/check-runs", "/pulls")
LOST: dict[str, dict[str, Any]] = {
    "an answer is lost": {"status": 502, "after": True},
    "the connection is cut after the deed": {"drop": True, "after": True},
    "an error of the server": {"status": 500},
    "a request to wait": {"status": 403, "headers": {"Retry-After": "1"}},
}
READS = ("/contents/", "/collaborators/", "/issues/1$", "/issues/1/comments", "/commits/")
FAULTS: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    **{f"every first write: {name}": [("POST", f"{path}$", fault) for path in WRITES] for name, fault in LOST.items()},
    "edits fail": [("PATCH", path, {"status": 503}) for path in ("/issues/comments/", "/check-runs/")],
    "reads fail twice": [("GET", path, {"status": 500, "times": 2}) for path in READS],
    "the person's permission cannot be read for a while": [("GET", "/collaborators/", {"status": 503, "times": 7})],
    "silence after the pull request was made": [("POST", "/pulls$", {"hang": True, "after": True})],
    "a push breaks off": [("POST", "/git-receive-pack$", {"status": 502})],
    "the answer to a push is lost": [("POST", "/git-receive-pack$", {"status": 502, "after": True})],
    "a token ends during the push": [("POST", "/git-receive-pack$", {"status": 401})],
    "a fetch breaks off": [("POST", "/git-upload-pack$", {"status": 502})],
}


@pytest.fixture(scope="module")
def spoiled() -> Iterator[dict[str, Story]]:
    """Yield a story for each fault, all of them at once: most of the time is spent in waiting for another try."""
    with running(OPUS67_WORKERS="4") as town:
        stories: dict[str, Story] = {}
        for name, faults in FAULTS.items():
            stories[name] = story = town.story()
            for method, path, fault in faults:
                pattern = f"^/(repos/)?{re.escape(story.repository)}(\\.git)?{path}"
                town.product.github.faults.add(method, pattern, **fault)
            person = f"ada-of-{story.key}"
            town.product.github.set_permission(story.repository, person, "write")
            story.ask(by=person)
        yield stories


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_github_delays_the_work_and_doubles_nothing(spoiled: dict[str, Story], fault: str) -> None:
    """What was done is found again, what was not is done later, and people see one good end."""
    story = spoiled[fault]
    assert_done_once(story, 120)
    main = story.town.product.github.branches(story.repository)["main"]
    commits = {push.new for push in story.town.product.github.pushes if push.repository == story.repository} - {main}
    assert len(commits) == 1


def assert_done_once(story: Story, seconds: float = 60) -> None:
    """Check that people see one good end, and nothing of it twice."""
    assert "Done: a draft pull request is ready" in story.ends(seconds)
    story.assert_alone()
    assert story.reactions() == ["eyes"]
    shas = [run.head_sha for run in story.check_runs()]
    assert len(shas) == len(set(shas))
    assert story.check_runs()[-1].conclusion == "success"


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


@pytest.fixture(scope="module")
def gone(town: Town) -> dict[str, Story]:
    """Return a story for each way in which an installation goes, all at once, while the agent is at a command."""
    github = town.product.github
    ways: dict[str, Callable[[str, str], object]] = {
        "suspend": lambda owner, _repository: github.suspend(owner),
        "uninstall": lambda owner, _repository: github.uninstall(owner),
        "take away": lambda owner, repository: github.remove_repositories(owner, [repository]),
    }
    stories = {way: town.story([bash("sleep 300")]) for way in ways}
    for story in stories.values():
        person = f"ada-of-{story.key}"
        github.set_permission(story.repository, person, "write")
        story.ask(by=person)
    for way, story in stories.items():
        until(story.asked, seconds=30, what="a request to the model")
        ways[way](story.repository.partition("/")[0], story.repository)
    return stories


@pytest.mark.parametrize("way", ["suspend", "uninstall", "take away"])
def test_an_installation_that_goes_ends_its_tasks(gone: dict[str, Story], way: str) -> None:
    """A suspended or removed App, or a repository taken from it, ends the work although nobody can be told on GitHub."""
    story = gone[way]
    until(lambda: story.current.conclusion == "cancelled", seconds=20, what="the end of the task")
    assert "App" in story.current.summary


@pytest.mark.parametrize(
    ("answer", "where", "words"),
    [(404, "^/(repos/)?", "was not found"), (301, "^/", "renamed or moved")],
    ids=["deleted", "renamed"],
)
def test_a_repository_that_goes_ends_its_task_in_words(town: Town, answer: int, where: str, words: str) -> None:
    """The task keeps its patch and ends; of a renamed one GitHub leads the calls, but not git, to the new name."""
    gate = town.gate()
    story = town.story([gate.before(write()), finish()]).ask()
    gate.wait()
    town.product.github.faults.add("*", f"{where}{re.escape(story.repository)}", status=answer, times=None)
    gate.open()
    until(lambda: story.current.conclusion, seconds=60, what="the end of the task")
    row = town.store.tasks.row(story.current.id)
    assert words in row.summary
    assert "greeting.py" in row.outcome["salvage"]
    until(lambda: town.store.tasks.row(story.current.id).told, seconds=30, what="that nobody tries to tell it for ever")


def test_an_installation_that_goes_does_not_keep_others_from_publishing() -> None:
    """The only worker has just worked for an account that took the App off; the next account's work is published."""
    with running(OPUS67_WORKERS="1") as town:
        gone = town.story([bash("sleep 300")]).ask()
        until(gone.asked, seconds=30, what="a request to the model")
        town.product.github.uninstall(gone.repository.partition("/")[0])
        until(lambda: gone.current.conclusion == "cancelled", seconds=20, what="the end of the task")
        assert_done_once(town.story().ask())

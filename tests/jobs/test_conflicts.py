"""A pull request of ours that conflicts with its base gets a merge of the base, by git alone where that is enough."""

from __future__ import annotations

import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from jobs.execute import execute
from jobs.testing.models import call
from jobs.types import Conclusion, Kind, Subject
from tests.jobs.reviewed import behind
from tests.jobs.workshop import FIXED, WORKSHOP, finish, write

if TYPE_CHECKING:
    from jobs.testing.models.script import Line
    from jobs.types import Task
from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap

THEIRS = 'def greet(name, loud=False):\n    return "Hello"\n'
BOTH = 'def greet(name, loud=False):\n    return f"Hello, {name}"\n'


@pytest.fixture
def earlier(workshop: Workshop) -> Task:
    """Return a task that opened a pull request."""
    workshop.plays(work=[write(), finish("Greets by name now.")])
    task = workshop.task()
    assert workshop.run(task).conclusion == Conclusion.SUCCESS
    return task


def ask(workshop: Workshop, earlier: Task, *, asked: bool = False) -> Task:
    """Ask for the base to be merged into the pull request."""
    number = workshop.pull().number
    about = {"pull": number, "asked": asked}
    changes: dict[str, Any] = {"title": "Merge the base", "text": "", "follows": earlier.id, "onto": earlier.branch}
    return workshop.task(Kind.RESOLVE_CONFLICTS, subject=Subject("pull", number), about=about, **changes)


merging = partial(behind, asked="git stopped at the conflicts")


def parents(workshop: Workshop, branch: str) -> list[str]:
    """Return the parents of the newest commit of a branch."""
    path = workshop.github.world.repository(WORKSHOP).path
    command = ["git", f"--git-dir={path}", "-c", "safe.directory=*", "rev-list", "--parents", "-n1", branch]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1:]


def test_a_conflict_is_resolved_by_the_agent(workshop: Workshop, earlier: Task) -> None:
    """The merge has both sides as parents, GitHub can merge the pull request again, and what both wanted is there."""
    head = workshop.github.branches(WORKSHOP)[earlier.branch]
    base = workshop.github.commit_file(WORKSHOP, "main", "greeting.py", THEIRS, by="bob")
    workshop.github.commit_file(WORKSHOP, "main", "news.md", "new\n", by="bob")
    base = workshop.github.branches(WORKSHOP)["main"]
    task = ask(workshop, earlier)
    workshop.cast.roles = {"work": merging(call("bash", command="cat greeting.py"), write(BOTH), finish("Kept both."))}
    row = workshop.run(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert parents(workshop, earlier.branch) == [head, base]
    assert workshop.file("greeting.py", earlier.branch) == BOTH
    assert workshop.file("news.md", earlier.branch) == "new\n"
    state = workshop.services.github.repository(WORKSHOP, workshop.github.installation_id).pull_request(
        workshop.pull().number
    )
    assert state.mergeable
    asked = str(workshop.asked()[2]["messages"])
    assert "- greeting.py" in asked
    assert "Greets by name now." in asked
    seen = str(workshop.asked()[3]["messages"][-1])
    assert "<<<<<<<" in seen
    assert [file["path"] for file in row.outcome["patch"]["files"]] == ["greeting.py"]
    assert "conflicts in `greeting.py`" in row.summary


def test_git_alone_merges_what_does_not_conflict(workshop: Workshop, earlier: Task) -> None:
    """Asked for by a person, the base is merged, checked and pushed without a model, protected paths of the base too."""
    head = workshop.github.branches(WORKSHOP)[earlier.branch]
    workshop.github.commit_file(WORKSHOP, "main", "CODEOWNERS", "* @bob\n", by="bob")
    base = workshop.github.commit_file(WORKSHOP, "main", "greeting_test.py", "import greeting\n", by="bob")
    task, before = ask(workshop, earlier, asked=True), len(workshop.model.requests)
    row = workshop.run(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert len(workshop.model.requests) == before
    assert parents(workshop, earlier.branch) == [head, base]
    assert workshop.file("CODEOWNERS", earlier.branch) == "* @bob\n"
    assert workshop.file("greeting.py", earlier.branch) == FIXED
    assert [check["exit_code"] for check in row.outcome["evidence"]] == [0]


@pytest.mark.parametrize("state", ["mergeable", "up to date", "closed", "not ours"])
def test_where_nothing_is_to_be_merged_it_says_so(workshop: Workshop, earlier: Task, state: str) -> None:
    """No model is asked and nothing is pushed."""
    words = {"mergeable": "does not conflict", "up to date": "already", "closed": "is closed", "not ours": "not mine"}
    number, pushes = workshop.pull().number, len(workshop.github.pushes)
    task = ask(workshop, earlier, asked=state == "up to date")
    if state == "not ours":
        workshop.github.commit_file(WORKSHOP, "theirs", "x.md", "x\n", by="alice")
        other = workshop.github.open_pull_request(WORKSHOP, "theirs", "Theirs", by="alice")
        about = {"pull": other.number, "asked": True}
        task = workshop.task(Kind.RESOLVE_CONFLICTS, subject=Subject("pull", other.number), about=about)
        pushes = len(workshop.github.pushes)
    if state == "closed":
        workshop.github.close_pull_request(WORKSHOP, number, by="alice")
    before = len(workshop.model.requests)
    row = workshop.run(task)
    assert row.conclusion == Conclusion.NEUTRAL
    assert words[state] in row.summary
    assert len(workshop.model.requests) == before
    assert len(workshop.github.pushes) == pushes


@pytest.mark.parametrize("path", [".github/workflows/ci.yml", "CODEOWNERS", ".github/opus67.yml"])
def test_a_protected_path_stays_as_git_merges_it(workshop: Workshop, earlier: Task, path: str) -> None:
    """An agent that writes one during the merge, or brings back what the base has changed, publishes nothing."""
    old = workshop.file(path, "main")
    workshop.github.commit_file(WORKSHOP, "main", path, f"{old}# by bob\n", by="bob")
    workshop.github.commit_file(WORKSHOP, "main", "greeting.py", THEIRS, by="bob")
    head = workshop.github.branches(WORKSHOP)[earlier.branch]
    task = ask(workshop, earlier)
    undo = call("bash", command=f"git checkout -q HEAD -- {path} 2>/dev/null || rm {path}; echo '{old.strip()}'; true")
    end = finish("Kept both.")
    workshop.cast.roles = {"work": merging(undo, write(BOTH), end, end, end)}
    row = workshop.run(task)
    assert row.conclusion == Conclusion.ACTION_REQUIRED
    assert f"`{path}`: the path is protected" in row.summary
    assert workshop.github.branches(WORKSHOP)[earlier.branch] == head
    assert row.outcome["salvage"]


def test_marks_that_are_left_are_not_published(workshop: Workshop, earlier: Task) -> None:
    """The agent is told of them; when it ends with them all the same, nothing is pushed and the patch is kept."""
    workshop.github.commit_file(WORKSHOP, "main", "greeting.py", THEIRS, by="bob")
    head = workshop.github.branches(WORKSHOP)[earlier.branch]
    task = ask(workshop, earlier)
    end = finish("All is well.")
    workshop.cast.roles = {"work": merging(call("bash", command="true"), end, end, end)}
    row = workshop.run(task)
    assert row.conclusion == Conclusion.ACTION_REQUIRED
    assert "marks of a conflict are left" in row.summary
    assert "marks of a conflict are left" in str(workshop.asked()[-1]["messages"][-1])
    assert workshop.github.branches(WORKSHOP)[earlier.branch] == head


def test_a_push_meanwhile_is_not_overwritten(workshop: Workshop, earlier: Task) -> None:
    """A person pushes to the branch while the conflict is resolved: the merge is kept beside it, in words."""
    workshop.github.commit_file(WORKSHOP, "main", "greeting.py", THEIRS, by="bob")
    task = ask(workshop, earlier)

    def meanwhile(asked: dict[str, Any]) -> Line:
        if not workshop.file("late.md", earlier.branch):
            workshop.github.commit_file(WORKSHOP, earlier.branch, "late.md", "mine\n", by="alice")
        return merging(write(BOTH), finish("Kept both."))(asked)

    workshop.cast.roles = {"work": meanwhile}
    row = workshop.run(task)
    assert row.conclusion == Conclusion.ACTION_REQUIRED
    assert workshop.file("late.md", earlier.branch) == "mine\n"
    assert workshop.file("greeting.py", earlier.branch) == FIXED
    assert workshop.file("greeting.py", task.own_branch) == BOTH


def test_a_second_attempt_goes_on_with_the_merge(workshop: Workshop, earlier: Task) -> None:
    """GitHub is away when the result is told: what was merged and paid for is published by the next attempt."""
    workshop.github.commit_file(WORKSHOP, "main", "greeting.py", THEIRS, by="bob")
    task = ask(workshop, earlier)
    workshop.cast.roles = {"work": merging(write(BOTH), finish("Kept both."))}
    fault = workshop.github.faults.add("PATCH", r"/pulls/\d+$", drop=True, after=True)
    execute(workshop.services, task.id)
    assert fault.hits == 1
    paid = len(workshop.model.requests)
    with workshop.services.store.write() as connection:
        connection.execute(sa.text("UPDATE tasks SET not_before = 0 WHERE id = :id"), {"id": task.id})
    row = workshop.run(task)
    assert row.conclusion == Conclusion.SUCCESS
    assert len(workshop.model.requests) == paid
    assert len(parents(workshop, earlier.branch)) == 2


def test_a_worker_that_stops_leaves_the_merge_to_the_next(workshop: Workshop, earlier: Task) -> None:
    """The sandbox went with the worker: the next one has the merge as it was kept, and the same conversation."""
    workshop.github.commit_file(WORKSHOP, "main", "news.md", "new\n", by="bob")
    base = workshop.github.commit_file(WORKSHOP, "main", "greeting.py", THEIRS, by="bob")
    head, stopping = workshop.github.branches(WORKSHOP)[earlier.branch], workshop.services.stopping

    def stop(_asked: dict[str, Any]) -> Line:
        stopping.set()
        return call("bash", command="echo half >> greeting.py")

    workshop.cast.roles = {
        "work": merging(stop, call("bash", command="cat greeting.py news.md"), write(BOTH), finish())
    }
    task = ask(workshop, earlier)
    execute(workshop.services, task.id)
    assert workshop.services.store.tasks.row(task.id).conclusion is None
    stopping.clear()
    workshop.github.commit_file(WORKSHOP, "main", "later.md", "later\n", by="bob")
    row = workshop.run(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert parents(workshop, earlier.branch) == [head, base]
    assert workshop.file("news.md", earlier.branch) == "new\n"
    assert workshop.file("greeting.py", earlier.branch) == BOTH
    assert workshop.file("later.md", earlier.branch) == ""
    assert "<<<<<<<" in str(workshop.asked()[-2]["messages"][-1])

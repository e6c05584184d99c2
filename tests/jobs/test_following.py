"""A follow-up goes on in the pull request of the task that it follows, or says in words why it starts anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from jobs.execute import execute
from jobs.testing.models import call
from jobs.types import Conclusion, Subject
from tests.jobs.workshop import FIXED, WORKSHOP, finish, write

if TYPE_CHECKING:
    from jobs.testing.models import Reply
    from jobs.types import Task
    from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap

LOUD = 'def greet(name):\n    return f"HELLO, {name}"\n'


@pytest.fixture
def earlier(workshop: Workshop) -> Task:
    """Return a task that opened a pull request, to whose branch a person then added a file."""
    workshop.plays(work=[write(), finish("Greets by name now.")])
    task = workshop.task()
    assert workshop.run(task).conclusion == Conclusion.SUCCESS
    workshop.github.commit_file(WORKSHOP, task.branch, "people.md", "mine\n", by="alice")
    return task


def follow(workshop: Workshop, earlier: Task) -> Task:
    """Ask for more on the pull request."""
    workshop.plays(work=[call("bash", command="cat people.md"), write(LOUD), finish("Greets louder.", "Greet louder")])
    number = workshop.github.pull_requests(WORKSHOP)[0].number
    changes = {"title": "Louder", "text": "LOUDER!", "follows": earlier.id, "onto": earlier.branch}
    return workshop.task(subject=Subject("pull", number), **changes)


def test_it_goes_on_in_the_same_pull_request(workshop: Workshop, earlier: Task) -> None:
    """The branch has both commits and the person's, the body both sections in their order, the title is the first."""
    title, number = workshop.pull().title, workshop.pull().number
    task = follow(workshop, earlier)
    row = workshop.run(task)
    assert row.conclusion == Conclusion.SUCCESS
    opened = workshop.pull()
    assert (opened.number, opened.title) == (number, title)
    assert workshop.file("greeting.py", earlier.branch) == LOUD
    assert workshop.file("people.md", earlier.branch) == "mine\n"
    first, second = opened.body.index("Greets by name now."), opened.body.index("Greets louder.")
    assert first < opened.body.index("## Then: Greet louder") < second
    assert opened.body.startswith(f"<!-- opus67:task={earlier.id} -->")
    assert workshop.services.store.records.value(f"pull:{WORKSHOP}#{number}") == task.id
    told = str(workshop.asked()[2]["messages"][0])
    assert "goes on with earlier work on the same branch" in told
    assert "Greets by name now." in told
    assert "Asked: Greet by name" in told
    [comment] = workshop.github.comments(WORKSHOP, number)
    assert "Greets louder." in comment.body


@pytest.mark.parametrize("end", ["closed", "merged", "gone"])
def test_it_starts_anew_where_the_pull_request_has_ended(workshop: Workshop, earlier: Task, end: str) -> None:
    """The work is on a branch of its own from the default branch, in another pull request, and says why."""
    number = workshop.pull().number
    if end == "closed":
        workshop.github.close_pull_request(WORKSHOP, number, by="alice")
    elif end == "merged":
        workshop.github.merge_pull_request(WORKSHOP, number, by="alice")
    else:
        workshop.github.delete_branch(WORKSHOP, earlier.branch, by="alice")
    task = follow(workshop, earlier)
    assert workshop.run(task).conclusion == Conclusion.SUCCESS
    stored = workshop.services.store.tasks.get(task.id)
    assert stored is not None
    assert stored.branch == task.own_branch
    assert workshop.file("greeting.py", task.own_branch) == LOUD
    assert workshop.file("greeting.py", earlier.branch) in {FIXED, ""}
    newest = max(workshop.github.pull_requests(WORKSHOP), key=lambda pull: pull.number)
    assert newest.number > number
    assert newest.pull is not None
    assert newest.pull.head == task.own_branch
    assert "starts anew, on a branch of its own" in newest.body
    assert "Greets by name now." in str(workshop.asked()[2]["messages"][0])


def test_it_overwrites_nobody(workshop: Workshop, earlier: Task) -> None:
    """When a person pushes to the branch while it works, the work is kept on a branch of its own, in words."""
    task = follow(workshop, earlier)

    def meanwhile(_asked: object) -> Reply:
        workshop.github.commit_file(WORKSHOP, earlier.branch, "late.md", "mine, too\n", by="alice")
        return write(LOUD)

    workshop.plays(work=[meanwhile, finish("Greets louder.")])
    row = workshop.run(task)
    assert row.conclusion == Conclusion.ACTION_REQUIRED
    assert f"somebody moved its branch `{earlier.branch}` while this ran" in row.summary
    assert task.own_branch in row.outcome["kept"]
    assert workshop.file("late.md", earlier.branch) == "mine, too\n"
    assert workshop.file("greeting.py", earlier.branch) == FIXED
    assert workshop.file("greeting.py", task.own_branch) == LOUD
    assert len(workshop.github.pull_requests(WORKSHOP)) == 1


def test_a_second_attempt_at_publishing_doubles_nothing(workshop: Workshop, earlier: Task) -> None:
    """GitHub took the new body and its answer was lost: the next attempt finds branch and section as they are."""
    task = follow(workshop, earlier)
    fault = workshop.github.faults.add("PATCH", r"/pulls/\d+$", drop=True, after=True)
    execute(workshop.services, task.id)
    assert fault.hits == 1
    with workshop.services.store.write() as connection:
        connection.execute(sa.text("UPDATE tasks SET not_before = 0 WHERE id = :id"), {"id": task.id})
    assert workshop.run(task).conclusion == Conclusion.SUCCESS
    assert workshop.pull().body.count("## Then: Greet louder") == 1
    assert len(workshop.asked()) == 2 + 3

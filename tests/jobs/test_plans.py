"""A plan comes first where people want one: it changes nothing, it is approved or made again, and then it is done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from jobs.execute import execute
from jobs.testing.models import call
from jobs.types import Approval, Conclusion, Limits, Status, Subject
from tests.jobs.workshop import FIXED, WORKSHOP, finish, write
from tests.store.asking import ALICE

if TYPE_CHECKING:
    from jobs.testing.models import Reply
    from jobs.types import Task
    from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap

LOOK = call("bash", command="echo scribble > greeting.py; cat greeting.py")
PLAN = "Use the name in `greeting.py:2`. Nobody else calls it."
BETTER = "Use the name, and add a test."


def reject(workshop: Workshop, task: Task, words: str) -> None:
    """Ask for another plan."""
    with workshop.services.store.write() as connection:
        workshop.services.store.runs.say(connection, task.id, f"reject-{words}", ALICE, words, time.time())
        assert workshop.services.store.tasks.plan_again(connection, task.id)


def approve(workshop: Workshop, task: Task) -> None:
    """Let the work begin."""
    with workshop.services.store.write() as connection:
        assert workshop.services.store.tasks.approve(connection, task.id)


def test_work_begins_when_its_plan_is_approved(workshop: Workshop) -> None:
    """The plan is shown with how to approve it; nothing of its making is in the work, and the plan is told to it."""
    workshop.plays(plan=[LOOK, call("finish", plan=PLAN)], work=[write(), finish()])
    task = workshop.task(subject=Subject("issue", 1), plan_first=True)
    row = workshop.run(task)
    assert (row.status, row.approval, row.question) == (Status.WAITING, Approval.ASKED, PLAN)
    [comment] = workshop.github.comments(WORKSHOP, 1)
    for words in (
        "The plan waits for your approval",
        "Nobody else calls it.",
        "`/opus approve`",
        "`/opus reject",
        "@alice",
    ):
        assert words in comment.body
    assert set(workshop.github.branches(WORKSHOP)) == {"main"}
    approve(workshop, task)
    assert workshop.run(task).conclusion == Conclusion.SUCCESS
    assert workshop.file("greeting.py", task.branch) == FIXED
    assert {change.path for change in workshop.github.changes(WORKSHOP, "main", task.branch)} == {"greeting.py"}
    first = str(workshop.asked()[2]["messages"])
    assert "approved a plan for this work" in first
    assert PLAN in first
    assert "scribble" not in first
    assert "The plan that was approved" in workshop.pull().body
    assert [step.index for step in workshop.services.store.runs.steps(task.id)] == [0, 1, 2, 3]


def test_a_rejected_plan_is_made_again_with_peoples_words(workshop: Workshop) -> None:
    """It goes on in the same conversation, and without new words nothing is paid for a second time."""
    workshop.plays(plan=[call("finish", plan=PLAN), call("finish", plan=BETTER)], work=[write(), finish()])
    task = workshop.task(plan_first=True)
    workshop.run(task)
    reject(workshop, task, "Add a test, please.")
    row = workshop.run(task)
    assert (row.approval, row.question) == (Approval.ASKED, BETTER)
    assert "@alice: Add a test, please." in str(workshop.asked()[1]["messages"])
    with workshop.services.store.write() as connection:
        workshop.services.store.tasks.resume(connection, task.id)
    assert workshop.run(task).question == BETTER
    assert len(workshop.asked()) == 2
    approve(workshop, task)
    assert workshop.run(task).conclusion == Conclusion.SUCCESS
    assert BETTER in str(workshop.asked()[2]["messages"][0])
    assert PLAN not in str(workshop.asked()[2]["messages"])


def test_a_plan_that_a_dead_worker_had_finished_is_not_paid_again(workshop: Workshop) -> None:
    """The next attempt finds the plan, and asks for its approval."""
    workshop.plays(plan=[call("finish", plan=PLAN)])
    task = workshop.task(plan_first=True)
    workshop.run(task)
    with workshop.services.store.write() as connection:
        dead = "UPDATE tasks SET status = 'in_progress', approval = 'wanted', question = '', lease_owner = 'dead', "
        connection.execute(sa.text(f"{dead} told = false WHERE id = :id"), {"id": task.id})
    row = workshop.run(task)
    assert (row.approval, row.question, row.attempt) == (Approval.ASKED, PLAN, 2)
    assert len(workshop.asked()) == 1


def test_a_worker_that_stops_while_it_plans_leaves_the_planning_to_the_next(workshop: Workshop) -> None:
    """The next attempt goes on in the same conversation: no step is paid twice, and a question may come between."""

    def stop(_asked: object) -> Reply:
        workshop.services.stopping.set()
        return LOOK

    ask = call("ask_human", question="With a comma?")
    workshop.plays(plan=[stop, ask, call("finish", plan=PLAN)])
    task = workshop.task(plan_first=True)
    execute(workshop.services, task.id)
    assert workshop.services.store.tasks.row(task.id).status == Status.QUEUED
    workshop.services.stopping.clear()
    row = workshop.run(task)
    assert (row.status, row.approval, row.question) == (Status.WAITING, Approval.WANTED, "With a comma?")
    with workshop.services.store.write() as connection:
        workshop.services.store.runs.say(connection, task.id, "answer", ALICE, "Yes.", time.time())
        workshop.services.store.tasks.resume(connection, task.id)
    row = workshop.run(task)
    assert (row.approval, row.question) == (Approval.ASKED, PLAN)
    assert len(workshop.asked()) == 3
    assert [step.index for step in workshop.services.store.runs.steps(task.id)] == [0, 1, 2]


def test_who_approves_before_people_were_told_waits_for_nothing(workshop: Workshop) -> None:
    """A plan that is approved in the moment in which it is asked leaves the task free to be taken up at once."""
    workshop.plays(plan=[call("finish", plan=PLAN)], work=[write(), finish()])
    task = workshop.task(plan_first=True)
    with workshop.services.store.write() as connection:
        at_once = "WHEN NEW.status = 'waiting' BEGIN UPDATE tasks SET status = 'queued', approval = 'given'"
        name = "CREATE TRIGGER hasty AFTER UPDATE OF status ON tasks"
        connection.execute(sa.text(f"{name} {at_once} WHERE id = NEW.id; END"))
    execute(workshop.services, task.id)
    assert list(workshop.services.store.tasks.due(time.time())) == [task.id]
    assert workshop.run(task).conclusion == Conclusion.SUCCESS
    assert workshop.services.store.tasks.row(task.id).crashes == 0


def test_the_money_of_the_plan_counts(workshop: Workshop) -> None:
    """Work whose planning has used its steps does not begin."""
    workshop.plays(plan=[LOOK, call("finish", plan=PLAN)], work=[write(), finish()])
    task = workshop.task(plan_first=True, limits=Limits(steps=3))
    workshop.run(task)
    approve(workshop, task)
    row = workshop.run(task)
    assert row.conclusion == Conclusion.ACTION_REQUIRED
    assert "3 of 3 steps" in row.summary
    assert len(workshop.asked()) == 3

"""A red run starts the mending where that is wanted, in the right name and once; any ended run wakes who waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from jobs.kinds.base import pull_key
from jobs.store.tables import charges
from jobs.types import Actor, Conclusion, Kind, Outcome, Status, Subject
from tests.bot.conftest import SHOP

if TYPE_CHECKING:
    from tests.bot.ears import Ears


def test_a_red_default_branch_starts_one_task(ears: Ears) -> None:
    """With what is known of the run, in the name of who started it, on the branch; a second red run joins it."""
    ears.local.run_workflow(SHOP, "main", by="carol")
    ears.local.run_workflow(SHOP, "main", name="Lint", by="carol")
    ears.listen()
    [task] = ears.tasks()
    assert (task.kind, str(task.subject), task.title) == (Kind.FIX_CI, "ci", "CI is red on main: CI")
    assert (task.actor.login, task.base, task.onto) == ("carol", "main", "")
    run = ears.local.workflow_runs(SHOP)[0]
    assert task.about == {
        "source": "actions",
        "sha": ears.head("main"),
        "branch": "main",
        "run": run.id,
        "suite": run.suite.id,
        "report": "",
        "workflow": "CI",
        "place": "default",
        "pull": 0,
        "asked": False,
    }
    who, allowed, reason = ears.reasons("ci")[-1]
    assert (who, allowed) == ("github:carol", True)
    assert "on behalf of @carol" in reason


@pytest.mark.parametrize("conclusion", ["timed_out", "startup_failure"])
def test_other_ways_to_fail_count(ears: Ears, conclusion: str) -> None:
    """A run that took too long and one that could not begin are red."""
    ears.local.run_workflow(SHOP, "main", conclusion=conclusion)
    ears.listen()
    assert len(ears.tasks()) == 1


@pytest.mark.parametrize("conclusion", ["success", "cancelled", "skipped", "action_required", "neutral"])
def test_what_is_not_red_starts_nothing(ears: Ears, conclusion: str) -> None:
    """Green runs, and those that somebody cancelled or skipped, are left alone."""
    ears.local.run_workflow(SHOP, "main", conclusion=conclusion)
    ears.listen()
    assert not ears.tasks()


@pytest.mark.parametrize("conclusion", ["success", "failure", "cancelled"])
def test_every_ended_run_wakes_who_waits_for_it(ears: Ears, conclusion: str) -> None:
    """Whatever its end, the task goes on at once and no second one begins."""
    number, _ = ears.own_pull()
    branch = ears.services.github.repository(SHOP, ears.local.installation_id).pull_request(number).branch
    waiting = ears.store(kind=Kind.FIX_CI, subject=Subject("ci"), title="CI is red", about={"branch": "main"})
    ears.wait_for(waiting, ears.head(branch))
    assert not ears.is_awake(waiting)
    ears.local.run_workflow(SHOP, branch, conclusion=conclusion)
    ears.listen()
    assert ears.is_awake(waiting)
    assert [task.id for task in ears.tasks()] == [waiting.id]


def test_other_apps_count_and_actions_own_suite_does_not(ears: Ears) -> None:
    """The check suite of another App wakes and starts; GitHub's own is told of as a run, and ours is ours."""
    output = {"title": "3 problems", "summary": "See there."}
    suite = ears.local.foreign_suite(SHOP, "main", "circle-ci", [("build", "failure", output, ())])
    ears.listen()
    [task] = ears.tasks()
    assert (task.about["source"], task.about["suite"], task.about["run"]) == ("checks", suite.id, 0)
    assert task.actor == Actor("repository", SHOP)


def test_our_own_pull_request_is_mended_in_the_name_of_who_asked_for_it(ears: Ears) -> None:
    """On its branch, as the follow-up of the task that opened it, though the bot pushed and started the run."""
    number, owner = ears.own_pull()
    ears.local.run_workflow(SHOP, owner.branch, by=f"{ears.local.slug}[bot]", pull=number)
    ears.listen()
    [task] = ears.tasks()
    assert (task.about["place"], task.about["pull"], str(task.subject)) == ("own", number, f"pull-{number}")
    assert (task.actor.login, task.follows, task.onto) == ("alice", owner.id, owner.branch)
    assert task.base == ""


def test_a_right_that_was_withdrawn_ends_the_mending(ears: Ears) -> None:
    """GitHub is asked again; the person is told once on the pull request."""
    number, owner = ears.own_pull()
    ears.local.set_permission(SHOP, "alice", "read")
    for name in ("CI", "Lint"):
        ears.local.run_workflow(SHOP, owner.branch, name=name)
    ears.listen()
    assert not ears.tasks()
    [comment] = ears.local.comments(SHOP, number)
    assert "@alice, this was not done: having CI mended needs write permission" in comment.body


def test_a_day_without_money_is_told_on_our_own_pull_request_only(ears: Ears) -> None:
    """The default branch gets a record, our pull request one comment."""
    ears.rules("limits: {day: {dollars: 1}}\n")
    number, owner = ears.own_pull()
    with ears.services.store.write() as connection:
        spent = {"task_id": owner.id, "what": "work", "usage": {}, "cost": 2.0, "model": "m", "at": time.time()}
        connection.execute(charges.insert().values(**spent))
    ears.local.run_workflow(SHOP, "main", by="alice")
    ears.local.run_workflow(SHOP, owner.branch)
    ears.listen()
    assert not ears.tasks()
    assert "budget for today" in ears.reasons("ci")[0][2]
    [comment] = ears.local.comments(SHOP, number)
    assert "budget for today is used up" in comment.body


@pytest.mark.parametrize(("rules", "branches"), [("ci: {default_branch: false}", "main"), ("ci: {own: false}", "own")])
def test_switches_are_heeded_and_recorded(ears: Ears, rules: str, branches: str) -> None:
    """What the repository's file switches off does not begin, and `why` can tell the reason."""
    ears.rules(rules)
    number, owner = ears.own_pull()
    branch, key = ("main", "ci") if branches == "main" else (owner.branch, f"pull-{number}")
    ears.local.run_workflow(SHOP, branch)
    ears.listen()
    assert not ears.tasks()
    [(_, allowed, reason)] = ears.reasons(key)
    assert not allowed
    assert "is off in `.github/opus67.yml`" in reason


def test_workflows_that_are_ignored(ears: Ears) -> None:
    """By name, whatever its case; and a mistake in the file lets nothing begin."""
    ears.rules("ci: {ignore: [nightly]}")
    ears.local.run_workflow(SHOP, "main", name="Nightly")
    ears.listen()
    assert not ears.tasks()
    ears.rules("ci: {default_brunch: true}")
    ears.local.run_workflow(SHOP, "main")
    ears.listen()
    assert not ears.tasks()


def test_other_peoples_pull_requests_need_the_switch_and_a_person_who_may(ears: Ears) -> None:
    """Off by default; switched on, the run's actor must have write permission."""
    ears.local.commit_file(SHOP, "topic", "a.py", "a\n", by="bob")
    number = ears.local.open_pull_request(SHOP, "topic", "A", by="bob").number
    ears.local.run_workflow(SHOP, "topic", by="alice")
    ears.listen()
    assert not ears.tasks()
    assert "`ci.others` is off" in ears.reasons(f"pull-{number}")[0][2]
    ears.rules("ci: {others: true}")
    ears.local.run_workflow(SHOP, "topic", by="bob")
    ears.listen()
    assert not ears.tasks()
    assert "needs write permission" in ears.reasons(f"pull-{number}")[0][2]
    assert not ears.local.comments(SHOP, number)
    ears.local.run_workflow(SHOP, "topic", by="alice")
    ears.listen()
    [task] = ears.tasks()
    assert (task.about["place"], task.base, task.onto, task.actor.login) == ("other", "topic", "", "alice")


def test_a_fork_whose_branch_is_called_main_is_not_our_main(ears: Ears) -> None:
    """Its run is nothing to us but a diagnosis, and that only for who may write here."""
    ears.rules("ci: {others: true}")
    fork = ears.local.fork(SHOP, by="mallory")
    ears.local.commit_file(fork, "main", "a.py", "a\n", by="mallory")
    number = ears.local.open_pull_request(SHOP, "main", "A", by="mallory", fork=fork).number
    ears.local.run_workflow(SHOP, pull=number, by="mallory", fork=fork)
    ears.listen()
    assert not ears.tasks()
    assert "needs write permission" in ears.reasons(f"pull-{number}")[0][2]
    ears.local.run_workflow(SHOP, pull=number, by="alice", fork=fork)
    ears.listen()
    [task] = ears.tasks()
    assert (task.about["place"], task.about["pull"], task.base, task.onto) == ("fork", number, "", "")


@pytest.mark.parametrize("event", ["issue_comment", "issues", "pull_request_target", "workflow_run"])
def test_runs_that_strangers_can_start_say_nothing_about_the_code(ears: Ears, event: str) -> None:
    """A failing bot of comments on the default branch costs nothing."""
    ears.local.run_workflow(SHOP, "main", event=event, by="mallory")
    ears.listen()
    assert not ears.tasks()


def test_a_commit_that_is_not_the_newest_is_left_alone(ears: Ears) -> None:
    """Deliveries come late; the newer commit has a run of its own. A branch without a pull request is nobody's."""
    old = ears.head("main")
    ears.local.commit_file(SHOP, "main", "b.py", "b\n", by="alice")
    ears.local.run_workflow(SHOP, old, branch="main")
    ears.local.commit_file(SHOP, "idea", "c.py", "c\n", by="alice")
    ears.local.run_workflow(SHOP, "idea")
    ears.listen()
    assert not ears.tasks()


def test_bots_count_as_the_repository(ears: Ears) -> None:
    """A scheduled run in a bot's name is worked on for the repository, unless the bot is ourselves."""
    ears.local.run_workflow(SHOP, "main", event="schedule", by="github-actions[bot]")
    ears.listen()
    [task] = ears.tasks()
    assert task.actor == Actor("repository", SHOP)
    assert "github-actions[bot] started the run" in ears.reasons("ci")[0][2]
    ears.end(task)
    ears.local.run_workflow(SHOP, "main", by=f"{ears.local.slug}[bot]")
    ears.listen()
    assert len(ears.tasks()) == 1
    assert "the bot itself" in ears.reasons("ci")[0][2]


def test_what_follows_the_repositorys_own_work_needs_no_person(ears: Ears) -> None:
    """The pull request of a task that nobody asked for in person is mended on behalf of the repository, too."""
    _, owner = ears.own_pull(actor=Actor("repository", SHOP))
    ears.local.run_workflow(SHOP, owner.branch)
    ears.listen()
    assert ears.tasks()[0].actor == Actor("repository", SHOP)


def test_a_newer_red_commit_waits_for_the_older_task_to_end(ears: Ears) -> None:
    """It is not lost while the task about the older commit is being ended."""
    ears.local.run_workflow(SHOP, "main", by="alice")
    ears.listen()
    first = ears.claim(ears.tasks()[0])
    ears.local.commit_file(SHOP, "main", "b.py", "b\n", by="carol")
    ears.listen()
    assert ears.services.store.tasks.check(first.id, first.attempt).cancel == "a newer push by @carol"
    ears.local.run_workflow(SHOP, "main", by="carol")
    ears.listen()
    assert len(ears.tasks()) == 1
    cancelled = Outcome(Conclusion.CANCELLED, "Cancelled.")
    ears.services.store.tasks.complete(first.id, first.attempt, cancelled, worked=0.0, now=time.time())
    assert ears.later() == 1
    newest = ears.tasks()[-1]
    assert (newest.status, newest.about["sha"]) == (Status.QUEUED, ears.head("main"))


def test_a_branch_that_is_worked_on_is_judged_later(ears: Ears) -> None:
    """While another task is about to push to our pull request, its red run waits; after a few looks it is let go."""
    number, owner = ears.own_pull()
    busy = ears.store(
        kind=Kind.BACKGROUND, subject=Subject("pull", number), title="More", follows=owner.id, onto=owner.branch
    )
    ears.local.run_workflow(SHOP, owner.branch)
    ears.listen()
    assert [task.id for task in ears.tasks()] == [busy.id]
    assert [ears.later() for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    assert [task.id for task in ears.tasks()] == [busy.id]


def test_ci_that_is_quicker_than_our_pull_request_is_looked_at_again(ears: Ears) -> None:
    """A run that fails while its branch's task still opens the pull request is seen to when that is there."""
    working = ears.claim(ears.store(kind=Kind.RESOLVE_ISSUE, subject=Subject("issue", 1), title="Total"))
    bot = f"{ears.local.slug}[bot]"
    ears.local.commit_file(SHOP, working.branch, "total.py", "total = 1\n", by=bot)
    ears.local.run_workflow(SHOP, working.branch, by=bot)
    ears.listen()
    assert [task.id for task in ears.tasks()] == [working.id]
    opened = ears.local.open_pull_request(SHOP, working.branch, "Mend the total", by=bot)
    store = ears.services.store
    store.records.keep(pull_key(SHOP, opened.number), working.id, time.time())
    store.tasks.complete(working.id, working.attempt, Outcome(Conclusion.SUCCESS, "Done."), worked=0.0, now=time.time())
    store.tasks.told(working.id, working.attempt)
    assert ears.later() == 1
    assert [task.about["pull"] for task in ears.tasks() if task.kind is Kind.FIX_CI] == [opened.number]

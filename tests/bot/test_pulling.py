"""What people ask for on pull requests: from GitHub, from chats, by number, by link, and with words where it cannot be."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.conversation import carry_out
from bot.heard import Heard
from bot.housekeeping.comparing import reconcile
from jobs.types import Approval, Kind, Mode, NeedsApproval, Status, Subject
from tests.bot.conftest import SHOP

if TYPE_CHECKING:
    from jobs.answer.parts import Answer
    from tests.bot.ears import Ears


def say(ears: Ears, number: int, text: str, by: str = "alice") -> str:
    """Write a comment, and return what was answered in words, if anything."""
    comment = ears.local.comment(SHOP, number, text, by=by)
    ears.listen()
    answers = [one.body for one in ears.local.comments(SHOP, number) if f"answer={comment.id}" in one.body]
    return answers[0] if answers else ""


def tell(ears: Ears, words: str, **options: str) -> Answer:
    """Say something on the command line at the machine."""
    heard = Heard("cli", f"cli-{uuid.uuid4().hex}", "root", "root", words, options=options)
    return carry_out(ears.services, heard)


def told(answer: Answer) -> str:
    """Return the sentences of an answer."""
    return " ".join(part.text for part in answer.parts if hasattr(part, "text"))


def test_fix_on_our_own_pull_request(ears: Ears) -> None:
    """With what is red there now, as asked for; a second one joins."""
    number, owner = ears.own_pull()
    ears.local.run_workflow(SHOP, owner.branch, conclusion="success", name="Lint")
    run = ears.local.run_workflow(SHOP, owner.branch)
    ears.forget()
    assert say(ears, number, "/opus fix --dollars 1.50 --mode aggressive") == ""
    assert say(ears, number, "@opus67 fix") == ""
    [task] = ears.tasks()
    assert (task.kind, task.actor.login, task.follows, task.onto) == (Kind.FIX_CI, "alice", owner.id, owner.branch)
    assert (task.about["run"], task.about["place"], task.about["asked"]) == (run.id, "own", True)
    assert (task.limits.dollars, task.mode) == (1.5, Mode.AGGRESSIVE)


def test_fix_says_what_there_is_to_mend(ears: Ears) -> None:
    """Nothing is begun where nothing is red, or not yet; another App's checks and reports count."""
    number, owner = ears.own_pull()
    assert f"CI of #{number} is not red" in say(ears, number, "/opus fix")
    run = ears.local.run_workflow(SHOP, owner.branch, conclusion="")
    assert "has not finished" in say(ears, number, "/opus fix")
    ears.local.finish_run(run, "success")
    output = {"title": "3 problems", "summary": "See there."}
    ears.local.foreign_suite(SHOP, owner.branch, "circle-ci", [("build", "failure", output, ())])
    ears.forget()
    assert say(ears, number, "/opus fix") == ""
    [task] = ears.tasks()
    assert (task.about["source"], task.about["workflow"]) == ("checks", "build")


def test_fix_of_the_default_branch(ears: Ears) -> None:
    """With the repository, or another branch, named; a report of another CI is remembered."""
    reconcile(ears.services)
    assert "is not red" in told(tell(ears, "fix", repo=SHOP))
    report = {"repository": SHOP, "sha": ears.head("main"), "branch": "main", "conclusion": "failure", "workflow": "x"}
    ears.rules("ci: {default_branch: false}")
    report["sha"] = ears.head("main")
    ears.take("ci-jenkins-1", "jenkins", json.dumps(report).encode(), source="ci")
    assert not ears.tasks()
    assert tell(ears, "fix", repo=SHOP).ok
    [task] = ears.tasks()
    assert (task.about["source"], task.about["report"], task.base) == ("report", "ci-jenkins-1", "main")
    assert "There is no branch `nowhere`" in told(tell(ears, "fix", repo=SHOP, base="nowhere"))
    assert "a pull request needs none" in told(tell(ears, "fix 2", repo=SHOP, base="main"))


def test_fix_approves_what_waits_for_it(ears: Ears) -> None:
    """A task that asked before it mends has its answer."""
    number, owner = ears.own_pull()
    ears.local.run_workflow(SHOP, owner.branch)
    ears.listen()
    held = ears.claim(ears.tasks()[0])
    question = str(NeedsApproval("I would mend it."))
    ears.services.store.tasks.wait(held.id, held.attempt, worked=0.0, question=question, plan=True)
    ears.services.store.tasks.told(held.id, held.attempt)
    assert f"Task `{held.id}` asks before it mends: `/opus approve" in say(ears, number, "@opus67 sounds good")
    assert ears.tasks()[0].approval is Approval.ASKED
    say(ears, number, "/opus fix")
    [task] = ears.tasks()
    assert (task.status, task.approval) == (Status.QUEUED, Approval.GIVEN)


def test_words_on_our_pull_request_reach_what_is_under_way(ears: Ears) -> None:
    """An approval, a pause, words of any sort are for the mend that waits or works there, not for who opened it."""
    number, owner = ears.own_pull()
    ears.local.run_workflow(SHOP, owner.branch)
    ears.listen()
    held = ears.claim(ears.tasks()[0])
    ears.services.store.tasks.wait(held.id, held.attempt, worked=0.0, question="I would mend it.", plan=True)
    ears.services.store.tasks.told(held.id, held.attempt)
    assert say(ears, number, "/opus approve") == ""
    [task] = ears.tasks()
    assert (task.id, task.approval) == (held.id, Approval.GIVEN)
    assert f"`{held.id}`" in say(ears, number, "/opus status")
    say(ears, number, "/opus cancel")
    assert held.id not in [task.id for task in ears.tasks() if task.status is not Status.COMPLETED]


def test_address_review_and_update(ears: Ears) -> None:
    """On our own pull request each is what its name says; no argument is needed there."""
    number, owner = ears.own_pull()
    assert say(ears, number, "/opus address\n/opus review\n/opus update") == ""
    found = {task.kind: task for task in ears.tasks()}
    assert set(found) == {Kind.ADDRESS_REVIEW, Kind.REVIEW_PULL_REQUEST, Kind.RESOLVE_CONFLICTS}
    assert {task.about["asked"] for task in found.values()} == {True}
    assert {task.onto for task in found.values()} == {owner.branch, ""}
    assert found[Kind.REVIEW_PULL_REQUEST].onto == ""


def test_other_peoples_pull_requests(ears: Ears) -> None:
    """They are reviewed and addressed by a branch of our own; their branch is not ours to update, a fork's not at all."""
    ears.local.commit_file(SHOP, "topic", "a.py", "a\n", by="bob")
    number = ears.local.open_pull_request(SHOP, "topic", "A", by="bob", draft=True).number
    ears.forget()
    assert "that I opened" in say(ears, number, "/opus address\n/opus review\n/opus update")
    found = {task.kind: task for task in ears.tasks()}
    assert set(found) == {Kind.ADDRESS_REVIEW, Kind.REVIEW_PULL_REQUEST}
    assert (found[Kind.ADDRESS_REVIEW].base, found[Kind.ADDRESS_REVIEW].onto) == ("topic", "")
    fork = ears.local.fork(SHOP, by="mallory")
    ears.local.commit_file(fork, "main", "a.py", "b\n", by="mallory")
    forked = ears.local.open_pull_request(SHOP, "main", "A", by="mallory", fork=fork).number
    ears.forget()
    assert "comes from a fork" in say(ears, forked, "/opus address")


def test_who_may_not_write_gets_a_refusal(ears: Ears) -> None:
    """The commands cost money; strangers have none of it."""
    number, owner = ears.own_pull()
    ears.local.run_workflow(SHOP, owner.branch)
    ears.forget()
    for command in ("fix", "address", "review", "update"):
        say(ears, number, f"/opus {command}", by="mallory")
    assert not ears.tasks()
    assert "needs write permission" in ears.local.comments(SHOP, number)[-1].body


@pytest.mark.parametrize(
    "form", ["{number}", "#{number}", "{url}/{shop}/pull/{number}", "{url}/{shop}/pull/{number}/files#r1"]
)
def test_a_pull_request_is_named_by_number_or_link(ears: Ears, form: str) -> None:
    """From anywhere, as people copy it."""
    number, _ = ears.own_pull()
    words = form.format(number=number, shop=SHOP, url=ears.local.url)
    reconcile(ears.services)
    assert tell(ears, f"review {words}").ok
    [task] = ears.tasks()
    assert (task.subject, task.repository) == (Subject("pull", number), SHOP)


def test_in_the_thread_of_a_task_its_pull_request_is_meant(ears: Ears) -> None:
    """A chat needs no number there; elsewhere it asks which one is meant."""
    from jobs.store import Place  # noqa: PLC0415 - for this test alone

    number, owner = ears.own_pull()
    reconcile(ears.services)
    ears.services.store.records.save_place(owner.id, "pull_request", Place(str(number), "https://x", ""))
    ears.services.store.records.save_place(owner.id, "slack:C1", Place("100.1", "", ""))
    with ears.services.store.write() as connection:
        ears.services.store.people.identify(connection, "slack", "U1", "alice", "", "code", time.time())
    heard = Heard("slack", f"slack-{uuid.uuid4().hex}", "U1", "alice", "review", "C1", "100.1")
    assert carry_out(ears.services, heard).ok
    assert ears.tasks()[0].subject == Subject("pull", number)
    lost = replace(heard, key=f"slack-{uuid.uuid4().hex}", thread="")
    assert "Which pull request?" in told(carry_out(ears.services, lost))


def test_what_cannot_be_done_is_said(ears: Ears) -> None:
    """No such pull request, a closed one, an issue, wishes that do not fit."""
    number, _ = ears.own_pull()
    reconcile(ears.services)
    assert "There is no pull request #77" in told(tell(ears, "review 77", repo=SHOP))
    assert "`--base` does not belong" in told(tell(ears, f"review {number}", repo=SHOP, base="main"))
    assert "`--mode` takes" in told(tell(ears, f"review {number}", repo=SHOP, mode="brave"))
    assert "For a branch: `/opus fix --base main`" in say(ears, 1, "/opus fix")
    assert "CI of `main` is not red" in say(ears, 1, "/opus fix --base main")
    assert "Which pull request?" in say(ears, 1, "/opus review")
    ears.local.close_pull_request(SHOP, number, by="alice")
    assert "is closed" in told(tell(ears, f"update {number}", repo=SHOP))
    assert not ears.tasks()


def test_retry_looks_at_the_pull_request_anew(ears: Ears) -> None:
    """What is about a pull request begins from how that stands now; it was not asked for in words to be cloned in."""
    number, owner = ears.own_pull()
    run = ears.local.run_workflow(SHOP, owner.branch)
    ears.forget()
    say(ears, number, "/opus fix\n/opus review")
    first = {task.kind: task for task in ears.tasks()}
    for task in first.values():
        assert "still running" in told(tell(ears, f"retry {task.id}"))
        tell(ears, f"bg cancel {task.id}")
    assert "was not asked for in words" in told(tell(ears, f"clone {first[Kind.FIX_CI].id} but shorter"))
    ears.forget()
    for task in first.values():
        assert tell(ears, f"retry {task.id}").ok
    again = {task.kind: task for task in ears.tasks()}
    assert set(again) == set(first)
    assert {task.id for task in again.values()}.isdisjoint(task.id for task in first.values())
    assert (again[Kind.FIX_CI].about["run"], again[Kind.FIX_CI].onto) == (run.id, owner.branch)
    assert again[Kind.REVIEW_PULL_REQUEST].about == {"pull": number, "asked": True}

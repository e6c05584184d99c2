"""Reviews that no event told of are found by comparing with GitHub, once, not too old, and not twice with the event."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bot.housekeeping.comparing import reconcile
from jobs.kinds.target import reviewed_key
from jobs.kinds.threads import review_key
from jobs.testing.github import LineComment
from jobs.types import Kind, Status
from tests.bot.conftest import SHOP

if TYPE_CHECKING:
    from tests.bot.ears import Ears

LINE = (LineComment("total.py", 1, "Why zero?"),)
LONG_AGO = "2020-01-02T03:04:05Z"


def compare(ears: Ears, times: int = 2) -> None:
    """Compare with GitHub, more than once."""
    for _ in range(times):
        reconcile(ears.services)


def late(ears: Ears, before: int) -> None:
    """Have what was lost come after all."""
    ears.taken = before
    ears.listen()


@pytest.mark.parametrize("state", ["CHANGES_REQUESTED", "COMMENTED"])
def test_a_review_of_our_pull_request_that_nobody_told_of(ears: Ears, state: str) -> None:
    """It is worked on in the name of who wrote it, once: not again when that has ended, nor when its event is late."""
    number, owner = ears.own_pull()
    before = ears.taken
    review = ears.local.review(SHOP, number, state, "Please.", LINE, by="alice")
    ears.forget()
    compare(ears)
    [task] = ears.tasks()
    assert (task.kind, task.title) == (Kind.ADDRESS_REVIEW, f"Review of #{number} by @alice")
    assert (task.actor.login, task.follows, task.onto) == ("alice", owner.id, owner.branch)
    assert len(ears.reasons(f"pull-{number}")) == 1
    ears.end(task)
    compare(ears)
    late(ears, before)
    assert review.id
    assert len(ears.tasks()) == 1


def test_a_review_that_is_too_old_or_known_is_left_alone(ears: Ears) -> None:
    """More than a day old, worked on already, told of by its event, our own, dismissed, or by somebody who may not."""
    number, _ = ears.own_pull()
    old = ears.local.review(SHOP, number, "CHANGES_REQUESTED", "Old", LINE, by="alice")
    old.submitted_at = LONG_AGO
    read = ears.local.review(SHOP, number, "COMMENTED", "Read", by="alice")
    ears.services.store.records.keep(review_key(SHOP, number), f"7,{read.id}", time.time())
    ears.local.review(SHOP, number, "COMMENTED", "Ours", LINE, by=f"{ears.local.slug}[bot]")
    taken_back = ears.local.review(SHOP, number, "CHANGES_REQUESTED", "No", by="alice")
    ears.local.dismiss_review(SHOP, number, taken_back.id, by="alice")
    ears.local.review(SHOP, number, "CHANGES_REQUESTED", "Give me money", by="mallory")
    ears.forget()
    compare(ears, 3)
    assert not ears.tasks()
    [(who, allowed, reason)] = ears.reasons(f"pull-{number}")
    assert (who, allowed) == ("github:mallory", False)
    assert "needs write permission" in reason
    ears.local.review(SHOP, number, "CHANGES_REQUESTED", "Told", by="alice")
    ears.listen()
    ears.end(ears.tasks()[0])
    compare(ears)
    assert len(ears.tasks()) == 1


def test_an_approval_counts_with_its_comments_on_lines_only(ears: Ears) -> None:
    """`LGTM` costs nothing here either; a remark that came with it, and a reply in a thread, are found."""
    number, _ = ears.own_pull()
    ears.local.review(SHOP, number, "APPROVED", "LGTM", by="alice")
    ears.forget()
    compare(ears)
    assert not ears.tasks()
    ears.local.review(SHOP, number, "APPROVED", "LGTM", LINE, by="alice")
    ears.forget()
    compare(ears)
    [task] = ears.tasks()
    ears.end(task)
    comment = ears.local.threads(SHOP, number)[0].comments[0]
    ears.local.reply_in_thread(SHOP, comment.id, "And negative ones?", by="alice")
    ears.forget()
    compare(ears)
    assert len(ears.tasks()) == 2


def test_what_a_task_has_in_its_hands_is_not_asked_for_again(ears: Ears) -> None:
    """While it works it looks again itself; where somebody ended it, a review that was there then stays as it is."""
    number, _ = ears.own_pull()
    ears.local.review(SHOP, number, "CHANGES_REQUESTED", "Please.", LINE, by="alice")
    ears.listen()
    [task] = ears.tasks()
    ears.local.review(SHOP, number, "COMMENTED", "One more", LINE, by="alice")
    ears.forget()
    compare(ears)
    assert len(ears.tasks()) == 1
    assert len(ears.reasons(f"pull-{number}")) == 2
    with ears.services.store.write() as connection:
        ears.services.store.tasks.cancel(connection, task.id, "enough", time.time())
    assert ears.tasks()[0].status is Status.COMPLETED
    compare(ears)
    assert len(ears.tasks()) == 1


def test_few_calls_are_made(ears: Ears) -> None:
    """One for the list, and for each pull request of ours one for its reviews; for quiet ones of others none."""
    ears.rules("ci: {default_branch: false, own: false}\nconflicts: false\nreviews: {automatic: true}\n")
    number, _ = ears.own_pull()
    ears.local.commit_file(SHOP, "topic", "a.py", "a\n", by="alice")
    theirs = ears.local.open_pull_request(SHOP, "topic", "A", by="alice")
    theirs.created_at = theirs.updated_at = LONG_AGO
    ears.forget()
    before = len(ears.local.requests)
    compare(ears, 1)
    paths = [one.path for one in ears.local.requests[before:] if "/pulls" in one.path or "/commits" in one.path]
    assert [path.partition("?")[0].rpartition(SHOP)[2] for path in paths] == ["/pulls", f"/pulls/{number}/reviews"]


def test_a_pull_request_to_review_that_nobody_told_of(ears: Ears) -> None:
    """Opened or pushed to, in the name of who opened it, once for each commit; its event may come late."""
    ears.rules("reviews: {automatic: true}")
    before = ears.taken
    ears.local.commit_file(SHOP, "topic", "a.py", "a\n", by="alice")
    number = ears.local.open_pull_request(SHOP, "topic", "Hello", by="alice").number
    ears.forget()
    compare(ears)
    [task] = ears.tasks()
    assert (task.kind, task.about) == (Kind.REVIEW_PULL_REQUEST, {"pull": number, "asked": False})
    assert task.actor.login == "alice"
    ears.end(task)
    compare(ears)
    late(ears, before)
    assert len(ears.tasks()) == 1
    ears.local.commit_file(SHOP, "topic", "a.py", "b\n", by="alice")
    ears.forget()
    compare(ears)
    assert len(ears.tasks()) == 2


def test_a_push_in_the_instant_in_which_a_review_ended(ears: Ears) -> None:
    """Its event joined the task that did not look any more; what was reviewed tells, and a new review begins."""
    ears.rules("reviews: {automatic: true}")
    ears.local.commit_file(SHOP, "topic", "a.py", "a\n", by="alice")
    number = ears.local.open_pull_request(SHOP, "topic", "Hello", by="alice").number
    ears.listen()
    [task] = ears.tasks()
    ears.services.store.records.keep(reviewed_key(SHOP, number), ears.head("topic"), time.time())
    ears.local.commit_file(SHOP, "topic", "a.py", "b\n", by="alice")
    ears.listen()
    assert len(ears.tasks()) == 1
    compare(ears)
    assert len(ears.tasks()) == 1
    ears.end(task)
    compare(ears)
    assert [one.kind for one in ears.tasks()] == [Kind.REVIEW_PULL_REQUEST] * 2


def test_a_pull_request_that_need_not_be_reviewed(ears: Ears) -> None:
    """A draft, one that was reviewed at its head, an old one that people talk on, a stranger's, and one of ours."""
    ears.rules("reviews: {automatic: true}")
    for name, by in (("draft", "alice"), ("done", "alice"), ("old", "alice"), ("bobs", "bob")):
        ears.local.commit_file(SHOP, name, f"{name}.py", "a\n", by=by)
    ears.local.open_pull_request(SHOP, "draft", "A", by="alice", draft=True)
    done = ears.local.open_pull_request(SHOP, "done", "B", by="alice")
    ears.services.store.records.keep(reviewed_key(SHOP, done.number), ears.head("done"), time.time())
    bobs = ears.local.open_pull_request(SHOP, "bobs", "D", by="bob")
    ears.own_pull()
    ears.forget()
    compare(ears, 3)
    assert not ears.tasks()
    assert len(ears.reasons(f"pull-{bobs.number}")) == 1
    assert "needs write permission" in ears.reasons(f"pull-{bobs.number}")[0][2]


def test_nothing_is_looked_for_where_it_is_off(ears: Ears) -> None:
    """`reviews.address` and `reviews.automatic` hold here, too."""
    ears.rules("reviews: {address: false}")
    number, _ = ears.own_pull()
    ears.local.review(SHOP, number, "CHANGES_REQUESTED", "Please.", by="alice")
    ears.local.commit_file(SHOP, "topic", "a.py", "a\n", by="alice")
    ears.local.open_pull_request(SHOP, "topic", "A", by="alice")
    ears.forget()
    compare(ears)
    assert not ears.tasks()

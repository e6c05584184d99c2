"""Reviews, pushes and closed pull requests: what begins by itself, for whom, and what ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.testing.github import LineComment
from jobs.types import Actor, Kind, Status, Subject
from tests.bot.conftest import SHOP

if TYPE_CHECKING:
    from tests.bot.ears import Ears

LINE = (LineComment("total.py", 1, "Why zero?"),)


@pytest.mark.parametrize("state", ["CHANGES_REQUESTED", "COMMENTED"])
def test_a_review_of_our_pull_request_is_one_task(ears: Ears, state: str) -> None:
    """With its comments on lines, as the follow-up of the task that opened it; a second review joins."""
    number, owner = ears.own_pull()
    for body in ("Please.", "One more thing."):
        ears.local.review(SHOP, number, state, body, LINE, by="alice")
    ears.listen()
    [task] = ears.tasks()
    assert (task.kind, task.title, str(task.subject)) == (
        Kind.ADDRESS_REVIEW,
        f"Review of #{number} by @alice",
        f"pull-{number}",
    )
    assert (task.about, task.follows, task.onto) == ({"pull": number, "asked": False}, owner.id, owner.branch)


def test_an_approval_asks_for_nothing_unless_it_came_with_comments_on_lines(ears: Ears) -> None:
    """`LGTM` costs nothing; a remark on a line is one, and so is a reply in a thread."""
    number, _ = ears.own_pull()
    ears.local.review(SHOP, number, "APPROVED", "LGTM", by="alice")
    ears.listen()
    assert not ears.tasks()
    review = ears.local.review(SHOP, number, "APPROVED", "LGTM", LINE, by="alice")
    ears.listen()
    [task] = ears.tasks()
    ears.end(task)
    comment = ears.local.threads(SHOP, number)[0].comments[0]
    ears.local.reply_in_thread(SHOP, comment.id, "And negative ones?", by="alice")
    ears.listen()
    assert review.id
    assert len(ears.tasks()) == 2


def test_who_may_not_write_is_left_alone_silently(ears: Ears) -> None:
    """A stranger's review is a record, and not a word."""
    number, _ = ears.own_pull()
    ears.local.review(SHOP, number, "CHANGES_REQUESTED", "Give me money", LINE, by="mallory")
    ears.local.review(SHOP, number, "COMMENTED", "Nice", LINE, by="linter[bot]")
    ears.listen()
    assert not ears.tasks()
    assert not ears.local.comments(SHOP, number)
    assert {reason.partition(",")[0] for _, _, reason in ears.reasons(f"pull-{number}")} == {
        "having a review worked on needs write permission in this repository",
        "the bot linter[bot] is not named in `allow.bots`",
    }


def test_reviews_that_are_nothing_to_us(ears: Ears) -> None:
    """Our own words, somebody else's pull request, and where it is switched off."""
    number, _ = ears.own_pull()
    ears.local.review(SHOP, number, "COMMENTED", "", LINE, by=f"{ears.local.slug}[bot]")
    ears.local.commit_file(SHOP, "topic", "total.py", "a\n", by="bob")
    theirs = ears.local.open_pull_request(SHOP, "topic", "A", by="bob").number
    ears.local.review(SHOP, theirs, "CHANGES_REQUESTED", "No", LINE, by="alice")
    ears.listen()
    assert not ears.reasons(f"pull-{number}")
    ears.rules("reviews: {address: false}")
    ears.local.review(SHOP, number, "CHANGES_REQUESTED", "No", LINE, by="alice")
    ears.listen()
    assert not ears.tasks()
    assert "`reviews.address` is off" in ears.reasons(f"pull-{number}")[0][2]


def test_pull_requests_are_reviewed_where_that_is_switched_on(ears: Ears) -> None:
    """Opened, ready, or pushed to by people who may; not drafts, not strangers' ones, not our own."""
    ears.local.commit_file(SHOP, "topic", "a.py", "a\n", by="alice")
    number = ears.local.open_pull_request(SHOP, "topic", "Hello <!-- x -->", by="alice", draft=True).number
    ears.local.mark_ready(SHOP, number, by="alice")
    ears.listen()
    assert not ears.tasks()  # off unless it is switched on
    ears.local.convert_to_draft(SHOP, number, by="alice")
    ears.rules("reviews: {automatic: true}")
    ears.local.commit_file(SHOP, "topic", "a.py", "b\n", by="alice")
    ears.listen()
    assert not ears.tasks()  # a draft
    ears.local.mark_ready(SHOP, number, by="alice")
    ears.local.commit_file(SHOP, "topic", "a.py", "c\n", by="alice")
    own, _ = ears.own_pull()
    ears.listen()
    ears.local.commit_file(SHOP, "bobs", "b.py", "b\n", by="bob")
    stranger = ears.local.open_pull_request(SHOP, "bobs", "B", by="bob").number
    ears.listen()
    assert "needs write permission" in ears.reasons(f"pull-{stranger}")[0][2]
    assert not ears.tasks()
    ears.local.commit_file(SHOP, "topic", "a.py", "d\n", by="alice")
    ears.listen()
    [task] = ears.tasks()
    assert (task.kind, task.about, task.onto) == (Kind.REVIEW_PULL_REQUEST, {"pull": number, "asked": False}, "")
    assert task.title == f"Review #{number}: Hello"
    assert own != number


def test_a_pull_request_that_is_closed_ends_what_was_begun_by_itself(ears: Ears) -> None:
    """Merged or closed, with words; what people asked for in their own words goes on."""
    number, owner = ears.own_pull()
    ears.local.review(SHOP, number, "CHANGES_REQUESTED", "Please", by="alice")
    ears.local.run_workflow(SHOP, owner.branch)
    ears.listen()
    question = ears.store(kind=Kind.ASK, subject=Subject("pull", number), title="Why?", key="ask")
    ears.local.merge_pull_request(SHOP, number, by="alice")
    ears.listen()
    ended = [task for task in ears.tasks() if task.status is Status.COMPLETED]
    assert {task.kind for task in ended} == {Kind.ADDRESS_REVIEW}
    assert ended[0].cancel == "the pull request was merged by @alice"
    assert [task.id for task in ears.tasks() if task.status is Status.QUEUED] == [question.id]


def test_a_close_that_comes_late_ends_nothing(ears: Ears) -> None:
    """What is open again goes on."""
    number, _ = ears.own_pull()
    ears.local.review(SHOP, number, "CHANGES_REQUESTED", "Please", by="alice")
    ears.local.close_pull_request(SHOP, number, by="bob")
    ears.local.reopen_issue(SHOP, number, by="bob")
    ears.listen()
    assert [task.status for task in ears.tasks()] == [Status.QUEUED]


def test_a_newer_push_by_a_person_ends_the_mending(ears: Ears) -> None:
    """Ours does not, an older one that comes late does not, and a deleted branch does."""
    number, owner = ears.own_pull()
    ears.local.run_workflow(SHOP, owner.branch)
    ears.listen()
    task = ears.tasks()[0]
    ears.local.commit_file(SHOP, owner.branch, "b.py", "b\n", by=f"{ears.local.slug}[bot]")
    ears.listen()
    assert ears.tasks()[0].status is Status.QUEUED
    ears.local.commit_file(SHOP, owner.branch, "b.py", "c\n", by="carol")
    ears.listen()
    ended = ears.tasks()[0]
    assert (ended.id, ended.status, ended.cancel) == (task.id, Status.COMPLETED, "a newer push by @carol")
    ears.local.commit_file(SHOP, "topic", "b.py", "b\n", by="bob")
    about = {"branch": "topic", "sha": ears.head("topic"), "place": "other"}
    ears.store(kind=Kind.FIX_CI, subject=Subject("pull", number), title="Topic", about=about)
    ears.local.delete_branch(SHOP, "topic", by="bob")
    ears.listen()
    assert ears.tasks()[-1].cancel == "the branch `topic` was deleted by @bob"


def test_a_mend_of_the_default_branch_that_waits_for_its_ci_looks_again(ears: Ears) -> None:
    """The push may be the merge of its own pull request: it is not cancelled, it looks at GitHub."""
    task = ears.store(
        kind=Kind.FIX_CI,
        subject=Subject("ci"),
        title="CI is red on main",
        about={"branch": "main", "sha": "0" * 40, "place": "default"},
    )
    ears.wait_for(task, "1" * 40)
    ears.local.commit_file(SHOP, "main", "b.py", "b\n", by="carol")
    ears.listen()
    assert ears.is_awake(task)
    assert ears.tasks()[0].cancel == ""


def test_our_pull_request_that_came_to_conflict_is_updated_once_for_each_head(ears: Ears) -> None:
    """After the base moved and GitHub has found out; in the name of who asked for the work."""
    number, owner = ears.own_pull({"README.md": "# Our shop\n"})
    clean, _ = ears.own_pull({"other.py": "a\n"})
    ears.local.commit_file(SHOP, "main", "README.md", "# Their shop\n", by="carol")
    ears.listen()
    assert not ears.tasks()
    ears.later()
    [task] = ears.tasks()
    assert (task.kind, task.about, task.onto) == (
        Kind.RESOLVE_CONFLICTS,
        {"pull": number, "asked": False},
        owner.branch,
    )
    assert (task.actor.login, task.title) == ("alice", f"Merge main into #{number}")
    ears.end(task)
    ears.local.commit_file(SHOP, "main", "README.md", "# Whose shop\n", by="carol")
    ears.listen()
    ears.later()
    assert len(ears.tasks()) == 1
    assert clean != number


@pytest.mark.parametrize("reason", ["switch", "right"])
def test_conflicts_are_left_alone(ears: Ears, reason: str) -> None:
    """Where that is switched off, or who asked for the work may not any more."""
    if reason == "switch":
        ears.rules("conflicts: false")
    ears.own_pull({"README.md": "# Our shop\n"}, actor=Actor("github", "12", "dora"))
    ears.local.commit_file(SHOP, "main", "README.md", "# Their shop\n", by="carol")
    ears.listen()
    ears.later()
    assert not ears.tasks()


def test_tags_and_quiet_repositories_cost_nothing(ears: Ears) -> None:
    """Where we have no pull request, a push asks GitHub nothing."""
    ears.services.github.bot_user()
    before = len(ears.local.requests)
    ears.local.commit_file(SHOP, "main", "b.py", "b\n", by="carol")
    ears.listen()
    assert len(ears.local.requests) == before

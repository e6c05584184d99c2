"""Reviews in an order that nobody expects: begun before others and submitted after them, told of late, or under our own."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from jobs.testing.github import discussing
from jobs.testing.github.review_records import LineComment
from jobs.types import Conclusion
from tests.journeys.reviewers import PATH, Reviewed, answer, dearer, done, found, plays, reprice
from tests.journeys.town import PATIENCE, bash, finish
from tests.waiting import until

if TYPE_CHECKING:
    from jobs.testing.github.webhooks import Delivery
    from tests.journeys.town import Town

pytestmark = pytest.mark.bubblewrap

ACCEPTED = 202


def told_late(town: Town, delivery: Delivery) -> None:
    """Have GitHub tell of something under another number, as it would be told of only now; wait until it was heard."""
    github, guid = town.product.github, str(uuid.uuid4())
    signature = hmac.new(github.webhook_secret.encode(), delivery.body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    assert httpx.post(github.webhook_url, content=delivery.body, headers=headers).status_code == ACCEPTED
    until(lambda: town.store.deliveries.is_done(guid), seconds=PATIENCE, what="a late delivery to be heard")


def test_a_review_that_was_begun_earlier_and_submitted_later(town: Town) -> None:
    """Its number is older than that of a review which was worked on before it; all of it is heard all the same."""
    github, pull = town.product.github, Reviewed.ours(town)
    github.set_permission(pull.story.repository, "bob", "write")
    comments = [LineComment(PATH, 9, "And this 900.")]
    begun = github.review(pull.story.repository, pull.number, "PENDING", "In euros, please.", comments, by="ada")
    plays(pull.story, address=[reprice(3), answer("T1", "Dearer.", done=True), finish("Three.", "Raise 3")])
    pull.review((3, "Make this 300."), by="bob", body="Too cheap.")
    assert pull.ends().conclusion is Conclusion.SUCCESS
    assert pull.resolved == [1]
    plays(pull.story, address=[reprice(3, 9), answer("T1", "Dearer, too.", done=True), finish("Nine.", "Raise 9")])
    with github.world.change():
        discussing.submit(github.world, pull.issue, begun, "CHANGES_REQUESTED")
    assert pull.ends().conclusion is Conclusion.SUCCESS
    asked = str(next(one.body for one in pull.story.asked() if "And this 900." in str(one.body))["messages"][-1])
    assert "In euros, please." in asked
    assert "Too cheap." not in asked
    assert pull.resolved == [0, 1]
    assert pull.story.file(PATH, pull.branch) == dearer(3, 9)


def test_what_is_told_of_too_late_begins_nothing(town: Town) -> None:
    """Each comment of a review is told of: the last of them, when the work is done, starts no task that finds nothing."""
    pull = Reviewed.ours(town)
    plays(pull.story, address=[bash("ls"), answer("T1", "The third."), finish("One.")])
    pull.review((3, "Why three?"))
    pull.ends()
    told = [one for one in pull.github.deliveries if pull.story.repository.encode() in one.body]
    late = [one for one in told if one.event == "pull_request_review_comment" and b"Why three?" in one.body]
    told_late(town, late[0])
    pull.reply(0, "I see.", by="mallory")
    assert pull.is_quiet()
    assert len(pull.story.comments(pull.number)) == 1


def test_a_person_wants_what_the_bot_found_in_its_own_work(town: Town) -> None:
    """Asked to review its own pull request, it says what it finds; it is mended when somebody says so in the thread."""
    pull = Reviewed.ours(town)
    plays(
        pull.story,
        inspect=[found(3, "major", "Three of these are sold at a loss."), done()],
        address=[reprice(3), answer("T1", "Dearer.", done=True), finish("Three.", "Raise 3")],
    )
    pull.say("/opus review")
    pull.ends()
    assert [one.state for one in pull.reviews] == ["COMMENTED"]
    assert pull.is_quiet()
    pull.reply(0, "Right, please mend that.")
    assert pull.ends().conclusion is Conclusion.SUCCESS
    assert pull.resolved == [0]
    assert f"Done in {pull.head}." in pull.talk(0)[2]
    asked = str(next(one.body for one in pull.story.asked() if "please mend that" in str(one.body))["messages"][-1])
    assert "sold at a loss" in asked

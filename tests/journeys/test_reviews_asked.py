"""Somebody asks for work on a review, or for a review, in words: on GitHub, in Slack, on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.types import Conclusion, Kind
from tests.journeys.reviewers import Reviewed, answer, dearer, done, found, plays, reprice
from tests.journeys.town import finish

if TYPE_CHECKING:
    from tests.journeys.chats import Chats
    from tests.journeys.town import Town

pytestmark = pytest.mark.bubblewrap


def test_the_review_of_somebody_elses_pull_request(town: Town) -> None:
    """The change is a draft pull request against their branch; theirs is not pushed to, and no thread is resolved."""
    pull = Reviewed.theirs(town)
    head = pull.head
    plays(pull.story, address=[reprice(3), answer("T1", "Dearer.", done=True), finish("Three is dearer.", "Raise 3")])
    pull.review((3, "Make this 300."))
    assert pull.is_quiet()
    pull.say("/opus address", by="carol")
    task = pull.ends()
    assert (task.kind, task.conclusion, task.actor.login) == (Kind.ADDRESS_REVIEW, Conclusion.SUCCESS, "carol")
    [made] = [one for one in pull.story.pulls() if one.number != pull.number]
    assert made.pull is not None
    assert (made.pull.base, made.pull.draft, made.author.login) == ("prices", True, "opus-67[bot]")
    assert pull.story.file("prices.py", made.pull.head) == dearer(3)
    assert (pull.head, pull.resolved, pull.answered()) == (head, [], [0])
    assert "The change for this is in" in pull.talk(0)[1]
    assert f"/pull/{made.number} (" in pull.talk(0)[1]
    assert "Done: a draft pull request is ready for review" in pull.comment()


def test_the_review_of_a_forks_pull_request_is_refused_in_words(town: Town) -> None:
    """Nothing can be pushed there: who asks hears so, and no model is asked."""
    pull = Reviewed.theirs(town, by="dave", fork=True)
    pull.review((3, "Make this 300."))
    pull.say("/opus address")
    pull.story.answers("This pull request comes from a fork, where I may not push", on=pull.number)
    assert pull.is_quiet()
    assert pull.story.asked() == []


def test_who_may_not_write_asks_for_nothing(town: Town) -> None:
    """A stranger's words on a pull request start no work and cost nothing."""
    pull = Reviewed.theirs(town)
    pull.review((3, "Make this 300."))
    for words in ("/opus address", "/opus review", "/opus update"):
        pull.say(words, by="mallory")
    assert pull.is_quiet()
    assert pull.story.asked() == []


def test_a_link_on_the_command_line(town: Town) -> None:
    """`opus67 review <link>` reviews the pull request, and `opus67 address <link>` works on what people said there."""
    pull = Reviewed.theirs(town)
    link = f"{town.product.github.url}/{pull.story.repository}/pull/{pull.number}"
    plays(
        pull.story,
        inspect=[found(3, "minor", "Three of these are sold at a loss."), done()],
        address=[reprice(5), answer("T1", "Dearer.", done=True), finish("Five is dearer.", "Raise 5")],
    )
    code, said = town.shell("review", link)
    assert (code, said["ok"]) == (0, True), said
    pull.ends()
    [review] = pull.reviews
    assert (review.state, [thread.line for thread in pull.threads]) == ("COMMENTED", [3])
    assert [run.conclusion for run in pull.checks()] == ["neutral"]
    pull.review((5, "Make this 500."))
    code, said = town.shell("address", link)
    assert (code, said["ok"]) == (0, True), said
    assert pull.ends().conclusion is Conclusion.SUCCESS, pull.comment()
    assert len(pull.story.pulls()) == 2
    assert pull.answered() == [0, 1]


def test_a_link_in_slack(chats: Chats) -> None:
    """A linked person asks there, sees how it ends there, and the review is on GitHub."""
    pull = Reviewed.theirs(chats.town)
    room, den = chats.slack_room("reviews"), chats.discord_room("reviews")
    chats.link(pull.story, room, den)
    plays(
        pull.story,
        inspect=[found(3, "major", "Three of these are sold at a loss."), done()],
        address=[reprice(5), answer("T1", "Dearer.", done=True), finish("Five is dearer.", "Raise 5")],
    )
    link = f"{chats.town.product.github.url}/{pull.story.repository}/pull/{pull.number}"
    chats.slack.command("ada", room, f"review {link}")
    pull.ends()
    assert [thread.line for thread in pull.threads] == [3]
    chats.slack_shows(room, "1 finding: 1 major")
    pull.review((5, "Make this 500."))
    chats.slack.command("ada", room, f"address {link}")
    assert pull.ends().conclusion is Conclusion.SUCCESS, pull.comment()
    [made] = [one for one in pull.story.pulls() if one.number != pull.number]
    chats.slack_shows(room, f"/{pull.story.repository}/pull/{made.number}")

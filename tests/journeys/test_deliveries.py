"""Webhooks that come twice, late, or not at all: each request is heard once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.conftest import short_folder
from tests.journeys.town import LABEL, Town, finish, write
from tests.needs import CURES, bubblewrap_works, requires
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.github.webhooks import Delivery
    from tests.journeys.town import Story


def test_a_redelivery_changes_nothing(town: Town) -> None:
    """The same delivery three times more, during and after the work, is one task and one comment."""
    gate = town.gate()
    story = town.story([gate.before(write()), finish()]).ask()
    gate.wait()
    github = town.product.github
    label = next(one for one in github.deliveries if one.action == "labeled" and story.repository.encode() in one.body)
    github.webhooks.send_again(label)
    github.webhooks.send_again(label)
    until(lambda: len(label.attempts) == 3, what="the redeliveries")
    gate.open()
    story.ends()
    github.webhooks.send_again(label)
    until(lambda: len(label.attempts) == 4, what="the last redelivery")
    story.settles()
    assert [attempt.status_code for attempt in label.attempts] == [202] * 4
    assert len(story.tasks()) == 1
    story.assert_alone()


@pytest.fixture(scope="module")
def late() -> Iterator[Town]:
    """Yield a town that is built, with its GitHub, and not yet up."""
    requires(bubblewrap_works(), "bubblewrap", CURES["bubblewrap"])
    with short_folder("o67-late-") as home:
        town = Town.build(home, os.environ)
        with town.product:
            try:
                yield town
            finally:
                town.close()


def test_what_was_asked_while_everything_was_down_is_heard_afterwards(late: Town) -> None:
    """What GitHub could not deliver is fetched again, what it does not list is found by comparing; each once."""
    github = late.product.github
    undelivered = late.story([finish("Nothing to do.")]).ask()
    closed = late.story([finish("Nothing to do.")]).ask()
    github.close_issue(closed.repository, closed.number, by="ada")
    until(lambda: all(one.attempts for one in github.deliveries), what="the failed deliveries")
    address, github.webhook_url = github.webhook_url, ""
    unlisted = late.story([finish("Nothing to do.")]).ask()
    stranger = late.story([finish("Nothing to do.")])
    stranger.ask(by="mallory")
    github.webhook_url = address
    late.product.up()
    assert "Nothing was changed" in undelivered.ends(60)
    assert "Nothing was changed" in unlisted.ends(60)
    assert "Asked for by @ada" in unlisted.comment()
    assert "needs write permission" in stranger.answers("this was not done")
    lost = [one for one in github.deliveries if undelivered.repository.encode() in one.body and one.action == "labeled"]
    until(lambda: lost[0].attempts[-1].redelivery, seconds=20, what="the redelivery")
    until(lambda: late.store.deliveries.is_done(lost[0].guid), seconds=20, what="the delivery acted on")
    assert len(undelivered.tasks()) == len(unlisted.tasks()) == 1
    assert len(undelivered.comments()) == len(unlisted.comments()) == 1
    assert closed.tasks() == []
    assert closed.comments() == []
    assert_late_delivery_is_ignored(unlisted, lost[0])


def assert_late_delivery_is_ignored(story: Story, like: Delivery) -> None:
    """Check that the delivery of a label that was found by comparing, when it comes at last, starts nothing more."""
    github = story.town.product.github
    owner = story.repository.partition("/")[0]
    installation = next(one.id for one in github.world.installations.values() if one.account.login == owner)
    payload = like.payload
    payload["repository"]["full_name"], payload["installation"]["id"] = story.repository, installation
    late = github.webhooks.send(github.app, "issues", "labeled", payload)
    until(lambda: story.town.store.deliveries.is_done(late.guid), seconds=20, what="the late delivery acted on")
    assert len(story.tasks()) == 1
    assert len(story.comments()) == 1


def test_a_label_put_on_and_off_and_on_is_one_task_at_a_time(town: Town) -> None:
    """On, off, on again: the first task is cancelled, and the second one does the work in a comment of its own."""
    gate = town.gate()
    story = town.story([gate.before(write()), finish()]).ask()
    gate.wait()
    first = story.current
    town.product.github.unlabel_issue(story.repository, story.number, LABEL, by="ada")
    until(lambda: story.current.cancel, seconds=20, what="the cancel")
    story.reaches(first.status.COMPLETED)
    gate.open()
    story.ask()
    assert "Done: a draft pull request is ready" in story.ends(than=first.id)
    assert [task.conclusion for task in story.tasks()] == ["success", "cancelled"]
    assert len(story.living()) == 2

"""Who may ask for work: refusals are polite, said once, and cost nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from jobs.types import Status
from tests.journeys.town import finish
from tests.waiting import until

if TYPE_CHECKING:
    from tests.journeys.town import Town


@pytest.mark.parametrize("permission", ["read", "triage", "none"])
def test_people_without_write_permission_are_refused_once(town: Town, permission: str) -> None:
    """One polite comment says the reason and the cure to the person; a second label says nothing more."""
    story = town.story()
    if permission != "none":
        town.product.github.set_permission(story.repository, "eve", permission)
    story.ask(by="eve")
    refusal = story.answers("this was not done")
    assert "@eve" in refusal
    assert "needs write permission" in refusal
    assert "What helps" in refusal
    town.product.github.unlabel_issue(story.repository, story.number, "assign-to-opus", by="eve")
    story.ask(by="eve")
    story.settles()
    assert len(story.comments()) == 1
    assert story.tasks() == []
    assert story.reactions() == []
    assert story.asked() == []


def test_bots_are_ignored_in_silence(town: Town) -> None:
    """A bot that nobody allowed gets neither work nor an answer."""
    story = town.story()
    town.product.github.add_user("other[bot]", "Bot")
    story.ask(by="other[bot]")
    story.settles()
    assert story.comments() == []
    assert story.tasks() == []


def test_the_bot_does_not_hear_itself(town: Town) -> None:
    """A label that the App itself puts on starts nothing."""
    story = town.story()
    story.ask(by="opus-67[bot]")
    story.settles()
    assert story.comments() == []
    assert story.tasks() == []


def test_other_labels_start_nothing(town: Town) -> None:
    """Just the configured labels ask for work, and each repository names its own."""
    story = town.story([finish("Nothing to do.")], config="labels: [robot]\n")
    story.ask(label="bug").ask()
    story.settles()
    assert story.tasks() == []
    assert story.comments() == []
    story.ask(label="robot")
    assert "Nothing was changed" in story.ends()


def test_logins_and_teams_named_in_the_file_may_ask(town: Town) -> None:
    """`allow` in the repository's file lets people in who may not write."""
    config = "allow:\n  logins: [Guest]\n"
    story = town.story([finish("Nothing to do.")], config=config)
    story.ask(by="guest")
    assert "Asked for by @guest" in story.ends()


def test_a_closed_issue_starts_nothing(town: Town) -> None:
    """A label on a closed issue is not a request."""
    story = town.story()
    town.product.github.close_issue(story.repository, story.number, by="ada")
    story.ask()
    story.settles()
    assert story.tasks() == []
    assert story.comments() == []


def test_the_budget_of_the_day_refuses_further_work(town: Town) -> None:
    """When the repository has spent its dollars of the day, the next request is refused in words with the cure."""
    expensive = replace(finish("Nothing to do."), usage={"input_tokens": 100_000, "output_tokens": 1_000})
    story = town.story([expensive], config="limits:\n  day:\n    dollars: 0.2\n").ask()
    story.ends()
    other = town.product.github.create_issue(story.repository, f"More ({story.key})", "More", by="ada")
    town.product.github.label_issue(story.repository, other.number, "assign-to-opus", by="ada")
    until(lambda: town.product.github.comments(story.repository, other.number), seconds=20, what="a refusal")
    refusal = town.product.github.comments(story.repository, other.number)[0].body
    assert "budget for today is used up" in refusal
    assert "limits.day.dollars" in refusal
    assert len(story.tasks()) == 1


def test_more_tasks_than_may_run_at_once_wait_for_their_turn(town: Town) -> None:
    """With one task at a time the second one is queued, says so in its comment, and runs when the first has ended."""
    gate = town.gate()
    story = town.story([gate.before(finish("Nothing to do."))], config="limits:\n  tasks:\n    repository: 1\n").ask()
    gate.wait()
    github = town.product.github
    second = github.create_issue(story.repository, f"Also this ({story.key})", "Please", by="ada")
    github.label_issue(story.repository, second.number, "assign-to-opus", by="ada")

    def words() -> str:
        return "".join(one.body for one in github.comments(story.repository, second.number))

    until(lambda: "1 task is ahead of it" in words(), seconds=20, what="the second task's comment")
    gate.open()
    until(lambda: "Nothing was changed" in words(), seconds=40, what="the second task's end")
    assert story.reaches(Status.COMPLETED)
    assert len(github.comments(story.repository, second.number)) == 1

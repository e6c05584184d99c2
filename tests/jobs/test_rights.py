"""Whose words in a review count: people by their rights and teams now, bots by their App, accounts and not logins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jobs.types import Actor, Conclusion
from tests.jobs.reviewed import Reviewed, answer, rewrite
from tests.jobs.workshop import WORKSHOP, finish

if TYPE_CHECKING:
    from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap

BOT = "linter[bot]"


def opened(workshop: Workshop, allow: str) -> Reviewed:
    """Return a pull request of ours where the repository's file allows somebody."""
    rules = f"checks: [python3 -c 'import greeting']\nallow: {allow}\n"
    workshop.github.commit_file(WORKSHOP, "main", ".github/opus67.yml", rules)
    return Reviewed.open(workshop)


def work(pull: Reviewed) -> Any:
    """Have mona ask for the review to be worked on by a model that makes the third value bigger; return the row."""
    pull.plays(rewrite(line_3="value_3 = 300"), answer("T1", "Yes.", done=True), finish())
    pull.workshop.github.set_permission(WORKSHOP, "mona", "write")
    return pull.workshop.run(pull.task(actor=Actor("slack", "U9MONA", "mona")))


def is_left_alone(pull: Reviewed, who: str) -> bool:
    """Tell whether nothing was done, no model was asked, and the author is named."""
    paid = pull.paid()
    row = work(pull)
    unpaid = (row.conclusion, pull.paid(), pull.resolved()) == (Conclusion.NEUTRAL, paid, [])
    return unpaid and f"1 comment of `{who}`" in row.summary


def linter(workshop: Workshop) -> int:
    """Return the id of the App behind a bot that reviews."""
    return workshop.github.foreign_suite(WORKSHOP, "main", "linter", [("lint", "success", {}, ())]).app.id


def test_a_bot_counts_whose_app_is_allowed(workshop: Workshop) -> None:
    """Its App is found by its name, and the number in the file is that App's."""
    pull = opened(workshop, f"{{bots: [{linter(workshop)}]}}")
    pull.review((3, "Bigger."), by=BOT)
    assert work(pull).conclusion == Conclusion.SUCCESS
    assert pull.resolved() == [0]


def test_a_bot_whose_app_is_another_one_is_left_alone(workshop: Workshop) -> None:
    """An allowed number lets nobody in but that App; a bot whose App cannot be found is nobody's."""
    pull = opened(workshop, f"{{bots: [{linter(workshop) + 1}]}}")
    pull.review((3, "Bigger."), by=BOT)
    assert is_left_alone(pull, BOT)
    pull.workshop.github.add_user("ghostly[bot]", "Bot")
    pull.review((5, "Mine."), by="ghostly[bot]")
    row = work(pull)
    assert row.conclusion == Conclusion.NEUTRAL
    assert "2 comments of" in row.summary


def test_a_persons_login_that_ends_like_a_bots_does_not_pass_as_one(workshop: Workshop) -> None:
    """GitHub tells bots from people; a person who is called as an allowed App is one without rights."""
    pull = opened(workshop, f"{{bots: [{linter(workshop)}]}}")
    pull.review((3, "Bigger."), by="linter")
    assert is_left_alone(pull, "linter")


def test_a_member_of_an_allowed_team_counts(workshop: Workshop) -> None:
    """Without write permission; who left the team does not."""
    pull = opened(workshop, "{teams: [octo/reviewers]}")
    workshop.github.set_team("octo", "reviewers", ["dora"])
    pull.review((3, "Bigger."), by="dora")
    assert work(pull).conclusion == Conclusion.SUCCESS
    assert pull.resolved() == [0]
    workshop.github.set_team("octo", "reviewers", ["erin"])
    pull.review((5, "And this."), by="dora")
    paid = pull.paid()
    row = workshop.run(pull.task())
    assert (row.conclusion, pull.paid()) == (Conclusion.NEUTRAL, paid)
    assert "1 comment of `dora`" in row.summary


def test_a_team_of_another_name_does_not_count(workshop: Workshop) -> None:
    """Nor one that cannot be seen."""
    pull = opened(workshop, "{teams: [octo/nobody, elsewhere/reviewers]}")
    workshop.github.set_team("octo", "reviewers", ["dora"])
    pull.review((3, "Bigger."), by="dora")
    assert is_left_alone(pull, "dora")


def test_rights_go_with_the_account_and_not_with_its_login(workshop: Workshop) -> None:
    """Who was renamed still counts; who took the old login does not, whatever that login was allowed."""
    pull = Reviewed.open(workshop)
    pull.review((3, "Bigger."), by="alice")
    workshop.github.rename_user("alice", "alicia")
    workshop.github.add_user("alice")
    pull.review((5, "Give me money."), by="alice")
    row = work(pull)
    assert row.conclusion == Conclusion.SUCCESS
    assert pull.resolved() == [0]
    assert "1 comment of `alice`" in row.summary
    assert "money" not in str(workshop.model.requests[-2].body)


@pytest.mark.parametrize("allow", ["{}", "{logins: [alice]}", "{teams: [octo/reviewers]}"])
def test_a_login_that_is_another_accounts_by_now(workshop: Workshop, allow: str) -> None:
    """Renamed between what was read and what was asked: the right of the login is not that of who wrote."""
    pull = opened(workshop, allow)
    workshop.github.set_team("octo", "reviewers", ["alice"])
    pull.review((3, "Bigger."), by="alice")
    someone = {"permission": "admin", "role_name": "admin", "user": {"id": 999_999, "login": "alice"}}
    body = json.dumps(someone).encode()
    workshop.github.faults.add("GET", r"/collaborators/alice/permission$", status=200, body=body, times=None)
    assert is_left_alone(pull, "alice")


def test_a_right_that_github_does_not_tell_is_none(workshop: Workshop) -> None:
    """A refusal is no permission, and the review is left alone in words."""
    pull = Reviewed.open(workshop)
    pull.review((3, "Bigger."), by="alice")
    workshop.github.faults.add("GET", r"/collaborators/alice/permission$", status=403, times=None)
    assert is_left_alone(pull, "alice")

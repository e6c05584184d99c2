"""Who may do what: the table of actors, permissions and the repository's file."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from config import repository
from jobs.policy import Facts, ask, person, within_budget
from jobs.types import Actor, Limits

ADA = Actor("github", "5", "Ada")
BOT = Actor("github", "6", "helper[bot]", is_bot=True)
FILE = "allow:\n  logins: [ADA]\n  teams: [octo/core]\n  bots: [99]\n"
DEFAULTS, NAMED = repository.defaults(), repository.parse(FILE)


def facts(actor: Actor = ADA, **changes: Any) -> Facts:
    return Facts(actor, **{"own_app_id": 67, **changes})


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("admin", True),
        ("maintain", True),
        ("write", True),
        ("triage", False),
        ("read", False),
        ("none", False),
        ("", False),
        ("Write", False),
        ("owner", False),
    ],
)
def test_whoever_may_push_may_ask(permission: str, allowed: bool) -> None:
    """Just GitHub's names that include pushing let people in; a refusal says what is missing and who can help."""
    decision = ask(facts(permission=permission), DEFAULTS, "starting work")
    assert decision.allowed is allowed
    if not allowed:
        assert "starting work needs write permission" in decision.reason
        assert "@Ada" in decision.reason
        assert ".github/opus67.yml" in decision.cure
        assert not decision.silent


def test_people_named_in_the_file_may_ask() -> None:
    """By login in any case, or by a team that GitHub says they are in; nobody is let in by an empty login."""
    assert ask(facts(permission="read"), NAMED, "x").allowed
    other = Actor("github", "7", "bob")
    assert not ask(facts(other), NAMED, "x").allowed
    assert ask(facts(other, teams=frozenset({"octo/core"})), NAMED, "x").allowed
    assert not ask(facts(Actor("github", "0")), NAMED, "x").allowed


@pytest.mark.parametrize(
    ("app_id", "config", "allowed"),
    [(99, NAMED, True), (98, NAMED, False), (None, NAMED, False), (99, DEFAULTS, False), (67, NAMED, False)],
)
def test_bots_are_let_in_by_their_app_alone(app_id: int | None, config: Any, allowed: bool) -> None:
    """A bot's permission and name count for nothing; a refusal is silent."""
    for permission, teams in itertools.product(("admin", "none"), (frozenset[str](), frozenset({"octo/core"}))):
        decision = ask(facts(BOT, app_id=app_id, permission=permission, teams=teams), config, "x")
        assert (decision.allowed, decision.silent) == (allowed, not allowed)


def test_the_bot_never_hears_itself() -> None:
    """Not even when somebody names its own App in the file."""
    config = repository.parse("allow:\n  bots: [67]\n")
    decision = person(facts(BOT, app_id=67), config, "x")
    assert (decision.allowed, decision.silent) == (False, True)


def test_what_needs_no_person_needs_money_all_the_same() -> None:
    """Work on behalf of the repository has the limits of all others, and gives its reason."""
    config = repository.parse("limits: {run: {dollars: 4}, day: {dollars: 10}}\n")
    allowed = within_budget(facts(spent_today=8.0), config, "CI is red")
    assert (allowed.allowed, allowed.reason, allowed.limits.dollars) == (True, "CI is red", 2.0)
    assert not within_budget(facts(spent_today=10.0), config, "CI is red").allowed


def test_a_day_has_a_budget() -> None:
    """What is left of the day bounds the run; with nothing left the request is refused with the time and the cure."""
    config = repository.parse("limits:\n  run: {dollars: 4, steps: 9}\n  day: {dollars: 10}\n")
    run = config.limits.run
    for spent, dollars in ((0.0, 4.0), (6.0, 4.0), (8.5, 1.5)):
        decision = ask(facts(permission="write", spent_today=spent), config, "x")
        assert decision.limits == Limits(dollars, run.tokens, 9, run.minutes)
    for spent in (10.0, 11.0):
        decision = ask(facts(permission="write", spent_today=spent), config, "x")
        assert not decision.allowed
        assert f"${spent:.2f} of $10.00" in decision.reason
        assert "limits.day.dollars" in decision.cure
    assert person(facts(permission="write", spent_today=99.0), config, "to cancel").allowed
    assert not ask(facts(permission="read", spent_today=99.0), config, "x").reason.startswith(
        "this repository's budget"
    )

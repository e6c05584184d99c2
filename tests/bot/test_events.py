"""Payloads are understood leniently, and the triggers' tables say what each event asks for."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.asks import (
    Ask,
    CiEnded,
    Edited,
    End,
    InstallationChanged,
    Pressed,
    PullClosed,
    Pushed,
    ReviewGiven,
    ReviewWanted,
    Start,
    Told,
)
from bot.commands import Command
from bot.events import Event, Pull, Review, Run, understand
from bot.triggers import EVENTS, asks, wanted
from jobs.types import Actor, Subject
from tests.bot.examples import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ISSUE = Subject("issue", 12)
NUMBERED = {"issues", "issue_comment", "pull_request", "pull_request_review", "pull_request_review_comment"}
RED = Run(5, 6, "a" * 40, "main", "octo/shop", "CI", "failure", "push")
SUITE = Run(0, 6, "a" * 40, "main", "octo/shop", "Circle", "failure", app="circle", app_id=9)
STATUS = Run(0, 0, "a" * 40, "main", "octo/shop", "jenkins", "failure")
CHANGES = ("opened", "ready_for_review", "reopened", "synchronize")
READY, DRAFT = Pull("a" * 40, "topic"), Pull("a" * 40, "topic", draft=True)


def event(name: str, action: str, **fields: Any) -> Event:
    values = {"number": 12, "actor": Actor("github", "5", "ada"), "repository": "octo/shop", **fields}
    return Event(name, action, **values)


def test_githubs_examples_are_understood() -> None:
    """Each of GitHub's own payloads gives an event and asks, and the ones that we want are whole."""
    for name, payload in examples():
        found = understand(name, "guid", payload)
        assert isinstance(asks(found), list)
        if wanted(name, found.action):
            assert found.actor.id != "0"
            assert found.actor.login
            assert found.repository or found.name.startswith("installation")
            assert found.number or name not in NUMBERED
            assert found.run.sha or name not in {"workflow_run", "check_suite", "status"}
            assert found.review.id or name not in {"pull_request_review", "pull_request_review_comment"}
            assert found.pull.head or not name.startswith("pull_request")
            assert found.ref or name != "push"


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value inside a payload, some levels deep."""
    if len(way) < 5 and isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*way, key)
            yield from places(inner, (*way, key))


def changed(payload: dict[str, Any], way: tuple[Any, ...], new: Any) -> dict[str, Any]:
    """Return a payload with one value replaced, or left out where ``new`` is Ellipsis."""
    result = copy.deepcopy(payload)
    inner: Any = result
    for key in way[:-1]:
        inner = inner[key]
    if new is ... and isinstance(inner, dict):
        del inner[way[-1]]
    else:
        inner[way[-1]] = None if new is ... else new
    return result


@cache
def ours() -> list[tuple[str, dict[str, Any]]]:
    """Return the examples that a trigger wants."""
    return [(name, payload) for name, payload in examples() if wanted(name, payload.get("action", ""))]


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_a_payload_with_anything_missing_or_strange_is_understood(data: st.DataObject) -> None:
    """A field that is missing or of another type is left empty; nothing raises."""
    name, payload = data.draw(st.sampled_from(ours()))
    way = data.draw(st.sampled_from(list(places(payload))))
    damaged = changed(payload, way, data.draw(st.just(...) | JSON))
    found = understand(name, "guid", damaged)
    for ask in asks(found):
        assert isinstance(ask, Ask)


@given(st.sampled_from(sorted(EVENTS)), st.dictionaries(st.text(max_size=8), JSON, max_size=5))
@settings(deadline=None)
def test_nonsense_is_understood_as_nothing(name: str, payload: dict[str, Any]) -> None:
    """A payload that is none has empty fields."""
    found = understand(name, "guid", payload)
    assert (found.repository, found.number, found.comment) == ("", 0, "")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (event("issues", "labeled", label="x", state="open"), [Start(ISSUE, "x")]),
        (event("issues", "labeled", label="x", state="closed"), []),
        (event("issues", "labeled", label="", state="open"), []),
        (event("issues", "labeled", label="x", is_pull_request=True), []),
        (event("issues", "unlabeled", label="x"), [End(ISSUE, "the label `x` was taken off by @ada", "x")]),
        (event("issues", "closed"), [End(ISSUE, "the issue was closed by @ada")]),
        (event("issues", "deleted"), [End(ISSUE, "the issue was deleted by @ada")]),
        (event("issues", "transferred"), [End(ISSUE, "the issue was transferred by @ada")]),
        (event("issues", "edited", changed=frozenset({"body"})), [Edited(ISSUE)]),
        (event("issues", "edited", changed=frozenset({"milestone"})), []),
        (event("issues", "opened", label="x"), []),
        (event("issues", "pinned"), []),
        (event("issue_comment", "created", comment="hello"), []),
        (event("issue_comment", "deleted", comment="/opus cancel"), []),
        (
            event("issue_comment", "created", comment="/opus cancel", comment_id=7),
            [Told(ISSUE, (Command("bg cancel"),), 7)],
        ),
        (
            event("issue_comment", "created", comment="@opus67 status", comment_id=7, is_pull_request=True),
            [Told(Subject("pull", 12), (Command("bg status"),), 7)],
        ),
        (
            event("check_run", "requested_action", check_external_id="7f", check_button="cancel"),
            [Pressed("7f", "cancel")],
        ),
        (event("check_run", "requested_action", check_button="cancel"), []),
        (event("check_run", "rerequested", check_external_id="7f"), [Pressed("7f", "run_again")]),
        (event("check_run", "rerequested"), []),
        (event("check_run", "completed", check_external_id="7f"), []),
        (event("workflow_run", "completed", run=RED), [CiEnded("actions", RED)]),
        (event("workflow_run", "completed"), []),
        (event("workflow_run", "requested", run=RED), []),
        (event("check_suite", "completed", run=SUITE), [CiEnded("checks", SUITE)]),
        (event("check_suite", "completed", run=replace(SUITE, app="github-actions")), []),
        (event("check_suite", "requested", run=SUITE), []),
        (event("status", "", run=STATUS), [CiEnded("checks", STATUS)]),
        (event("status", "", run=replace(STATUS, conclusion="")), []),
        *((event("pull_request", action, state="open", pull=READY), [ReviewWanted(12)]) for action in CHANGES),
        *((event("pull_request", action, state="open", pull=DRAFT), []) for action in CHANGES),
        (event("pull_request", "synchronize", state="closed", pull=READY), []),
        (event("pull_request", "edited", state="open", pull=READY), []),
        (event("pull_request", "closed", pull=READY), [PullClosed(12, "the pull request was closed by @ada")]),
        (
            event("pull_request", "closed", pull=replace(READY, merged=True)),
            [PullClosed(12, "the pull request was merged by @ada")],
        ),
        (event("push", "", ref="refs/heads/a/b", after="c"), [Pushed("a/b", "c")]),
        (event("push", "", ref="refs/heads/a"), [Pushed("a", "")]),
        (event("push", "", ref="refs/tags/v1", after="c"), []),
        *(
            (event("pull_request_review", "submitted", state="open", review=Review(7, state)), asked)
            for state, asked in (
                ("changes_requested", [ReviewGiven(12, 7)]),
                ("commented", [ReviewGiven(12, 7)]),
                ("approved", []),
                ("dismissed", []),
            )
        ),
        (event("pull_request_review", "submitted", state="closed", review=Review(7, "commented")), []),
        (event("pull_request_review", "edited", state="open", review=Review(7, "commented")), []),
        (event("pull_request_review_comment", "created", state="open", review=Review(7)), [ReviewGiven(12, 7)]),
        (event("pull_request_review_comment", "created", state="closed", review=Review(7)), []),
        (event("pull_request_review_comment", "edited", state="open", review=Review(7)), []),
        (
            event("installation", "created", installation_id=3, account="octo", repositories=("octo/a",)),
            [InstallationChanged(3, "octo", added_repositories=("octo/a",))],
        ),
        (
            event("installation", "deleted", installation_id=3),
            [InstallationChanged(3, "", "the App was uninstalled", removed=True)],
        ),
        (
            event("installation", "suspend", installation_id=3),
            [InstallationChanged(3, "", "the App's installation was suspended")],
        ),
        (event("installation", "unsuspend", installation_id=3), [InstallationChanged(3, "")]),
        (
            event("installation_repositories", "removed", installation_id=3, repositories_removed=("octo/a",)),
            [InstallationChanged(3, "", removed_repositories=("octo/a",))],
        ),
    ],
    ids=lambda value: f"{value.name}.{value.action}" if isinstance(value, Event) else "",
)
def test_what_each_event_asks_for(found: Event, expected: list[Ask]) -> None:
    """The table of what the triggers understand."""
    assert asks(found) == expected


@pytest.mark.parametrize(
    ("before", "after", "heard"),
    [
        ("/opus status", "/opus status", []),
        ("hello", "/opus cancel", ["bg cancel"]),
        ("/opus cancel", "/opus cancel\n/opus status", ["bg status"]),
        ("/opus status", "/opus status\n/opus status", ["bg status"]),
        ("/opus steer a", "/opus steer b", ["steer"]),
        ("/opus steer a", "", []),
    ],
)
def test_of_an_edited_comment_only_the_new_commands_count(before: str, after: str, heard: list[str]) -> None:
    """What was said before the edit is not said again, and whoever mends another's comment orders nothing."""
    words = {"comment": after, "comment_before": before, "changed": frozenset({"body"})}
    edit = event("issue_comment", "edited", comment_author="5", **words)
    assert [command.name for ask in asks(edit) if isinstance(ask, Told) for command in ask.commands] == heard
    assert asks(event("issue_comment", "edited", comment_author="6", **words)) == []


def test_an_edit_of_something_else_says_nothing() -> None:
    """A comment whose words were not changed is not heard a second time."""
    assert asks(event("issue_comment", "edited", comment="/opus cancel", comment_author="5")) == []


APP = {"performed_via_github_app": {"id": 99}, "user": {"id": 5}}


@pytest.mark.parametrize(
    ("payload", "app_id"),
    [
        ({"comment": APP, "sender": {"id": 5}}, 99),
        ({"comment": APP, "sender": {"id": 6}}, None),
        ({"issue": APP, "sender": {"id": 5}}, 99),
        ({"issue": APP, "sender": {"id": 6}}, None),
        ({"comment": {"user": {"id": 5}}, "issue": APP, "sender": {"id": 5}}, None),
    ],
)
def test_an_app_is_the_senders_only_where_the_sender_wrote(payload: dict[str, Any], app_id: int | None) -> None:
    """A bot that labels what an allowed App wrote is not that App."""
    assert understand("issues", "guid", payload).app_id == app_id


def test_a_run_tells_who_started_it_and_which_pull_requests_are_ours() -> None:
    """Who had it run again counts; pull requests of the fork's own repository do not."""
    here, there = {"base": {"repo": {"id": 1}}, "number": 12}, {"base": {"repo": {"id": 2}}, "number": 13}
    run = {"id": 5, "head_sha": "a", "actor": {"id": 5, "login": "ada"}, "triggering_actor": {"id": 6, "login": "bob"}}
    payload = {"workflow_run": {**run, "pull_requests": [here, there, 7]}, "repository": {"id": 1, "full_name": "o/r"}}
    found = understand("workflow_run", "guid", payload).run
    assert (found.actor, found.pulls, found.head_repository) == (Actor("github", "6", "bob"), (12,), "")


@pytest.mark.parametrize(
    ("sender", "actor"),
    [
        ({"id": 5, "login": "ada", "type": "User"}, Actor("github", "5", "ada")),
        ({"id": 6, "login": "dependabot[bot]", "type": "Bot"}, Actor("github", "6", "dependabot[bot]", is_bot=True)),
        ({"id": 6, "login": "x[bot]", "type": "User"}, Actor("github", "6", "x[bot]", is_bot=True)),
        ({"id": True, "login": 5}, Actor("github", "0")),
        ("ada", Actor("github", "0")),
    ],
)
def test_actors(sender: Any, actor: Actor) -> None:
    """Who acted, and whether it is a bot."""
    assert understand("issues", "guid", {"sender": sender}).actor == actor


@pytest.mark.parametrize(
    ("ends", "branch"),
    [(("topic",), "topic"), (("topic", "main"), "main"), (("topic", "other"), ""), ((), "")],
    ids=["one", "default", "several", "fork"],
)
def test_the_branch_of_a_status_is_one_that_ends_in_its_commit(ends: tuple[str, ...], branch: str) -> None:
    """The branches that only contain it are none; of several the default branch counts."""
    branches = [{"name": name, "commit": {"sha": "a" * 40}} for name in ends]
    branches += [{"name": "ahead", "commit": {"sha": "b" * 40}}, "nonsense"]
    payload = {"sha": "a" * 40, "state": "error", "context": "jenkins", "branches": branches}
    payload |= {"repository": {"full_name": "o/r", "default_branch": "main"}, "sender": {"id": 5, "login": "ada"}}
    found = understand("status", "guid", payload).run
    assert (found.branch, found.conclusion, found.workflow) == (branch, "failure", "jenkins")
    assert (found.actor.login, found.head_repository, found.id, found.suite) == ("ada", "o/r", 0, 0)

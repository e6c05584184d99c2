"""Who may have something done, at every door of GitHub's, in one table; what is refused costs nothing and loops nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from jobs.types import Status
from tests.bot.conftest import SHOP, Inbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.services import Services
    from jobs.testing.github import LocalGitHub
    from jobs.types import Task

LABEL = "assign-to-opus"
WORKS, REFUSED, SILENT = "works", "refused", "silent"
LINTER = "linter[bot]"


@dataclass
class Stage:
    """The shop, its rules, and somebody who is about to ask for something."""

    inbox: Inbox
    local: LocalGitHub
    services: Services
    allow: dict[str, Any] = field(default_factory=dict)

    def rules(self) -> None:
        """Write the repository's file."""
        self.local.commit_file(SHOP, "main", ".github/opus67.yml", f"allow: {self.allow}\n", by="olga")

    def linter(self) -> int:
        """Return the id of an App whose bot is called linter[bot]."""
        return self.local.foreign_suite(SHOP, "main", "linter", [("lint", "success", {}, ())]).app.id

    def may(self, login: str, permission: str) -> dict[str, Any]:
        """Give somebody a permission, and return them as a sender."""
        self.local.set_permission(SHOP, login, permission)
        return self.sender(login)

    def sender(self, login: str, kind: str = "User", number: int = 0) -> dict[str, Any]:
        """Return an account as events show it."""
        return {"id": number or self.local.add_user(login, kind).id, "login": login, "type": kind}

    def started(self) -> Task:
        """Have alice start a task."""
        self.inbox.label()
        task = self.inbox.task()
        assert task is not None
        return task

    def said(self) -> list[str]:
        """Return what the bot wrote on the issue."""
        ours = f"{self.local.slug}[bot]"
        return [one.body for one in self.local.comments(SHOP, 1) if one.author.login == ours]


@pytest.fixture
def stage(inbox: Inbox, local: LocalGitHub, services: Services) -> Stage:
    """Return the shop, where alice may write."""
    return Stage(inbox, local, services)


def former(stage: Stage) -> dict[str, Any]:
    """Somebody who was in the allowed team until a moment ago."""
    stage.allow["teams"] = ["octo/reviewers"]
    stage.local.set_team("octo", "reviewers", ["dora"])
    stage.local.set_team("octo", "reviewers", ["erin"])
    return stage.sender("dora")


def member(stage: Stage) -> dict[str, Any]:
    """Somebody who is in the allowed team."""
    stage.allow["teams"] = ["octo/reviewers"]
    stage.local.set_team("octo", "reviewers", ["dora"])
    return stage.sender("dora")


def named(stage: Stage, *names: str) -> None:
    """Allow people by name."""
    stage.allow["logins"] = list(names)


def lookalike(stage: Stage, login: str) -> dict[str, Any]:
    """Somebody whose login looks like one that is allowed."""
    named(stage, "alice", "kate")
    return {"id": 4242, "login": login, "type": "User"}


def taken(stage: Stage) -> dict[str, Any]:
    """Somebody who was renamed, while their old login belongs to another person who may write."""
    before = stage.sender("dora")
    stage.local.rename_user("dora", "theodora")
    stage.local.set_permission(SHOP, "dora", "admin")
    return before


def renamed(stage: Stage) -> dict[str, Any]:
    """Somebody who may write and has another login by now than in the event."""
    before = stage.may("dora", "write")
    stage.local.rename_user("dora", "theodora")
    return before


def allowed_app(stage: Stage, shift: int = 0) -> dict[str, Any]:
    """A bot, where its App, or the one beside it, is allowed."""
    stage.allow["bots"] = [stage.linter() + shift]
    return stage.sender(LINTER, "Bot")


def person_called_as_the_app(stage: Stage) -> dict[str, Any]:
    """A person without rights who is called as the allowed App is."""
    stage.allow["bots"] = [stage.linter()]
    return stage.sender("linter")


ACTORS: dict[str, tuple[Callable[[Stage], dict[str, Any]], str]] = {
    "who may write": (lambda stage: stage.sender("alice"), WORKS),
    "who maintains": (lambda stage: stage.may("dora", "maintain"), WORKS),
    "who may read": (lambda stage: stage.may("dora", "read"), REFUSED),
    "who may triage": (lambda stage: stage.may("dora", "triage"), REFUSED),
    "an outsider": (lambda stage: stage.sender("mallory"), REFUSED),
    "who had a right that was taken": (lambda stage: [stage.may("dora", "admin"), stage.may("dora", "none")][1], REFUSED),
    "a member of the allowed team": (member, WORKS),
    "a former member of the allowed team": (former, REFUSED),
    "a deleted account": (lambda _: {"id": 10137, "login": "ghost", "type": "User"}, REFUSED),
    "an account that GitHub does not know any more": (lambda _: {"id": 9999999, "login": "gone", "type": "User"}, REFUSED),
    "an organisation": (lambda stage: stage.sender("megacorp", "Organization"), REFUSED),
    "a placeholder of an import": (lambda _: {"id": 77, "login": "alice-imported", "type": "Mannequin"}, REFUSED),
    "a login in Cyrillic": (lambda stage: lookalike(stage, "\u0430lice"), REFUSED),
    "a login with a Kelvin sign": (lambda stage: lookalike(stage, "\u212aate"), REFUSED),
    "a login with something unseen": (lambda stage: lookalike(stage, "alice\u200b"), REFUSED),
    "whose login somebody with rights has by now": (taken, REFUSED),
    "who was renamed on the way": (renamed, REFUSED),
    "a bot that nobody allowed": (lambda stage: stage.sender("other[bot]", "Bot"), SILENT),
    "a bot that is told to be a person": (lambda stage: stage.sender("other[bot]", "User"), SILENT),
    "a bot whose App is allowed": (allowed_app, WORKS),
    "a bot whose App is not the allowed one": (lambda stage: allowed_app(stage, 1), SILENT),
    "a person called as the allowed App": (person_called_as_the_app, REFUSED),
    "GitHub's Actions": (lambda stage: stage.sender("github-actions[bot]", "Bot"), SILENT),
    "the bot itself": (lambda stage: stage.sender(f"{stage.local.slug}[bot]", "Bot"), SILENT),
    "a person whose login ends in -bot": (lambda stage: stage.sender("helper-bot"), REFUSED),
    "a person in brackets that are none": (lambda stage: stage.sender("x\uff3bbot\uff3d"), REFUSED),
    "a person with a right, whose login ends in -bot": (lambda stage: stage.may("helper-bot", "write"), WORKS),
}  # fmt: skip


def by_label(stage: Stage, sender: dict[str, Any]) -> bool:
    """Put the label on; tell whether that started anything."""
    stage.local.label_issue(SHOP, 1, LABEL, by="olga")
    stage.inbox.take("issues", "labeled", label={"name": LABEL}, sender=sender)
    return stage.inbox.task() is not None


def by_comment(stage: Stage, sender: dict[str, Any]) -> bool:
    """Say that a task is to end; tell whether it did."""
    task = stage.started()
    comment = stage.local.comment(SHOP, 1, f"/opus bg cancel {task.id}", by="olga")
    told = {"id": comment.id, "body": comment.body, "user": sender}
    stage.inbox.take("issue_comment", "created", comment=told, sender=sender)
    return bool(stage.services.store.tasks.row(task.id).status == Status.COMPLETED)


def by_button(stage: Stage, sender: dict[str, Any]) -> bool:
    """Press the button that ends a task; tell whether it did."""
    task = stage.started()
    pressed: dict[str, Any] = {"check_run": {"external_id": task.id}, "requested_action": {"identifier": "cancel"}}
    stage.inbox.take("check_run", "requested_action", sender=sender, **pressed)
    return bool(stage.services.store.tasks.row(task.id).status == Status.COMPLETED)


DOORS = {"a label": by_label, "a comment": by_comment, "a button": by_button}


@pytest.mark.parametrize("actor", ACTORS)
def test_the_table_of_actors_and_doors(stage: Stage, actor: str) -> None:
    """Who may is obeyed; people who may not get one sentence for each thing refused, bots and we ourselves none."""
    make, wanted = ACTORS[actor]
    sender = make(stage)
    stage.rules()
    for name, door in DOORS.items():
        before = len(stage.said())
        did = door(stage, sender)
        answers = stage.said()[before:]
        assert did is (wanted == WORKS), (name, answers)
        # The button asks for what the comment asked for, and a refusal is said once.
        assert len(answers) == (wanted == REFUSED and name != "a button"), (name, answers)
        task = stage.inbox.task()
        if task is not None:  # the next door begins with a task of its own
            stage.local.unlabel_issue(SHOP, 1, LABEL, by="alice")
            stage.inbox.take("issues", "unlabeled", label={"name": LABEL})
    assert stage.local.violations == []


def test_a_commands_sender_is_who_wrote_it(stage: Stage) -> None:
    """An event that names one person as sender and another as author of the comment orders nothing, new or edited."""
    task = stage.started()
    mallory, alice = stage.sender("mallory"), stage.sender("alice")
    said = {"id": 5, "body": f"/opus bg cancel {task.id}", "user": mallory}
    stage.inbox.take("issue_comment", "created", sender=alice, comment=said)
    stage.inbox.take("issue_comment", "edited", sender=alice, comment=said, changes={"body": {"from": ""}})
    own = {**said, "user": alice}
    stage.inbox.take("issue_comment", "edited", sender=alice, comment=own, changes={"body": {"from": own["body"]}})
    assert stage.services.store.tasks.row(task.id).status == Status.QUEUED
    stage.inbox.take("issue_comment", "edited", sender=alice, comment=own, changes={"body": {"from": "hm"}})
    assert stage.services.store.tasks.row(task.id).status == Status.COMPLETED


@pytest.mark.parametrize(
    "echo",
    ["/opus nonsense", "/opus bg status", "/opus why", "@opus67 help", "/opus approve", "/opus mission pause all"],
)
def test_an_allowed_bot_that_answers_all_that_we_say_is_not_answered(stage: Stage, echo: str) -> None:
    """It gets thumbs and no words, so that nothing of ours is there for it to answer."""
    sender = allowed_app(stage)
    stage.rules()
    stage.started()
    for _ in range(3):
        comment = stage.local.comment(SHOP, 1, echo, by=LINTER)
        told = {"id": comment.id, "body": echo, "user": sender}
        stage.inbox.take("issue_comment", "created", sender=sender, comment=told)
    assert stage.said() == []


DEPUTIES: dict[str, Callable[[Stage], tuple[str, int]]] = {
    "another account's installation": lambda stage: (SHOP, elsewhere(stage)),
    "another account's installation, in capitals": lambda stage: (SHOP.upper(), elsewhere(stage)),
    "an installation that is none": lambda _: (SHOP, 424_242),
    "no installation": lambda _: (SHOP, 0),
    "a repository that the installation does not cover": lambda stage: (uncovered(stage), stage.local.installation_id),
    "a repository that is none": lambda stage: ("octo/nowhere", stage.local.installation_id),
    "a path as a repository": lambda stage: ("octo/shop/../../evil/shop", stage.local.installation_id),
}


def elsewhere(stage: Stage) -> int:
    """Return an installation of mallory's, on a repository that is called as the shop."""
    stage.local.create_repository("mallory/shop", {"README.md": "x\n"})
    stage.local.set_permission("mallory/shop", "mallory", "admin")
    return next(one.id for one in stage.local.world.installations.values() if one.account.login == "mallory")


def uncovered(stage: Stage) -> str:
    """Return a repository of the same owner that the App was not given, where mallory may write."""
    stage.local.create_repository("octo/vault", {"README.md": "x\n"}, installed=False)
    stage.local.set_permission("octo/vault", "mallory", "admin")
    stage.local.create_issue("octo/vault", "Give me the keys", by="mallory")
    return "octo/vault"


@pytest.mark.parametrize("deputy", DEPUTIES)
def test_one_installation_does_nothing_in_the_name_of_another(stage: Stage, deputy: str) -> None:
    """Signed well, but told of one repository under the installation of another: nothing begins and nothing is written."""
    repository, installation = DEPUTIES[deputy](stage)
    stage.local.label_issue(SHOP, 1, LABEL, by="olga")
    before = len(stage.local.requests)
    place: dict[str, Any] = {
        "repository": {"full_name": repository},
        "installation": {"id": installation, "account": {"login": "octo"}},
    }
    for sender in (stage.sender("mallory"), stage.sender("alice")):
        stage.inbox.take("issues", "labeled", label={"name": LABEL}, sender=sender, **place)
        said = {"id": 7, "body": "/opus bg mine bitcoin", "user": sender}
        stage.inbox.take("issue_comment", "created", sender=sender, comment=said, **place)
    written = [one for one in stage.local.requests[before:] if one.method != "GET" and "access_tokens" not in one.path]
    assert [(one.method, one.path) for one in written if one.status < 300] == []
    assert stage.services.store.tasks.recent() == []


PLACES = {
    "the text of a fork's pull request": ("pull_request", "opened"),
    "a review of somebody's": ("pull_request_review", "submitted"),
    "a comment on lines": ("pull_request_review_comment", "created"),
}


@pytest.mark.parametrize("place", PLACES)
def test_orders_of_outsiders_on_pull_requests_are_none(stage: Stage, place: str) -> None:
    """Titles, branches, texts, reviews and comments on lines of a fork's pull request order nothing."""
    fork = stage.local.fork(SHOP, by="mallory")
    stage.local.commit_file(fork, "opus/fix", "notes.md", "/opus merge\n", by="mallory")
    order = "/opus bg mine bitcoin"
    pull = stage.local.open_pull_request(SHOP, "opus/fix", order, order, by="mallory", fork=fork)
    sender, (event, action) = stage.sender("mallory"), PLACES[place]
    shown = {"number": pull.number, "title": order, "body": order, "state": "open", "draft": False,
             "head": {"sha": "a" * 40, "ref": "opus/fix"}, "user": sender}  # fmt: skip
    more: dict[str, Any] = {"review": {"id": 1, "state": "commented", "body": order, "user": sender}}
    more |= (
        {"comment": {"id": 2, "body": order, "user": sender, "pull_request_review_id": 1}} if "comment" in place else {}
    )
    stage.inbox.take(event, action, sender=sender, pull_request=shown, issue={}, **more)
    stage.inbox.take(
        "issue_comment", "created", sender=sender, comment={"id": 3, "body": order, "user": sender},
        issue={"number": pull.number, "state": "open", "pull_request": {"url": "x"}, "title": order, "body": order},
    )  # fmt: skip
    assert stage.services.store.tasks.recent() == []
    [refusal] = [one.body for one in stage.local.comments(SHOP, pull.number)]
    assert "needs write permission" in refusal

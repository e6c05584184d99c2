"""A delivery becomes a task or the end of one, once, whatever order it comes in and whatever is away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bot.inbox import handle
from jobs.types import Status
from tests.bot.conftest import SHOP, Inbox

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.testing.github import LocalGitHub

LABEL = {"name": "assign-to-opus"}


def test_a_label_becomes_a_task_once(inbox: Inbox, services: Services) -> None:
    """The task is there with the delivery done; the same delivery again changes nothing."""
    guid = inbox.label()
    task = inbox.task()
    assert task is not None
    assert (task.status, task.actor.login, task.title) == (Status.QUEUED, "alice", "Total is wrong")
    assert services.store.deliveries.is_done(guid)
    handle(services, guid)
    handle(services, "unknown-guid")
    inbox.take("issues", "labeled", guid=guid, label=LABEL)
    assert len(services.store.tasks.recent()) == 1


def test_a_delivery_waits_for_github(inbox: Inbox, services: Services, local: LocalGitHub) -> None:
    """While GitHub cannot be asked, the delivery is kept for later, and an outage never fails it."""
    local.faults.add("GET", r"/permission$", times=None, status=502)
    guid = inbox.label()
    assert inbox.task() is None
    assert services.store.deliveries.counts() == {"new": 1}
    assert list(services.store.deliveries.due(time.time())) == []
    local.faults.clear()
    services.store.deliveries.release(guid, "", 0.0)
    handle(services, guid)
    assert inbox.task() is not None


def test_a_delivery_that_cannot_be_acted_on_is_given_up(inbox: Inbox, services: Services) -> None:
    """An error of ours is tried again a few times and left in the inbox as failed, with its reason."""
    guid = inbox.take("issues", "labeled", label=LABEL, installation={"id": 424242})
    for _ in range(9):
        services.store.deliveries.release(guid, "again", 0.0, counts=True)
        handle(services, guid)
    assert services.store.deliveries.counts() == {"failed": 1}


def test_a_label_that_was_taken_off_again_starts_nothing(inbox: Inbox, local: LocalGitHub) -> None:
    """What counts is how the issue is now, not what the delivery says."""
    inbox.take("issues", "labeled", label=LABEL)
    assert inbox.task() is None
    local.label_issue(SHOP, 1, LABEL["name"], by="alice")
    local.close_issue(SHOP, 1, by="bob")
    inbox.take("issues", "labeled", label=LABEL)
    assert inbox.task() is None


def test_the_end_of_the_reason_is_the_end_of_the_work(inbox: Inbox, local: LocalGitHub) -> None:
    """Taking the label off, closing and deleting the issue each cancel the task, with words."""
    for end, action in (
        (lambda: local.unlabel_issue(SHOP, 1, LABEL["name"], by="bob"), "unlabeled"),
        (lambda: local.close_issue(SHOP, 1, by="bob"), "closed"),
        (lambda: local.delete_issue(SHOP, 1, by="bob"), "deleted"),
    ):
        if action == "deleted":
            local.reopen_issue(SHOP, 1, by="bob")
            local.unlabel_issue(SHOP, 1, LABEL["name"], by="bob")
        inbox.label()
        end()
        inbox.take("issues", action, by="bob", label=LABEL)
        task = inbox.task()
        assert task is not None
        assert task.status is Status.COMPLETED
        assert "@bob" in task.summary


def test_an_end_that_comes_late_ends_nothing(inbox: Inbox) -> None:
    """When the issue is open and labelled by now, an old event about it is passed over."""
    inbox.label()
    inbox.take("issues", "unlabeled", by="bob", label=LABEL)
    inbox.take("issues", "closed", by="bob")
    inbox.take("issues", "unlabeled", by="bob", label={"name": "other"})
    task = inbox.task()
    assert task is not None
    assert task.status is Status.QUEUED


def test_one_of_two_labels_is_enough(inbox: Inbox, local: LocalGitHub) -> None:
    """Taking one asking label off ends nothing while the other one is still on."""
    inbox.label()
    local.label_issue(SHOP, 1, "opus-agent", by="alice")
    local.unlabel_issue(SHOP, 1, LABEL["name"], by="alice")
    inbox.take("issues", "unlabeled", label=LABEL)
    task = inbox.task()
    assert task is not None
    assert task.status is Status.QUEUED


def test_an_edit_is_remembered(inbox: Inbox, services: Services) -> None:
    """The text stays as it was asked for."""
    inbox.label()
    inbox.take("issues", "edited", changes={"body": {"from": "It is 0.31"}})
    task = inbox.task()
    assert task is not None
    assert task.edited
    assert task.text == "It is 0.31"


def test_installations_keep_the_list_of_repositories(inbox: Inbox, services: Services, local: LocalGitHub) -> None:
    """Created, added, removed, suspended and deleted: the list follows, and tasks end with what may not be touched."""
    records = services.store.records

    def listed() -> list[str]:
        return [name for name, _ in records.repositories()]

    inbox.take("installation", "created")
    local.create_repository("octo/blog", {"README.md": "# Blog\n"})
    inbox.take("installation_repositories", "added")
    assert listed() == ["octo/blog", SHOP]
    inbox.label()
    local.remove_repositories("octo", [SHOP])
    inbox.take("installation_repositories", "removed")
    assert listed() == ["octo/blog"]
    first = inbox.task()
    assert first is not None
    assert first.status is Status.COMPLETED
    assert "taken from the App's installation" in first.summary
    local.add_repositories("octo", [SHOP])
    inbox.take("installation_repositories", "added")
    local.unlabel_issue(SHOP, 1, LABEL["name"], by="alice")
    inbox.label()
    local.suspend()
    inbox.take("installation", "suspend")
    assert listed() == []
    second = inbox.task()
    assert second is not None
    assert second.id != first.id
    assert "suspended" in second.summary
    local.unsuspend()
    inbox.take("installation", "unsuspend")
    assert listed() == ["octo/blog", SHOP]
    number = local.installation_id
    local.create_repository("acme/site", {"README.md": "# Site\n"})
    local.uninstall("octo")
    inbox.take("installation", "deleted", installation={"id": number})
    assert records.installation_count() == 0

"""What was lost on the way from GitHub is found again, once, and what is gone there ends here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bot.housekeeping.comparing import reconcile
from bot.housekeeping.redelivery import QUIET, redeliver
from jobs.testing.loopback import Answer, Loopback
from jobs.types import Delivery, Status
from tests.bot.conftest import SHOP, Inbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.services import Services
    from jobs.testing.github import LocalGitHub

LABEL = "assign-to-opus"


@pytest.fixture
def closed_door(local: LocalGitHub) -> Iterator[LocalGitHub]:
    """Yield the GitHub with one delivery that we did not take: a label on issue 1."""
    server = Loopback(lambda _request: Answer(503))
    server.start()
    local.webhook_url = server.url
    local.label_issue(SHOP, 1, LABEL, by="alice")
    local.wait_for(lambda: attempts(local) == 1, what="the first attempt")
    yield local
    local.webhook_url = ""
    server.stop()


def attempts(local: LocalGitHub) -> int:
    """Count how often the label was delivered."""
    return sum(len(one.attempts) for one in local.deliveries if one.event == "issues")


def asked(local: LocalGitHub) -> int:
    """Count how often GitHub was asked to deliver again."""
    return sum(one.method == "POST" and one.path.endswith("/attempts") for one in local.requests)


def test_what_did_not_arrive_is_asked_for_once(services: Services, closed_door: LocalGitHub) -> None:
    """Each failed delivery is sent again once, however often the list is read."""
    redeliver(services)
    closed_door.wait_for(lambda: attempts(closed_door) == 2, what="the second attempt")
    redeliver(services)
    redeliver(services)
    assert asked(closed_door) == 1


def test_an_outage_does_not_use_up_the_one_time(services: Services, closed_door: LocalGitHub) -> None:
    """When GitHub could not be asked, it is asked the next time."""
    closed_door.faults.add("POST", r"/attempts$", status=502)
    redeliver(services)
    assert attempts(closed_door) == 1
    services.store.records.drop([QUIET])
    redeliver(services)
    closed_door.wait_for(lambda: attempts(closed_door) == 2, what="the second attempt")


def test_what_was_acted_on_is_not_asked_for(services: Services, closed_door: LocalGitHub) -> None:
    """A delivery whose answer was lost, but which was stored and done, is not sent again."""
    [sent] = [one for one in closed_door.deliveries if one.event == "issues"]
    services.store.deliveries.add(Delivery(sent.guid, "github", "issues", sent.body, time.time()))
    with services.store.write() as connection:
        services.store.deliveries.finish(connection, sent.guid, time.time())
    redeliver(services)
    assert asked(closed_door) == 0


def test_a_missed_label_gets_its_task(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """In the name of the person who put it on, once, also when the task has ended since."""
    local.label_issue(SHOP, 1, LABEL, by="alice")
    reconcile(services)
    assert [name for name, _ in services.store.records.repositories()] == [SHOP]
    task = inbox.task()
    assert task is not None
    assert (task.actor.login, task.status) == ("alice", Status.QUEUED)
    reconcile(services)
    with services.store.write() as connection:
        services.store.tasks.cancel(connection, task.id, "by @alice", time.time())
    reconcile(services)
    assert len(services.store.tasks.recent()) == 1


def test_a_missed_label_survives_an_outage(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """When GitHub goes away in the middle, the next comparison starts the task."""
    local.label_issue(SHOP, 1, LABEL, by="alice")
    local.faults.add("GET", r"/permission$", times=3, status=502)
    reconcile(services)
    assert inbox.task() is None
    reconcile(services)
    assert inbox.task() is not None


def test_a_missed_label_of_a_stranger_is_refused_once(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """The same decision as for a webhook, told once."""
    local.label_issue(SHOP, 1, LABEL, by="mallory")
    for _ in range(2):
        reconcile(services)
    assert inbox.task() is None
    [comment] = local.comments(SHOP, 1)
    assert "needs write permission" in comment.body


@pytest.mark.parametrize("end", ["close_issue", "delete_issue"])
def test_a_missed_end_ends_the_task(services: Services, inbox: Inbox, local: LocalGitHub, end: str) -> None:
    """A task whose issue was closed or deleted while nobody told us is cancelled, with the reason."""
    inbox.label()
    getattr(local, end)(SHOP, 1, by="bob")
    reconcile(services)
    task = inbox.task()
    assert task is not None
    assert task.status is Status.COMPLETED
    assert "the issue" in task.summary


def test_a_missed_removal_ends_all_tasks(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """An App that was uninstalled unheard has no repositories and no tasks any more."""
    reconcile(services)
    inbox.label()
    local.uninstall()
    reconcile(services)
    task = inbox.task()
    assert task is not None
    assert "uninstalled" in task.summary
    assert list(services.store.records.repositories()) == []


def test_an_outage_changes_nothing(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """A GitHub that cannot be read is not a GitHub where everything is gone."""
    reconcile(services)
    inbox.label()
    before = list(services.store.records.repositories())
    for path in (r"/app/installations$", r"/installation/repositories$", r"/issues$"):
        local.faults.add("GET", path, times=None, status=502)
        reconcile(services)
        local.faults.clear()
    task = inbox.task()
    assert task is not None
    assert task.status is Status.QUEUED
    assert list(services.store.records.repositories()) == before

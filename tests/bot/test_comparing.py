"""What happened on GitHub while nobody told us: by comparing, the same comes of it as if it had been told, once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bot.housekeeping.comparing import COMPARED, reconcile
from jobs.notify import PULL_REQUEST
from jobs.store import Place
from jobs.store.tables import tasks
from jobs.testing.github.world import stamp
from jobs.types import Conclusion, Kind, Status, Subject
from tests.bot.conftest import SHOP, Inbox

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.testing.github import LocalGitHub
    from jobs.types import Task
    from tests.bot.ears import Ears

LABEL = "assign-to-opus"
DAY = 86400.0


def change(services: Services, task: Task, **values: object) -> None:
    """Change what is stored of a task: GitHub's times are whole seconds, and a test is quicker."""
    with services.store.write() as connection:
        connection.execute(tasks.update().where(tasks.c.id == task.id).values(**values))


def begun(inbox: Inbox) -> Task:
    """Return a task of a minute ago on issue 1."""
    inbox.label()
    task = inbox.task()
    assert task is not None
    change(inbox.services, task, created_at=time.time() - 60)
    return task


def ended(services: Services, task: Task) -> str:
    """Compare, and return how a task ended, in words; empty where it goes on."""
    reconcile(services)
    now = services.store.tasks.get(task.id)
    assert now is not None
    return now.summary if now.status is Status.COMPLETED else ""


def test_a_label_that_was_taken_off_ends_its_task(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """In the name of who took it off; another label that asks for work keeps it going."""
    task = begun(inbox)
    local.label_issue(SHOP, 1, "opus-agent", by="alice")
    local.unlabel_issue(SHOP, 1, LABEL, by="bob")
    assert ended(services, task) == ""
    local.unlabel_issue(SHOP, 1, "opus-agent", by="bob")
    assert ended(services, task) == "Cancelled: the label `opus-agent` was taken off by @bob"


def test_what_was_asked_for_in_words_does_not_hang_on_a_label(
    services: Services, inbox: Inbox, local: LocalGitHub
) -> None:
    """A retry after the label was taken off goes on without it."""
    first = begun(inbox)
    local.unlabel_issue(SHOP, 1, LABEL, by="bob")
    assert ended(services, first)
    inbox.say("/opus retry")
    again = inbox.task()
    assert again is not None
    assert again.id != first.id
    change(services, again, created_at=time.time() + 5)
    assert ended(services, again) == ""


def test_a_label_that_was_put_on_anew_begins_anew(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """Also when a task on the issue has ended before, once; the label's late delivery changes nothing."""
    first = begun(inbox)
    local.unlabel_issue(SHOP, 1, LABEL, by="bob")
    assert ended(services, first)
    reconcile(services)
    assert inbox.task() == services.store.tasks.get(first.id)
    services.store.records.keep(f"label-answered:{SHOP}#1", str(time.time() - 60), time.time())
    local.label_issue(SHOP, 1, LABEL, by="alice")
    for _ in range(2):
        reconcile(services)
    second = inbox.task()
    assert second is not None
    assert second.id != first.id
    with services.store.write() as connection:
        services.store.tasks.cancel(connection, second.id, "by @alice", time.time())
    inbox.take("issues", "labeled", label={"name": LABEL})
    reconcile(services)
    assert len(services.store.tasks.recent()) == 2


def test_a_label_that_stayed_on_begins_nothing_anew(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """However often people write on an issue whose work is done; GitHub is asked once for each change of it."""
    inbox.label()
    task = inbox.claimed()
    services.store.tasks.complete(task.id, task.attempt, _done(), worked=1.0, now=time.time())
    for number in range(2):
        local.comment(SHOP, 1, f"thanks {number}", by="bob")
        for _ in range(2):
            reconcile(services)
    assert len(services.store.tasks.recent()) == 1


def _done() -> object:
    from tests.store.asking import SUCCESS  # noqa: PLC0415 - used by one test

    return SUCCESS


def test_all_work_on_a_closed_issue_ends(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """What was asked for in words on it, too, as when it is told."""
    inbox.say("/opus bg add a test")
    task = services.store.tasks.recent()[0]
    assert task.kind is Kind.BACKGROUND
    assert ended(services, task) == ""
    local.close_issue(SHOP, 1, by="bob")
    assert ended(services, task) == "Cancelled: the issue was closed"


def test_a_changed_text_is_remembered(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """The task keeps its snapshot and says that the issue reads otherwise now."""
    task = begun(inbox)
    reconcile(services)
    assert not services.store.tasks.row(task.id).edited
    local.edit_issue(SHOP, 1, by="bob", body="It is 0.32")
    reconcile(services)
    assert services.store.tasks.row(task.id).edited
    assert services.store.tasks.row(task.id).text == "It is 0.31"


@pytest.mark.parametrize("how", ["suspended", "taken", "uninstalled while suspended"])
def test_what_the_app_may_not_touch_any_more_ends(
    services: Services, inbox: Inbox, local: LocalGitHub, how: str
) -> None:
    """A suspension, a repository taken out, and the end of an installation that was suspended before."""
    reconcile(services)
    task = begun(inbox)
    if how == "taken":
        local.remove_repositories("octo", [SHOP])
        assert "taken from the App's installation" in ended(services, task)
    else:
        local.suspend()
        assert "suspended" in ended(services, task)
    if how.startswith("uninstalled"):
        local.uninstall()
        reconcile(services)
        assert services.store.records.installations() == frozenset()
    assert list(services.store.records.repositories()) == []


@pytest.mark.parametrize("how", ["merged", "closed"])
def test_work_on_a_pull_request_ends_with_it(ears: Ears, how: str) -> None:
    """Automatic work on it is cancelled in words, and a task that waits for its CI looks at once."""
    number, owner = ears.own_pull()
    review = ears.store(kind=Kind.ADDRESS_REVIEW, subject=Subject("pull", number), title="Review")
    waits = ears.store(kind=Kind.FIX_CI, subject=Subject("ci"), title="Fix")
    ears.services.store.records.save_place(waits.id, PULL_REQUEST, Place(str(number), "", ""))
    ears.services.store.records.keep(f"pull:{SHOP}#{number}", waits.id, time.time())
    ears.wait_for(waits, ears.head(owner.branch))
    reconcile(ears.services)
    assert not ears.is_awake(waits)
    end = ears.local.merge_pull_request if how == "merged" else ears.local.close_pull_request
    end(SHOP, number, by="carol")
    ears.forget()
    assert ended(ears.services, review) == f"Cancelled: the pull request was {how}"
    assert ears.is_awake(waits)
    assert ended(ears.services, waits) == ""


def test_a_pull_request_that_nobody_wrote_down_is_found(ears: Ears) -> None:
    """Its task died behind opening it: from now on its reviews and its CI are heard, and its ending is told anew."""
    number, owner = ears.own_pull()
    records = ears.services.store.records
    records.drop([f"pull:{SHOP}#{number}"])
    reconcile(ears.services)
    assert records.value(f"pull:{SHOP}#{number}") is None
    change(ears.services, owner, attempt=3, conclusion=Conclusion.FAILURE)
    reconcile(ears.services)
    assert records.value(f"pull:{SHOP}#{number}") == owner.id
    place = records.place(owner.id, PULL_REQUEST)
    assert place is not None
    assert place.url.endswith(f"/pull/{number}")
    assert not ears.services.store.tasks.row(owner.id).told


def test_a_strangers_pull_request_from_our_branch_is_theirs(ears: Ears) -> None:
    """Somebody who opens one from work that was kept as a branch is not taken for us."""
    task = ears.store(kind=Kind.RESOLVE_ISSUE, subject=Subject("issue", 1), title="Opened")
    ears.end(task)
    change(ears.services, task, attempt=3)
    ears.local.commit_file(SHOP, task.branch, "total.py", "total = 0\n", by=f"{ears.local.slug}[bot]")
    opened = ears.local.open_pull_request(SHOP, task.branch, "Mine", by="alice")
    ears.forget()
    reconcile(ears.services)
    assert ears.services.store.records.value(f"pull:{SHOP}#{opened.number}") is None


def test_after_a_long_absence_older_things_are_found(ears: Ears) -> None:
    """What came since the last comparison is looked for, however long that is ago; without one, a day."""
    run = ears.local.run_workflow(SHOP, "main", by="alice")
    run.latest.updated_at = stamp(time.time() - 3 * DAY)
    ears.forget()
    reconcile(ears.services)
    assert not ears.tasks()
    ears.services.store.records.keep(f"{COMPARED}{SHOP}", str(time.time() - 5 * DAY), time.time())
    reconcile(ears.services)
    assert [task.kind for task in ears.tasks()] == [Kind.FIX_CI]


def test_a_comparison_without_news_costs_few_calls(services: Services, inbox: Inbox, local: LocalGitHub) -> None:
    """Six of a repository with a labelled issue at work, and two for all installations; the next one is no dearer."""
    begun(inbox)
    reconcile(services)
    for _ in range(2):
        before = len(local.requests)
        reconcile(services)
        asked = [one.path for one in local.requests[before:] if not one.path.endswith("access_tokens")]
        assert len(asked) <= 8, asked

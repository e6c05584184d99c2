"""A CI of the operator's own reports by addresses: from its request to the diagnosis, over HTTPS to a listed host."""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.app import create_app
from bot.inbox import handle
from config.bindings import CiSecret
from jobs.services import Services
from jobs.types import Conclusion, Kind
from tests.jobs.fix_ci.test_reproducing import FAILS
from tests.jobs.fix_ci.till import RIGHT, TILL, WRONG
from tests.jobs.workshop import finish, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Task
    from tests.jobs.ci_host import Ci
    from tests.jobs.fix_ci.till import Till

pytestmark = pytest.mark.bubblewrap

SECRET = "a-secret-of-jenkins-and-ours"
JUNIT = (
    '<testsuite name="totals"><testcase classname="test_till.Totals" name="test_count" file="tests/test_till.py">'
    '<failure message="AssertionError: 3 != 2">Too many.</failure></testcase></testsuite>'
)


@contextmanager
def listing(till: Till, ci: Ci) -> Iterator[None]:
    """Have the operator list the host, and give the CI a secret."""
    before = till.workshop.services
    settings = replace(before.settings, ci_hosts=(f"localhost:{ci.port}",), ci_secrets=(CiSecret("jenkins", SECRET),))
    till.workshop.services = Services(settings, before.store)
    with before.store.write() as connection:
        before.store.records.save_installation(connection, till.github.installation_id, "octo", 0.0)
        before.store.records.add_repositories(connection, till.github.installation_id, [TILL])
    yield
    till.workshop.services.github.close()
    till.workshop.services = before


def send(till: Till, **report: Any) -> Any:
    """Send a signed report as a CI does, have it acted on, and return the answer."""
    services = till.workshop.services
    door = create_app(services.settings, services.store).test_client()
    body = json.dumps({"repository": TILL, "branch": "main", "workflow": "Jenkins", **report}).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    answer = door.post("/webhooks/ci/jenkins", data=body, headers={"X-Opus67-Signature-256": signature})
    if answer.status_code == 202:
        handle(services, answer.json["delivery"])
    return answer


def begun(till: Till) -> Task:
    """Return the task that a report began."""
    [task] = [one for one in till.workshop.services.store.tasks.recent() if one.kind is Kind.FIX_CI]
    return task


def test_log_and_report_are_fetched_and_the_next_report_ends_the_waiting(till: Till, ci: Ci) -> None:
    """Both tell of the failure; what the CI says of the mend is the end."""
    sha = till.push(WRONG)
    ci.pages |= {"/7/log": (200, {}, FAILS), "/7/junit.xml": (200, {}, JUNIT.encode())}
    till.workshop.plays(work=[write(RIGHT, "till.py"), finish("One too many.", "Sum right")])
    with listing(till, ci):
        addresses = {
            "log_url": ci.url("/7/log"),
            "junit_url": ci.url("/7/junit.xml"),
            "url": "https://ci.example.com/7",
        }
        answer = send(till, sha=sha, conclusion="failure", actor="alice", **addresses)
        assert answer.status_code == 202
        task = begun(till)
        assert (task.actor.login, task.about["source"], task.about["place"]) == ("alice", "report", "default")
        assert till.go(task).approval == "asked"
        with till.workshop.services.store.write() as connection:
            assert till.workshop.services.store.tasks.approve(connection, task.id)
        row = till.once(task)
        assert row.listens, (row.summary, row.question, row.note)
        found = till.diagnosis(task)
        assert {failure.name.rpartition(".")[2] for failure in found.failures} == {"test_total", "test_count"}
        assert (found.run_url, found.workflow) == ("https://ci.example.com/7", "Jenkins")
        assert [path for path, _ in ci.asked] == ["/7/log", "/7/junit.xml"]
        pushed = row.listens.rpartition("@")[2]
        assert send(till, sha=pushed, conclusion="success", branch=task.own_branch).status_code == 202
        row = till.once(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert "CI is green at" in row.summary


def test_an_address_on_another_host_is_refused_at_the_door(till: Till, ci: Ci) -> None:
    """Nothing is stored, and nothing is asked there."""
    with listing(till, ci):
        answer = send(till, sha="a" * 40, conclusion="failure", log_url="https://evil.example.com/log")
    assert answer.status_code == 400
    assert "OPUS67_CI_HOSTS" in answer.json["message"]
    assert ci.asked == []


def test_a_log_that_is_gone_is_told_in_words(till: Till, ci: Ci) -> None:
    """The task ends so, without a model and without the key that the address may hold."""
    sha = till.push(WRONG)
    with listing(till, ci):
        assert send(till, sha=sha, conclusion="failure", log_url=ci.url("/gone?token=s3cret")).status_code == 202
        row = till.go(begun(till))
    assert row.conclusion == Conclusion.FAILURE
    assert "answered 404" in row.summary
    assert "s3cret" not in row.summary
    assert till.paid() == 0

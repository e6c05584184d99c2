"""The same at the doors for Slack and for CIs, and what a worker makes of what was stored."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bot.ci_reports import LARGEST_BODY as LARGEST_REPORT
from bot.inbox import handle
from bot.slack_bot.web import LARGEST_BODY as LARGEST_OF_SLACK
from config.settings import load
from jobs.services import Services
from jobs.store import Store
from jobs.store.tables import metadata
from jobs.types import Delivery
from tests.bot.conftest import SHOP
from tests.hostile import wire
from tests.hostile.test_receiver import process  # noqa: F401 - a fixture
from tests.hostile.wire import CI, SLACK, chunked, ci, form, report, request, slack, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.testing.github import LocalGitHub
    from tests.hostile.test_receiver import Web

FORM = "application/x-www-form-urlencoded"
HELLO = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
DEEP = b'{"a":' * 100_000


@pytest.fixture
def web(process: Web) -> Iterator[Web]:  # noqa: F811 - the fixture
    """Yield the web process with nothing stored; it lives afterwards."""
    process.empty()
    yield process
    assert statuses(request("/health", [], method="GET"), process.port) == [200]


def command(text: str, trigger: str = "1.2.3") -> bytes:
    """Return what Slack sends for a command."""
    return form(
        command="/opus",
        text=text,
        trigger_id=trigger,
        user_id="U1",
        user_name="ann",
        team_id="T1",
        channel_id="C1",
        response_url="http://127.0.0.1:9/x",
    )


def said(body: bytes = HELLO, *, signed: bytes | None = None, **changes: Any) -> bytes:
    """Return a request of Slack's."""
    return request(SLACK, slack(body if signed is None else signed, **changes), body)


def at_slack() -> dict[str, tuple[bytes, int]]:
    """Return what Slack would not send, signed now, and the status of the answer to it."""
    return {
        "without a signature": (request(SLACK, [], HELLO), 401),
        "signed with another secret": (said(secret="guess"), 401),
        "signed for another body": (said(HELLO + b" ", signed=HELLO), 401),
        "signed six minutes ago": (said(at=time.time() - 3600), 401),
        "signed in the future": (said(at=time.time() + 3600), 401),
        "with a time that is none": (said(X_Slack_Request_Timestamp="now"), 401),
        "with another time than was signed": (said(X_Slack_Request_Timestamp=str(int(time.time()) + 1)), 401),
        "signed by an older way": (said(X_Slack_Signature="v1=" + "0" * 64), 401),
        "with bytes that are no text": (said(b"\xff\xfe"), 401),
        "larger than anything": (said(b"x" * (LARGEST_OF_SLACK + 1)), 413),
        "larger than anything, in chunks": (chunked(SLACK, slack(b"x"), [b"x" * (1 << 20)] * 2), 413),
        "JSON of a hundred thousand levels": (said(DEEP), 400),
        "a list": (said(b"[]"), 400),
        "null": (said(b"null"), 400),
        "NaN": (said(b"NaN"), 400),
        "a number of ten thousand digits": (said(b'{"type": ' + b"9" * 10_000 + b"}"), 400),
        "a form whose payload is no JSON": (said(form(payload="{"), Content_Type=FORM), 400),
        "a form whose payload is a list": (said(form(payload="[]"), Content_Type=FORM), 400),
        "a form whose payload is deep": (said(form(payload="[" * 100_000), Content_Type=FORM), 400),
        "nothing that anybody handles": (said(b'{"type": "\\u0000\\ud800"}'), 404),
    }


@pytest.mark.parametrize("name", at_slack())
def test_what_slack_would_not_send_is_turned_away(web: Web, name: str) -> None:
    """Before Slack's library reads it; nothing is stored, and nothing is an error of ours."""
    sent, status = at_slack()[name]
    if "ago" in name or "future" in name or name == "with another time than was signed":
        assert b"X-Slack-Request-Timestamp" in sent
    assert statuses(sent, web.port) == [status]
    assert web.rows() == []


def test_a_command_that_is_replayed_is_one(web: Web) -> None:
    """Signed once and sent again within the minutes that the signature is good for, twenty times at once."""
    sent, ready = said(command("bg status"), Content_Type=FORM), threading.Barrier(20)

    def send() -> list[int]:
        ready.wait(30)
        return statuses(sent, web.port)

    with ThreadPoolExecutor(20) as pool:
        told = [one.result() for one in [pool.submit(send) for _ in range(20)]]
    assert told == [[200]] * 20
    assert len(web.rows()) == 1


def reported(body: bytes | None = None, *, path: str = CI, **changes: Any) -> bytes:
    """Return a report of a CI."""
    body = report() if body is None else body
    return request(path, ci(body, **changes), body)


AT_CI = {
    "without a signature": (request(CI, [], report()), 401),
    "signed with another secret": (reported(secret="guess"), 401),
    "signed with GitHub's header": (request(CI, wire.github(report()), report()), 401),
    "signed with SHA-1": (request(CI, [("X-Opus67-Signature", "sha1=00")], report()), 401),
    "of a CI that nobody knows": (reported(path="/webhooks/ci/nobody"), 401),
    "of a CI with a name of three thousand letters": (reported(path="/webhooks/ci/" + "x" * 3000), 401),
    "of a CI whose name is a NUL": (reported(path="/webhooks/ci/%00"), 401),
    "of a CI whose name is no text": (reported(path="/webhooks/ci/%ff%fe"), 401),
    "of a CI whose name has a slash": (reported(path="/webhooks/ci/jenkins/x"), 404),
    "with a number that is a path": (reported(X_Opus67_Delivery="../../etc/passwd"), 400),
    "larger than is taken": (reported(b"x" * (LARGEST_REPORT + 1)), 413),
    "larger than is taken, in chunks": (chunked(CI, ci(b"x"), [b"x" * (1 << 20)] * 6), 413),
    "of a hundred thousand levels": (reported(DEEP), 400),
    "that is a list": (reported(b"[]"), 400),
    "with a pull request that is NaN": (reported(report(pull_request=float("nan"))), 400),
    "with a pull request beyond numbers": (reported(report(pull_request=float("inf"))), 400),
    "with a pull request that is true": (reported(report(pull_request=True)), 400),
    "with a number of ten thousand digits": (reported(b'{"pull_request": ' + b"9" * 10_000 + b"}"), 400),
    "with a conclusion that is a list": (reported(report(conclusion=["failure"])), 400),
    "with half a character in its command": (reported(report(command="make \ud800")), 400),
    "with a NUL in its branch": (reported(report(branch="main\0")), 400),
    "with a field of its own": (reported(report(__class__="x")), 400),
}


@pytest.mark.parametrize("name", AT_CI)
def test_what_a_ci_would_not_report_is_turned_away(web: Web, name: str) -> None:
    """In words; a name that nobody knows is answered as a wrong signature is."""
    sent, status = AT_CI[name]
    assert statuses(sent, web.port) == [status]
    assert web.rows() == []


def test_a_report_that_is_replayed_is_one(web: Web) -> None:
    """By its bytes, or by its number."""
    for sent in (
        reported(),
        reported(),
        reported(X_Opus67_Delivery="build-1234"),
        reported(report(log="x"), X_Opus67_Delivery="build-1234"),
    ):
        assert statuses(sent, web.port) == [202]
    assert len(web.rows()) == 2


@pytest.fixture
def acting(database_url: str, local: LocalGitHub, home: Path) -> Iterator[Services]:
    """Yield a worker's services over each sort of database."""
    store = Store(database_url)
    metadata.create_all(store.database.engine)
    environment = {
        **local.environment(),
        "OPUS67_HOME": str(home),
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "DATABASE_URL": database_url,
    }
    services = Services(load(environment, dotenv=None), store)
    yield services
    if "github" in services.__dict__:
        services.github.close()
    store.close()


ODD = {
    "NUL characters": "a\0b\0",
    "half a character": "a \ud800 b \udfff",
    "every control character": "".join(map(chr, range(32))),
    "no characters of Unicode": "\ufffe\uffff\U0010ffff",
    "a million letters": "x" * 1_000_000,
    "marks without end": "a" + "\u0301" * 5_000,
}


def labeled(local: LocalGitHub, guid: str, text: str) -> Delivery:
    """Return the delivery of a label on an issue whose title and text are given."""
    account = local.add_user("alice")
    payload = {
        "action": "labeled",
        "repository": {"full_name": SHOP},
        "installation": {"id": local.installation_id, "account": {"login": "octo"}},
        "sender": {"id": account.id, "login": "alice", "type": "User"},
        "issue": {"number": 1, "title": text, "body": text, "state": "open"},
        "label": {"name": "assign-to-opus"},
    }
    return Delivery(guid, "github", "issues", json.dumps(payload).encode(), time.time())


@pytest.mark.parametrize("name", ODD)
def test_odd_characters_stop_nobody(acting: Services, local: LocalGitHub, name: str) -> None:
    """The delivery is acted on, in each sort of database, and what is stored of it is text."""
    local.label_issue(SHOP, 1, "assign-to-opus", by="alice")
    acting.store.deliveries.add(labeled(local, "odd-0001", ODD[name]))
    handle(acting, "odd-0001")
    assert acting.store.deliveries.counts() == {"done": 1}
    with closing(acting.store.database.engine.connect()) as connection:
        [(title, text)] = connection.execute(sa.text("SELECT title, text FROM tasks")).fetchall()
    assert "\0" not in title + text
    (title + text).encode()


def test_one_number_twenty_times_is_one_task(acting: Services, local: LocalGitHub) -> None:
    """However many workers take it up at once."""
    local.label_issue(SHOP, 1, "assign-to-opus", by="alice")
    delivery, ready = labeled(local, "once-0001", "Total is wrong"), threading.Barrier(8)

    def take() -> None:
        ready.wait(30)
        acting.store.deliveries.add(delivery)
        handle(acting, delivery.guid)

    with ThreadPoolExecutor(8) as pool:
        for one in [pool.submit(take) for _ in range(8)]:
            one.result()
    assert acting.store.deliveries.counts() == {"done": 1}
    assert acting.store.tasks.counts() == {"queued": 1}


POISON = {
    "a hundred thousand levels": b'{"action":"labeled","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of ten thousand digits": b'{"action":"labeled","a":' + b"9" * 10_000 + b"}",
    "no JSON at all": b'{"action":"labeled"} or not}',
    "an issue that is a number": b'{"action":"labeled","issue":5,"repository":7,"sender":[],"label":"x"}',
    "a repository that is a path": b'{"action":"labeled","issue":{"number":1},"repository":{"full_name":"../../etc"},'
    b'"installation":{"id":1},"sender":{"id":1,"login":"../x"},"label":{"name":"assign-to-opus"}}',
}


@pytest.mark.parametrize("name", POISON)
def test_a_poisoned_delivery_harms_no_worker(acting: Services, name: str) -> None:
    """It is given up, or nothing comes of it; the worker goes on."""
    acting.store.deliveries.add(Delivery("poison-1", "github", "issues", POISON[name], time.time()))
    handle(acting, "poison-1")
    assert acting.store.tasks.counts() == {}
    assert sum(acting.store.deliveries.counts().values()) == 1

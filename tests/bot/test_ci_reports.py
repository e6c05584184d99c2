"""Reports of a CI of the operator's own: signed, strictly read, stored, and then as good as a run of Actions."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.serving import make_server

from bot.app import create_app
from bot.ci_reports import LARGEST_BODY, Malformed, read
from config.settings import load
from jobs.types import Actor, Kind, Subject
from tests.bot.conftest import SHOP, sign
from tests.house.sources import ROOT
from tests.needs import requires

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from jobs.services import Services
    from jobs.store import Store
    from tests.bot.ears import Ears

SECRET, OLDER, OTHER = "0d9b3fb2c1a64e57f8a0c6d2e4b19773", "older-secret-of-jenkins", "another-secret-of-drone"
SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
REPORT: dict[str, Any] = {
    "repository": SHOP,
    "sha": SHA,
    "branch": "main",
    "conclusion": "failure",
    "workflow": "nightly build",
}
ENVIRONMENT = {
    "OPUS67_CI_SECRETS": f"jenkins={SECRET},jenkins={OLDER},drone={OTHER}",
    "OPUS67_CI_HOSTS": "ci.example.com, *.logs.example.com, 10.0.0.7:8443",
    "GITHUB_WEBHOOK_SECRET": "x" * 20,
    "REDIS_URL": "redis://127.0.0.1:9/0",
}


@pytest.fixture
def door(store: Store, home: Path) -> FlaskClient:
    """Return a client of the application that knows two CIs."""
    return create_app(load({**ENVIRONMENT, "OPUS67_HOME": str(home)}, dotenv=None), store).test_client()


def send(
    door: FlaskClient, report: Any, *, name: str = "jenkins", secret: str = SECRET, **headers: str
) -> TestResponse:
    """Send a signed report."""
    body = report if isinstance(report, bytes) else json.dumps(report).encode()
    given_headers = {"X-Opus67-Signature-256": sign(body, secret), "Content-Type": "application/json", **headers}
    return door.post(f"/webhooks/ci/{name}", data=body, headers=given_headers)


def test_a_signed_report_is_stored_once(door: FlaskClient, store: Store) -> None:
    """Before it is acknowledged; what is sent again, by its number or its bytes, is the same delivery."""
    first = send(door, REPORT)
    assert first.status_code == 202
    assert send(door, REPORT).json == first.json
    named = {"X-Opus67-Delivery": "build-1234"}
    second = send(door, REPORT, **named)
    assert send(door, {**REPORT, "log": "x"}, **named).json == second.json
    assert second.json != first.json
    kept = store.deliveries.read(first.json["delivery"])
    assert kept is not None
    assert (kept.source, kept.event, json.loads(kept.body)) == ("ci", "jenkins", REPORT)
    assert store.deliveries.counts() == {"new": 2}


def test_both_secrets_of_a_rotation_are_valid(door: FlaskClient) -> None:
    """And that of another CI is not."""
    assert send(door, REPORT, secret=OLDER).status_code == 202
    assert send(door, REPORT, secret=OTHER).status_code == 401


def test_unknown_names_and_wrong_signatures_are_answered_alike(door: FlaskClient, store: Store) -> None:
    """Nobody learns which names there are, and nothing is read before the signature."""
    answers = [
        send(door, REPORT, name="nobody"),
        send(door, REPORT, secret="x" * 20),
        send(door, b"not JSON", secret="x" * 20),
        send(door, REPORT, **{"X-Opus67-Signature-256": ""}),
        send(door, REPORT, **{"X-Opus67-Signature-256": "sha1=" + "0" * 40}),
    ]
    assert {(answer.status_code, answer.data) for answer in answers} == {(401, answers[0].data)}
    assert store.deliveries.counts() == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha": ...}, "`sha` is missing"),
        ({"sha": "main"}, "`sha` is to be a whole commit"),
        ({"sha": SHA.upper()}, "`sha` is to be a whole commit"),
        ({"repository": "shop"}, "`repository` is to be owner/name"),
        ({"repository": "octo/.."}, "`repository` is to be owner/name"),
        ({"branch": "a b"}, "`branch` is to be"),
        ({"branch": "\ud800"}, "`branch` is to be"),
        ({"conclusion": "red"}, "`conclusion` is to be failure or success"),
        ({"conclusion": None}, "`conclusion` is to be failure or success"),
        ({"conclusion": ["failure"]}, "`conclusion` is to be failure or success"),
        ({"workflow": "a\nb"}, "`workflow` is to be"),
        ({"workflow": 5}, "`workflow` is to be"),
        ({"pull_request": "12"}, "`pull_request` is to be the number"),
        ({"pull_request": True}, "`pull_request` is to be the number"),
        ({"pull_request": 0}, "`pull_request` is to be the number"),
        ({"actor": "a b"}, "`actor` is to be a GitHub login"),
        ({"url": "http://ci.example.com/1"}, "`url` is to be an address"),
        ({"log": 5}, "`log` is to be a text"),
        ({"log": None}, "`log` is to be a text"),
        ({"junit": [5]}, "`junit` is to be the XML"),
        ({"log": "a", "log_url": "https://ci.example.com/1"}, "not both"),
        ({"log_url": "https://evil.example.com/1"}, "is not listed in OPUS67_CI_HOSTS"),
        ({"junit_url": "https://ci.example.com:8443/1"}, "is not listed in OPUS67_CI_HOSTS"),
        ({"log_url": "https://me:secret@ci.example.com/1"}, "holds no name or password"),
        ({"colour": "red"}, "`colour` is not known here"),
    ],
)
def test_a_report_that_is_not_in_the_form_is_a_400_in_words(
    door: FlaskClient, store: Store, changes: dict[str, Any], words: str
) -> None:
    """The first thing that is wrong is named."""
    report = {name: value for name, value in {**REPORT, **changes}.items() if value is not ...}
    answer = send(door, report)
    assert answer.status_code == 400
    assert words in answer.json["message"]
    assert store.deliveries.counts() == {}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'"x"'])
def test_what_is_no_json_object_is_a_400(door: FlaskClient, body: bytes) -> None:
    """Nothing that has the right signature makes the receiver fail."""
    assert send(door, body).status_code == 400


def test_good_reports_of_every_shape(door: FlaskClient) -> None:
    """All fields of the form are taken."""
    full = {**REPORT, "pull_request": 12, "url": "https://ci.example.com/1", "command": "make test", "actor": "alice"}
    assert send(door, {**full, "log": "\x1b[31mred", "junit": ["<a/>", "<b/>"]}).status_code == 202
    urls = {"log_url": "https://a.logs.example.com/1?x=y", "junit_url": "https://10.0.0.7:8443/report.xml"}
    assert send(door, {**full, **urls}).status_code == 202
    assert send(door, {**full, "conclusion": "success", "junit": "<a/>", "sha": "a" * 64}).status_code == 202


def test_too_much_is_a_413(door: FlaskClient) -> None:
    """5 MB are read, one byte more is not; a strange number of a delivery is a 400."""
    padded = json.dumps({**REPORT, "log": ""}).encode()
    filled = padded.replace(b'"log": ""', b'"log": "' + b"x" * (LARGEST_BODY - len(padded)) + b'"')
    assert len(filled) == LARGEST_BODY
    assert send(door, filled).status_code == 202
    assert send(door, filled + b" ").status_code == 413
    assert send(door, REPORT, **{"X-Opus67-Delivery": "a b"}).status_code == 400


@given(
    st.dictionaries(
        st.sampled_from([*REPORT, "log", "junit", "pull_request"]),
        st.none() | st.integers() | st.text() | st.lists(st.text()),
    )
)
@hypothesis_settings(deadline=None)
def test_any_object_is_read_or_refused_in_words(report: dict[str, Any]) -> None:
    """The reader raises nothing else."""
    with contextlib.suppress(Malformed):
        assert set(REPORT) <= set(read(json.dumps({**REPORT, **report}).encode()))


def take(ears: Ears, **changes: Any) -> str:
    """Act on a report about the head of the default branch, and return the number of its delivery."""
    report = {**REPORT, "sha": ears.head("main"), **changes}
    guid = f"ci-jenkins-{len(ears.services.store.tasks.recent())}-{report['conclusion']}"
    ears.take(guid, "jenkins", json.dumps(report).encode(), source="ci")
    return guid


def test_a_failure_starts_the_mending(ears: Ears) -> None:
    """On behalf of who is named, as GitHub knows the account, or of the repository."""
    guid = take(ears)
    [task] = ears.tasks()
    assert (task.kind, task.actor, task.title) == (
        Kind.FIX_CI,
        Actor("repository", SHOP),
        "CI is red on main: nightly build",
    )
    assert task.about["source"] == "report"
    assert task.about["report"] == guid
    key = f"ci_report:{SHOP}@{ears.head('main')}"
    assert ears.services.store.records.value(key) == f"failure:{guid}"
    ears.end(task)
    take(ears, actor="alice")
    assert ears.tasks()[-1].actor == Actor("github", str(ears.local.add_user("alice").id), "alice")


def test_a_success_wakes_who_waits(ears: Ears) -> None:
    """And starts nothing."""
    waiting = ears.store(kind=Kind.FIX_CI, subject=Subject("ci"), title="CI is red")
    ears.wait_for(waiting, ears.head("main"))
    take(ears, conclusion="success")
    assert ears.is_awake(waiting)
    assert len(ears.tasks()) == 1


def test_our_own_pull_request_is_known_by_its_number_or_its_branch(ears: Ears) -> None:
    """A report about its head goes on in the name of who asked for it."""
    number, owner = ears.own_pull()
    take(ears, sha=ears.head(owner.branch), branch=owner.branch, pull_request=number)
    [task] = ears.tasks()
    assert (task.about["place"], task.about["pull"], task.actor.login) == ("own", number, "alice")


@pytest.mark.parametrize(
    "changes",
    [{"repository": "octo/nowhere"}, {"sha": SHA}, {"pull_request": 77}, {"branch": "nowhere"}],
    ids=lambda value: next(iter(value)),
)
def test_reports_about_what_is_not_there_start_nothing(ears: Ears, changes: dict[str, Any]) -> None:
    """The repository must be ours, and the commit the newest of the branch or pull request."""
    guid = take(ears, **changes)
    assert not ears.tasks()
    assert ears.services.store.deliveries.is_done(guid)


@pytest.fixture
def served(services: Services, store: Store) -> Iterator[str]:
    """Yield the address of the application over HTTP, with the secret of the example in the documents."""
    environment = {**ENVIRONMENT, "OPUS67_CI_SECRETS": "jenkins=a-secret-of-your-own", "OPUS67_HOME": "/nowhere"}
    server = make_server("127.0.0.1", 0, create_app(load(environment, dotenv=None), store), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_example_of_the_documents_works_as_written(served: str, store: Store, home: Path) -> None:
    """What people copy from docs/ci.md is accepted, apart from the address."""
    requires(shutil.which("curl") and shutil.which("openssl"), "curl and openssl")
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    script = page.partition("```sh\n")[2].partition("```")[0].replace("https://opus67.example.com", served)
    result = subprocess.run(["bash", "-euc", script], cwd=home, capture_output=True, text=True, check=False, timeout=30)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["message"] == "stored"
    assert store.deliveries.counts() == {"new": 1}

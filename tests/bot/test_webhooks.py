"""POST /webhooks/github: what is signed and wanted is stored, and nothing that a stranger sends is an error of ours."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.app import create_app
from bot.receiving.webhooks import LARGEST_BODY, is_signed
from bot.triggers import wanted
from config.settings import load
from tests.bot.conftest import NEW, OLD, Sender, sign
from tests.bot.examples import examples
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from config.settings import Settings
    from jobs.store import Store

LABELED = {"action": "labeled", "issue": {"number": 1}, "label": {"name": "assign-to-opus"}}
BODY = json.dumps(LABELED).encode()
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
HEADERS = {"X-GitHub-Event": "issues", "X-GitHub-Delivery": GUID}


def test_a_signed_delivery_is_stored_as_it_came(sender: Sender, store: Store) -> None:
    """202, and the raw bytes are in the inbox under the GUID."""
    answer = sender.raw(BODY, {**HEADERS, "X-Hub-Signature-256": sign(BODY)})
    assert answer.status_code == 202
    [guid] = store.deliveries.due(2e9 * 2)
    delivery = store.deliveries.claim(guid, 2e9 * 2)
    assert delivery is not None
    assert (delivery.guid, delivery.source, delivery.event, delivery.body) == (GUID, "github", "issues", BODY)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_two_secrets_are_valid_at_once(sender: Sender, secret: str) -> None:
    """While one replaces the other, both are taken."""
    assert sender.raw(BODY, {**HEADERS, "X-Hub-Signature-256": sign(BODY, secret)}).status_code == 202


SHA1 = "sha1=" + hmac.new(NEW.encode(), BODY, hashlib.sha1).hexdigest()


@pytest.mark.parametrize(
    "header",
    [
        "",
        SHA1,
        sign(BODY).removeprefix("sha256="),
        sign(BODY).upper(),
        sign(BODY).replace("sha256", "SHA256"),
        "sha256=" + sign(BODY)[7:].upper(),
        sign(BODY, "another secret"),
        sign(BODY, f"{NEW},{OLD}"),
        sign(BODY, ""),
        sign(BODY + b" "),
        sign(BODY)[:-1],
        sign(BODY) + "0",
        f" {sign(BODY)} x",
        f"{sign(BODY)},{sign(BODY)}",
        "sha256=" + "\u0661" * 64,
        "sha256=" + "\xe9" * 64,
        "\xff\xfe",
    ],
)
def test_anything_but_our_signature_is_turned_away(sender: Sender, store: Store, header: str) -> None:
    """401 for a signature that is missing, old, of another case, another secret, another body, or no ASCII."""
    if any(ord(letter) > 255 for letter in header):
        assert not is_signed(BODY, header, [NEW.encode()])
        return
    answer = sender.raw(BODY, {**HEADERS, "X-Hub-Signature-256": header})
    assert answer.status_code == 401
    assert "GITHUB_WEBHOOK_SECRET" in answer.json["message"]
    assert sender.raw(BODY, {**HEADERS, "X-Hub-Signature": SHA1}).status_code == 401
    assert store.deliveries.counts() == {}


def test_without_a_secret_nothing_is_valid() -> None:
    """An installation that has no secret takes nothing, not even what is signed with an empty one."""
    assert not is_signed(BODY, sign(BODY, ""), [])


DEEP = b'{"a":' * 100_000


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'"x"', b"{", b"\xff\xfe{}", b"payload=%7B%7D", DEEP, b'{"a":' + b"9" * 9999 + b"}"]
)
def test_a_body_that_is_no_json_object_is_a_400(sender: Sender, store: Store, body: bytes) -> None:
    """Signed nonsense is told as such."""
    assert sender.raw(body, {**HEADERS, "X-Hub-Signature-256": sign(body)}).status_code == 400
    assert store.deliveries.counts() == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-GitHub-Event", ""),
        ("X-GitHub-Event", "issues; drop"),
        ("X-GitHub-Event", "i" * 61),
        ("X-GitHub-Delivery", ""),
        ("X-GitHub-Delivery", "../../etc/passwd"),
        ("X-GitHub-Delivery", "a" * 81),
        ("X-GitHub-Delivery", "short"),
        ("X-GitHub-Delivery", "caf\xe9-caf\xe9"),
    ],
)
def test_headers_that_are_not_githubs_are_a_400(sender: Sender, store: Store, name: str, value: str) -> None:
    """Without a proper event and GUID there is nothing to store."""
    headers = {**HEADERS, "X-Hub-Signature-256": sign(BODY), name: value}
    assert sender.raw(BODY, headers).status_code == 400
    assert store.deliveries.counts() == {}


def test_a_body_over_githubs_limit_is_a_413(sender: Sender) -> None:
    """25 MB are read, one byte more is not."""
    body = b'{"a":"' + b"x" * (LARGEST_BODY - 8) + b'"}'
    assert len(body) == LARGEST_BODY
    assert sender.raw(body, {**HEADERS, "X-Hub-Signature-256": sign(body)}).status_code == 202
    assert sender.raw(body + b" ", {**HEADERS, "X-Hub-Signature-256": sign(body + b" ")}).status_code == 413


def test_what_no_trigger_wants_is_not_stored(sender: Sender, store: Store) -> None:
    """A star or a fork is acknowledged and forgotten, and so is an action that is none."""
    for event, payload in (("star", {"action": "created"}), ("fork", {}), ("issues", {"action": ["labeled"]})):
        assert sender.send(event, payload).status_code == 202
    assert store.deliveries.counts() == {}


def test_githubs_examples_are_all_taken(sender: Sender, store: Store) -> None:
    """None of GitHub's own payloads is refused, and just the wanted ones are stored."""
    expected = 0
    for event, payload in examples():
        assert sender.send(event, payload).status_code == 202, event
        expected += wanted(event, payload.get("action", ""))
    assert expected > 20
    assert store.deliveries.counts() == {"new": expected}


def test_twenty_times_the_same_guid_is_one_delivery(app: Flask, store: Store) -> None:
    """However many arrive at once, one is stored, and every sender is told that it is."""
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(Sender(app.test_client()).send, "issues", LABELED, guid=GUID) for _ in range(20)]
    assert {answer.result().status_code for answer in answers} == {202}
    assert store.deliveries.counts() == {"new": 1}


@given(
    body=st.one_of(st.binary(max_size=200), st.just(BODY)),
    headers=st.dictionaries(
        st.sampled_from(["X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256", "Content-Type"]),
        st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=90),
    ),
    signed=st.booleans(),
)
@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_a_stranger_never_sees_a_server_error(
    sender: Sender, body: bytes, headers: dict[str, str], signed: bool
) -> None:
    """Whatever comes is answered with what is wrong about it."""
    given_headers = {**headers, "X-Hub-Signature-256": sign(body)} if signed else headers
    assert sender.raw(body, given_headers).status_code in ({202, 400} if signed else {401})


def test_other_ways_to_the_receiver_are_closed(sender: Sender) -> None:
    """A GET is told that it is the wrong method."""
    assert sender.client.get("/webhooks/github").status_code == 405
    assert sender.client.post("/webhooks/other").status_code == 404


def test_a_database_that_cannot_store_is_a_503(app: Flask, store: Store) -> None:
    """Its disk is full: GitHub is told so, and nothing is acknowledged that was not stored."""

    @sa.event.listens_for(store.database.engine, "checkout")
    def be_small(connection: Any, *_more: object) -> None:
        connection.execute(f"PRAGMA max_page_count={most}").close()

    sender = Sender(app.test_client())
    most = 1
    assert sender.send("issues", {**LABELED, "x": secrets.token_hex(250_000)}, guid=GUID).status_code == 503
    assert store.deliveries.counts() == {}
    most = 1_000_000
    assert sender.send("issues", LABELED, guid=GUID).status_code == 202
    assert store.deliveries.counts() == {"new": 1}


@pytest.fixture
def silent_url() -> Iterator[str]:
    """Yield the URL of a Redis that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_a_redis_that_hangs_is_not_waited_for(settings: Settings, store: Store, silent_url: str) -> None:
    """The answer comes while the wake-up is still in the hands of another thread, for delivery after delivery."""
    environment = {
        "OPUS67_HOME": str(settings.home),
        "GITHUB_WEBHOOK_SECRET": NEW,
        "REDIS_URL": silent_url,
    }
    sender = Sender(create_app(load(environment, dotenv=None), store).test_client())
    for _ in range(1_100):
        assert sender.send("issues", LABELED).status_code == 202
    assert store.deliveries.counts() == {"new": 1_100}


def test_a_stored_delivery_wakes_a_worker(settings: Settings, store: Store, empty_valkey_url: str) -> None:
    """The GUID is in Redis soon afterwards; a delivery that is done wakes nobody."""
    from redis import Redis  # noqa: PLC0415 - one test needs it

    environment = {
        "OPUS67_HOME": str(settings.home),
        "GITHUB_WEBHOOK_SECRET": NEW,
        "REDIS_URL": empty_valkey_url,
    }
    sender = Sender(create_app(load(environment, dotenv=None), store).test_client())
    with Redis.from_url(empty_valkey_url) as redis:
        sender.send("issues", LABELED, guid=GUID)
        until(lambda: redis.llen("rq:queue:inbox") == 1, what="the wake-up")
        with store.write() as connection:
            store.deliveries.finish(connection, GUID, 1.0)
        sender.send("issues", LABELED, guid=GUID)
        sender.send("issues", LABELED, guid="another-guid")
        until(lambda: redis.llen("rq:queue:inbox") == 2, what="the other wake-up")
        names = [name.decode() for name in redis.lrange("rq:queue:inbox", 0, -1)]
        assert [GUID in name for name in names] == [True, False]

"""The HTTP API: a command is stored, carried out by a worker, and answered to the login of the token alone."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bot import api as api_module
from bot.api import LARGEST_BODY, Pace, Refused
from bot.inbox import handle
from bot.shell.secret import digest, fresh
from jobs.types import Actor
from tests.bot.conftest import SHOP
from tests.store.asking import request, submit
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from werkzeug.test import TestResponse

    from jobs.services import Services
    from jobs.store import Store
    from jobs.testing.github import LocalGitHub


@dataclass
class Caller:
    """Somebody with a token."""

    app: Flask
    token: str

    def tell(self, words: str, *, key: str = "", **options: str) -> TestResponse:
        """Tell the bot something."""
        body = {"words": words, "options": options, **({"key": key} if key else {})}
        return self.app.test_client().post("/api/commands", json=body, headers=self.headers)

    def get(self, path: str) -> TestResponse:
        """Ask for something."""
        return self.app.test_client().get(path, headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with each request."""
        return {"Authorization": f"Bearer {self.token}"}


def caller(app: Flask, store: Store, login: str) -> Caller:
    """Return somebody with a fresh token."""
    token = fresh()
    assert store.people.add_token(digest(token), f"{login}-{token[-6:]}", login, time.time())
    return Caller(app, token)


@pytest.fixture
def alice(app: Flask, store: Store) -> Caller:
    """Return alice, who may write to the shop."""
    return caller(app, store, "alice")


@pytest.fixture
def worker(services: Services, local: LocalGitHub) -> Iterator[None]:
    """Run the worker of the inbox in a thread."""
    with services.store.write() as connection:
        services.store.records.save_installation(connection, local.installation_id, "octo", time.time())
        services.store.records.add_repositories(connection, local.installation_id, [SHOP])
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.02):
            for guid in services.store.deliveries.due(time.time()):
                handle(services, guid)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    ended.set()
    thread.join(20)


@pytest.mark.usefixtures("worker")
def test_a_command_is_answered(alice: Caller, store: Store) -> None:
    """The answer is that of the bot, as parts, as facts and as text, and no cache keeps it."""
    answer = alice.tell("bg fix the total", repo=SHOP)
    assert answer.status_code == 200, answer.text
    [task] = store.tasks.recent()
    assert (answer.json["ok"], answer.json["task_id"]) == (True, task.id)
    assert task.actor == Actor("api", "alice", "alice")
    assert task.repository == SHOP
    assert task.id in answer.json["text"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("worker")
def test_a_refusal_is_an_answer(app: Flask, store: Store, local: LocalGitHub) -> None:
    """Who may not write is told why, by GitHub's rights of that login, and nothing is started."""
    local.set_permission(SHOP, "eve", "read")
    answer = caller(app, store, "eve").tell("bg fix the total", repo=SHOP)
    assert (answer.status_code, answer.json["ok"]) == (200, False)
    assert "eve" in answer.json["text"]
    assert store.tasks.recent() == []


@pytest.mark.usefixtures("worker")
def test_the_same_key_is_done_once(alice: Caller, app: Flask, store: Store) -> None:
    """A repeated request gets the same answer; with other words it is a conflict, and another login's key is its own."""
    first, second = (alice.tell("bg fix the total", key="one-and-only", repo=SHOP) for _ in range(2))
    assert first.json == second.json
    assert len(store.tasks.recent()) == 1
    other = alice.tell("bg break the total", key="one-and-only", repo=SHOP)
    assert (other.status_code, "another command" in other.json["message"]) == (409, True)
    assert len(store.tasks.recent()) == 1
    assert caller(app, store, "carol").tell("whoami", key="one-and-only").json["text"].startswith("You are @carol")


def test_without_a_worker_it_waits_where_it_was_stored(
    alice: Caller, app: Flask, store: Store, services: Services
) -> None:
    """202 with the place of the answer, which only the same login finds, and which has it later."""
    seats = [threading.Thread(target=alice.tell, args=("whoami",)) for _ in range(api_module.MOST_WAITING)]
    for seat in seats:
        seat.start()
    until(lambda: len(store.deliveries.due(time.time())) == len(seats), what="all seats to be taken")
    began = time.monotonic()
    stored = alice.tell("whoami", key="later-please")
    assert stored.status_code == 202, "nobody waits where all seats are taken"
    assert time.monotonic() - began < 20
    place = stored.headers["Location"]
    assert alice.get(place).status_code == 202
    assert caller(app, store, "eve").get(place).status_code == 404
    assert alice.get(place[:-1] + ("0" if place[-1] != "0" else "1")).status_code == 404
    assert alice.get("/api/commands/nonsense").status_code == 404
    for guid in store.deliveries.due(time.time()):
        handle(services, guid)
    assert alice.get(place).json["text"].startswith("You are @alice")
    for seat in seats:
        seat.join(20)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer opus67_x", f"Bearer {fresh()}", f"Basic {fresh()}", "Bearer \N{KEY}"], ids=range(6)
)
def test_without_a_token_there_is_nothing(app: Flask, store: Store, header: str) -> None:
    """401 with the way to a token, whatever is asked for, and nothing is stored."""
    client = app.test_client()
    headers = {"Authorization": header.encode().decode("latin-1")} if header else {}
    for answer in (
        client.post("/api/commands", json={"words": "bg x"}, headers=headers),
        client.get("/api/commands/x", headers=headers),
        client.get("/api/tasks/7f3c9a", headers=headers),
    ):
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "opus67 token create" in answer.json["message"]
    assert store.deliveries.counts() == {}


def test_a_revoked_token_is_worthless_at_once(alice: Caller, store: Store) -> None:
    """The next request with it is a 401."""
    assert alice.get("/api/tasks/7f3c9a").status_code == 403
    [token] = store.people.tokens()
    assert token.used_at is not None
    assert store.people.revoke_token(token.name)
    assert alice.get("/api/tasks/7f3c9a").status_code == 401


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (b"", "JSON object"),
        (b"[]", "JSON object"),
        (b"[" * 9999, "JSON object"),
        ({}, "`words`"),
        ({"words": "  "}, "`words`"),
        ({"words": 7}, "`words`"),
        ({"words": "x" * 60_001}, "`words`"),
        ({"words": "bg x", "options": [1]}, "`options`"),
        ({"words": "bg x", "options": {"rope": "octo/shop"}}, "`options`"),
        ({"words": "bg x", "options": {"repo": 7}}, "`options`"),
        ({"words": "bg x", "options": {"repo": "\ud800"}}, "`options`"),
        ({"words": "bg x", "key": "short"}, "`key`"),
        ({"words": "bg x", "key": ["not", "text"]}, "`key`"),
    ],
)
def test_a_malformed_request_is_told(alice: Caller, store: Store, body: Any, about: str) -> None:
    """400 with what is wrong, and nothing is stored."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = alice.app.test_client().post("/api/commands", data=data, headers=alice.headers)
    assert (answer.status_code, about in answer.json["message"]) == (400, True), answer.text
    assert store.deliveries.counts() == {}


def test_a_large_body_is_refused(alice: Caller, store: Store) -> None:
    """413 where its length is announced, though webhooks may be larger; one in chunks is not read beyond that."""
    data = b'{"words": "' + b"x" * LARGEST_BODY + b'"}'
    client = alice.app.test_client()
    announced = client.post("/api/commands", data=data, headers=alice.headers)
    assert (announced.status_code, announced.json["message"]) == (413, "the body is larger than 256 kB")
    chunks = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    cut = client.post("/api/commands", data=data, headers=alice.headers, environ_overrides=chunks)
    assert cut.status_code in {400, 413}
    assert store.deliveries.counts() == {}


@pytest.mark.usefixtures("worker")
def test_odd_text_is_stored(alice: Caller, store: Store) -> None:
    """Half characters and NULs, which JSON can carry, do no harm."""
    answer = alice.tell("bg fix \ud800 the \0 total", repo=SHOP)
    assert answer.status_code == 200, answer.text
    assert store.tasks.recent()[0].title == "fix ? the total"


@pytest.mark.usefixtures("worker")
def test_a_task_is_shown_to_whom_the_bot_told_of_it(
    alice: Caller, app: Flask, store: Store, local: LocalGitHub
) -> None:
    """403 before the bot was asked, the task for a while after; GitHub decides who is told of it."""
    task, eve = submit(store, request(installation_id=local.installation_id)), caller(app, store, "eve")
    local.add_user("eve")
    refused = alice.get(f"/api/tasks/{task.id}")
    assert (refused.status_code, f"bg status {task.id}" in refused.json["message"]) == (403, True)
    assert alice.tell(f"bg status {task.id}").json["ok"] is True
    shown = alice.get(f"/api/tasks/{task.id}")
    assert (shown.status_code, shown.json["id"], shown.json["status"]) == (200, task.id, "queued")
    assert shown.json["headline"] == "Queued"
    assert eve.tell(f"bg status {task.id}").json["ok"] is False
    assert eve.get(f"/api/tasks/{task.id}").status_code == 403
    store.records.keep(f"look:alice:{task.id}", str(time.time() - 1), time.time())
    assert alice.get(f"/api/tasks/{task.id}").status_code == 403


def test_what_is_no_task_is_not_looked_for(alice: Caller, store: Store) -> None:
    """A name that is no id is refused like one that is nobody's business; a right to what is gone is a 404."""
    assert alice.get("/api/tasks/NONSENSE").status_code == 403
    store.records.keep("look:alice:abcdef", str(time.time() + 60), time.time())
    assert alice.get("/api/tasks/abcdef").status_code == 404


def test_an_answer_that_nobody_fetches_is_forgotten(store: Store) -> None:
    """There is no process that says it, so its age alone counts; another surface's waits until it is said."""
    with store.write() as connection:
        for surface in ("api", "slack"):
            store.notices.add(connection, surface, f"{surface}-1", {}, {}, 100.0)
    assert store.notices.forget(99.0) == 0
    assert store.notices.forget(200.0) == 1
    assert store.notices.find("slack-1") is not None


def test_each_login_has_its_pace() -> None:
    """After so many requests in a minute a login must wait, and no other; a minute later it may again."""
    pace = Pace(most=3)
    for _ in range(3):
        pace.take("alice", 100.0)
    with pytest.raises(Refused) as caught:
        pace.take("Alice", 130.0)
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "31"})
    pace.take("bob", 130.0)
    pace.take("alice", 160.5)

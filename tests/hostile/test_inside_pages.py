"""Inside: pages, health and metrics show and do nothing; their links open one task; strangers' words run nowhere."""

from __future__ import annotations

import threading
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from redis import Redis
from werkzeug.serving import make_server

from bot.app import create_app
from config.settings import load
from jobs.keys import page_key, signing_key
from jobs.store import Wanted
from jobs.store.tables import metadata
from jobs.types import Actor, Phase, PlanItem, Step, Usage
from tests.setup.browser import browser
from tests.store.asking import NOW, claim, delivery, request, submit
from tests.store.conftest import store, tables_url  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from werkzeug.test import TestResponse

    from config.settings import Settings
    from jobs.store import Store

EVIL = (
    "'; DROP TABLE tasks; --",
    '" OR 1=1 --',
    "%' OR '%'='",
    "{{7*7*7*7}} {{config}} {% raw %} {% include '/etc/passwd' %}",
    "%s %(key)s {0.__class__.__init__.__globals__} ${7*7*7*7} #{7*7*7*7}",
    "<script>top.ran=1;fetch('/marker')</script>",
    "<img src=x onerror='top.ran=1;fetch(\"/marker\")'>",
    "\"><svg/onload=top.ran=1><a href='javascript:top.ran=1'>",
    "</pre></textarea></title><iframe srcdoc='<script>top.ran=1</script>'>",
    "javascript:top.ran=1",
    "`<b onclick=top.ran=1>` **<i>** [x](javascript:top.ran=1) ![](http://127.0.0.1:9/marker)",
    "\u202e\u200b\x1b]8;;http://evil\x07\x85\u2028",
    "&lt;script&gt; &#60;script&#62; &amp;lt;",
)
ALL = " | ".join(EVIL)
HIDDEN = ("octo/hidden", "mallory", "a title that nobody may see", "what only the link shows")


@pytest.fixture
def settings(home: Path, empty_valkey_url: str) -> Settings:
    """Return the settings of an installation with every door open."""
    return load(
        {
            "OPUS67_HOME": str(home),
            "GITHUB_WEBHOOK_SECRET": "a webhook secret",
            "SLACK_SIGNING_SECRET": "a signing secret",
            "SLACK_BOT_TOKEN": "xoxb-a-token",
            "REDIS_URL": empty_valkey_url,
        },
        dotenv=None,
    )


def shown(store: Store, text: str, **changes: Any) -> str:  # noqa: F811 - a fixture's name
    """Store a task at work, with a text wherever one can be, and return its id."""
    task = claim(store, submit(store, request(title=text, text=text, **changes)).id).task
    store.tasks.progress(task.id, 1, Phase.CODING, [PlanItem(text)])
    call = {"type": "tool_use", "id": "c1", "name": text[:60], "input": {"command": text, text: text}}
    reply = {"role": "assistant", "content": [{"type": "text", "text": text}, call]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": text}]}
    store.runs.record(task.id, 1, Step(0, reply, result, Usage(1, 1), 0.1, text[:40], 1.0), NOW)
    return task.id


def link(settings: Settings, task_id: str) -> str:
    """Return the secret link of a task."""
    return f"/tasks/{task_id}?key={page_key(signing_key(settings), task_id)}"


def everything(store: Store, settings: Settings) -> tuple[Any, Any]:  # noqa: F811 - a fixture's name
    """Return all rows of all tables, and all that Redis holds."""
    with store.database.read() as connection:
        rows = {
            name: sorted(map(repr, connection.execute(sa.select(table)))) for name, table in metadata.tables.items()
        }
    with Redis.from_url(settings.redis_url) as redis:
        return rows, {key: redis.dump(key) for key in redis.scan_iter("*")}


def test_looking_changes_nothing(store: Store, settings: Settings) -> None:  # noqa: F811 - a fixture
    """Every route that there is, by every method that only looks, as itself or in disguise: no row and no key differs."""
    app = create_app(settings, store)
    client, task_id = app.test_client(), shown(store, "a title")
    store.deliveries.add(delivery())
    values = {"task_id": task_id, "key": "a-key-of-a-command", "filename": "style.css", "name": "ci"}
    before, looked = everything(store, settings), 0
    for rule in app.url_map.iter_rules():
        _, path = rule.build({name: values[name] for name in rule.arguments}) or ("", "")
        query = f"?key={page_key(signing_key(settings), task_id)}&requeue=1&_method=POST&action=cancel"
        for method in ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "PATCH"):
            disguise = {"X-HTTP-Method-Override": "POST", "Content-Type": "application/json"}
            with client.open(path + query, method=method, headers=disguise, data=b"{}") as answer:
                assert answer.status_code < 500, (rule, method)
                looked += answer.status_code == 200
        if "POST" in (rule.methods or ()):
            assert client.post(path, json={"words": "cancel"}).status_code in {400, 401, 403, 503}, rule
    assert looked > 10
    assert everything(store, settings) == before


def page(client: Any, path: str) -> TestResponse:
    """Ask for a page."""
    answer: TestResponse = client.get(path)
    return answer


def test_a_link_opens_its_own_task_alone(store: Store, settings: Settings) -> None:  # noqa: F811 - a fixture
    """A key of another task, of another installation, cut, longer, in another spelling or guessed: there is no page."""
    client = create_app(settings, store).test_client()
    mine, other = shown(store, "mine"), shown(store, HIDDEN[2], number=13, repository=HIDDEN[0])
    key, theirs = (page_key(signing_key(settings), one) for one in (mine, other))
    assert page(client, f"/tasks/{mine}?key={key}").status_code == 200
    nothing = page(client, f"/tasks/ffffff?key={key}")
    assert nothing.status_code == 404
    guesses = (
        "",
        key,
        key[:-1],
        theirs[:-1],
        theirs + "0",
        theirs.upper(),
        f" {theirs}",
        f"{theirs}%00",
        "%ff",
        "*",
        "%25",
    )
    tried = [f"/tasks/{other}?key={guess}" for guess in guesses if guess != theirs.lower() or guess == ""]
    tried += [f"/tasks/{other}", f"/tasks/{other}?key={key}&key={theirs}", f"/tasks/{mine}/../{other}?key={key}"]
    tried += [f"/tasks/{other}?key={page_key(b'another installation', other)}", f"/tasks/{other}%00?key={theirs}"]
    tried += [f"/tasks/{other}'%20OR%20'1'='1?key={theirs}", f"/tasks/%25?key={page_key(b'x', '%')}"]
    for path in tried:
        answer = page(client, path)
        assert (answer.status_code, HIDDEN[2] in answer.text) == (404, False), path
    assert page(client, f"/tasks/{other}?key={key}").data == nothing.data, "there, and not there, look the same"


def test_what_is_public_names_nobody(store: Store, settings: Settings) -> None:  # noqa: F811 - a fixture
    """Health, metrics and the first page hold numbers: no repository, person, title, task or model."""
    client = create_app(settings, store).test_client()
    task_id = shown(store, HIDDEN[2], repository=HIDDEN[0], actor=Actor("github", "5", HIDDEN[1]))
    for path in ("/", "/health", "/metrics"):
        text = page(client, path).text
        assert not [name for name in (*HIDDEN, task_id, "issue 12", "#12") if name in text], path


class Inert(HTMLParser):
    """Reads a page, and notes what could do something."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        self.active += [tag] * (tag in {"script", "iframe", "img", "svg", "object", "embed", "form", "base"})
        self.active += [name for name, _ in attrs if name.startswith("on") or name in {"srcdoc", "style"}]
        self.active += [
            str(value) for _, value in attrs if (value or "").strip().lower().startswith(("java", "data:t"))
        ]


@pytest.mark.parametrize("number", range(len(EVIL)))
def test_words_of_strangers_are_words(store: Store, settings: Settings, number: int) -> None:  # noqa: F811 - a fixture
    """SQL, templates, formats, markup and controls are kept as they came, and a page shows them as text."""
    text = EVIL[number]
    task_id = shown(store, text)
    task = store.tasks.get(task_id)
    assert task is not None
    assert (task.title, task.text) == (text, text)
    answer = page(create_app(settings, store).test_client(), link(settings, task_id))
    reader = Inert()
    reader.feed(answer.text)
    assert (answer.status_code, reader.active) == (200, [])
    assert "2401" not in answer.text, "7*7*7*7 was worked out"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "script-src" not in policy


def test_words_of_strangers_find_nothing(store: Store) -> None:  # noqa: F811 - a fixture
    """Names that are SQL or patterns match no row but their own, at every question that a stranger's word reaches."""
    task_id = shown(store, "a title")
    everything_before = len(store.tasks.recent())
    for word in (*EVIL, "%", "_", "*", "' OR ''='", "\\", "x" * 1_000_000):
        assert store.tasks.get(word) is None
        assert store.people.login("slack", word) is None or store.people.login("slack", word) == ""
        assert store.people.token_login(word, NOW) in {None, ""}
        assert store.records.value(word) is None
        assert store.notices.find(word) is None
        assert list(store.audit.rows(Wanted(repository=word))) == []
        assert list(store.audit.rows(Wanted(actor=f"slack:{word}"))) == []
    assert len(store.tasks.recent()) == everything_before
    assert store.tasks.get(task_id) is not None


@pytest.mark.chromium
def test_a_real_browser_runs_nothing(store: Store, settings: Settings, home: Path) -> None:  # noqa: F811 - a fixture
    """All of it on one page, in Chromium: no script ran, nothing was fetched, and the page is whole."""
    if not store.database.is_sqlite:
        pytest.skip("a page is the same from either engine")
    task_id, asked = shown(store, ALL), list[str]()
    app: Flask = create_app(settings, store)
    app.before_request(lambda: asked.append(_path()))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with browser(home) as tab:
            tab.visit(f"http://127.0.0.1:{server.server_port}{link(settings, task_id)}")
            assert "DROP TABLE" in tab.text()
            assert tab.evaluate("typeof top.ran") == "undefined"
            assert tab.evaluate("document.scripts.length + document.images.length + frames.length") == 0
            assert not [line for line in tab.console if "marker" in line]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "/marker" not in asked
    assert f"/tasks/{task_id}" in asked


def _path() -> str:
    from flask import request as asked  # noqa: PLC0415 - the name is taken

    return asked.path

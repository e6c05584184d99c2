"""/health, /metrics and the first page."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.app import create_app
from config.settings import load
from jobs.breaker import FAILURES, Breaker
from jobs.types import Usage
from tests.store.asking import NOW, SUCCESS, delivery, running, submit

if TYPE_CHECKING:
    from flask import Flask

    from config.settings import Settings
    from jobs.store import Store


def test_health_tells_of_the_database(app: Flask, store: Store) -> None:
    """200 with the number of tasks while deliveries can be stored."""
    submit(store)
    answer = app.test_client().get("/health")
    assert (answer.status_code, answer.json["status"], answer.json["tasks"]) == (200, "ok", {"queued": 1})


def test_without_its_database_everything_says_so(app: Flask, store: Store) -> None:
    """Health, metrics and pages are a 503 in words, and well again when the tables are."""
    client = app.test_client()
    with store.database.write() as connection:
        connection.execute(sa.text("ALTER TABLE tasks RENAME TO away"))
    for path in ("/health", "/metrics", "/"):
        answer = client.get(path)
        assert (answer.status_code, answer.json["status"]) == (503, "unavailable"), path
    with store.database.write() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO tasks"))
    for path in ("/health", "/metrics", "/"):
        assert client.get(path).status_code == 200, path


def test_metrics_are_prometheus_text(app: Flask, store: Store) -> None:
    """Every line is a comment or a sample; tasks, deliveries and dollars are counted."""
    task = running(store)
    store.runs.charge(task.id, "review", Usage(), 0.25, "m", NOW)
    store.tasks.complete(task.id, 1, SUCCESS, worked=1.0, now=NOW)
    submit(store)
    store.deliveries.add(delivery())
    answer = app.test_client().get("/metrics")
    assert answer.mimetype == "text/plain"
    lines = answer.get_data(as_text=True).splitlines()
    assert {
        'opus67_tasks{status="completed"} 1',
        'opus67_tasks{status="queued"} 1',
        'opus67_deliveries{status="new"} 1',
        "opus67_model_cost_dollars_total 0.250000",
    } == {line for line in lines if not line.startswith("# ")}


def test_what_is_away_is_a_metric_and_on_the_first_page(app: Flask, store: Store) -> None:
    """Each service that the workers take to be away is a sample; the page names its kind, and no more."""
    breaker = Breaker(store.records)
    for _ in range(FAILURES):
        breaker.failed('model:openai:q"wen', "it answers 529")
    lines = app.test_client().get("/metrics").get_data(as_text=True).splitlines()
    assert r'opus67_away{service="model:openai:q\"wen"} 1' in lines
    page = app.test_client().get("/").get_data(as_text=True)
    assert "away; what needs it waits" in page
    assert "529" not in page
    breaker.answered('model:openai:q"wen')
    assert "opus67_away{" not in app.test_client().get("/metrics").get_data(as_text=True)


def test_the_first_page_needs_no_home_yet(settings: Settings, store: Store) -> None:
    """A web process whose home was not made yet shows the page all the same."""
    environment = {"OPUS67_HOME": str(settings.home / "not" / "made"), "DATABASE_URL": settings.database_url}
    answer = create_app(load(environment, dotenv=None), store).test_client().get("/")
    assert answer.status_code == 200
    assert not (settings.home / "not").exists()
    assert shutil.disk_usage(settings.home).free > 0


def test_pages_hold_no_secret(app: Flask, settings: Settings, store: Store) -> None:
    """The first page names settings, never their values."""
    submit(store)
    page = app.test_client().get("/").get_data(as_text=True)
    for secret in (*settings.github_webhook_secrets, settings.github_private_key):
        assert secret not in page

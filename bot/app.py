"""The Flask application: the receiver, the pages, /health and /metrics; it stores and shows, and does no work."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from flask import Flask, Response

from bot.api import api
from bot.board import Board
from bot.ci_reports import reports
from bot.dashboard import mount
from bot.receiving.spool import Spool
from bot.receiving.webhooks import LARGEST_BODY, Receiver
from bot.slack_bot.web import slack_blueprint
from bot.wake import BackgroundWaker
from jobs.breaker import Breaker
from jobs.keys import signing_key
from jobs.store import Store

if TYPE_CHECKING:
    from config.settings import Settings


RECEIVER = "receiver"
"""Under this name Flask's extensions hold the receiver, for what stands in front of Flask."""


def create_app(settings: Settings, store: Store | None = None, waker: BackgroundWaker | None = None) -> Flask:
    """Build the application; nothing outside is connected before it is needed."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    store = store or Store.of(settings)
    waker = waker or BackgroundWaker(settings.redis_url, signing_key(settings))
    spool = Spool(settings.home / "spool", store, waker)
    receiver = Receiver(store, waker, settings.github_webhook_secrets, spool)
    app.extensions[RECEIVER] = receiver
    app.register_blueprint(receiver.blueprint())
    app.register_blueprint(reports(settings, store, waker))
    app.register_blueprint(api(settings, store, waker))
    app.register_blueprint(slack_blueprint(settings, store, waker))
    mount(app, Board(settings, store), signing_key(settings))
    started = time.time()

    @app.get("/health")
    def health() -> tuple[Response, int]:
        """Tell whether deliveries can be stored; that is what this process is for."""
        counts = store.tasks.counts()
        return _json({"status": "ok", "tasks": counts, "uptime_seconds": round(time.time() - started)}), 200

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(exposition(store), mimetype="text/plain; version=0.0.4")

    def unavailable(error: Exception) -> tuple[Response, int]:
        app.logger.warning("the database cannot be reached: %s", error)
        return _json({"status": "unavailable", "reason": "the database cannot be reached"}), 503

    for kind in store.UNAVAILABLE:
        app.register_error_handler(kind, unavailable)

    @app.errorhandler(413)
    def too_large(_error: object) -> tuple[Response, int]:
        return _json({"message": "the body is larger than 25 MB"}), 413

    return app


def exposition(store: Store) -> str:
    """Return the metrics in Prometheus' text format."""
    lines = ["# HELP opus67_tasks Tasks by status.", "# TYPE opus67_tasks gauge"]
    lines += [f'opus67_tasks{{status="{status}"}} {count}' for status, count in sorted(store.tasks.counts().items())]
    lines += ["# HELP opus67_deliveries Stored deliveries by status.", "# TYPE opus67_deliveries gauge"]
    waiting = sorted(store.deliveries.counts().items())
    lines += [f'opus67_deliveries{{status="{status}"}} {count}' for status, count in waiting]
    lines += ["# HELP opus67_away Models and sandboxes that are taken to be away.", "# TYPE opus67_away gauge"]
    lines += [f'opus67_away{{service="{_label(name)}"}} 1' for name in Breaker(store.records).open()]
    lines += [
        "# HELP opus67_model_cost_dollars_total US dollars that models cost.",
        "# TYPE opus67_model_cost_dollars_total counter",
        f"opus67_model_cost_dollars_total {store.tasks.spent_in_all():.6f}",
    ]
    return "\n".join(lines) + "\n"


def _label(value: str) -> str:
    """Return a value as it may stand in a label."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _json(value: object) -> Response:
    return Response(json.dumps(value), mimetype="application/json")

"""A webhook receiver as tutorials show it: Flask checks the signature and hands every payload to RQ."""

from __future__ import annotations

import hashlib
import hmac
import os

from flask import Flask, abort, request
from redis import Redis
from rq import Queue

app = Flask(__name__)
queue = Queue("webhooks", connection=Redis.from_url(os.environ["REDIS_URL"]))
SECRET = os.environ["WEBHOOK_SECRET"].encode()


@app.post("/webhooks/github")
def github() -> tuple[str, int]:
    """Check and enqueue."""
    expected = "sha256=" + hmac.new(SECRET, request.get_data(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Hub-Signature-256", "")):
        abort(401)
    queue.enqueue("tasks.handle", request.headers["X-GitHub-Event"], request.get_json())
    return "", 202


@app.get("/health")
def health() -> str:
    """Say that it is up."""
    return "ok"

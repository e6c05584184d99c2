"""The HTTP API of the command line: a command is stored like a webhook, a worker carries it out, and its answer waits.

``POST /api/commands`` with ``{"words": …, "options": {…}, "key": …}`` and ``Authorization: Bearer opus67_…`` answers
200 with the answer, or 202 with the ``Location`` where it will be. The same ``key`` of the same login is done once.
``GET /api/tasks/<id>`` answers a task as JSON to a login that the bot told of this task within the last ten minutes:
a worker asked GitHub then whether the login may see it, and this process asks nobody. ``bg status <id>`` renews that.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from bot.commands import OPTIONS
from bot.heard import Heard
from bot.shell.rendering import render
from bot.shell.secret import TOKEN, digest
from jobs.answer.parts import Answer
from jobs.types import UserError

if TYPE_CHECKING:
    from bot.wake import BackgroundWaker
    from config.settings import Settings
    from jobs.store import Notice, Store

LARGEST_BODY = 256 * 1024
LONGEST_WORDS = 60_000
LONGEST_OPTION = 300
ANSWER_SECONDS = 20.0
"""How long a request waits for its answer; after that the caller asks again."""
MOST_WAITING = 8
"""Requests that wait at once: each holds a thread of the web process, and webhooks need most of them."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
LOOK_SECONDS = 600.0
PER_MINUTE = 120
MINUTE = 60.0

_KEY = re.compile(r"[0-9A-Za-z_-]{8,80}", re.ASCII)
_TASK = re.compile(r"[0-9a-f]{6,12}", re.ASCII)
_PLACE = re.compile(r"api-[0-9a-f]{48}", re.ASCII)

Said = tuple[Response, int]


class Refused(Exception):
    """A request that is answered with a status and a message."""

    def __init__(self, message: str, status: int, **headers: str) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers


@dataclass
class Pace:
    """How often each login may ask within a minute, in this process."""

    most: int = PER_MINUTE
    _asked: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, login: str, now: float) -> None:
        """Count one request; raises Refused where there were too many."""
        with self._lock:
            asked = self._asked[login.lower()]
            while asked and asked[0] <= now - MINUTE:
                asked.popleft()
            if len(asked) >= self.most:
                wait = max(int(asked[0] + MINUTE - now) + 1, 1)
                message = f"more than {self.most} requests within a minute; ask again in {wait} s"
                raise Refused(message, 429, **{"Retry-After": str(wait)})
            asked.append(now)


@dataclass
class Desk:
    """What the requests share."""

    settings: Settings
    store: Store
    waker: BackgroundWaker
    pace: Pace = field(default_factory=Pace)
    seats: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MOST_WAITING))

    def tell(self) -> Said:
        """Store a command, and answer it when a worker has."""
        login = self.login()
        heard = _heard(login)
        if self.store.deliveries.add(heard.delivery()):
            self.waker.delivery(heard.key)
        return self.answered(heard.key, login, _saying(heard))

    def ask_again(self, key: str) -> Said:
        """Answer a command that was stored before."""
        login = self.login()
        mine = _PLACE.fullmatch(key) and key.startswith(_prefix(login))
        if not mine or not (self.store.notices.find(key) or self.store.deliveries.known(key)):
            raise Refused("there is no such command of yours", 404)
        return self.answered(key, login)

    def task(self, task_id: str) -> Said:
        """Answer a task as it is now, to whoever was told of it a short while ago."""
        login = self.login()
        if not _TASK.fullmatch(task_id) or not self.may_look(login, task_id):
            raise Refused(f"say `bg status {task_id[:12]}` first: a worker then asks GitHub whether you may look", 403)
        from bot.shell.state import state_of  # noqa: PLC0415 - the web process is smaller without RQ
        from jobs.services import Services  # noqa: PLC0415 - as above

        return _json(state_of(Services(self.settings, self.store), task_id), 200)

    def answered(self, key: str, login: str, said: str = "") -> Said:
        """Give the answer out, or say where it will be."""
        notice = self.answer(key)
        if notice is None:
            response, status = _json({"message": "stored; a worker has not answered yet"}, 202)
            response.headers.update({"Location": f"/api/commands/{key}", "Retry-After": "1"})
            return response, status
        if said and notice.address.get("said", said) != said:
            raise Refused("this key was used for another command; take a new one", 409)
        return self.hand_out(notice, login)

    def login(self) -> str:
        """Return the login for which the request's token speaks; raises Refused."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        found = ""
        if scheme.lower() == "bearer" and TOKEN.fullmatch(token.strip()):
            found = self.store.people.token_login(digest(token.strip()), time.time())
        if not found:
            raise Refused(
                "the token is missing or not known; `opus67 token create` on the service's machine makes one",
                401,
                **{"WWW-Authenticate": "Bearer"},
            )
        self.pace.take(found, time.monotonic())
        return found

    def answer(self, key: str) -> Notice | None:
        """Return the answer to what was said under a key, and wait for it a while where there is a seat."""
        found = self.store.notices.find(key)
        if found is not None or not self.seats.acquire(blocking=False):
            return found
        try:
            deadline, pause = time.monotonic() + ANSWER_SECONDS, SHORTEST_PAUSE
            while found is None and time.monotonic() < deadline:
                time.sleep(pause)
                pause = min(pause * 1.3, LONGEST_PAUSE)
                found = self.store.notices.find(key)
        finally:
            self.seats.release()
        return found

    def hand_out(self, notice: Notice, login: str) -> Said:
        """Give an answer out; who was told of a task may look at it for a while."""
        answer, now = Answer.load(notice.body), time.time()
        self.store.notices.sent(notice.id, now)
        if answer.ok and answer.task_id:
            self.store.records.keep(_look(login, answer.task_id), str(now + LOOK_SECONDS), now)
        return _json({**answer.dump(), "text": render(answer)}, 200)

    def may_look(self, login: str, task_id: str) -> bool:
        """Tell whether a login was told of a task a short while ago."""
        until = self.store.records.value(_look(login, task_id))
        return until is not None and float(until) > time.time()


def api(settings: Settings, store: Store, waker: BackgroundWaker) -> Blueprint:
    """Build the blueprint."""
    blueprint, desk = Blueprint("api", __name__), Desk(settings, store, waker)

    blueprint.add_url_rule("/api/commands", view_func=desk.tell, methods=["POST"])
    blueprint.add_url_rule("/api/commands/<key>", view_func=desk.ask_again)
    blueprint.add_url_rule("/api/tasks/<task_id>", view_func=desk.task)
    blueprint.before_request(_limit)
    blueprint.after_request(_keep_nowhere)
    blueprint.register_error_handler(Refused, _refused)
    blueprint.register_error_handler(UserError, _gone)
    blueprint.register_error_handler(413, _too_large)
    return blueprint


def _limit() -> None:
    request.max_content_length = LARGEST_BODY


def _keep_nowhere(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def _refused(error: Refused) -> Said:
    response, status = _json({"message": str(error)}, error.status)
    response.headers.update(error.headers)
    return response, status


def _gone(error: UserError) -> Said:
    return _json({"message": str(error)}, 404)


def _too_large(_error: object) -> Said:
    return _json({"message": f"the body is larger than {LARGEST_BODY // 1024} kB"}, 413)


def _heard(login: str) -> Heard:
    """Read the body; raises Refused."""
    try:
        body = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refused("the body is not a JSON object", 400)
    words, options, key = body.get("words"), body.get("options") or {}, body.get("key") or uuid.uuid4().hex
    if not isinstance(words, str) or not words.strip() or len(words) > LONGEST_WORDS:
        raise Refused(f"`words` is a command such as `bg status`, of at most {LONGEST_WORDS} characters", 400)
    if not isinstance(options, dict) or not all(_is_option(name, value) for name, value in options.items()):
        raise Refused(f"`options` holds texts of at most {LONGEST_OPTION} letters under {', '.join(OPTIONS)}", 400)
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise Refused("`key` is of 8 to 80 letters, digits, `-` and `_`", 400)
    name = _prefix(login) + hashlib.sha256(key.encode()).hexdigest()[:32]
    heard = Heard("api", name, login, login, _storable(words), options=options)
    return Heard("api", name, login, login, heard.words, address={"said": _saying(heard)}, options=options)


def _is_option(name: object, value: object) -> bool:
    return name in OPTIONS and isinstance(value, str) and len(value) <= LONGEST_OPTION and value == _storable(value)


def _saying(heard: Heard) -> str:
    """Return a hash of what was said, by which another command under the same key is told."""
    said = json.dumps([heard.words, sorted(heard.options.items())])
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _prefix(login: str) -> str:
    """Return how the keys of a login begin."""
    return f"api-{hashlib.sha256(login.lower().encode()).hexdigest()[:16]}"


def _look(login: str, task_id: str) -> str:
    return f"look:{login.lower()}:{task_id}"


def _storable(text: str) -> str:
    """Return a text as the database takes it: JSON can carry a NUL and half a character."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _json(value: Any, status: int) -> Said:
    return Response(json.dumps(value, ensure_ascii=False), mimetype="application/json"), status

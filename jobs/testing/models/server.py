"""What the model stand-ins share: a loopback server that answers from a script and records every request."""

from __future__ import annotations

import abc
import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from jobs.testing.loopback import Answer, ConnectionDropped, Loopback, Request, Served
from jobs.testing.models.script import JSON, Answerer, Failure, Line, Reply, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a model and how it was answered; ``line`` is None where the request itself was refused."""

    path: str
    headers: dict[str, str]
    body: Any
    status: int
    line: Line | None
    at: float


class RequestRefused(Exception):
    """The real service would refuse this request."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


class ScriptedServer(Served):
    """Answers from ``script``; ``delay`` is the seconds that every reply takes."""

    def __init__(
        self,
        script: Answerer | Sequence[Line | Answerer],
        *,
        api_key: str,
        models: Sequence[str],
        delay: float = 0.0,
        port: int = 0,
    ) -> None:
        self.script: Answerer = script if callable(script) else Script(script)
        self.api_key = api_key
        self.models = tuple(models)
        self.delay = delay
        self._asked: list[Asked] = []
        self._changed = threading.Condition()
        self._loopback = Loopback(self._handle, port=port, name=type(self).__name__)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._loopback.url

    @property
    def requests(self) -> list[Asked]:
        """All requests, oldest first."""
        with self._changed:
            return list(self._asked)

    def start(self) -> Self:
        """Begin to answer."""
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Stop answering, and let go of everybody who waits."""
        self._loopback.stop()

    def wait_for(self, predicate: Callable[[], Found], timeout: float = 10.0, what: str = "a request") -> Found:
        """Wait until ``predicate`` gives something true and return it; raises ``TimeoutError``."""
        deadline = time.monotonic() + timeout
        # The predicate runs without the lock: it may ask something that asks this server.
        while not (found := predicate()):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{what} did not happen in {timeout:g} s")
            with self._changed:
                self._changed.wait(min(left, 0.05))
        return found

    @abc.abstractmethod
    def answer(self, request: Request, body: Any) -> tuple[Answer, Line | None]:
        """Answer one request of the protocol; may raise ``RequestRefused``."""

    @abc.abstractmethod
    def refusal(self, status: int, kind: str, message: str) -> JSON:
        """Return the body of an error in the protocol's form."""

    def next_line(self, body: JSON) -> Reply | Failure:
        """Ask the script, take the time that a reply takes, and commit those failures that no protocol shapes."""
        line = self.script(body)
        if self.delay:
            self._loopback.stopping.wait(self.delay)
        if isinstance(line, Failure) and line.hang:
            self._loopback.stopping.wait()
            raise ConnectionDropped
        if isinstance(line, Failure) and line.drop:
            raise ConnectionDropped
        return line

    def failed(self, failure: Failure) -> Answer:
        """Answer with a failure that is no cut stream."""
        if failure.raw:
            return Answer(200, failure.raw, {"Content-Type": "application/json"})
        return self.json(self.refusal(failure.status, failure.kind, failure.message), failure.status, failure.headers)

    def json(self, body: Any, status: int = 200, headers: Any = ()) -> Answer:
        """Answer with JSON."""
        return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json", **dict(headers)})

    def _handle(self, request: Request) -> Answer:
        body: Any = None
        line: Line | None = None
        status = 0
        try:
            body = json.loads(request.body) if request.body else {}
            answer, line = self.answer(request, body)
            status = answer.status
        except RequestRefused as refused:
            answer, status = (
                self.json(self.refusal(refused.status, refused.kind, str(refused)), refused.status),
                refused.status,
            )
        except ValueError:
            answer, status = self.json(self.refusal(400, "invalid_request_error", "The body is not JSON"), 400), 400
        finally:
            with self._changed:
                self._asked.append(Asked(request.path, dict(request.headers), body, status, line, time.time()))
                self._changed.notify_all()
        return answer

"""Git over smart HTTP: who may read and write, and ``git http-backend`` for the rest."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
from typing import IO, TYPE_CHECKING

from jobs.testing.exchanges import Exchange
from jobs.testing.github import access, git
from jobs.testing.github.errors import Refused
from jobs.testing.github.pushes import moved
from jobs.testing.github.records import Account, Repository, Token, Violation
from jobs.testing.loopback import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.faults import Faults
    from jobs.testing.github.world import World

PATH = re.compile(r"/(?P<name>[^/]+/[^/]+?)(?:\.git)?/(?P<service>info/refs|git-upload-pack|git-receive-pack)")
CHUNK = 65_536


class SmartHttp:
    """Answers git's own requests from a world."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._writing: dict[str, threading.Lock] = {}

    def handle(self, request: Request) -> Answer | None:
        """Answer a request of git; None where it is none."""
        match = PATH.fullmatch(request.path)
        if match is None:
            return None
        fault = self._faults.take(request)
        if fault is not None and not fault.after:
            spoilt = self._faults.commit(fault)
            if spoilt is not None:
                return spoilt
            fault = None
        token: Token | None = None
        try:
            token = self._token(request)
            answer = self._serve(request, match["name"], match["service"], token)
        except Refused as refused:
            answer = Answer(refused.status, refused.message.encode() + b"\n", {"Content-Type": "text/plain"})
            if refused.status == 401:
                answer.headers["WWW-Authenticate"] = 'Basic realm="GitHub"'
        self._record(request, answer, token, fault=fault is not None)
        if fault is None:
            return answer
        if not isinstance(answer.body, bytes):
            answer.body = b"".join(answer.body)  # what is done before the fault is done to its end
        return self._faults.commit(fault) or answer

    def _token(self, request: Request) -> Token | None:
        secret = access.basic_password(request)
        if not secret:
            return None
        with self._world.lock:
            try:
                return access.live_token(self._world, secret)
            except Refused as refused:
                if refused.status == 403:
                    raise
                raise Refused(
                    401, "Invalid username or token. Password authentication is not supported for Git operations."
                ) from None

    def _serve(self, request: Request, name: str, service: str, token: Token | None) -> Answer:
        writes = "git-receive-pack" in {service, request.query.get("service")}
        with self._world.lock:
            repository = self._allowed(request, name, token, writes=writes)
        environment = {
            "REQUEST_METHOD": request.method,
            "PATH_INFO": f"/{service}",
            "QUERY_STRING": request.target.partition("?")[2],
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "REMOTE_USER": "x-access-token",
            "REMOTE_ADDR": "127.0.0.1",
        }
        if "content-encoding" in request.headers:
            environment["HTTP_CONTENT_ENCODING"] = request.headers["content-encoding"]
        if "git-protocol" in request.headers:
            environment["GIT_PROTOCOL"] = request.headers["git-protocol"]
        if service != "git-receive-pack":
            return _cgi(git.serve(repository.path, environment, request.body))
        if token is not None and token.grants("workflows", "write"):
            environment["STANDIN_WORKFLOWS"] = "yes"
        return self._receive(request, repository, environment, token)

    def _allowed(self, request: Request, name: str, token: Token | None, *, writes: bool) -> Repository:
        repository = self._world.repositories.get(name.lower())
        if token is None:
            if repository is not None and not repository.private and not writes:
                return repository
            raise Refused(401, "Authentication required")
        if repository is None:
            raise Refused(404, "Repository not found.")
        level = "write" if writes else "read"
        reached = token.reaches(repository.full_name)
        if reached and token.grants("contents", level):
            return repository
        if not repository.private and not writes:
            return repository
        self._world.violations.append(
            Violation(
                request.method, request.path, f"contents:{level} on {repository.full_name}", dict(token.permissions)
            )
        )
        if not reached or not token.grants("contents", "read"):
            raise Refused(404, "Repository not found.")
        raise Refused(403, f"Permission to {name}.git denied to {token.installation.app.bot.login}.")

    def _receive(
        self, request: Request, repository: Repository, environment: dict[str, str], token: Token | None
    ) -> Answer:
        with self._world.lock:
            writing = self._writing.setdefault(repository.full_name, threading.Lock())
        with writing:
            before = git.refs(repository.path, "refs/heads/", "refs/tags/")
            answer = _cgi(git.serve(repository.path, environment, request.body))
            answer.body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
            after = git.refs(repository.path, "refs/heads/", "refs/tags/")
        changes = {
            ref: (before.get(ref, git.ZERO), after.get(ref, git.ZERO))
            for ref in sorted({*before, *after})
            if before.get(ref) != after.get(ref)
        }
        pusher = token.installation.app.bot if token else Account(0, "nobody")
        with self._world.change():
            moved(self._world, repository, changes, pusher, token.value if token else "")
        return answer

    def _record(self, request: Request, answer: Answer, token: Token | None, *, fault: bool) -> None:
        permissions, secret = (token.permissions, token.value) if token else (None, "")
        exchange = Exchange.of(request, answer, fault=fault, permissions=permissions, token=secret, bytes_too=False)
        with self._world.change():
            self._world.exchanges.append(exchange)


def _cgi(process: subprocess.Popen[bytes]) -> Answer:
    output = process.stdout
    if output is None:
        return Answer(500)
    answer = Answer(200)
    while line := output.readline().strip().decode():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            answer.status = int(value.split()[0])
        else:
            answer.headers[name] = value.strip()
    answer.body = _rest(process, output)
    return answer


def _rest(process: subprocess.Popen[bytes], output: IO[bytes]) -> Iterator[bytes]:
    try:
        while chunk := output.read1(CHUNK):  # type: ignore[attr-defined]  # a pipe is buffered
            yield chunk
    finally:
        output.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)

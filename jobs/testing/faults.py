"""Faults that a stand-in commits when it is asked to: errors, delays, silence, cut connections, lost answers."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs.testing.loopback import Answer, ConnectionDropped, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(slots=True)
class Fault:
    """One fault; ``hits`` counts how often it was committed, ``times`` is how often it may be (None: always)."""

    method: str
    path: re.Pattern[str]
    times: int | None
    status: int | None
    headers: Mapping[str, str]
    body: bytes | None
    delay: float
    hang: bool
    drop: bool
    after: bool
    when: Callable[[Request], bool] | None = None
    then: Callable[[], object] | None = None
    hits: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def fits(self, request: Request) -> bool:
        """Tell whether this fault is for ``request`` and still has a go."""
        if self.method not in {"*", request.method} or (self.times is not None and self.hits >= self.times):
            return False
        return bool(self.path.search(request.path)) and (self.when is None or self.when(request))


class Faults:
    """The faults that are set on one stand-in, asked for every request; ``media`` is the type of what explains one."""

    def __init__(self, explain: Callable[[int, str], bytes], media: str = "application/json; charset=utf-8") -> None:
        self._explain = explain
        self._media = media
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def add(
        self,
        method: str,
        path_regex: str,
        *,
        times: int | None = 1,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        delay: float = 0.0,
        hang: bool = False,
        drop: bool = False,
        after: bool = False,
        when: Callable[[Request], bool] | None = None,
        then: Callable[[], object] | None = None,
    ) -> Fault:
        """Set a fault for requests whose method is ``method`` (or ``*``) and whose path has a match of ``path_regex``.

        ``delay`` is in seconds. ``hang`` keeps the caller waiting until the fault is cleared or the stand-in stops.
        ``drop`` cuts the connection. ``after`` does what was asked first, and then fails: the answer is lost.
        ``when`` chooses among these requests; ``then`` is called at the very moment of the fault, before it shows.
        """
        fault = Fault(
            *(method.upper(), re.compile(path_regex), times, status, dict(headers or {}), body),
            *(delay, hang, drop, after, when, then),
        )
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Take all faults away and let go of everyone whom they keep waiting."""
        with self._lock:
            faults, self._faults = self._faults, []
        for fault in faults:
            fault.released.set()

    def stop(self) -> None:
        """Let go of everyone: the stand-in stops."""
        self._stopping.set()
        self.clear()

    def around(self, request: Request, answer: Callable[[], Answer], record: Callable[..., None]) -> Answer:
        """Answer a request and record that, with the fault that is set for it, before the deed or behind it.

        ``record`` is given the answer, and as ``fault`` whether it is spoilt; a connection that is cut has status 0.
        """
        fault = self.take(request)
        if fault is not None and not fault.after:
            try:
                spoilt = self.commit(fault)
            except ConnectionDropped:
                record(Answer(0), fault=True)
                raise
            if spoilt is not None:
                record(spoilt, fault=True)
                return spoilt
            fault = None
        given = answer()
        record(given, fault=fault is not None)
        return given if fault is None else self.commit(fault) or given

    def take(self, request: Request) -> Fault | None:
        """Return the fault to commit for ``request``, counting it."""
        with self._lock:
            fault = next((fault for fault in self._faults if fault.fits(request)), None)
            if fault is not None:
                fault.hits += 1
            return fault

    def commit(self, fault: Fault) -> Answer | None:
        """Commit ``fault``; None means that it only delayed, and the true answer may follow."""
        if fault.then is not None:
            fault.then()
        if fault.delay:
            fault.released.wait(fault.delay)
        if fault.hang:
            while not fault.released.wait(0.05) and not self._stopping.is_set():
                continue
            raise ConnectionDropped
        if fault.drop:
            raise ConnectionDropped
        if fault.status is None:
            return None
        headers = {"Content-Type": self._media, **fault.headers}
        body = self._explain(fault.status, fault.headers.get("Retry-After", "")) if fault.body is None else fault.body
        return Answer(fault.status, body, headers)

"""A real Chromium without a window, spoken to over its debugging pipe: visit, click, fill in, look."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.needs import CURES, PRESENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    *("--remote-debugging-pipe", "--window-size=1100,900"),
)
_PATIENCE = 30.0


class Page:
    """One tab."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._numbers = itertools.count(1)
        self._pending = b""
        self.console: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._do("Page.enable")
        self._do("Runtime.enable")
        self._do("Log.enable")

    def visit(self, url: str) -> None:
        """Go to an address and wait until it is there."""
        self._do("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """Return what an expression in the page gives; it runs from outside, whatever the page's policy says."""
        answer = self._do("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression holds."""
        deadline = time.monotonic() + _PATIENCE
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"{expression} did not come true; the page says {self.text()[:500]!r}"
            select.select([], [], [], 0.05)

    def text(self) -> str:
        """Return what a person reads."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def dark(self) -> None:
        """Prefer a dark page, as a system's setting does."""
        features = [{"name": "prefers-color-scheme", "value": "dark"}]
        self._do("Emulation.setEmulatedMedia", features=features)

    def picture(self, path: Path) -> None:
        """Write a picture of the whole page."""
        answer = self._do("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _do(self, method: str, **parameters: Any) -> Any:
        return self._call(method, self._session, **parameters)

    def _call(self, method: str, session: str = "", **parameters: Any) -> Any:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("method") == "Log.entryAdded":
                self.console.append(answer["params"]["entry"]["text"])
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _receive(self) -> Any:
        deadline = time.monotonic() + _PATIENCE
        while b"\0" not in self._pending:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "Chromium did not answer"
            chunk = os.read(self._read, 1 << 20)
            assert chunk, "Chromium has ended"
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\0")
        return json.loads(line)


def _pipe() -> list[int]:
    """Make a pipe whose ends are not 3 or 4, which the child's ends become."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Run Chromium with a fresh profile under a folder."""
    program = PRESENT["chromium"]()
    assert program, CURES["chromium"]
    to_read, to_write = _pipe()
    from_read, from_write = _pipe()

    def hand_over() -> None:
        os.dup2(to_read, 3)
        os.dup2(from_write, 4)

    with subprocess.Popen(
        [str(program), *_FLAGS, f"--user-data-dir={folder}/profile"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=False,
        preexec_fn=hand_over,  # noqa: PLW1509 - the pipe must be file descriptors 3 and 4
        start_new_session=True,
    ) as process:
        os.close(to_read)
        os.close(from_write)
        try:
            yield Page(to_write, from_read)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            os.close(to_write)
            os.close(from_read)

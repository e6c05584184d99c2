"""A running sandbox of any provider: commands and files over a channel that is opened again when it is lost."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from jobs.sandbox.channel import Channel, ChannelLost, Transport
from jobs.types import BlockedRequest, CommandResult, SandboxError, SandboxFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.sandbox.proxy import Proxy
    from jobs.types import SandboxSpec

GRACE = 15.0
"""Seconds beyond a command's timeout that the runner has to kill it and answer."""
FILE_TIMEOUT = 60.0
HELLO_TIMEOUT = 20.0
OUTPUT_CAP = 8 << 20
PROXY_URL = "http://127.0.0.1:3128"

BASE_ENVIRONMENT = {
    "HOME": "/home/agent",
    "USER": "agent",
    "LOGNAME": "agent",
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "TMPDIR": "/tmp",  # noqa: S108 - the sandbox's own tmpfs
    "PATH": "/home/agent/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "CI": "1",
    "DEBIAN_FRONTEND": "noninteractive",
    "PAGER": "cat",
    "EDITOR": "true",
    "VISUAL": "true",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "true",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_BREAK_SYSTEM_PACKAGES": "1",
    "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    "NPM_CONFIG_FUND": "false",
    "NPM_CONFIG_PREFIX": "/home/agent/.local",
    "NODE_USE_ENV_PROXY": "1",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), PROXY_URL),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1"),
}


class Place(Protocol):
    """What a provider knows about one sandbox that it started."""

    reopens: bool
    """True when a new channel can be opened after the runner has died."""
    outlives: bool
    """True when the sandbox lives on after its worker."""
    limits: dict[str, int]
    """Resource limits that the runner sets for itself and its commands, by the names of the ``resource`` module."""

    def open(self) -> Transport:
        """Start a runner inside and return the stream to it; raises ``ChannelLost`` or ``SandboxError``."""
        ...

    def obituary(self) -> str:
        """Return why the sandbox is no more, in words; empty while it lives."""
        ...

    def remove(self) -> None:
        """End the sandbox and remove what it left on the host."""
        ...

    def release(self) -> None:
        """Let go of what this worker holds, and leave the sandbox as it is."""
        ...


class LiveSandbox:
    """The ``Sandbox`` of jobs.types over a place, a proxy and a channel."""

    def __init__(self, spec: SandboxSpec, place: Place, proxy: Proxy, *, resumed: bool) -> None:
        self.name = spec.name
        self.resumed = resumed
        self.outlives = place.outlives
        self._place = place
        self._proxy = proxy
        self._environment = BASE_ENVIRONMENT | dict(spec.environment)
        self._lock = threading.Lock()
        self._closed = False
        self._channel = self._open(clean=resumed)

    def run(
        self,
        command: str,
        *,
        timeout: float,
        session: bool = False,
        output_limit: int = 30_000,
        cwd: str = "/workspace",
    ) -> CommandResult:
        """Run a bash command line; with ``session`` in the one shell that keeps its directory and variables."""
        request = {
            "op": "run",
            "command": command.encode("utf-8", "replace").decode(),
            "timeout": max(0.0, timeout),
            "session": session,
            "limit": min(max(output_limit, 2), OUTPUT_CAP),
            "cwd": cwd,
        }
        with self._lock:
            self._must_be_open()
            self._proxy.command = command
            started = time.monotonic()
            try:
                header, output = self._channel.request(request, timeout=timeout + GRACE, limit=2 * OUTPUT_CAP)
                return _result(header, output, timeout)
            except ChannelLost as lost:
                self._recover(lost)
                return _lost_result(lost, time.monotonic() - started)
            finally:
                self._proxy.command = ""

    def read(self, path: str, *, limit: int) -> bytes:
        """Return a regular file's bytes; raises ``SandboxFileError`` for anything else or over ``limit`` bytes."""
        return self._file({"op": "read", "path": path, "limit": limit}, b"", limit)

    def write(self, path: str, data: bytes) -> None:
        """Write a regular file, making its folders; raises ``SandboxFileError`` where that cannot be."""
        self._file({"op": "write", "path": path}, data, 0)

    def allow(self, hosts: Sequence[str]) -> None:
        """Replace the names that the egress proxy lets through, for the next phase."""
        self._proxy.allow(hosts)

    def blocked(self) -> tuple[BlockedRequest, ...]:
        """Return what the egress proxy refused so far in this attempt."""
        return self._proxy.blocked()

    def detach(self) -> None:
        """Let go of the sandbox and leave it for the next attempt, where it can live on by itself."""
        if not self._place.outlives:
            self.close()
            return
        with self._lock:
            if not self._closed:
                self._closed = True
                self._channel.close()
                self._proxy.close()
                self._place.release()

    def close(self) -> None:
        """End the sandbox and everything in it, unless another worker has it now; does nothing the second time."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            # The channel goes first: an engine waits for an attached client that nobody reads.
            self._channel.close()
            self._proxy.close()
            if self._proxy.displaced():
                self._place.release()
            else:
                self._place.remove()

    def _file(self, request: dict[str, Any], data: bytes, limit: int) -> bytes:
        with self._lock:
            self._must_be_open()
            try:
                header, answer = self._channel.request(request, data, timeout=FILE_TIMEOUT, limit=limit)
            except ChannelLost as lost:
                self._recover(lost)
                try:
                    header, answer = self._channel.request(request, data, timeout=FILE_TIMEOUT, limit=limit)
                except ChannelLost as again:
                    raise SandboxError(_ended(self.name, f"its command server was lost twice: {again}")) from again
        if "error" in header:
            raise SandboxFileError(str(header["error"])[:500])
        return answer

    def _must_be_open(self) -> None:
        if self._closed:
            raise SandboxError(f"The sandbox {self.name} was closed; start it again.")

    def _open(self, *, clean: bool) -> Channel:
        channel = Channel(self._place.open())
        hello = {"op": "hello", "environment": self._environment, "limits": self._place.limits, "clean": clean}
        try:
            channel.request(hello, timeout=HELLO_TIMEOUT)
        except BaseException:
            channel.close()
            raise
        return channel

    def _recover(self, lost: ChannelLost) -> None:
        """Open a new channel to a sandbox that lives; raises ``SandboxError`` when it does not."""
        self._channel.close()
        if self._proxy.displaced():
            raise SandboxError(f"Another worker has taken the sandbox {self.name} up; this one must stop.") from lost
        obituary = self._place.obituary()
        if obituary or not self._place.reopens:
            raise SandboxError(_ended(self.name, obituary or f"its command server was lost: {lost}")) from lost
        for pause in (0.0, 0.2, 1.0):
            time.sleep(pause)
            try:
                self._channel = self._open(clean=True)
            except ChannelLost:
                continue
            return
        obituary = self._place.obituary() or f"its command server was lost and could not be started again: {lost}"
        raise SandboxError(_ended(self.name, obituary)) from lost


def _ended(name: str, reason: str) -> str:
    return f"The sandbox {name} ended: {reason}. Run the task again: it continues from the last work that was kept."


def _result(header: dict[str, Any], output: bytes, timeout: float) -> CommandResult:
    """Read the runner's answer, whose every field may be a lie of the wrong type."""
    if "error" in header:
        return CommandResult(126, str(header["error"])[:2000], 0.0)
    text = output.decode("utf-8", "replace")
    try:
        code, seconds = int(header["exit"]), float(header["seconds"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ChannelLost("it sent an answer that is not valid") from None
    timed_out, truncated = header.get("timed_out") is True, header.get("truncated") is True
    if timed_out:
        text += f"\n[Stopped: the command was not done after {timeout:g} seconds, and was killed.]"
    if header.get("restarted") is True:
        how = "was killed with it" if timed_out else "ended with this command"
        text += f"\n[The shell {how}. The next command gets a new one, in /workspace, without the old variables.]"
    return CommandResult(code, text, seconds, timed_out=timed_out, truncated=truncated)


def _lost_result(lost: ChannelLost, seconds: float) -> CommandResult:
    text = (
        f"[The sandbox's command server was lost while this command ran ({lost}), and was started again. "
        "All processes were "
        "ended, and the shell's directory and variables are gone. Files are kept. "
        "Do not kill processes that you did not start.]"
    )
    return CommandResult(137, text, seconds, timed_out=False)

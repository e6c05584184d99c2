"""The exec server: framed requests on stdin, framed answers on stdout.

A frame is two big-endian 32-bit lengths, a JSON header and a payload of bytes.
"""

# The modules subprocess and threading would take each waiting run 0.7 MB.
from __future__ import annotations

import _thread
import contextlib
import json
import os
import resource
import selectors
import signal
import struct
import sys
import time

from .files import Refused, read_file, write_file
from .forwarder import forward
from .output import CHUNK, Output
from .processes import end_tree, harden, prefer_for_oom
from .session import Session

TYPE_CHECKING = False  # typing itself would cost the start 5 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FRAME = struct.Struct(">II")
HEADER_CAP = 1 << 20
PAYLOAD_CAP = 1 << 29
COMMAND_CAP = 120_000
"""Linux takes at most 128 KiB in one argument."""
BASH = ("/bin/bash", "--noprofile", "--norc", "-c")
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
TICKS = os.sysconf("SC_CLK_TCK")


def check_command(command: str) -> None:
    """Refuse what bash cannot be given in one argument."""
    if "\0" in command:
        raise Refused("The command holds a NUL character.")
    if len(command.encode("utf-8", "surrogateescape")) > COMMAND_CAP:
        raise Refused(f"The command is longer than {COMMAND_CAP} bytes; write it to a file and run that.")


class Runner:
    """Serves one host over stdin and stdout."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.environment: dict[str, str] = {}
        self.exits: dict[int, int] = {}
        self.session: Session | None = None
        self.received = bytearray()
        self.ended = False
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.watch(wake_read, self.reap)
        self.watch(0, self.receive)

    def watch(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        """Hand everything that can be read from ``descriptor`` to ``take``."""
        os.set_blocking(descriptor, False)
        self.selector.register(descriptor, selectors.EVENT_READ, take)

    def forget(self, descriptor: int) -> None:
        """Stop watching and close."""
        try:
            self.selector.unregister(descriptor)
        except KeyError:
            return
        os.close(descriptor)

    def pump(self, timeout: float | None) -> None:
        """Wait for something to read, and take it; this is the only place where the server waits."""
        for key, _ in self.selector.select(timeout):
            self.take(key.fd, key.data)

    def take(self, descriptor: int, take: Callable[[bytes], None]) -> bool:
        """Read once from a watched descriptor; False when there was nothing."""
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            take(data)
        elif descriptor == 0:
            self.ended = True
            self.selector.unregister(0)
        else:
            self.forget(descriptor)
        return bool(data)

    def receive(self, data: bytes) -> None:
        """Collect the host's next request."""
        self.received += data

    def reap(self, _data: bytes) -> None:
        """Collect the exit codes of all children, adopted ones too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            self.exits[pid] = code if code >= 0 else 128 - code

    def spawn(self, script: str, output: int, directory: str, pass_fds: tuple[int, ...] = ()) -> int:
        """Start bash in a session of its own, with nothing on its stdin; what it is not given it does not inherit."""
        try:
            os.chdir(directory)
            pid = os.posix_spawn(
                BASH[0],
                [*BASH, script],
                self.environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                    *((os.POSIX_SPAWN_DUP2, given, given) for given in pass_fds),
                ],
                setsid=True,
                setsigdef=IGNORED_BY_PYTHON,
            )
        except (OSError, ValueError) as error:
            raise Refused(f"The command could not be started in {directory}: {error}.") from None
        finally:
            os.chdir("/")
        prefer_for_oom(pid)
        return pid

    def run(self, request: dict[str, Any], _payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Run a command in a fresh bash or in the session."""
        check_command(request["command"])
        self.pump(0)
        if self.session and self.session.pid in self.exits:
            self.forget_session(self.session)
        self.exits.clear()
        started = time.monotonic()
        in_session = self.run_in_session if request["session"] else self.run_fresh
        header, output = in_session(request, started + request["timeout"])
        header["seconds"] = time.monotonic() - started
        return header, output

    def run_fresh(self, request: dict[str, Any], deadline: float) -> tuple[dict[str, Any], bytes]:
        """Run a command in a bash of its own."""
        since = int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS)
        output = Output(request["limit"])
        read, write = os.pipe()
        try:
            pid = self.spawn(request["command"], write, request["cwd"])
        except Refused:
            os.close(read)
            raise
        finally:
            os.close(write)
        self.watch(read, output.add)
        timed_out = not self.wait(lambda: pid in self.exits, deadline)
        if timed_out:
            self.end(pid, since)
        self.drain(read, output.add)
        self.linger(read)
        return {
            "exit": self.exits.get(pid, 137),
            "timed_out": timed_out,
            "truncated": bool(output.dropped),
        }, output.text()

    def run_in_session(self, request: dict[str, Any], deadline: float) -> tuple[dict[str, Any], bytes]:
        """Run a command in the one shell; a shell that was killed or ended is replaced by the next command."""
        since = int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS)
        session = self.session = self.session or Session(self)
        session.send(request["command"], request["limit"])
        done = self.wait(lambda: b"\0" in session.status or session.pid in self.exits, deadline)
        restarted = b"\0" not in session.status
        if not done:
            self.end(session.pid, since)
        self.drain(session.printed, session.take_output)
        output, session.output = session.output, Output(CHUNK)
        code = self.exits.get(session.pid, 137) if restarted else int(session.status.partition(b"\0")[0] or 1)
        if restarted:
            self.forget_session(session)
        header = {"exit": code, "timed_out": not done, "truncated": bool(output.dropped), "restarted": restarted}
        return header, output.text()

    def forget_session(self, session: Session) -> None:
        """Let go of a shell that has ended; the next command gets a new one."""
        session.close()
        self.session = None

    def wait(self, done: Callable[[], bool], deadline: float) -> bool:
        """Serve everything until ``done()``; False at the deadline or when the host has gone."""
        while not done():
            left = deadline - time.monotonic()
            if left <= 0 or self.ended:
                return bool(done())
            self.pump(left)
        return True

    def end(self, pid: int, since: int) -> None:
        """Kill a command and wait for its end."""
        spared = self.session.pid if self.session and self.session.pid != pid else 0
        end_tree(pid, since, spared)
        limit = time.monotonic() + 3
        while pid not in self.exits and time.monotonic() < limit:
            self.pump(0.1)

    def drain(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        """Take what is left in a pipe, and no more than a pipe can hold: a background job may print for ever."""
        for _ in range(8):
            if descriptor not in self.selector.get_map() or not self.take(descriptor, take):
                return

    def linger(self, descriptor: int) -> None:
        """Keep swallowing what background jobs of a finished command print, so that they never block."""
        if descriptor in self.selector.get_map():
            self.selector.modify(descriptor, selectors.EVENT_READ, lambda _data: None)

    def hello(self, request: dict[str, Any], _payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Take the environment and limits of this sandbox; with ``clean``, end what an earlier attempt left running."""
        if request["clean"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        self.environment = request["environment"]
        for name, value in request["limits"].items():
            kind = getattr(resource, name)
            ceiling = resource.getrlimit(kind)[1]
            bound = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
            resource.setrlimit(kind, (bound, bound))
        _thread.stack_size(1 << 18)
        _thread.start_new_thread(forward, ())
        return {"python": sys.version.split()[0]}, b""

    def read(self, request: dict[str, Any], _payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Answer with a file's bytes."""
        return {}, read_file(request["path"], min(request["limit"], PAYLOAD_CAP))

    def write(self, request: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Write a file."""
        write_file(request["path"], payload)
        return {}, b""

    def next_request(self) -> tuple[dict[str, Any], bytes] | None:
        """Return a whole request, or None while there is none."""
        if len(self.received) < FRAME.size:
            return None
        header_size, payload_size = FRAME.unpack_from(self.received)
        if header_size > HEADER_CAP or payload_size > PAYLOAD_CAP:
            raise SystemExit("The host sent a frame over the cap.")
        end = FRAME.size + header_size + payload_size
        if len(self.received) < end:
            return None
        header = json.loads(bytes(self.received[FRAME.size : FRAME.size + header_size]))
        payload = bytes(self.received[FRAME.size + header_size : end])
        del self.received[:end]
        return header, payload

    def serve(self) -> None:
        """Answer requests until the host closes stdin; then end the shell."""
        operations = {"hello": self.hello, "run": self.run, "read": self.read, "write": self.write}
        while not self.ended:
            found = self.next_request()
            if found is None:
                self.pump(None)
                continue
            request, payload = found
            try:
                header, answer = operations[request["op"]](request, payload)
            except Refused as refused:
                header, answer = {"error": str(refused)}, b""
            self.answer({"id": request["id"], **header}, answer)

    def answer(self, header: dict[str, Any], payload: bytes) -> None:
        """Send one frame to the host."""
        encoded = json.dumps(header).encode()
        view = memoryview(FRAME.pack(len(encoded), len(payload)) + encoded + payload)
        while view:
            view = view[os.write(1, view) :]


def main() -> None:
    """Serve until the host closes stdin."""
    harden()
    Runner().serve()

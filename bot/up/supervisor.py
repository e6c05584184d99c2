"""Starts processes, hands on what they write, starts again what dies, and stops all of them in order."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.up.child import Child, Patience, Process, ending
from bot.up.guard import SIGNALS, adopt_orphans, end_orphans, unblock_signals
from bot.up.standstill import Standstill
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import FrameType

    from bot.up.console import Console

STOP_SECONDS = 8.0
"""What the processes have to finish what they are at; a stop takes less than 10 s in all."""
LAST_SECONDS = 1.0
"""What the process that is stopped last (Valkey) has, to write its files."""
ORPHAN_SECONDS = 0.5
"""What processes have that outlived the one that started them."""
POLL_SECONDS = 0.05


class StopAsked(Exception):
    """A signal came while something was waited for."""


class Supervisor:
    """Runs processes until a signal comes or one of them cannot be kept alive; it has one thread."""

    def __init__(self, console: Console, patience: Patience | None = None, database: Path | None = None) -> None:
        """Take where to write, how long to try, and the SQLite database that the processes share, if it is one."""
        self.patience = patience or Patience()
        self._standstill = Standstill(database) if database else None
        self.console = console
        self.children: list[Child] = []
        self.asked = 0
        self.gave_up = ""
        self._selector = selectors.DefaultSelector()
        self._listen_to_signals()
        adopt_orphans()

    def start(self, process: Process) -> Child:
        """Start a process and keep it alive from now on; those started first are stopped last."""
        child = Child(process, self.patience)
        self.children.append(child)
        self._start(child)
        return child

    def forget(self, child: Child) -> None:
        """Let go of a process that ended and shall not be started again."""
        self.children.remove(child)
        self._bury(child)

    def run(self, process: Process, *, seconds: float) -> None:
        """Run a process to its end; raises ``UserError`` where it fails."""
        child = Child(process, self.patience)
        self._start(child)
        try:
            self.wait(lambda: not child.running(), seconds=seconds, what=f"`{process.name}` to end")
        finally:
            child.kill()
            code = self._bury(child)
        if code != 0:
            raise UserError(f"`{process.name}` {ending(code)}; the lines above say why. Nothing was started.")

    def wait(self, condition: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Wait until a condition holds; raises ``UserError`` when it does not in time, ``StopAsked`` at a signal."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.asked:
                raise StopAsked
            if time.monotonic() > deadline:
                raise UserError(f"Waited {seconds:g} s for {what}. The lines above may say why.")
            self._turn(POLL_SECONDS)

    def serve(self, announce: Callable[[], bool]) -> int:
        """Keep everything running until a signal comes (0) or a process dies too often (1).

        ``announce`` is called again and again until it has said what it has to say and returns true.
        """
        announced = False
        while not (self.asked or self.gave_up or self.console.closed):
            announced = announced or announce()
            self._turn(1.0 if announced else POLL_SECONDS)
            for child in self.children:
                self._keep_alive(child)
            self._reap_adopted()
            self._end_a_standstill()
        if self.gave_up:
            self.console.say(self.gave_up)
        return 1 if self.gave_up else 0

    def stop(self, last: Sequence[Child] = ()) -> None:
        """Stop everything, ``last`` after the rest; who does not end in time, or at a second signal, is killed."""
        asked = self.asked
        if self.children:
            self.console.say("Stopping; a second Ctrl-C kills.")
        rest = [child for child in self.children if child not in last]
        for group, seconds in ((rest, STOP_SECONDS), (list(last), LAST_SECONDS)):
            deadline = time.monotonic() + seconds
            for child in group:
                child.signal(signal.SIGTERM)
            while (
                any(child.running() for child in group) and time.monotonic() < deadline and self.asked <= max(asked, 1)
            ):
                self._turn(POLL_SECONDS)
            self._end(group)
        self.children = []
        end_orphans(ORPHAN_SECONDS)

    def _end(self, group: Sequence[Child]) -> None:
        for child in group:
            if child.running():
                self.console.say(f"{child.process.name} did not stop in time and is killed.")
            if child.popen is not None:
                child.kill()
                self._bury(child)

    def _start(self, child: Child) -> None:
        descriptor = child.start()
        os.set_blocking(descriptor, False)
        self._selector.register(descriptor, selectors.EVENT_READ, child)

    def _keep_alive(self, child: Child) -> None:
        """Bury a process that died and start it again when its time has come."""
        name = child.process.name
        if child.popen is not None and not child.running():
            how = ending(self._bury(child))
            if child.deaths >= self.patience.most_deaths:
                self.gave_up = (
                    f"{name} {how}, {child.deaths} times in a row. I give up and stop everything: "
                    "the last lines of its output say why, and `opus67 doctor` looks for the cause."
                )
                return
            self.console.say(f"{name} {how}; it is started again in {self.patience.delay(child.deaths):g} s.")
        if child.popen is None and time.monotonic() >= child.start_at:
            self._start(child)

    def _end_a_standstill(self) -> None:
        """Kill a process that stands still while nobody else can write because of it; it is started again."""
        sessions = {child.popen.pid: child for child in self.children if child.popen is not None}
        stuck = self._standstill.holder(sessions, time.monotonic()) if self._standstill else 0
        if stuck:
            self.console.say(
                f"Process {stuck} was stopped while it wrote to the database, so that nobody else can; it is killed, "
                "and started again."
            )
            with suppress(ProcessLookupError):
                os.kill(stuck, signal.SIGKILL)

    def _bury(self, child: Child) -> int:
        """Show the rest of what a dead process wrote, and let go of it."""
        self._show(child)
        if child.buffer:
            self.console.line(child.process.name, child.buffer)
        with suppress(KeyError):
            self._selector.unregister(child.output)
        return child.bury()

    def _turn(self, seconds: float) -> None:
        """Wait for output, a death or a signal, at most so long, and show the output."""
        waiting = [child.start_at - time.monotonic() for child in self.children if child.popen is None]
        timeout = max(0.0, min([seconds, *waiting]))
        for key, _ in self._selector.select(timeout):
            if isinstance(key.data, Child):
                self._show(key.data)
            else:
                with suppress(BlockingIOError):
                    self._wake.recv(4096)

    def _show(self, child: Child) -> None:
        for line in child.read():
            self.console.line(child.process.name, line)
        if child.silent:
            with suppress(KeyError):
                self._selector.unregister(child.output)

    def _reap_adopted(self) -> None:
        """Let processes go that became ours because their parent died; our own are reaped where they are kept alive."""
        own = {child.popen.pid for child in self.children if child.popen is not None}
        with suppress(ChildProcessError):
            while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if dead.si_pid in own:
                    return
                os.waitpid(dead.si_pid, 0)

    def _listen_to_signals(self) -> None:
        """Count the signals that ask for the end; these, and a child's death, wake the loop."""

        def ask(_number: int, _frame: FrameType | None) -> None:
            self.asked += 1

        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, ask)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        unblock_signals()

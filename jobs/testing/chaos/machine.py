"""The processes and the sandboxes of one installation, as the machine sees them."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.sandbox.api import client
from jobs.sandbox.engine import HOME_LABEL, TASK_LABEL, home_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from docker import APIClient

    from jobs.testing.product import Product


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its number, its parent's, what it calls itself, and its command."""

    pid: int
    parent: int
    name: str
    words: tuple[str, ...]


class Machine:
    """What can be killed and paused of one product, and what is left of it."""

    def __init__(self, product: Product, provider: str) -> None:
        self._home = Path(product.environment["OPUS67_HOME"])
        self._provider = provider

    # -- processes ----------------------------------------------------------------------------------------------

    def processes(self) -> list[Process]:
        """Return all processes of this installation."""
        home = f"OPUS67_HOME={self._home}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError, IndexError):
                if home not in (folder / "environ").read_bytes().split(b"\0"):
                    continue
                name, _, rest = (folder / "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
                state, parent = rest.split()[:2]
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if state not in {"Z", "X"}:
                    found.append(Process(int(folder.name), int(parent), name, tuple(words)))
        return found

    def family(self, command: str) -> tuple[int, list[Process]]:
        """Return the parent of a command's processes, and its children; 0 where none runs."""
        mine = [one for one in self.processes() if "bot.cli" in one.words and command in one.words]
        pids = {one.pid for one in mine}
        parents = [one.pid for one in mine if one.parent not in pids]
        return (parents[0] if parents else 0), [one for one in mine if one.parent in parents]

    def workers(self, queue: str) -> list[int]:
        """Return the workers of a queue."""
        return [one.pid for one in self.family("worker")[1] if one.name == f"opus67 {queue}"]

    def valkey(self) -> int:
        """Return the embedded Valkey, or 0; it is known by its folder."""
        folder = self._home / "valkey"
        for process in _all_processes():
            if process.name.startswith("valkey-server"):
                with suppress(OSError):
                    if Path(f"/proc/{process.pid}/cwd").readlink() == folder.resolve():
                        return process.pid
        return 0

    def forget_queues(self) -> None:
        """Take from the embedded Valkey what it wrote to the disk: it shall come back with nothing."""
        shutil.rmtree(self._home / "valkey" / "appendonlydir", ignore_errors=True)
        (self._home / "valkey" / "dump.rdb").unlink(missing_ok=True)

    # -- sandboxes ----------------------------------------------------------------------------------------------

    def sandboxes(self) -> list[str]:
        """Return the sandboxes of tasks that run or are left over: containers, or processes of bubblewrap."""
        if self._provider == "bubblewrap":
            return [str(one.pid) for one in self._bubbles()]
        with self._engine() as engine:
            wanted = {"label": [f"{HOME_LABEL}={home_id(self._home)}", TASK_LABEL]}
            found = [
                (one["Names"][0].removeprefix("/"), one["Labels"])
                for one in engine.containers(all=True, filters=wanted)
            ]
        # A spare one waits for its task.
        return [name for name, labels in found if not labels[TASK_LABEL].startswith("spare-")]

    def sandbox_of(self, task_id: str, worker: int) -> str:
        """Return the sandbox in which a worker's task runs, or nothing."""
        if self._provider == "bubblewrap":
            return next((str(one.pid) for one in self._bubbles() if worker in self._ancestors(one)), "")
        return next((name for name in self.sandboxes() if f"opus67-{task_id}" in name), "")

    def kill_sandbox(self, sandbox: str) -> None:
        """Kill a sandbox without a word."""
        if self._provider == "bubblewrap":
            send(int(sandbox), signal.SIGKILL)
            return
        with self._engine() as engine, suppress(*_engine_errors()):
            engine.kill(sandbox)

    def pause_sandbox(self, sandbox: str) -> None:
        """Have all of a sandbox stand still."""
        if self._provider == "bubblewrap":
            self._send_below(int(sandbox), signal.SIGSTOP)
            return
        with self._engine() as engine, suppress(*_engine_errors()):
            engine.pause(sandbox)

    def resume_sandbox(self, sandbox: str) -> None:
        """Let a sandbox go on."""
        if self._provider == "bubblewrap":
            self._send_below(int(sandbox), signal.SIGCONT)
            return
        with self._engine() as engine, suppress(*_engine_errors()):
            engine.unpause(sandbox)

    def _bubbles(self) -> Sequence[Process]:
        """Return the outermost processes of bubblewrap; their parents tell whose they are."""
        ours = {one.pid for one in self.family("worker")[1]}
        everything = {one.pid: one for one in _all_processes()}
        bubbles = [one for one in everything.values() if one.name == "bwrap"]
        outer = [one for one in bubbles if everything.get(one.parent, one).name != "bwrap" or one.parent in ours]
        return [one for one in outer if set(self._ancestors(one)) & ours]

    def _ancestors(self, process: Process) -> list[int]:
        everything, found, parent = {one.pid: one for one in _all_processes()}, [], process.parent
        while parent in everything:
            found.append(parent)
            parent = everything[parent].parent
        return found

    def _send_below(self, pid: int, number: signal.Signals) -> None:
        everything = _all_processes()
        below, rest = [pid], [pid]
        while rest:
            parent = rest.pop()
            children = [one.pid for one in everything if one.parent == parent]
            below += children
            rest += children
        for one in below:
            send(one, number)

    @contextmanager
    def _engine(self) -> Iterator[APIClient]:
        with closing(client(self._provider)) as engine:
            yield engine


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _engine_errors() -> tuple[type[Exception], ...]:
    from docker.errors import DockerException  # noqa: PLC0415 - slow to import

    return (DockerException,)


def _all_processes() -> list[Process]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            name, _, rest = (folder / "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
            state, parent = rest.split()[:2]
            if state not in {"Z", "X"}:
                found.append(Process(int(folder.name), int(parent), name, ()))
    return found

"""Sandboxes without an engine: bubblewrap over the host's own /usr, read-only, with the same walls as a container."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

from jobs.sandbox import rootfs, seccomp
from jobs.sandbox.channel import ChannelLost, wait_for
from jobs.sandbox.engine import disks
from jobs.sandbox.live import LiveSandbox
from jobs.sandbox.places import remove_folder, run_folder
from jobs.types import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO

    from jobs.sandbox.proxy import Proxy
    from jobs.types import SandboxSpec

USER = "10001"
CURE = "install it (Debian: apt-get install bubblewrap) and let this user make user namespaces"
STAGE = "/mnt"
"""Where root shows the agent's unprivileged user the folders to mount: a private tmpfs that no other process sees."""
STAGING = """
mount -t tmpfs -o mode=0755,size=1m opus67 "$0"
for pair in "$1" "$2"; do
    [ -n "$pair" ] || continue
    mkdir "$0/${pair%%=*}"
    mount --bind "${pair#*=}" "$0/${pair%%=*}"
done
shift 2
exec setpriv --reuid "$1" --regid "$1" --clear-groups -- "${@:2}"
"""
START = """in=$1 out=$2
exec <&$in >&$out {{in}}<&- {{out}}>&-
exec {python} -I -S -B /run/opus67
"""
"""The first command inside: the channel becomes its stdin and stdout, and nobody else's."""
END_TIMEOUT = 5.0
GOODBYE_SECONDS = 1.0
SAID_CAP = 300


def works() -> bool:
    """Tell whether bubblewrap is here and may make its namespaces on this kernel."""
    if shutil.which("bwrap") is None:
        return False
    command = ["bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr", *rootfs.links(), "/usr/bin/true"]
    try:
        return subprocess.run([*_as_nobody(), *command], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def start(provider: str, spec: SandboxSpec, home: Path, make_proxy: Callable[[Path], Proxy]) -> LiveSandbox:
    """Start a new sandbox; there is never an old one, since they end with their worker."""
    if shutil.which("bwrap") is None:
        raise SandboxError(f"{provider} is not installed: {CURE}.")
    seconds = int(spec.deadline - time.time())
    if seconds <= 0:
        raise SandboxError(f"The time for {spec.name} is over; run it again with more minutes.")
    folder = run_folder(home, spec.name)
    (folder / "start").write_text(START.format(python=rootfs.python()))
    (folder / "start").chmod(0o644)
    proxy = make_proxy(folder)
    place = BubblewrapPlace(spec, home, folder, seconds)
    try:
        return LiveSandbox(spec, place, proxy, resumed=False)
    except BaseException as error:
        proxy.close()
        place.remove()
        if isinstance(error, ChannelLost):
            raise SandboxError(
                f"bubblewrap could not start: {error}. If it may not make namespaces: {CURE}."
            ) from error
        raise


def sweep(
    provider: str,  # noqa: ARG001 - the shape of all providers
    home: Path,  # noqa: ARG001
    now: float,  # noqa: ARG001
    alive: Callable[[str], bool],  # noqa: ARG001
) -> list[str]:
    """Remove nothing: these sandboxes end with their worker, and their folders are swept for all providers alike."""
    return []


class BubblewrapPlace:
    """One bubblewrap process; see ``Place`` in jobs.sandbox.live."""

    reopens = False
    outlives = False

    def __init__(self, spec: SandboxSpec, home: Path, folder: Path, seconds: int) -> None:
        self.limits = {
            "RLIMIT_NPROC": spec.pids,
            "RLIMIT_NOFILE": 4096,
            "RLIMIT_CORE": 0,
            "RLIMIT_FSIZE": spec.disk_mb << 20,
            # Of each process, what it may write to; RLIMIT_AS would count what Node and Go reserve and never touch.
            "RLIMIT_DATA": spec.memory_mb << 20,
        }
        self._spec = spec
        self._home = home
        self._folder = folder
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._last_words = b""

    def open(self) -> PipeTransport:
        """Start the sandbox with the runner in it.

        The channel is no descriptor of bubblewrap's own processes: the agent can write to the memory of those inside.
        """
        with contextlib.ExitStack() as files:
            requests, answers = _Pipe(), _Pipe()
            files.callback(requests.read.close)
            files.callback(answers.write.close)
            program = _sealed(seccomp.compile_filter(), files)
            data = {path: _sealed(content.encode(), files) for path, content in rootfs.files(USER).items()}
            channel = [requests.read.fileno(), answers.write.fileno()]
            transport = PipeTransport(requests.write, answers.read, self._said)
            try:
                self._process = subprocess.Popen(
                    self._command(program, data, channel),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=(program, *data.values(), *channel),
                    env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
                    cwd="/",
                    bufsize=0,
                )
            except OSError as error:
                transport.close()
                raise SandboxError(f"bubblewrap could not be started ({error.strerror}): {CURE}.") from error
        return transport

    def _command(self, program: int, data: dict[str, int], channel: list[int]) -> list[str]:
        """Return the whole command line: the deadline, which is held outside, and what it holds; all end with us."""
        deadline = ["setpriv", "--pdeathsig", "KILL", "--", "timeout", "-s", "KILL", str(self._seconds)]
        return [*deadline, *self._staged(program, data), *map(str, channel)]

    def _staged(self, program: int, data: dict[str, int]) -> list[str]:
        """Return the command of the sandbox; as root, folders are staged and root is given up before it starts."""
        mirror = os.path.realpath(self._spec.mirror) if self._spec.mirror else ""
        folder = str(self._folder.resolve())
        if os.geteuid() != 0:
            return self._bubblewrap(folder, mirror, program, data)
        staged = self._bubblewrap(f"{STAGE}/run", f"{STAGE}/mirror" if mirror else "", program, data)
        pairs = [f"run={folder}", f"mirror={mirror}" if mirror else ""]
        prefix = ["unshare", "--mount", "--propagation", "private", "--", "bash", "-euc", STAGING, STAGE]
        return [*prefix, *pairs, USER, *staged]

    def _bubblewrap(self, folder: str, mirror: str, program: int, data: dict[str, int]) -> list[str]:
        arguments = ["bwrap", "--unshare-all", "--unshare-user", "--uid", USER, "--gid", USER, "--hostname", "sandbox"]
        arguments += ["--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--clearenv"]
        arguments += [
            "--ro-bind",
            "/usr",
            "/usr",
            *rootfs.links(),
            *rootfs.alternatives(),
            "--proc",
            "/proc",
            "--dev",
            "/dev",
        ]
        for path, descriptor in data.items():
            arguments += ["--perms", "0444", "--ro-bind-data", str(descriptor), path]
        for path, megabytes in {**disks(self._spec), "/dev/shm": 64}.items():  # noqa: S108 - the sandbox's own
            arguments += ["--perms", "0755", "--size", str(megabytes << 20), "--tmpfs", path]
        arguments += ["--ro-bind", folder, "/run/opus67"]
        if mirror:
            arguments += ["--ro-bind", mirror, "/mirror"]
        arguments += [
            "--setenv",
            "PATH",
            "/usr/local/bin:/usr/bin:/bin",
            "--chdir",
            "/workspace",
            "--seccomp",
            str(program),
        ]
        arguments += ["--remount-ro", "/dev", "--remount-ro", "/"]
        return [*arguments, "--", "/bin/bash", "/run/opus67/start"]

    def obituary(self) -> str:
        """Return why the sandbox is no more, in words; empty while it lives."""
        if self._process is None:
            return ""
        try:  # who ends the sandbox ends a moment after it
            self._process.wait(GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            return ""
        if time.time() >= self._spec.deadline - 1:
            return "its time was over"
        said = self._said()
        return f"its first process was ended{', and said: ' + said if said else ''}"

    def _said(self) -> str:
        """Return the last words on its stderr; a pipe holds what it holds, and nobody waits for more."""
        if self._process is not None and self._process.stderr is not None and not self._process.stderr.closed:
            os.set_blocking(self._process.stderr.fileno(), False)
            self._last_words = (self._last_words + (self._process.stderr.read(1 << 16) or b""))[-SAID_CAP:]
        return self._last_words.decode("utf-8", "replace").strip()

    def remove(self) -> None:
        """End the sandbox and remove its folder."""
        self.release()
        remove_folder(self._home, self._spec.name)

    def release(self) -> None:
        """End the sandbox, which cannot live without its worker; the kernel ends all in it with its first process."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_TIMEOUT)
            if self._process.stderr is not None:
                self._process.stderr.close()


class _Pipe:
    """Both ends of a pipe, as files that close themselves."""

    def __init__(self) -> None:
        read, write = os.pipe2(os.O_CLOEXEC)
        self.read, self.write = os.fdopen(read, "rb", 0), os.fdopen(write, "wb", 0)


class PipeTransport:
    """The pipes to the runner inside bubblewrap."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes], said: Callable[[], str]) -> None:
        self._stdin, self._stdout = requests, answers
        self._said = said
        for end in (requests, answers):
            os.set_blocking(end.fileno(), False)

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of ``data``; raises ``ChannelLost``."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._stdin.fileno(), view) :]
            except BlockingIOError:
                wait_for(self._stdin.fileno(), select.POLLOUT, deadline)
            except OSError as error:
                raise ChannelLost(self._said() or f"it closed its pipe ({error.strerror})") from error

    def receive(self, deadline: float) -> bytes:
        """Return some of what the runner wrote; raises ``ChannelLost``."""
        while True:
            try:
                data = os.read(self._stdout.fileno(), 1 << 18)
            except BlockingIOError:
                wait_for(self._stdout.fileno(), select.POLLIN, deadline)
                continue
            if not data:
                raise ChannelLost(self._said() or "it ended")
            return data

    def close(self) -> None:
        """Close the pipes; does nothing the second time."""
        self._stdin.close()
        self._stdout.close()


def _sealed(content: bytes, files: contextlib.ExitStack) -> int:
    """Return a descriptor from which bubblewrap reads the content of one file."""
    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is one
    file.write(content)
    file.seek(0)
    return file.fileno()


def _as_nobody() -> list[str]:
    """Return the prefix that gives root up, for commands that must show what an ordinary user can do."""
    return ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--"] if os.geteuid() == 0 else []

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
END_TIMEOUT = 5.0


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
    (folder / "start").write_text(f"exec {rootfs.python()} -I -S -B /run/opus67\n")
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
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the sandbox

    def open(self) -> PipeTransport:
        """Start the sandbox with the runner in it."""
        with tempfile.TemporaryFile() as program, contextlib.ExitStack() as files:
            program.write(seccomp.compile_filter())
            program.seek(0)
            data = {path: _sealed(content, files) for path, content in rootfs.files(USER).items()}
            try:
                self._process = subprocess.Popen(
                    self._command(program.fileno(), data),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    pass_fds=(program.fileno(), *data.values()),
                    env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
                    cwd="/",
                    bufsize=0,
                )
            except OSError as error:
                raise SandboxError(f"bubblewrap could not be started ({error.strerror}): {CURE}.") from error
        return PipeTransport(self._process, self._said)

    def _command(self, program: int, data: dict[str, int]) -> list[str]:
        """Return the whole command line; as root, folders are staged and root is given up before bubblewrap starts."""
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
        arguments += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
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
        return [*arguments, "--", "timeout", "-s", "KILL", str(self._seconds), "sh", "/run/opus67/start"]

    def obituary(self) -> str:
        """Return why the sandbox is no more, in words; empty while it lives."""
        if self._process is None or self._process.poll() is None:
            return ""
        if time.time() >= self._spec.deadline - 1:
            return "its time was over"
        said = self._said()
        return f"its first process was ended{', and said: ' + said if said else ''}"

    def _said(self) -> str:
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), 300, max(0, size - 300)).decode("utf-8", "replace").strip()

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
        self._errors.close()


class PipeTransport:
    """The pipes to the runner inside bubblewrap."""

    def __init__(self, process: subprocess.Popen[bytes], said: Callable[[], str]) -> None:
        self._stdin, self._stdout = _pipe(process.stdin), _pipe(process.stdout)
        self._said = said

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


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    if end is None:
        raise SandboxError("bubblewrap was started without pipes; this is a fault of Opus 67, please report it.")
    os.set_blocking(end.fileno(), False)
    return end


def _sealed(content: str, files: contextlib.ExitStack) -> int:
    """Return a descriptor from which bubblewrap reads the content of one file."""
    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is one
    file.write(content.encode())
    file.seek(0)
    return file.fileno()


def _as_nobody() -> list[str]:
    """Return the prefix that gives root up, for commands that must show what an ordinary user can do."""
    return ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--"] if os.geteuid() == 0 else []

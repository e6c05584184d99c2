"""The exec server inside the sandbox: framed requests on stdin, framed answers on stdout, standard library only.

It is delivered as a file and started by the sandbox's own Python (3.9 or newer); nothing on the host imports it.
A frame is two big-endian 32-bit lengths, a JSON header and a payload of bytes.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import selectors
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time

FRAME = struct.Struct(">II")
HEADER_CAP = 1 << 20
PAYLOAD_CAP = 1 << 29
COMMAND_CAP = 120_000
"""Linux takes at most 128 KiB in one argument."""
PIPE_SIZE = 1 << 18
CHUNK = 1 << 16
COMMAND_FD, STATUS_FD = 200, 201
PROXY_SOCKET = "/run/opus67/proxy.sock"
PROXY_PORT = 3128
CONNECTIONS = 32
PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 4, 15, 36
F_SETPIPE_SZ = 1031
TICKS = os.sysconf("SC_CLK_TCK")
SESSION = f"""
while IFS= builtin read -r -d '' -u {COMMAND_FD} __opus67; do
builtin eval "$__opus67" {COMMAND_FD}<&- {STATUS_FD}>&-
builtin printf '%d\\0' "$?" >&{STATUS_FD}
done
"""


class Refused(Exception):  # noqa: N818 - a refusal in words, told to whoever asked
    """A request that cannot be served, with the reason in words."""


class Output:
    """What a command printed: the first and the last half of ``limit`` bytes, and how much was left out between."""

    def __init__(self, limit: int) -> None:
        self.half = max(1, limit // 2)
        self.head = bytearray()
        self.tail = bytearray()
        self.dropped = 0

    def add(self, data: bytes) -> None:
        """Take more output."""
        room = self.half - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        self.tail += data
        if len(self.tail) > 2 * self.half + CHUNK:
            self._trim()

    def _trim(self) -> None:
        excess = len(self.tail) - self.half
        if excess > 0:
            self.dropped += excess
            del self.tail[:excess]

    def text(self) -> bytes:
        """Return the output, cut in the middle with a sentence that says so."""
        self._trim()
        if not self.dropped:
            return bytes(self.head + self.tail)
        note = f"\n[... {self.dropped} bytes of output were left out here ...]\n".encode()
        return bytes(self.head) + note + bytes(self.tail)


def harden() -> None:
    """Keep other processes of this user out of ours, adopt orphans, and take a name that no ``pkill python`` matches."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(PR_SET_NAME, b"opus67", 0, 0, 0)
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b") ")[2].split()
    start, end = int(fields[45]), int(fields[46])
    title = b"opus67-runner"
    if end - start > len(title):
        ctypes.memmove(start, title.ljust(end - start, b"\0"), end - start)
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def processes() -> dict[int, tuple[int, int]]:
    """Return every visible process: pid to parent and start in clock ticks since boot."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b") ")[2].split()
        except OSError:
            continue
        if len(fields) > 19:
            found[int(name)] = (int(fields[1]), int(fields[19]))
    return found


def victims(root: int, since: int, spared: int) -> set[int]:
    """Return ``root`` and what descends from us since ``since``, but nothing below ``spared`` or an older process."""
    table = processes()
    mine = os.getpid()
    chosen = set()
    for pid in table:
        node = pid
        while node in table and node not in (mine, root) and node != spared and table[node][1] >= since:
            node = table[node][0]
        if node == root or (node == mine and pid != mine):
            chosen.add(pid)
    return chosen


def signal_process(pid: int, number: int) -> None:
    """Send a signal; a process that is gone already is none of our business."""
    try:
        os.kill(pid, number)
    except OSError:
        return


def end_tree(root: int, since: int, spared: int) -> None:
    """Kill a command wholly: stop all of it first, so that a fork bomb cannot outrun the killing."""
    stopped: set[int] = set()
    limit = time.monotonic() + 3
    while time.monotonic() < limit:
        fresh = victims(root, since, spared) - stopped
        if not fresh:
            break
        for pid in fresh:
            signal_process(pid, signal.SIGSTOP)
        stopped |= fresh
    for pid in stopped | {root}:
        signal_process(pid, signal.SIGKILL)


def prefer_for_oom(pid: int) -> None:
    """Let the kernel end commands before this server when memory runs out; best effort."""
    try:
        with open(f"/proc/{pid}/oom_score_adj", "w") as file:
            file.write("900")
    except OSError:
        return


def check_command(command: str) -> None:
    """Refuse what bash cannot be given in one argument."""
    if "\0" in command:
        raise Refused("The command holds a NUL character.")
    if len(command.encode("utf-8", "surrogateescape")) > COMMAND_CAP:
        raise Refused(f"The command is longer than {COMMAND_CAP} bytes; write it to a file and run that.")


def read_file(path: str, limit: int) -> bytes:
    """Return a regular file's bytes; never waits on a FIFO and never follows a link at the end of the path."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise Refused(why_not(path, error)) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(f"{path} is not a regular file, it is a {kind_of(status.st_mode)}.")
        if status.st_size > limit:
            raise Refused(f"{path} has {status.st_size} bytes, more than the {limit} that may be read.")
        data = read_up_to(descriptor, limit + 1)
    except OSError as error:
        raise Refused(why_not(path, error)) from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise Refused(f"{path} has more than the {limit} bytes that may be read.")
    return data


def read_up_to(descriptor: int, size: int) -> bytes:
    """Return what a descriptor gives, at most ``size`` bytes; files of /proc tell no size beforehand."""
    data = bytearray()
    while len(data) < size:
        chunk = os.read(descriptor, min(size - len(data), 1 << 20))
        if not chunk:
            break
        data += chunk
    return bytes(data)


def write_file(path: str, data: bytes) -> None:
    """Write a regular file beside its old self and rename it, so that a full disk leaves the old one whole."""
    if not path.startswith("/") or path.endswith("/"):
        raise Refused(f"{path} is not an absolute path of a file.")
    temporary = f"{os.path.dirname(path)}/.opus67-{os.getpid()}-{time.monotonic_ns()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = writable_mode(path)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            with open(descriptor, "wb") as file:
                os.fchmod(descriptor, mode)
                file.write(data)
            os.rename(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
    except (OSError, ValueError) as error:
        raise Refused(why_not(path, error)) from None


def writable_mode(path: str) -> int:
    """Return the permissions for a file to be written, those of the old one if there is one; refuse what is no file."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return 0o644
    if not stat.S_ISREG(status.st_mode):
        raise Refused(f"{path} is not a regular file, it is a {kind_of(status.st_mode)}.")
    return stat.S_IMODE(status.st_mode)


def kind_of(mode: int) -> str:
    """Return the word for a file's type."""
    words = {
        stat.S_IFDIR: "directory",
        stat.S_IFLNK: "symbolic link",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return words.get(stat.S_IFMT(mode), "special file")


def why_not(path: str, error: Exception) -> str:
    """Return the reason why a path could not be opened, in words."""
    if os.path.islink(path) if "\0" not in path else False:
        return f"{path} is a symbolic link to {os.readlink(path)}; name that path instead."
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{path}: {reason}."


def forward() -> None:
    """Carry 127.0.0.1:3128 to the egress proxy's socket, so that programs which know HTTPS_PROXY can reach it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", PROXY_PORT))
    except OSError:
        return
    listener.listen(CONNECTIONS)
    slots = threading.BoundedSemaphore(CONNECTIONS)
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            time.sleep(0.1)
            continue
        slots.acquire()
        try:
            threading.Thread(target=connect, args=(client, slots), daemon=True).start()
        except RuntimeError:
            slots.release()
            client.close()


def connect(client: socket.socket, slots: threading.BoundedSemaphore) -> None:
    """Serve one forwarded connection until both sides have ended."""
    try:
        with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as proxy:
            proxy.connect(PROXY_SOCKET)
            with selectors.DefaultSelector() as selector:
                selector.register(client, selectors.EVENT_READ, proxy)
                selector.register(proxy, selectors.EVENT_READ, client)
                while selector.get_map():
                    for key, _ in selector.select():
                        carry(selector, key.fileobj, key.data)
    except OSError:
        return
    finally:
        slots.release()


def carry(selector: selectors.BaseSelector, source: socket.socket, target: socket.socket) -> None:
    """Copy what is there, and pass the end of one direction on."""
    data = source.recv(CHUNK)
    if data:
        target.sendall(data)
        return
    selector.unregister(source)
    target.shutdown(socket.SHUT_WR)


class Session:
    """The one bash that keeps its directory and variables between commands."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.status = bytearray()
        self.output = Output(CHUNK)
        command_read, self.commands = os.pipe()
        self.statuses, status_write = os.pipe()
        self.printed, print_write = os.pipe()
        fcntl.fcntl(self.commands, F_SETPIPE_SZ, PIPE_SIZE)
        os.dup2(command_read, COMMAND_FD)
        os.dup2(status_write, STATUS_FD)
        self.pid = runner.spawn(SESSION, print_write, "/workspace", (COMMAND_FD, STATUS_FD))
        for descriptor in (command_read, status_write, print_write, COMMAND_FD, STATUS_FD):
            os.close(descriptor)
        runner.watch(self.statuses, self.take_status)
        runner.watch(self.printed, self.take_output)

    def take_status(self, data: bytes) -> None:
        """Collect the exit code that the shell reports after a command."""
        self.status += data[:16]

    def take_output(self, data: bytes) -> None:
        """Collect what was printed, also between commands."""
        self.output.add(data)

    def send(self, command: str, limit: int) -> None:
        """Give the shell its next command, with a fresh account of the output."""
        earlier, self.output = self.output, Output(limit)
        self.output.add(earlier.text())
        self.status.clear()
        os.write(self.commands, command.encode("utf-8", "surrogateescape") + b"\0")

    def close(self) -> None:
        """Let go of the pipes; the shell itself has ended or is killed by the caller."""
        for descriptor in (self.statuses, self.printed):
            self.runner.forget(descriptor)
        os.close(self.commands)


class Runner:
    """Serves one host over stdin and stdout."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.environment = dict(os.environ)
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

    def watch(self, descriptor: int, take) -> None:  # noqa: ANN001 - Callable is not worth an import here
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

    def take(self, descriptor: int, take) -> bool:  # noqa: ANN001 - as in watch
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
        """Start bash in a session of its own, with nothing on its stdin."""
        try:
            process = subprocess.Popen(
                ["/bin/bash", "--noprofile", "--norc", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=directory,
                env=self.environment,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise Refused(f"The command could not be started in {directory}: {error}.") from None
        process.returncode = 0  # reap() collects the exit code; the object must not look for it as well
        prefer_for_oom(process.pid)
        return process.pid

    def run(self, request: dict, _payload: bytes) -> tuple[dict, bytes]:
        """Run a command in a fresh bash or in the session."""
        check_command(request["command"])
        self.exits.clear()
        started = time.monotonic()
        in_session = self.run_in_session if request["session"] else self.run_fresh
        header, output = in_session(request, started + request["timeout"])
        header["seconds"] = time.monotonic() - started
        return header, output

    def run_fresh(self, request: dict, deadline: float) -> tuple[dict, bytes]:
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

    def run_in_session(self, request: dict, deadline: float) -> tuple[dict, bytes]:
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
            session.close()
            self.session = None
        header = {"exit": code, "timed_out": not done, "truncated": bool(output.dropped), "restarted": restarted}
        return header, output.text()

    def wait(self, done, deadline: float) -> bool:  # noqa: ANN001 - as in watch
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

    def drain(self, descriptor: int, take) -> None:  # noqa: ANN001 - as in watch
        """Take what is left in a pipe, and no more than a pipe can hold: a background job may print for ever."""
        for _ in range(8):
            if descriptor not in self.selector.get_map() or not self.take(descriptor, take):
                return

    def linger(self, descriptor: int) -> None:
        """Keep swallowing what background jobs of a finished command print, so that they never block."""
        if descriptor in self.selector.get_map():
            self.selector.modify(descriptor, selectors.EVENT_READ, lambda _data: None)

    def hello(self, request: dict, _payload: bytes) -> tuple[dict, bytes]:
        """Take the environment and limits of this sandbox; with ``clean``, end what an earlier attempt left running."""
        if request["clean"]:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.environment = request["environment"]
        for name, value in request["limits"].items():
            resource.setrlimit(getattr(resource, name), (value, value))
        threading.stack_size(1 << 18)
        threading.Thread(target=forward, daemon=True).start()
        return {"python": sys.version.split()[0]}, b""

    def read(self, request: dict, _payload: bytes) -> tuple[dict, bytes]:
        """Answer with a file's bytes."""
        return {}, read_file(request["path"], min(request["limit"], PAYLOAD_CAP))

    def write(self, request: dict, payload: bytes) -> tuple[dict, bytes]:
        """Write a file."""
        write_file(request["path"], payload)
        return {}, b""

    def next_request(self) -> tuple[dict, bytes] | None:
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

    def answer(self, header: dict, payload: bytes) -> None:
        """Send one frame to the host."""
        encoded = json.dumps(header).encode()
        view = memoryview(FRAME.pack(len(encoded), len(payload)) + encoded + payload)
        while view:
            view = view[os.write(1, view) :]


if __name__ == "__main__":
    harden()
    Runner().serve()

"""What an agent may do to exhaust or break its sandbox; the host's side stays quick and tells in words what happened."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from jobs.types import SandboxFileError
from tests.conftest import short_folder
from tests.hostile.sandboxes import engine, fresh, provider, shared  # noqa: F401 - fixtures
from tests.needs import PRESENT
from tests.sandbox.places import start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.types import Sandbox

FORK_BOMB = "bomb() { bomb | bomb & }; bomb; sleep 60"
DAEMONS = "for i in 1 2 3 4 5; do (setsid nohup sleep 300 >/dev/null 2>&1 &); done; sleep 60"
STUBBORN = "trap '' TERM INT HUP; while :; do sleep 1; done"
POOLS = "python3 -c 'import os\nwhile True:\n try: os.fork()\n except OSError: pass'"
ENDLESS = {
    "prints for ever": ("yes", 0.4),
    "prints without a newline": ("cat /dev/zero", 0.4),
    "prints to stderr for ever": ("yes >&2", 0.4),
    "waits for ever": ("sleep 1000", 0.2),
    "ignores signals": (STUBBORN, 0.3),
    "leaves daemons": (DAEMONS, 0.4),
    "forks without end": (FORK_BOMB, 1.0),
    "forks in Python": (POOLS, 1.0),
}
"""What never ends, and after how many seconds it is ended."""


@pytest.mark.parametrize("session", [False, True], ids=["fresh", "session"])
@pytest.mark.parametrize("name", ENDLESS)
def test_a_command_without_end_is_killed_wholly(shared: Sandbox, name: str, session: bool) -> None:  # noqa: F811
    """It ends at its timeout, says so, leaves no process, and the next command works."""
    command, seconds = ENDLESS[name]
    started = time.monotonic()
    result = shared.run(command, timeout=seconds, session=session, output_limit=2000)
    assert result.timed_out
    assert "Stopped" in result.output
    assert len(result.output) < 3000
    assert time.monotonic() - started < 40
    left = shared.run(
        "ps -eo pid=,args= | grep -E 'yes|zero|sleep 1000|sleep 300|bomb|trap|os.fork' | grep -v grep", timeout=10
    )
    assert left.exit_code == 1, left.output
    assert shared.run("echo alive", timeout=10, session=session).output == "alive\n"


def test_a_full_disk_is_an_error_inside_only(shared: Sandbox) -> None:  # noqa: F811
    """The host's write says so, too; files can be removed and written again."""
    result = shared.run("head -c 300M /dev/zero > /workspace/big", timeout=60)
    assert "No space left" in result.output or "File size limit" in result.output or result.exit_code == 153
    assert int(shared.run("du -m /workspace | cut -f1", timeout=10).output) <= 129
    with pytest.raises(SandboxFileError, match="No space left"):
        shared.write("/workspace/more", b"x" * (2 << 20))
    assert shared.run("rm /workspace/big", timeout=10).exit_code == 0
    shared.write("/workspace/more", b"x")
    assert shared.read("/workspace/more", limit=10) == b"x"


@pytest.mark.podman
def test_files_without_number_end_at_the_memory_limit(home: Path) -> None:
    """Podman cannot cap their number; they count as memory, the process that makes them dies, the sandbox goes on."""
    sandbox = start("podman", home, memory_mb=128, disk_mb=64)
    try:
        code = "import os\nfor i in range(3000000): open(f'/workspace/{i}', 'w')"
        assert sandbox.run(f'python3 -c "{code}"', timeout=60).exit_code == 137
        assert int(sandbox.run("df --output=iused /workspace | tail -1", timeout=10).output) < 400_000
    finally:
        sandbox.close()


def test_a_memory_bomb_ends_itself(fresh: Sandbox) -> None:  # noqa: F811
    """A process over the memory limit dies; the sandbox goes on."""
    code = "import time; b = []\nwhile True: b.append(bytearray(32 << 20))"
    result = fresh.run(f'python3 -c "{code}"', timeout=60)
    assert result.exit_code != 0
    assert not result.timed_out
    assert fresh.run("echo alive", timeout=20).output.endswith("alive\n")


def test_a_killed_command_server_is_started_again(engine: str, home: Path) -> None:  # noqa: F811
    """In a container the result says what happened, files are kept, and later commands work."""
    sandbox = start(engine, home)
    try:
        sandbox.write("/workspace/kept", b"kept")
        result = sandbox.run("sleep 500 & kill -9 -1", timeout=10)
        assert result.exit_code == 137
        assert "started again" in result.output
        assert sandbox.read("/workspace/kept", limit=10) == b"kept"
        assert sandbox.run("pgrep sleep -u 10001", timeout=10).exit_code == 1
        assert sandbox.run("echo alive", timeout=10, session=True).output == "alive\n"
    finally:
        sandbox.close()


@pytest.mark.bubblewrap
def test_the_command_server_of_a_bubblewrap_sandbox_cannot_be_killed(home: Path) -> None:
    """It is the first process of its namespace: the kernel drops what the others there send to it."""
    sandbox = start("bubblewrap", home)
    try:
        result = sandbox.run("kill -9 1; kill -STOP 1; kill -9 -1; echo tried", timeout=10)
        assert result.output.endswith("tried\n")
        assert sandbox.run("echo alive", timeout=10, session=True).output == "alive\n"
    finally:
        sandbox.close()


def test_killing_python_by_name_spares_the_command_server(shared: Sandbox) -> None:  # noqa: F811
    """An honest agent that ends its own Python servers does not end the sandbox's."""
    assert shared.run("pkill -9 python; pkill -9 -f 'pytho[n]3'; echo alive", timeout=10).output == "alive\n"
    assert shared.run("echo alive", timeout=10).output == "alive\n"


@pytest.fixture(scope="module", autouse=True)
def silenced() -> Iterator[dict[str, Future[tuple[str, str]]]]:
    """Have a command server stopped in each engine, and let its host wait for it while the other tests run."""
    with ThreadPoolExecutor() as pool, short_folder("o67-") as folder:
        yield {name: pool.submit(silence, name, folder) for name in ("docker", "podman") if PRESENT[name]()}


def silence(name: str, folder: Path) -> tuple[str, str]:
    """Stop the command server of a sandbox; return what is said of it, and what the next command prints."""
    sandbox = start(name, folder)
    try:
        stopped = sandbox.run("kill -STOP $PPID; sleep 1", timeout=0.5)
        return stopped.output, sandbox.run("echo alive", timeout=10).output
    finally:
        sandbox.close()


def test_a_stopped_command_server_is_replaced(engine: str, silenced: dict[str, Future[tuple[str, str]]]) -> None:  # noqa: F811
    """A runner that was stopped and not killed falls silent; the host waits its deadline and opens another."""
    said, next_one = silenced[engine].result(120)
    assert "did not answer in time" in said
    assert next_one == "alive\n"


READS = {
    "a FIFO": ("mkfifo /workspace/f", "/workspace/f", "FIFO"),
    "a link to a secret": ("ln -s /etc/shadow /workspace/l", "/workspace/l", "symbolic link"),
    "a link to itself": ("ln -s loop /workspace/loop", "/workspace/loop", "symbolic link"),
    "a sparse giant": (
        "truncate -s 100G /dev/shm/s 2>/dev/null || truncate -s 60M /dev/shm/s",
        "/dev/shm/s",
        "more than",
    ),
    "a device": ("true", "/dev/zero", "device"),
    "a directory": ("true", "/workspace", "directory"),
    "a socket": (
        "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('/workspace/s')\"",
        "/workspace/s",
        "No such device",
    ),
    "an endless file of the kernel": ("true", "/proc/self/pagemap", "more than|Invalid|permitted|denied"),
    "nothing": ("true", "/workspace/nothing", "No such file"),
    "a name with a NUL": ("true", "/workspace/a\0b", "null"),
}


@pytest.mark.parametrize("name", READS)
def test_reading_a_trap_is_refused_at_once(shared: Sandbox, name: str) -> None:  # noqa: F811
    """Only regular files within the cap are read; the rest is refused in words, without waiting."""
    prepare, path, words = READS[name]
    shared.run(prepare, timeout=10)
    started = time.monotonic()
    with pytest.raises(SandboxFileError, match=words):
        shared.read(path, limit=1 << 20)
    assert time.monotonic() - started < 20

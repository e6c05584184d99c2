"""What an obedient agent tries from inside, held to one table in every provider's sandbox; see probes/README.md."""

from __future__ import annotations

import platform
import socket
import socketserver
import threading
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import short_folder
from tests.hostile.probes import GROUPS, TABLE, Answers, Probe, answers, attempt, judge
from tests.hostile.probes.calling import LOCKABLE
from tests.hostile.probes.calling import PROBES as CALLS
from tests.hostile.probes.network import ABSTRACT, PATHNAME, PORT
from tests.hostile.probes.reading import CANARY
from tests.hostile.sandboxes import without_walls
from tests.sandbox.places import PROVIDERS, start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from jobs.types import Sandbox

ASKED = [
    pytest.param(group, probe, id=f"{group}: {probe.tries}")
    for group, probes in GROUPS.items()
    if group != "proxying"
    for probe in probes
]
HONEST = {
    "a unix socket": "import socket; socket.socketpair()",
    "lowering its own limits": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99))",
    "a pool of processes": "import multiprocessing as m; m.Pool(2).map(abs, [1, 2])",
    "threads": "import threading as t; [one.start() for one in [t.Thread(target=print) for _ in range(20)]]",
    "asynchronous programs": "import asyncio; asyncio.run(asyncio.sleep(0))",
    "shared memory": "from multiprocessing.shared_memory import SharedMemory as S; s = S(create=True, size=9); s.unlink()",
    "a virtual terminal": "import pty; pty.spawn('true')",
    "the names of its interfaces": "import socket; assert socket.if_nameindex()",
    "a file that is mapped": "import mmap; mmap.mmap(-1, 1 << 20)[0] = 1",
    "a server on loopback": "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())",
}
HONEST_COMMANDS = {
    "a repository": "git init -q /tmp/r && git -C /tmp/r -c user.name=a -c user.email=a@b commit -q --allow-empty -m x",
    "a Node program": 'node -e \'require("fs").readFile("/etc/passwd", () => setTimeout(() => 1, 1))\'',
    "a search": "rg -q root /etc/passwd",
    **{name: f"python3 -c {code!r}" for name, code in HONEST.items() if "'" not in code},
}


class Host:
    """What stands on the host while the probes are made: services that must not be reached, and a key to be found."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        (home / ".env").write_text(f"GITHUB_PRIVATE_KEY={CANARY}\n")
        (home / "opus67.sqlite3").write_bytes(CANARY.encode())
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("GITHUB_PRIVATE_KEY", CANARY)
        self.served = stack.enter_context(
            socketserver.ThreadingTCPServer(("0.0.0.0", 0), socketserver.BaseRequestHandler)
        )
        threading.Thread(target=self.served.serve_forever, args=(0.05,), daemon=True).start()
        stack.callback(self.served.shutdown)
        self.port = int(self.served.server_address[1])
        self.unix = {
            ABSTRACT: f"opus67-{home.name}",
            PATHNAME: str(home / "host.sock"),
        }
        for name in (f"\0{self.unix[ABSTRACT]}", self.unix[PATHNAME]):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(name)
            listener.listen()

    def filled(self, program: str) -> str:
        """Return a program with the addresses of this host's services."""
        for token, value in {PORT: str(self.port), **self.unix}.items():
            program = program.replace(token, value)
        return program

    def reaches_its_own(self) -> bool:
        """Tell whether the host reaches all that the sandbox must not."""
        socket.create_connection(("127.0.0.1", self.port), 5).close()
        for name in (f"\0{self.unix[ABSTRACT]}", self.unix[PATHNAME]):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(name)
        return True


class Trial:
    """One sandbox in which every group is tried once, when it is first asked for."""

    def __init__(self, provider: str, sandbox: Sandbox, host: Host) -> None:
        self.provider, self.sandbox, self.host = provider, sandbox, host
        self._found: dict[str, Answers] = {}

    def group(self, name: str) -> Answers:
        """Return what a group's probes came to."""
        if name not in self._found:
            self._found[name] = answers(self.provider, GROUPS[name], self._attempt)
        return self._found[name]

    @cached_property
    def lives(self) -> bool:
        """Whether the sandbox goes on after all that was tried in it."""
        return self.sandbox.run("echo alive", timeout=20).output == "alive\n"

    def _attempt(self, programs: Sequence[str]) -> list[str]:
        return attempt(self.sandbox, [self.host.filled(program) for program in programs])


@pytest.fixture(params=PROVIDERS, scope="module")
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    """Yield a provider's sandbox beside a host with services and keys."""
    with short_folder("o67-") as home, ExitStack() as stack:
        host = Host(home, stack)
        sandbox = start(request.param, home)
        stack.callback(sandbox.close)
        yield Trial(request.param, sandbox, host)


@pytest.mark.parametrize(("group", "probe"), ASKED)
def test_an_agent_cannot(trial: Trial, group: str, probe: Probe) -> None:
    """The wall answers as the table says, and what the probe is made of works where it may; the sandbox goes on."""
    judge(trial.group(group), probe)
    assert trial.lives


def test_the_host_reaches_what_its_sandbox_cannot(trial: Trial) -> None:
    """The services that the network's probes ask for are there."""
    assert trial.host.reaches_its_own()


@pytest.mark.parametrize("name", HONEST_COMMANDS)
def test_honest_work_is_possible(trial: Trial, name: str) -> None:
    """Walls are of no use to those who cannot work behind them."""
    result = trial.sandbox.run(HONEST_COMMANDS[name], timeout=60)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def unfiltered() -> dict[str, str]:
    """Return what the calls come to for root in a container without a filter."""
    return answers("docker", CALLS, without_walls).probes


@pytest.mark.docker
@pytest.mark.parametrize("probe", CALLS, ids=[probe.tries for probe in CALLS])
def test_without_the_filter_a_call_is_answered_otherwise(unfiltered: dict[str, str], probe: Probe) -> None:
    """So it is the filter that refuses it inside, and not a mistake in the probe."""
    said = unfiltered[probe.tries]
    assert "broken" not in said
    assert said != probe.seen or probe.tries in LOCKABLE


def test_the_table_is_long_and_says_each_thing_once() -> None:
    """Sixty probes were promised."""
    assert len(TABLE) >= 60
    assert len({probe.tries for probe in TABLE}) == len(TABLE)
    assert platform.machine() in {"x86_64", "aarch64"}


def test_a_broken_probe_is_no_wall(trial: Trial) -> None:
    """A typing error, a missing program and a wrong number are told as such."""
    broken: list[Any] = ["found = nothing", "found = shell('no-such-program')", "1 +", "found = call(99_999, 99_999)"]
    said = attempt(trial.sandbox, broken)
    assert [line.partition(":")[0] for line in said] == ["broken", "/bin/bash", "broken", "ENOSYS"]

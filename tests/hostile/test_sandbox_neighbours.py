"""Two sandboxes at once: what one of them holds, the other can neither find nor reach nor use up."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from jobs.sandbox import PROVIDERS as MODULES
from jobs.sandbox.proxy import Proxy
from tests.conftest import short_folder
from tests.hostile.probes import Probe, answers, attempt, judge
from tests.hostile.probes.proxying import tunnel
from tests.sandbox.places import PROVIDERS, ensure_image, spec_for
from tests.sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Sandbox
    from tests.hostile.probes import Answers

HOLDS = """
import ctypes, os, socket, time
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(15, b"neighbour", 0, 0, 0)
kept = []
for family, address in ((socket.AF_INET, ("0.0.0.0", 4067)), (socket.AF_UNIX, chr(0) + "neighbour"),
                        (socket.AF_UNIX, "/tmp/neighbour.sock")):
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen()
    kept.append(listener)
for folder in ("/tmp", "/workspace", "/home/agent", "/dev/shm"):
    open(f"{folder}/neighbour", "w").write("secret")
assert libc.shmget(0x67676767, 4096, 0o1666) >= 0
assert libc.semget(0x67676767, 1, 0o1666) >= 0
assert libc.msgget(0x67676767, 0o1666) >= 0
assert libc.mq_open(b"/neighbour", os.O_CREAT | os.O_RDWR, 0o666, None) >= 0
print("ready", flush=True)
time.sleep(200)
"""
"""What one of them holds while the other looks for it."""


def connects(family: str, address: str) -> str:
    """Return a program that opens a connection."""
    return f"found = socket.socket(socket.{family})\nfound.settimeout(5)\nfound.connect({address})"


def alike(tries: str, program: str, seen: str) -> Probe:
    """Return a probe that succeeds where the thing is, and is seen to fail beside it."""
    return Probe(tries, program, seen, control=program)


HUNTS = (
    alike("reach its server", connects("AF_INET", "('127.0.0.1', 4067)"), "ECONNREFUSED"),
    alike("reach its abstract socket", connects("AF_UNIX", "chr(0) + 'neighbour'"), "ECONNREFUSED"),
    alike("reach its socket by path", connects("AF_UNIX", "'/tmp/neighbour.sock'"), "ENOENT"),
    *(
        alike(f"read its {what}", f"found = text('{folder}/neighbour')", "ENOENT")
        for what, folder in (
            ("passing files", "/tmp"),
            ("workspace", "/workspace"),
            ("home", "/home/agent"),
            ("shared memory", "/dev/shm"),
        )
    ),
    alike("attach its memory of System V", "found = checked(libc.shmget(0x67676767, 0, 0))", "ENOENT"),
    alike("take its semaphores", "found = checked(libc.semget(0x67676767, 0, 0))", "ENOENT"),
    alike("take its messages of System V", "found = checked(libc.msgget(0x67676767, 0))", "ENOENT"),
    alike("open its queue of messages", "found = checked(libc.mq_open(b'/neighbour', os.O_RDONLY))", "ENOENT"),
    alike(
        "see its processes",
        """
        found = [path for path in glob.glob("/proc/[0-9]*/comm") if text(path) == "neighbour\\n"]
        if not found: raise OSError(errno.ESRCH, "nobody")
        """,
        "ESRCH",
    ),
    alike("ask its proxy", tunnel("files.example:443"), "got 403 .*not on the list.*"),
    Probe("read the mirror of its repository", "found = text('/mirror/HEAD')", "got of the other"),
    Probe("find its folder on the host", "found = os.listdir('@folder@')", "ENOENT"),
    Probe("ask its proxy by the host's path", connects("AF_UNIX", "'@folder@/proxy.sock'"), "ENOENT"),
)


@dataclass
class Pair:
    """Two sandboxes, one of which holds things, and what the other found of them."""

    provider: str
    holder: Sandbox
    other: Sandbox
    found: Answers


@pytest.fixture(params=PROVIDERS, scope="module")
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Yield the two of a provider."""
    provider, world = str(request.param), World()
    if provider != "bubblewrap":
        ensure_image(provider)
    start = import_module(MODULES[provider]).start
    with short_folder("o67-") as home:

        def begin(name: str, hosts: tuple[str, ...]) -> Sandbox:
            mirror = home / f"mirror-{name}"
            mirror.mkdir()
            (mirror / "HEAD").write_text(f"of the {name}")
            spec = spec_for(name=name, hosts=hosts, mirror=str(mirror))
            sandbox: Sandbox = start(
                provider,
                spec,
                home,
                lambda folder: Proxy(folder, hosts, resolve=world.resolve, connect=world.connect),
            )
            return sandbox

        holder, other = begin("holder", ("files.example",)), begin("other", ())
        try:
            holder.write("/workspace/holds.py", HOLDS.encode())
            said = holder.run(
                "(setsid python3 holds.py >said 2>&1 &); until grep -qs . said; do sleep 0.02; done; cat said",
                timeout=30,
            )
            assert said.output == "ready\n"
            yield Pair(provider, holder, other, hunted(provider, holder, other, str(home / "run" / "holder")))
        finally:
            holder.close()
            other.close()
            world.listener.close()


def hunted(provider: str, holder: Sandbox, other: Sandbox, folder: str) -> Answers:
    """Hunt in the other sandbox, and as a control in the one that holds it all."""
    assert os.path.isdir(folder)  # noqa: PTH112 - the path is the probes' text
    half = len(HUNTS)

    def tried(programs: list[str]) -> list[str]:
        filled = [program.replace("@folder@", folder) for program in programs]
        return attempt(other, filled[:half]) + attempt(holder, filled[half:])

    return answers(provider, HUNTS, tried)  # type: ignore[arg-type]


@pytest.mark.parametrize("probe", HUNTS, ids=[probe.tries for probe in HUNTS])
def test_a_neighbour_cannot(pair: Pair, probe: Probe) -> None:
    """The same program finds it in its own sandbox, and not in the one beside it."""
    judge(pair.found, probe)


def test_neighbours_share_no_namespace(pair: Pair) -> None:
    """Network, processes, mounts, memory and names are each one's own, and none is the host's."""
    kinds = ("net", "pid", "mnt", "ipc", "uts", "cgroup")
    program = f"found = ' '.join(os.readlink(f'/proc/self/ns/{{kind}}') for kind in {kinds!r})"
    mine = {os.readlink(f"/proc/self/ns/{kind}") for kind in kinds}  # noqa: PTH115 - the text is wanted, not the path
    [one], [two] = (attempt(sandbox, [program]) for sandbox in (pair.holder, pair.other))
    sets = [set(said.split()[1:]) for said in (one, two)]
    assert [len(found) for found in sets] == [len(kinds)] * 2
    assert not sets[0] & sets[1]
    assert not (sets[0] | sets[1]) & mine


def test_killing_everybody_spares_the_neighbour(pair: Pair) -> None:
    """Signals end at the wall."""
    pair.other.run("kill -9 -1", timeout=20)
    assert pair.holder.run("pgrep -x neighbour", timeout=10).exit_code == 0


FLOOD = (
    "head -c 200M /dev/zero >/tmp/full; python3 -c 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass'"
)
HONEST = "for i in $(seq 10); do (sleep 0.1 & sleep 0.1 & wait) || exit; done; head -c 20M /dev/zero >/tmp/mine && rm /tmp/mine && echo well"


def test_what_a_neighbour_uses_up_is_its_own(pair: Pair) -> None:
    """Processes and space are counted for each: while one is out of both, the other works."""
    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(pair.other.run, FLOOD, timeout=2.5)
        assert pair.holder.run(HONEST, timeout=60).output == "well\n"
        assert flood.result().timed_out
    full = pair.other.run("head -c 1M /dev/zero >/tmp/more; rm /tmp/full /tmp/more", timeout=30)
    assert "No space left" in full.output

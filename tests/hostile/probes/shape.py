"""The shape of a probe, how probes are tried in a sandbox, and how what they came to is judged."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.types import Sandbox

TIMEOUT = 300.0
ATTEMPTS = Path(__file__).with_name("attempts.py")
COMMAND = "python3 -ISB /tmp/attempts.py /tmp/attempts.json"
PRELUDE = """
import ctypes, errno, fcntl, glob, os, platform, re, resource, select, signal, socket, stat, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def checked(result):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
def call(x86_64, aarch64, *arguments):
    number = {"x86_64": x86_64, "aarch64": aarch64}[platform.machine()]
    return checked(libc.syscall(ctypes.c_long(number), *arguments))
def text(path, size=65536):
    with open(path, "rb") as file:
        return file.read(size).decode("utf-8", "replace")
def write(path, content):
    with open(path, "w") as file:
        file.write(content)
    return "written"
def server():
    pid = os.getpid()
    while text(f"/proc/{pid}/comm") != "opus67\\n":
        pid = int(text(f"/proc/{pid}/stat").rpartition(") ")[2].split()[1])
    return f"/proc/{pid}"
"""
"""What every probe's program may use."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is seen in bubblewrap instead, and why; the sentence stands in docs/security.md where ``told``."""

    seen: str
    reason: str
    told: bool = False
    """True when it is weaker than a container's wall, and not only another answer."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that an agent tries: a sentence, a Python program that sets ``found``, and what it must come to.

    A program comes to ``got`` and what it found, to the name of the error that stopped it (``EACCES``), or to the last
    line of a shell command that failed.
    """

    tries: str
    program: str
    seen: str
    """A regular expression for all that it came to: the wall itself must answer, no accident on the way to it."""
    control: str = ""
    """The same program aimed at what is allowed: it must come to ``got``."""
    bubblewrap: Difference | None = None

    def expected(self, provider: str) -> str:
        """Return what must be seen in a provider's sandbox."""
        return self.bubblewrap.seen if provider == "bubblewrap" and self.bubblewrap else self.seen


@dataclass(frozen=True, slots=True)
class Answers:
    """What the probes of a group, and their controls, came to in one sandbox."""

    provider: str
    probes: dict[str, str]
    controls: dict[str, str]


def reads(path: str) -> str:
    """Return a program that opens a file and reads a byte of it."""
    return f"with open({path!r}, 'rb', 0) as file: found = len(file.read(1))"


def writes(path: str, content: str = "x") -> str:
    """Return a program that writes to a file."""
    return f"found = write({path!r}, {content!r})"


def shell(command: str) -> str:
    """Return a program that runs a shell command."""
    return f"found = shell({command!r})"


def task(programs: Sequence[str]) -> bytes:
    """Return what ``attempts.py`` reads."""
    return json.dumps({"prelude": PRELUDE, "programs": [dedent(program) for program in programs]}).encode()


def attempt(sandbox: Sandbox, programs: Sequence[str]) -> list[str]:
    """Try programs in a sandbox, one after the other, and return what each came to."""
    sandbox.write("/tmp/attempts.py", ATTEMPTS.read_bytes())
    sandbox.write("/tmp/attempts.json", task(programs))
    result = sandbox.run(COMMAND, timeout=TIMEOUT, output_limit=4_000_000)
    assert result.exit_code == 0, result.output[-2000:]
    return [str(line) for line in json.loads(result.output)]


def answers(provider: str, probes: Sequence[Probe], tried: Callable[[Sequence[str]], list[str]]) -> Answers:
    """Try a group of probes and their controls."""
    controlled = [probe for probe in probes if probe.control]
    found = tried([probe.program for probe in probes] + [probe.control for probe in controlled])
    names = [probe.tries for probe in probes]
    controls = zip((probe.tries for probe in controlled), found[len(probes) :], strict=True)
    return Answers(provider, dict(zip(names, found, strict=False)), dict(controls))


def judge(found: Answers, probe: Probe) -> None:
    """Fail when the wall did not answer a probe as it must, or when its control did not get what it may have."""
    said = found.probes[probe.tries]
    assert re.fullmatch(probe.expected(found.provider), said), f"{probe.tries}: {said}"
    assert found.controls.get(probe.tries, "got").startswith("got"), f"its control: {found.controls[probe.tries]}"

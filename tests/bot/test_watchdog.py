"""A web process that stands still is ended, and says where it stood; one that works is left alone."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
import asyncio, threading, time
from bot.receiving.gathering import Gathering
from bot.receiving.watchdog import Watchdog

def stand_still(batch):
    threading.Event().wait(30)

def store(batch):
    return batch

async def main():
    gathering = Gathering({write})
    Watchdog(gathering, patience=0.5).watch(asyncio.get_running_loop())
    for number in range(20):
        adding = asyncio.ensure_future(gathering.add(number))
        {then}
        await asyncio.sleep(0.1)

asyncio.run(main())
print("it went on")
"""


def run(write: str, then: str) -> tuple[int, str]:
    """Return the exit code and all output of a process that stores so, and does so in between."""
    script = textwrap.dedent(SCRIPT.format(write=write, then=then))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("write", "then"), [("stand_still", "pass"), ("store", "time.sleep(30)")])
def test_who_stands_still_is_ended(write: str, then: str) -> None:
    """Whether a store does not come to an end or the loop does not turn: the log has the stacks of all threads."""
    code, said = run(write, then)
    assert code == 1
    assert "Timeout" in said
    assert ("stand_still" if write == "stand_still" else "in main") in said
    assert "it went on" not in said


def test_who_works_is_left_alone() -> None:
    """For several times the watchdog's patience."""
    assert run("store", "await adding") == (0, "it went on\n")

"""What forked processes make lies in memory of their own, and takes no copies of what they share."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import gc, os, sys
from jobs.dense import fill_gaps
kept = [bytes(60) for _ in range(200_000)]
del kept[::9]
if sys.argv[1] == "filled":
    assert fill_gaps() > 1_000_000
    assert fill_gaps() < 1_000_000, "they were filled"
gc.freeze()

def own():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_"))

if not os.fork():
    before = own()
    made = [bytes(60) for _ in range(20_000)]
    os.write(1, str(own() - before).encode())
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what a process has for itself")
def test_a_child_copies_fewer_pages_where_the_gaps_were_filled() -> None:
    """Twenty thousand objects take what they are large, not a page of 4096 bytes for each few of them."""
    scattered, dense = (
        int(subprocess.run([sys.executable, "-c", SCRIPT, one], check=True, stdout=subprocess.PIPE).stdout)
        for one in ("as they are", "filled")
    )
    assert dense < scattered / 2
    assert dense < 20_000 * 96 / 1024 * 2

"""Measures how many signed webhooks a second are taken, beside probot and beside Flask with RQ, on the same two cores.

Every receiver runs all the time; the load goes from one to the next, round after round, so that whatever else this
machine does meets all of them. The figures are medians of the rounds, the ratios are medians of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING

from contenders import EVERYBODY, PROBOT_NAME, ROOT, USUAL, Contender, contenders
from redis import Redis
from sending import Burst, Request, burst, mixed, requests
from throwaway import settings, table, temporary_home

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOADS = {"GitHub's mix: 3 of 100 wanted": 3, "every event wanted and stored": 100}
CONNECTIONS = (1, 16, 64)
SENDERS = 2
CORES = 2
Measured = dict[tuple[str, int, str], list[Burst]]


def main() -> None:
    """Print one table per load, and one with memory and start-up."""
    options = _options()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    examples = ROOT / ".cache" / "schemas" / "github-examples.json"
    if not examples.exists() and subprocess.run([str(ROOT / "tests" / "schemas.sh")], check=False).returncode:
        raise SystemExit("GitHub's example payloads could not be fetched; the lines above say why.")
    with temporary_home() as home, contenders(home, options.only or EVERYBODY) as running:
        known = requests(examples, settings(home)["GITHUB_WEBHOOK_SECRET"])
        found, most = measure(running, known, options, home)
    print(f"Webhooks of {sizes(known)} kB on {CORES} cores, {options.rounds} rounds of {options.seconds:g} s")
    for load in LOADS:
        print(f"\n**{load}**\n")
        show(found, load, [one.name for one in running])
    print("\n**Memory and start-up**\n")
    rows = [(one.name, f"{most[one.name]:.0f}", f"{one.ready * 1000:.0f}") for one in running]
    table(("receiver", "MB under load, all processes", "ms until it answers"), rows)


def measure(
    running: Sequence[Contender], known: Sequence[Request], options: argparse.Namespace, home: Path
) -> tuple[Measured, dict[str, float]]:
    """Return the bursts of each load, number of connections and receiver, and the most memory of each receiver."""
    found: Measured = defaultdict(list)
    most: dict[str, float] = defaultdict(float)
    for load, wanted in LOADS.items():
        order = mixed(known, wanted)
        for _ in range(options.rounds):
            for connections in CONNECTIONS:
                for one in running:
                    senders = min(SENDERS, connections)
                    seen = burst(one.port, order, connections=connections, seconds=options.seconds, processes=senders)
                    found[load, connections, one.name].append(seen)
                    most[one.name] = max(most[one.name], one.memory())
                    empty_queues(home)
    return found, most


def empty_queues(home: Path) -> None:
    """Forget the jobs of the last burst, which nobody will work on."""
    from bot import embedded  # noqa: PLC0415 - after the arguments

    valkey = embedded.find(home)
    if valkey is not None:
        with Redis.from_url(valkey.url) as connection:
            connection.flushall()


def show(found: Measured, load: str, names: Sequence[str]) -> None:
    """Print the table of one load."""
    rows = []
    for connections in CONNECTIONS:
        for name in names:
            seen = found[load, connections, name]
            cells = [f"{statistics.median(one.per_second for one in seen):,.0f}"]
            cells += [f"{statistics.median(one.p50 for one in seen):.2f}"]
            cells += [f"{statistics.median(one.p99 for one in seen):.1f}"]
            cells += [ratio(seen, found[load, connections, other]) for other in (PROBOT_NAME, USUAL)]
            rows.append((str(connections), name, *cells, str(sum(one.refused for one in seen))))
    table(("connections", "receiver", "requests/s", "p50 ms", "p99 ms", "x probot", "x Flask + RQ", "refused"), rows)


def ratio(seen: Sequence[Burst], others: Sequence[Burst]) -> str:
    """Return the median of the rounds' ratios; each round's receivers met the same machine."""
    ratios = [one.per_second / other.per_second for one, other in zip(seen, others, strict=False)]
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def sizes(known: Sequence[Request]) -> str:
    """Return the range of the payloads' sizes in kB."""
    lengths = [len(one.tail) / 1000 for one in known]
    return f"{min(lengths):.0f} to {max(lengths):.0f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each receiver is measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each burst lasts after its warm-up")
    parser.add_argument("--only", action="append", choices=EVERYBODY, help="measure this one; may be given repeatedly")
    return parser.parse_args()


if __name__ == "__main__":
    main()

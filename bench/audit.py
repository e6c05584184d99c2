"""Measures how long a row of the audit takes until it is on the disk, with 16 processes that write to one chain.

Once each of them writes a decision or an effect five times a second, which is more than 16 busy workers do, and once
all write as fast as they can; beside them stands one process that writes alone. In the end the chain is verified.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import time
from typing import TYPE_CHECKING

from throwaway import table, temporary_home

from jobs.store import Store
from jobs.store.migrations import migrate
from jobs.types import Actor, AuditEntry

if TYPE_CHECKING:
    from multiprocessing import Queue
    from multiprocessing.synchronize import Barrier

SECRET = b"a key for the measurement"
WRITERS = 16
LIMIT_MS = 100
LOADS = (
    ("one alone", 1, 0.0),
    (f"{WRITERS}, five rows a second each", WRITERS, 0.2),
    (f"{WRITERS}, no pause", WRITERS, 0.0),
)


def main() -> None:
    """Print one table."""
    options = _options()
    with temporary_home() as home:
        url = options.database or f"sqlite:///{home}/opus67.sqlite3"
        migrate(url)
        rows = [(name, *measure(url, writers, pause, options.seconds)) for name, writers, pause in LOADS]
        verdict = Store(url, SECRET).audit.verify()
    engine = "SQLite, synchronous=FULL" if url.startswith("sqlite") else "PostgreSQL"
    print(f"{engine}; limit: p99 under {LIMIT_MS} ms with {WRITERS} writers\n")
    table(("writers", "rows a second", "median ms", "p99 ms", "longest ms"), rows)
    print(f"\n{verdict.rows} rows, {'the chain is whole' if not verdict.wrong else verdict.problems}")


def measure(url: str, writers: int, pause: float, seconds: float) -> tuple[str, str, str, str]:
    """Let so many processes write for some seconds; return what one row took."""
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(writers), context.Queue()
    processes = [context.Process(target=write, args=(url, start, seconds, pause, told)) for _ in range(writers)]
    for process in processes:
        process.start()
    taken = sorted(one for _ in processes for one in told.get())
    for process in processes:
        process.join()
    worst = taken[min(int(len(taken) * 0.99), len(taken) - 1)]
    figures = (statistics.median(taken), worst, taken[-1])
    return (f"{len(taken) / seconds:.0f}", *(f"{one * 1000:.1f}" for one in figures))  # type: ignore[return-value]


def write(url: str, start: Barrier, seconds: float, pause: float, told: Queue[list[float]]) -> None:
    """Write rows until the time is over, with pauses of chance around the one wanted."""
    store, taken, number = Store(url, SECRET), list[float](), 0
    actor = Actor("github", str(random.randrange(9)), f"person-{random.randrange(9)}")
    store.audit.head()
    start.wait()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(random.uniform(0, 2 * pause))
        began, number = time.perf_counter(), number + 1
        store.audit.record(AuditEntry("github:POST issues/comments", "octo/shop", f"issues/{number}/comments", actor))
        taken.append(time.perf_counter() - began)
    told.put(taken)
    store.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="", help="the URL of an empty PostgreSQL database")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each load lasts")
    return parser.parse_args()


if __name__ == "__main__":
    main()

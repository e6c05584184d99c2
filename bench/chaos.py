"""Events at a steady rate against the whole product while its parts are killed, paused and locked out, at random.

Prints the seed, a table of what became of every event, and what broke a promise; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from contenders import postgresql

from bot.triggers import wanted
from jobs.testing.chaos.faults import SORTS
from jobs.testing.chaos.storm import Storm, Weather

GAP_SECONDS = 6.0
"""Between two faults, unless a number of faults is given."""


def main() -> int:
    """Let it rage as long as is asked for, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--rate", type=float, default=0.4, help="labels a second")
    parser.add_argument("--talk", type=float, default=10.0, help="comments a second that ask for nothing")
    parser.add_argument("--faults", type=int, default=0, help=f"how many; one in {GAP_SECONDS:g} s if not given")
    parser.add_argument("--sandbox", choices=["docker", "bubblewrap"], default="docker")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--only", choices=list(SORTS), action="append", help="no other sort of fault than these")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs and the database")
    given = parser.parse_args()
    weather = Weather(
        seed=given.seed,
        seconds=given.seconds,
        rate=given.rate,
        faults=given.faults or int(given.seconds / GAP_SECONDS),
        talk=given.talk,
        provider=given.sandbox,
        workers=given.workers,
        sorts=given.only or tuple(SORTS),
    )
    print(f"Chaos: seed {given.seed}, {given.seconds:g} s, {given.sandbox}, {given.database}\n", flush=True)
    home = Path(tempfile.mkdtemp(prefix="opus67-chaos-"))
    home.chmod(0o711)
    with ExitStack() as stack:
        if not given.keep:
            stack.callback(shutil.rmtree, home, ignore_errors=True)
        url = stack.enter_context(postgresql(home)) if given.database == "postgresql" else ""
        figures = Storm(home, weather, os.environ, wanted, url).run()
    print(figures.table())
    broken = figures.broken()
    if figures.wrong or broken:
        print("\nWhat was not as it should be, and what was done:\n")
        print("\n".join(f"- {line}" for line in (*figures.wrong, *figures.log)))
    print(f"\n{'BROKEN: ' + '; '.join(broken) if broken else 'Every promise was kept.'}")
    if given.keep:
        print(f"Logs and database: {home}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

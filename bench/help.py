"""Measures how long ``opus67 --help`` takes, and how long the web process takes until it answers."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from throwaway import opus67, settings, table, temporary_home, wait_for_health

if TYPE_CHECKING:
    from collections.abc import Callable

HELP_RUNS = 20
WEB_RUNS = 7


def main() -> None:
    """Print both, as median and worst of several runs."""
    rows = [
        ("bare interpreter", *measured(interpreter, HELP_RUNS), ""),
        ("`opus67 --help`", *measured(ask_for_help, HELP_RUNS), "150"),
        ("`opus67 web` until /health answers", *measured(start_web, WEB_RUNS), "500"),
    ]
    print("Start-up, ms\n")
    table(("what", "median", "worst", "limit"), rows)


def measured(action: Callable[[], float], runs: int) -> tuple[str, str]:
    """Return median and worst of several runs after one that does not count, in ms."""
    action()
    times = sorted(action() for _ in range(runs))
    return f"{statistics.median(times) * 1000:.0f}", f"{times[-1] * 1000:.0f}"


def interpreter() -> float:
    """Start Python and do nothing, in seconds: the floor."""
    return timed([sys.executable, "-c", "pass"])


def ask_for_help() -> float:
    """Run the installed script, in seconds."""
    return timed([str(Path(sys.executable).with_name("opus67")), "--help"])


def timed(command: list[str]) -> float:
    """Run a command to its end, in seconds."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def start_web() -> float:
    """Start the web process over a migrated database and wait for its first answer, in seconds."""
    with temporary_home() as home:
        environment = {**settings(home), "REDIS_URL": "redis://127.0.0.1:9/0"}
        command = [sys.executable, "-P", "-m", "bot.cli", "migrate"]
        subprocess.run(command, cwd=home, env=environment, stdout=subprocess.DEVNULL, check=True)
        started = time.perf_counter()
        with opus67("web", environment=environment, home=home) as process:
            wait_for_health(environment["PORT"], process, home)
            return time.perf_counter() - started


if __name__ == "__main__":
    main()

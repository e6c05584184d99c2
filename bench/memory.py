"""Measures the memory of an idle ``opus67 up`` (web, clock, one worker, embedded Valkey), alone and with both chats."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from throwaway import opus67, settings, table, temporary_home, wait_for_health

from jobs.testing.local_discord import LocalDiscord
from jobs.testing.slack import LocalSlack

if TYPE_CHECKING:
    from collections.abc import Mapping

IDLE_SECONDS = 15.0
"""After the start-up, until every process has done what it does at first."""
LIMIT_MEGABYTES = 300.0


def main() -> None:
    """Print the proportional set size (shared pages divided by their users) of each process, and the sum."""
    print(f"Memory of an idle `opus67 up`, MB (limit {LIMIT_MEGABYTES:.0f} in all)\n")
    measure({})
    print("\nThe same with Slack (Socket Mode) and Discord\n")
    with LocalSlack(socket_mode=True) as slack, LocalDiscord() as discord:
        measure({**slack.environment(), **discord.environment()})


def measure(chats: Mapping[str, str]) -> None:
    """Run the product with these settings of chats, and print what each process uses."""
    with temporary_home() as home:
        environment = {**settings(home), **chats}
        with opus67("up", environment=environment, home=home) as process:
            wait_for_health(environment["PORT"], process, home)
            time.sleep(IDLE_SECONDS)
            rows = [(name(pid), pss(pid), own(pid)) for pid in family(process.pid) if name(pid)]
    table(
        ("process", "PSS", "of it private"),
        [*((who, f"{shared:.1f}", f"{private:.1f}") for who, shared, private in rows), total(rows)],
    )


def total(rows: list[tuple[str, float, float]]) -> tuple[str, str, str]:
    """Return the last row, the sum."""
    return "**all**", f"**{sum(row[1] for row in rows):.1f}**", f"{sum(row[2] for row in rows):.1f}"


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it, parents first."""
    found = [pid]
    with suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                found += family(int(child))
    return found


def name(pid: int) -> str:
    """Return what a process is: our command's name, or the program's; nothing where it has ended meanwhile."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        program = Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return ""
    return f"{words[words.index('bot.cli') + 1] if 'bot.cli' in words else program} ({pid})"


def pss(pid: int) -> float:
    """Return the proportional set size in MB."""
    return rollup(pid, "Pss:")


def own(pid: int) -> float:
    """Return what would be free if this process ended, in MB."""
    return rollup(pid, "Private_Clean:") + rollup(pid, "Private_Dirty:")


def rollup(pid: int, field: str) -> float:
    """Return a field of the kernel's sum over all mappings, in MB."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()

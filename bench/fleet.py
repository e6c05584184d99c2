"""Many runs at once with a model that answers at once: what each costs while it waits for its model, and how all end.

All runs are held at their first model request until every one of them waits there; that is where agents spend most of
their life. Then memory is read, the model answers, and the time until the last draft pull request is told is taken.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory import family, pss, rollup

from jobs.testing.models import Script, by_tool, call
from jobs.testing.product import Product
from jobs.types import Conclusion, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPOSITORIES = 4
PEOPLE = 4
SIZES = (1, 10, 100)
LIMIT_MEGABYTES = 40.0
START_SECONDS, END_SECONDS = 240.0, 600.0
CONFIG = "checks: [python3 check.py]\nlimits:\n  tasks:\n    repository: 50\n    actor: 50\n"
SHIMS = ("docker-containerd-shim", "containerd-shim-runc-v2", "containerd-shim")


class Gate:
    """A model that keeps everybody waiting at the first request until it is opened."""

    def __init__(self) -> None:
        self.waiting = 0
        self._opened, self._lock = threading.Event(), threading.Lock()
        work = [
            self._wait,
            call("str_replace_based_edit_tool", command="create", path="/workspace/NEW.txt", file_text="new\n"),
            call("finish", title="Add NEW.txt", summary="It was asked for."),
        ]
        review = Script([call("report_review", verdict="approve", remarks="Small.")])
        self.script = by_tool({"report_review": review}, Script(work))

    def _wait(self, _request: Any) -> Any:
        with self._lock:
            self.waiting += 1
        self._opened.wait(START_SECONDS)
        return call("bash", command="git status --short | head")

    def open(self) -> None:
        """Let everybody go on."""
        self._opened.set()


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured with so many runs at once; memory in MB."""

    runs: int
    succeeded: int
    waiting_after: float
    workers: float
    sandboxes: float
    told_after: float
    cpu: float
    dollars: float


def measure(provider: str, count: int) -> Found:
    """Have so many runs at once, and return what they cost."""
    home, gate = Path(tempfile.mkdtemp(prefix="opus67-bench-")), Gate()
    home.chmod(0o711)
    changes = {"OPUS67_SANDBOX": provider, "OPUS67_WORKERS": str(count)}
    try:
        with Product(home, gate.script, environment=os.environ, changes=changes) as product:
            names = repositories(product)
            product.up()
            root = supervisor(product)
            idle, before = family(root), cpu(family(root))
            began = time.monotonic()
            for number in range(count):
                name, who = names[number % REPOSITORIES], f"person-{number // REPOSITORIES % PEOPLE}"
                issue = product.github.create_issue(name, f"Add a file, number {number}", "Please.", by=who)
                product.github.label_issue(name, issue.number, "assign-to-opus", by=who)
            until(lambda: gate.waiting >= count, START_SECONDS, product)
            waiting_after = time.monotonic() - began
            workers, sandboxes = sum(map(pss, worker_family(product))), sum(map(resident, strangers(provider, idle)))
            released = time.monotonic()
            gate.open()
            until(lambda: ended(product) == count, END_SECONDS, product)
            told_after = time.monotonic() - released
            store = product.store
            tasks = store.tasks.recent(count)
            good = sum(task.conclusion is Conclusion.SUCCESS for task in tasks)
            others = [
                f"{one.conclusion}: {one.summary[:400]!r}" for one in tasks if one.conclusion is not Conclusion.SUCCESS
            ]
            for told, times in Counter(others).most_common(5):
                print(f"{times} of {count} ended otherwise: {told}", file=sys.stderr)
            dollars = store.tasks.spent_in_all()
            store.close()
            used = cpu(family(root)) - before
            return Found(count, good, waiting_after, workers, sandboxes, told_after, used / count, dollars / count)
    finally:
        gate.open()
        shutil.rmtree(home, ignore_errors=True)


def repositories(product: Product) -> list[str]:
    """Create the repositories, with people who may write and room for all tasks, and return their names."""
    names = [f"acme/shop-{number}" for number in range(REPOSITORIES)]
    files = {".github/opus67.yml": CONFIG, "check.py": "print('1 passed in 0.01s')\n", "README.md": "# Shop\n"}
    for name in names:
        product.github.create_repository(name, files)
        for number in range(PEOPLE):
            product.github.set_permission(name, f"person-{number}", "write")
    return names


def supervisor(product: Product) -> int:
    """Return the process that all of ours descend from."""
    return product.processes("up")[0]


def worker_family(product: Product) -> list[int]:
    """Return the workers and their parent, each once, and not what runs in sandboxes below them."""
    return product.processes("worker")


def strangers(provider: str, idle: Sequence[int]) -> list[int]:
    """Return the processes of sandboxes: what runs as their user, and what holds them on the host."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) in idle:
            continue
        try:
            name, user = (folder / "comm").read_text().strip(), folder.stat().st_uid
        except OSError:
            continue
        is_box = 10000 <= user < 11000 or name.startswith(("docker-init", "containerd-shim", "bwrap", "tini"))
        if is_box or (provider == "bubblewrap" and name == "bwrap"):
            found.append(int(folder.name))
    return found


def resident(pid: int) -> float:
    """Return what a process has for itself, in MB; its share of what all have is small."""
    return rollup(pid, "Pss:")


def cpu(processes: Sequence[int]) -> float:
    """Return the seconds of CPU that processes and their ended children used."""
    ticks = 0
    for pid in processes:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(fields[index]) for index in (11, 12, 13, 14))
    return ticks / os.sysconf("SC_CLK_TCK")


def ended(product: Product) -> int:
    """Return how many tasks have ended and were told."""
    store = product.store
    try:
        tasks = store.tasks.recent(1000)
        return sum(task.status is Status.COMPLETED and bool(store.tasks.row(task.id).told) for task in tasks)
    finally:
        store.close()


def until(condition: Callable[[], bool], seconds: float, product: Product) -> None:
    """Wait for a condition; stops everything with the log where it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"This did not come in {seconds:.0f} s.\n{product.log[-6000:]}")
        time.sleep(0.1)


def show(provider: str, found: Sequence[Found]) -> None:
    """Print the table of one provider."""
    print(f"\n{provider}: runs at once, all held at their first model request, then a model that answers at once\n")
    print("| runs | ended well | s until all wait | workers, MB | sandboxes, MB | MB each beyond one "
          "| s until all are told | runs a minute | CPU s each | dollars each, times one |")  # fmt: skip
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    first = found[0]
    for one in found:
        beyond = (one.workers + one.sandboxes - first.workers - first.sandboxes) / max(1, one.runs - first.runs)
        each = f"{beyond:.1f}" if one is not first else ""
        print(
            f"| {one.runs} | {one.succeeded} | {one.waiting_after:.1f} | {one.workers:.0f} | {one.sandboxes:.0f} "
            f"| {each} | {one.told_after:.1f} | {60 * one.runs / one.told_after:.0f} | {one.cpu:.2f} "
            f"| {one.dollars / first.dollars:.2f} |"
        )
    print(f"\nTo reach: all end well, under {LIMIT_MEGABYTES:.0f} MB for each waiting run beyond the first.")


def main() -> int:
    """Measure what this machine has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, action="append", help="so many at once; may be given repeatedly")
    parser.add_argument("--sandbox", choices=["docker", "bubblewrap"], action="append")
    arguments = parser.parse_args()
    for provider in arguments.sandbox or ["docker", "bubblewrap"]:
        show(provider, [measure(provider, count) for count in arguments.runs or SIZES])
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""From the label to the first model request, and to the draft pull request, on a repository of Django's size.

Prints the stages of a run with a model that answers at once, cold and warm, with a spare sandbox and without one in
turns, beside the floor measured in the same run: the same steps by hand (start a container, check out, one exec).
Ratios count; figures depend on the machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs import sandbox as sandboxes
from jobs import workspace
from jobs.sandbox.engine import container_name
from jobs.sandbox.places import SPARE_PREFIX
from jobs.services import DEFAULT_IMAGE
from jobs.testing.github import git as local_git
from jobs.testing.models import Script, by_tool, call
from jobs.testing.product import Product
from jobs.types import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "acme/large"
FILES, FOLDERS, COMMITS = 5000, 400, 20
CHECK = "python3 check.py"


@dataclass
class Timeline:
    """Moments of one run, in seconds since the epoch."""

    labelled: float
    delivered: float
    first_request: float
    pull_request: float
    stages: dict[str, float]
    told: float


def script() -> Any:
    """Answer at once: one look, one change, the end."""
    work = [
        call("bash", command="git status --short | head"),
        call("str_replace_based_edit_tool", command="create", path="/workspace/NEW.txt", file_text="new\n"),
        call("finish", title="Add NEW.txt", summary="It was asked for."),
    ]
    review = Script([call("report_review", verdict="approve", remarks="Small.")])
    return by_tool({"report_review": review}, Script(work))


def large_repository(folder: Path) -> Path:
    """Write a tree of Django's size: about 5,000 files and 37 MB."""
    body = "\n".join(f"def function_{number}(value):\n    return value + {number}\n" for number in range(100))
    for number in range(FILES):
        path = folder / f"package_{number % FOLDERS:03}" / f"module_{number:04}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""Module {number}."""\n\n{body}')
    (folder / "check.py").write_text("print('1 passed in 0.01s')\n")
    (folder / ".github").mkdir()
    (folder / ".github" / "opus67.yml").write_text(f"checks: [{CHECK}]\n")
    return folder


def floor(provider: str, mirror: Path, commit: str, home: Path) -> float:
    """Do by hand what no run can do without: start a sandbox, check out, run one command; seconds."""
    began = time.perf_counter()
    if provider == "docker":
        _docker_floor(mirror, commit)
    else:
        spec = SandboxSpec(name=f"floor-{time.time_ns()}", deadline=time.time() + 300, mirror=str(mirror))
        box = sandboxes.start(provider, spec, home)
        workspace.checkout(box, commit)
        box.run("true", timeout=10)
        seconds = time.perf_counter() - began
        box.close()
        return seconds
    return time.perf_counter() - began


def _docker_floor(mirror: Path, commit: str) -> None:
    name = f"opus67-floor-{time.time_ns()}"
    mounts = ["--tmpfs", "/workspace:rw,exec,size=2g,uid=10001", "-v", f"{mirror}:/mirror:ro"]
    limits = ["--network", "none", "--user", "10001:10001"]
    checkout = (
        "export HOME=/tmp && git config --global --add safe.directory '*' && "
        "git clone -q --shared --no-checkout /mirror /workspace && cd /workspace && "
        f"git -c checkout.workers=2 checkout -q {commit}"
    )
    steps = [
        ["docker", "run", "-d", "--name", name, *limits, *mounts, DEFAULT_IMAGE, "sleep", "60"],
        ["docker", "exec", name, "sh", "-c", checkout],
        ["docker", "exec", name, "true"],
    ]
    try:
        for step in steps:
            subprocess.run(step, check=True, capture_output=True)
    finally:
        subprocess.Popen(["docker", "rm", "-f", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def one_run(product: Product, number: int) -> Timeline:
    """Label a new issue and wait for its end."""
    github = product.github
    issue = github.create_issue(REPOSITORY, f"Add a file, number {number}", "Please add NEW.txt.", by="ada")
    asked, pulls = len(product.model.requests), len(github.pull_requests(REPOSITORY))
    labelled = time.time()
    github.label_issue(REPOSITORY, issue.number, "assign-to-opus", by="ada")
    store = product.store
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            task = next((one for one in store.tasks.recent(5) if one.subject.number == issue.number), None)
            if task is not None and store.tasks.row(task.id).told:
                break
            time.sleep(0.01)
        else:
            raise RuntimeError(f"run {number} did not end:\n{product.log[-3000:]}")
        told = time.time()
        pull = github.pull_requests(REPOSITORY)[pulls]
        delivered = next(one for one in reversed(github.deliveries) if one.action == "labeled").delivered_at
        return Timeline(
            labelled,
            _seconds(delivered),
            product.model.requests[asked].at,
            _seconds(pull.created_at),
            store.runs.stage_times(task.id),
            told,
        )
    finally:
        store.close()


def _seconds(moment: Any) -> float:
    if isinstance(moment, (int, float)):
        return float(moment)
    return datetime.fromisoformat(str(moment)).timestamp()


def measure(provider: str, rounds: int) -> None:
    """Measure one provider, with and without spare sandboxes in turns, and print its tables."""
    kept = {"no spare": "0", "a spare": "1"} if sandboxes.has_spares(provider) else {"no spare": "0"}
    with ExitStack() as stack:
        products = {name: stack.enter_context(started(provider, spares)) for name, spares in kept.items()}
        cold = {name: one_run(product, 0) for name, product in products.items()}
        warm: dict[str, list[Timeline]] = {name: [] for name in products}
        floors = []
        for number in range(1, rounds + 1):
            for name, product in products.items():
                mirror = product.home / "var" / "mirrors" / f"{REPOSITORY}.git"
                if name == "a spare":
                    wait_for_spare(product)
                floors.append(floor(provider, mirror, str(local_git.resolve(mirror, "main")), product.home / "floor"))
                warm[name].append(one_run(product, number))
    for name, runs in warm.items():
        show(f"{provider}, {name}", cold[name], runs, floors)


@contextmanager
def started(provider: str, spares: str) -> Iterator[Product]:
    """Run the product with the large repository in a throwaway home."""
    home = Path(tempfile.mkdtemp(prefix="opus67-bench-"))
    home.chmod(0o711)
    changes = {"OPUS67_SANDBOX": provider, "OPUS67_WORKERS": "1", "OPUS67_SPARES": spares}
    try:
        with Product(home, script(), environment=os.environ, changes=changes) as product:
            product.github.create_repository(REPOSITORY, source=large_repository(home / "large"))
            product.github.set_permission(REPOSITORY, "ada", "write")
            yield product.up()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def wait_for_spare(product: Product) -> None:
    """Wait until a spare is ready: people do not ask for work in the same second in which other work ended."""
    prefix = container_name(product.home / "var", SPARE_PREFIX)
    command = ["docker", "ps", "--format", "{{.Names}}", "--filter", f"name={prefix}"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        if any("-" not in name.removeprefix(prefix) for name in names):
            return
        time.sleep(0.05)
    raise RuntimeError(f"no spare came:\n{product.log[-3000:]}")


def show(title: str, cold: Timeline, warm: list[Timeline], floors: list[float]) -> None:
    """Print the table of one provider."""
    base = statistics.median(floors)
    first = statistics.median(run.first_request - run.labelled for run in warm)
    print(f"\n{title}: label to first model request, {FILES} files, {len(warm)} warm runs\n")
    print("| what | cold, s | warm p50, s | warm worst, s | times the floor |")
    print("|---|--:|--:|--:|--:|")
    print(f"| floor: start, checkout, one command by hand | | {base:.3f} | {max(floors):.3f} | 1.00 |")
    for name, moment in (
        ("base commit known and stored", lambda run: run.stages["prepared"]),
        ("first model request", lambda run: run.first_request),
        ("work done, checked and reviewed", lambda run: run.stages["worked"]),
        ("people told of the draft pull request", lambda run: run.told),
    ):
        values = [moment(run) - run.labelled for run in warm]
        middle = statistics.median(values)
        print(
            f"| label → {name} | {moment(cold) - cold.labelled:.2f} | {middle:.3f} | {max(values):.3f} "
            f"| {middle / base:.2f} |"
        )
    goal = "to reach: 0.3 s with a spare; without one 1.5 times the floor, and under 0.7 s"
    print(f"\nfirst model request: {first:.3f} s, {first / base:.2f} times the floor ({goal})")


def main() -> int:
    """Measure what this machine has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--sandbox", choices=["docker", "bubblewrap"], action="append")
    arguments = parser.parse_args()
    for provider in arguments.sandbox or ["docker", "bubblewrap"]:
        measure(provider, arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())

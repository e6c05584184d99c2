"""The harness's own cost of one tool call: the time between two model requests, less what the model's SDK takes.

The model answers at once with `bash true`. Beside it: the SDK alone against the same model, and one `docker exec`.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from jobs.models import build
from jobs.services import DEFAULT_IMAGE
from jobs.testing import sample
from jobs.testing.models import Script, by_tool, call
from jobs.testing.product import KEY, Product
from jobs.types import ToolSchema

REPOSITORY, CALLS = "acme/openhours", 60


def script() -> object:
    """Call `bash` many times, each time with another command, and end without a change."""
    work = [call("bash", command=f"true {number}") for number in range(CALLS)]
    end = call("finish", title="Nothing", summary="Nothing was to be done.")
    return by_tool(
        {"report_review": Script([call("report_review", verdict="approve", remarks="")])}, Script([*work, end])
    )


def gaps(provider: str) -> tuple[list[float], list[float]]:
    """Return the seconds between two requests in a real run, and those of the SDK alone with the same messages."""
    home = Path(tempfile.mkdtemp(prefix="opus67-bench-"))
    home.chmod(0o711)
    try:
        changes = {"OPUS67_SANDBOX": provider, "OPUS67_WORKERS": "1"}
        with Product(home, script(), environment=os.environ, changes=changes) as product:
            product.github.create_repository(REPOSITORY, files=sample.files())
            product.github.set_permission(REPOSITORY, "ada", "write")
            product.up()
            issue = product.github.create_issue(REPOSITORY, "Look around", "Please.", by="ada")
            product.github.label_issue(REPOSITORY, issue.number, "assign-to-opus", by="ada")
            product.github.wait_for(lambda: len(product.model.requests) > CALLS, 120)
            requests = list(product.model.requests)
            times = [request.at for request in requests]
            run = [later - earlier for earlier, later in pairwise(times[5:])]
            return run, _sdk_alone(product, [request.body for request in requests[5:]])
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _sdk_alone(product: Product, bodies: list[dict[str, object]]) -> list[float]:
    model = build(["claude-opus-5-5"], anthropic_api_key=KEY, anthropic_base_url=product.model.url)
    schema = ToolSchema("bash", "Run.", {"type": "object", "properties": {"command": {"type": "string"}}})
    seconds = []
    for body in bodies:
        began = time.perf_counter()
        model.query("s", list(body["messages"]), [schema])  # type: ignore[call-overload]
        seconds.append(time.perf_counter() - began)
    model.close()
    return seconds


def docker_exec() -> list[float]:
    """Return the seconds of single `docker exec` calls."""
    name = f"opus67-exec-{time.time_ns()}"
    subprocess.run(
        ["docker", "run", "-d", "--name", name, DEFAULT_IMAGE, "sleep", "60"], check=True, capture_output=True
    )
    try:
        seconds = []
        for _ in range(20):
            began = time.perf_counter()
            subprocess.run(["docker", "exec", name, "true"], check=True)
            seconds.append(time.perf_counter() - began)
        return seconds
    finally:
        subprocess.run(["docker", "rm", "-f", name], check=False, capture_output=True)


def main() -> int:
    """Print the table."""
    print("| one tool call | p50, ms | p95, ms |")
    print("|---|--:|--:|")
    for provider in ("docker", "bubblewrap"):
        run, sdk = gaps(provider)
        middle = statistics.median(run) - statistics.median(sdk)
        print(f"| {provider}: between two model requests | {_ms(run)} |")
        print(f"| {provider}: of it the model's SDK and the wire | {_ms(sdk)} |")
        print(f"| **{provider}: the harness's own part (to reach: under 10)** | **{middle * 1000:.1f}** | |")
    print(f"| for comparison, one `docker exec` | {_ms(docker_exec())} |")
    return 0


def _ms(values: list[float]) -> str:
    return f"{statistics.median(values) * 1000:.1f} | {statistics.quantiles(values, n=20)[-1] * 1000:.1f}"


if __name__ == "__main__":
    sys.exit(main())

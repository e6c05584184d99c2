"""A CI that checks a commit out and really runs a command on it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.testing.github import git
from jobs.testing.github.job_logs import USUAL_STEPS, as_job_log
from jobs.testing.github.workflows import CiResult, Job, Step

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 120.0
SHELL = "/bin/bash"
RUNNER = "/home/runner/work/{0}/{0}"


def ci_from_command(
    command: str, *, job: str = "test", seconds: float = SECONDS
) -> Callable[[Path, str, str, int], CiResult]:
    """Return a CI with one job that runs ``command``, whose log is what it printed; for ``set_ci``."""

    def run(repository: Path, sha: str, _branch: str, _attempt: int) -> CiResult:
        with tempfile.TemporaryDirectory(prefix="ci-") as folder:
            checkout(repository, sha, Path(folder, "work"))
            output, code, ended = _run(command, Path(folder), seconds)
        # A runner has its checkout in the same place every time.
        output = output.replace(f"{folder}/work".encode(), RUNNER.format(repository.stem).encode())
        conclusion = "success" if code == 0 else "failure" if ended else "cancelled"
        step = Step(f"Run {command.partition(chr(10))[0]}", conclusion)
        steps = [*(Step(name) for name in USUAL_STEPS), step, Step("Complete job")]
        return CiResult([Job(job, conclusion, log=as_job_log(job, command, output, code), steps=steps)])

    return run


def checkout(repository: Path, sha: str, folder: Path) -> None:
    """Write the files of a commit into a folder."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(git.run(repository, "archive", "--format=tar", sha))) as packed:
        packed.extractall(folder, filter="data")


def _run(command: str, folder: Path, seconds: float) -> tuple[bytes, int, bool]:
    """Run a command line and return what it printed, its exit code, and whether it ended by itself."""
    programs = f"{Path(sys.executable).parent}:{git.ENVIRONMENT['PATH']}"
    environment = {"PATH": programs, "HOME": str(folder), "LC_ALL": "C.UTF-8", "CI": "true", "GITHUB_ACTIONS": "true"}
    process = subprocess.Popen(
        [SHELL, "-e", "-c", command],
        cwd=folder / "work",
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        # All that it started goes too: what is left would keep the pipe open.
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return output + b"##[error]The operation was canceled.\n", 1, False
    return output, process.returncode, True

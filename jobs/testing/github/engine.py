"""A CI that reacts by itself: to pushes, to pull requests from forks, and to being asked again."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from jobs.testing.github import running
from jobs.testing.github.shapes import pulls
from jobs.testing.github.workflows import CiResult, Job, WorkflowRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from jobs.testing.github.records import Account, Repository
    from jobs.testing.github.world import World

    Ci = Callable[[Path, str, str, int], CiResult]

HEADS = "refs/heads/"
STOP_SECONDS = 30.0
NEW_HEADS = frozenset({"opened", "reopened", "synchronize"})


class Engine:
    """Runs the CI of repositories in threads, one for each attempt."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._workflows: dict[str, dict[str, tuple[Ci, tuple[str, ...]]]] = {}
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        world.listeners.append(self._hear)

    def set(self, repository: str, name: str, function: Ci | None, jobs: Sequence[str]) -> None:
        """Give a repository a workflow, or take it away."""
        with self._world.change():
            known = self._workflows.setdefault(repository.lower(), {})
            known.pop(name, None)
            if function is not None:
                known[name] = (function, tuple(jobs))

    def stop(self) -> None:
        """Begin nothing more, and wait for what runs."""
        self._stopping.set()
        ends = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))

    def _hear(self, repository: Repository, event: str, action: str, payload: Mapping[str, Any]) -> None:
        """Listen to what happens in the world, whose lock is held."""
        if event == running.AGAIN:
            self._continue(payload["run"])
        elif event == "push" and payload["ref"].startswith(HEADS) and not payload["deleted"]:
            branch, before = payload["ref"].removeprefix(HEADS), payload["before"]
            by = self._world.account(payload["sender"]["login"])
            self._start(repository, event, payload["after"], branch, by, before=before)
        elif event == "pull_request" and action in NEW_HEADS:
            pull = pulls.must(repository.issues[payload["number"]])
            by = self._world.account(payload["sender"]["login"])
            # What is pushed in the repository itself has its run already.
            if pull.fork is not None:
                self._start(repository, event, pull.head_sha, pull.head, by, source=pull.fork)

    def _start(
        self,
        repository: Repository,
        event: str,
        sha: str,
        branch: str,
        by: Account,
        *,
        source: Repository | None = None,
        before: str = "",
    ) -> None:
        for name, (function, jobs) in self._workflows.get(repository.full_name.lower(), {}).items():
            run = running.start(
                self._world,
                repository,
                name=name,
                sha=sha,
                branch=branch,
                event=event,
                by=by,
                jobs=[Job(job, "") for job in jobs],
                source=source,
                before=before,
            )
            self._go(run, function)

    def _continue(self, run: WorkflowRun) -> None:
        known = self._workflows.get(run.repository.full_name.lower(), {}).get(run.workflow.name)
        if known is not None:
            self._go(run, known[0])

    def _go(self, run: WorkflowRun, function: Ci) -> None:
        if self._stopping.is_set():
            return
        thread = threading.Thread(target=self._work, args=(run, function), name="ci", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self, run: WorkflowRun, function: Ci) -> None:
        with self._world.change():
            running.begin(self._world, run)
            attempt = run.latest.number
        result = function(run.repository.path, run.head_sha, run.head_branch, attempt)
        if self._stopping.is_set():
            return
        with self._world.change():
            running.complete(self._world, run, result)

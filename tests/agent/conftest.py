"""A journal in memory, a real sandbox in bubblewrap, and a run put together of them."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs import sandbox as sandboxes
from jobs.agent.loop import work
from jobs.agent.prompts import request_message
from jobs.agent.tools import Purpose
from jobs.models.scripted import ScriptedModel
from jobs.types import Limits, Phase, PlanItem, Sandbox, SandboxSpec, Step, Subject
from tests.needs import CURES, bubblewrap_works

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jobs.agent.tools import FinishRequest

REQUEST = request_message(
    repository="octo/demo", subject=Subject("issue", 12), title="Fix it", text="It is broken.", asked_by="@mona"
)


@pytest.fixture(scope="session")
def session_sandbox(requires: Any) -> Iterator[Sandbox]:
    """Yield one sandbox for all tests of this package."""
    requires(bubblewrap_works(), "bubblewrap", CURES["bubblewrap"])
    spec = SandboxSpec(name="agent-tests", deadline=time.time() + 3600)
    with tempfile.TemporaryDirectory(prefix="o67-agent-", dir="/tmp", ignore_cleanup_errors=True) as home:
        sandbox = sandboxes.start("bubblewrap", spec, Path(home))
        try:
            yield sandbox
        finally:
            sandbox.close()


@pytest.fixture
def sandbox(session_sandbox: Sandbox) -> Sandbox:
    """Return a sandbox whose workspace is empty."""
    session_sandbox.run("cd /workspace && find . -mindepth 1 -delete; rm -rf /tmp/* 2>/dev/null", timeout=20)
    session_sandbox.run("cd /workspace", timeout=20, session=True)
    return session_sandbox


@dataclass
class MemoryJournal:
    """Keeps steps by index, as a database would, and says what the test wants people to say."""

    kept: dict[int, Step] = field(default_factory=dict)
    history: list[Step] = field(default_factory=list)
    wishes: list[list[str] | BaseException] = field(default_factory=list)
    told: list[tuple[Phase, tuple[PlanItem, ...]]] = field(default_factory=list)

    def steps(self) -> list[Step]:
        return [self.kept[index] for index in sorted(self.kept)]

    def record(self, step: Step) -> None:
        self.kept[step.index] = step
        self.history.append(step)

    def attend(self) -> list[str]:
        wish = self.wishes.pop(0) if self.wishes else []
        if isinstance(wish, BaseException):
            raise wish
        return wish

    def progress(self, phase: Phase, plan: Any) -> None:
        self.told.append((phase, tuple(plan)))


class Run:
    """A run of the loop; after it, what the model was asked and what was kept can be looked at."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.journal = MemoryJournal()
        self.model = ScriptedModel([])
        self.finishes: list[FinishRequest] = []
        self.clock = 0.0

    def __call__(
        self,
        *answers: Any,
        limits: Limits | None = None,
        refuse: list[str | None] | None = None,
        tick: float = 0.0,
        planner: Any = None,
        cost: float = 0.01,
        on_finish: Callable[[FinishRequest], str | None] | None = None,
        purpose: Purpose = Purpose.WORK,
        paid: Sequence[Step] = (),
    ) -> FinishRequest:
        """Go with these answers of the model; ``refuse`` are the answers to finish requests, ``tick`` seconds a look."""
        self.model = ScriptedModel(answers, cost=cost)
        refusals = list(refuse or [])

        def accept(request: FinishRequest) -> str | None:
            self.finishes.append(request)
            return refusals.pop(0) if refusals else None

        def now() -> float:
            self.clock += tick
            return self.clock

        return work(
            model=self.model,
            sandbox=self.sandbox,
            journal=self.journal,
            system="You work.",
            request=REQUEST,
            limits=limits or Limits(),
            on_finish=on_finish or accept,
            now=now,
            started_at=0.0,
            planner=planner,
            purpose=purpose,
            paid=paid,
        )

    def results(self, index: int) -> list[str]:
        """Return what the tools of one step said, and the notes after it."""
        message = self.journal.kept[index].results
        assert message is not None
        return [str(block.get("content") or block.get("text")) for block in message["content"]]


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    """Return a fresh run with an empty workspace."""
    return Run(sandbox)

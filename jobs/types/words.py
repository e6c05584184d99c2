"""The words of the house as frozen dataclasses. Pure: no I/O, no clock, no environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKER = "<!-- opus67:task={task_id} -->"
CHECK_NAME = "Opus 67"
REVIEW_CHECK_NAME = "Opus 67 review"
BRANCH_PREFIX = "opus/"


class Kind(StrEnum):
    """Which sort of task."""

    RESOLVE_ISSUE = "resolve_issue"
    BACKGROUND = "background"
    """Work that somebody asked for in words of their own, with or without an issue."""
    ASK = "ask"
    """A question about the repository: answered from a run that changes nothing."""
    FIX_CI = "fix_ci"
    """A CI run is red: told why, and mended where that may be."""
    ADDRESS_REVIEW = "address_review"
    """People reviewed a pull request: their threads are worked on and answered."""
    REVIEW_PULL_REQUEST = "review_pull_request"
    """A pull request is reviewed; nothing is changed."""
    RESOLVE_CONFLICTS = "resolve_conflicts"
    """A pull request of ours conflicts with its base: the base is merged into it."""


class Approval(StrEnum):
    """Where the approval of a task's plan stands."""

    NONE = ""
    WANTED = "wanted"
    """The task makes a plan first and does nothing else before a person has approved it."""
    ASKED = "asked"
    GIVEN = "given"


class Status(StrEnum):
    """GitHub's check-run statuses; ``waiting`` is for a person: an answer, an approval, a resume."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    COMPLETED = "completed"


class Conclusion(StrEnum):
    """GitHub's check-run conclusions."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    ACTION_REQUIRED = "action_required"
    SKIPPED = "skipped"


class Phase(StrEnum):
    """Where a run is on its way."""

    PREPARING = "preparing"
    PLANNING = "planning"
    CODING = "coding"
    TESTING = "testing"
    REVIEWING = "reviewing"
    PUBLISHING = "publishing"


class Mode(StrEnum):
    """How much the bot may do by itself."""

    CONSERVATIVE = "conservative"
    BALANCED = "balanced"
    AGGRESSIVE = "aggressive"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who: platform and id, mapped to a GitHub login where one is known."""

    platform: str
    id: str
    login: str = ""
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What a task is about, for example issue 12; ``str()`` gives ``issue-12``.

    Work that belongs to no issue and no pull request has no number: ``str()`` gives its kind, such as ``bg``.
    """

    kind: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.kind}-{self.number}" if self.number else self.kind

    @classmethod
    def parse(cls, text: str) -> Subject:
        """Read what ``str()`` wrote."""
        kind, _, number = text.partition("-")
        return cls(kind, int(number or 0))


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one run: US dollars, tokens in and out, model steps, minutes of work."""

    dollars: float = 5.0
    tokens: int = 20_000_000
    steps: int = 150
    minutes: float = 60.0


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not, why, what to do about it, and within which limits."""

    allowed: bool
    reason: str
    cure: str = ""
    limits: Limits = field(default_factory=Limits)
    silent: bool = False
    """True when a refusal must not be answered: our own events and bots that nobody allowed."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that a service sent us, raw, stored before it is acknowledged."""

    guid: str
    source: str
    event: str
    body: bytes
    received_at: float


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """What somebody asked for, before it is a task: the text is a snapshot, already made safe to show a model."""

    kind: Kind
    repository: str
    installation_id: int
    subject: Subject
    title: str
    text: str
    actor: Actor
    mode: Mode = Mode.BALANCED
    limits: Limits = field(default_factory=Limits)
    delivery: str = ""
    removed: tuple[str, ...] = ()
    """What was taken out of the text as hidden, in words, for the report."""
    at_once: tuple[int, int] = (3, 2)
    """How many tasks may run at once: in the repository, and of the actor; more wait for their turn."""
    key: str = ""
    """What the request is alone with: while a task with this key is active, a second request joins it.

    Empty: one task of this kind for the subject in the repository.
    """
    plan_first: bool = False
    model: str = ""
    """The model that people chose for this task; empty for the repository's or the operator's."""
    priority: int = 0
    follows: str = ""
    """The id of the ended task on whose branch and pull request this one goes on."""
    onto: str = ""
    """That task's branch; empty for a branch of its own."""
    base: str = ""
    """The branch to start from, when somebody named one; empty for the repository's own choice."""
    about: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What the event that asked for it told, as a JSON object: the CI run and its commit, the pull request."""


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work that someone asked for, as it is stored now.

    ``attempt`` is the fencing token: every write of a worker names the attempt that it holds.
    Times are seconds since the epoch.
    """

    id: str
    kind: Kind
    repository: str
    installation_id: int
    subject: Subject
    title: str
    text: str
    actor: Actor
    mode: Mode
    limits: Limits
    status: Status
    created_at: float
    removed: tuple[str, ...] = ()
    conclusion: Conclusion | None = None
    phase: Phase = Phase.PREPARING
    attempt: int = 0
    priority: int = 0
    summary: str = ""
    question: str = ""
    """What the agent asked a person, while ``waiting``."""
    edited: bool = False
    """True when the issue's text was changed after the request; the task keeps its snapshot."""
    cancel: str = ""
    """Who or what asked for the end of this task, in words; empty when nobody did."""
    pause: str = ""
    started_at: float | None = None
    completed_at: float | None = None
    approval: Approval = Approval.NONE
    """Where the approval of the plan stands; while it is ``asked``, ``question`` holds the plan."""
    model: str = ""
    """The model that people chose for this task; empty for the repository's or the operator's."""
    follows: str = ""
    """The id of the ended task on whose branch and pull request this one goes on."""
    onto: str = ""
    base: str = ""
    """The branch to start from, when somebody named one."""
    about: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What the event that asked for it told, as a JSON object."""
    listens: str = ""
    """The event that a queued task waits for, such as the end of a CI run; empty for one that waits for its turn."""

    @property
    def branch(self) -> str:
        """The branch that this task's work is pushed to."""
        return self.onto or self.own_branch

    @property
    def own_branch(self) -> str:
        """The branch that this task has for itself, when it does not go on with another task's."""
        return f"{BRANCH_PREFIX}{self.subject}-{self.id}"

    @property
    def marker(self) -> str:
        """The hidden marker by which what we wrote for this task is found again."""
        return MARKER.format(task_id=self.id)


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One item of the agent's plan; ``state`` is pending, in_progress or done."""

    text: str
    state: str = "pending"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model reply. ``input_tokens`` excludes what was read from or written to the cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )

    @property
    def total(self) -> int:
        """All tokens, in and out."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


Block = dict[str, Any]
"""A content block in Anthropic's format: text, thinking, tool_use, tool_result."""
Message = dict[str, Any]
"""``{"role": "user" | "assistant", "content": [Block, ...]}``, in Anthropic's format."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered to one query. ``cost`` is in US dollars; ``model`` is the one that answered."""

    content: list[Block]
    stop_reason: str
    usage: Usage
    cost: float
    model: str


@dataclass(frozen=True, slots=True)
class Step:
    """One model reply and the results of its tool calls; ``results`` is the user message that answers the reply."""

    index: int
    reply: Message
    results: Message | None
    usage: Usage
    cost: float
    model: str
    seconds: float

"""The words of a failing CI run: what a log says, what was known of the time before, and what follows from both."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class FailureKind(StrEnum):
    """Which sort of tool complains."""

    TEST = "test"
    COMPILE = "compile"
    TYPES = "types"
    LINT = "lint"
    FORMAT = "format"
    OTHER = "other"


class Cause(StrEnum):
    """Why a run is red."""

    FLAKY = "flaky"
    """It passed on the same commit, or passes when it is run again."""
    INFRASTRUCTURE = "infrastructure"
    """The machinery failed and not the code: a lost runner, the network, a rate limit, a full disk."""
    BASE_RED = "base_red"
    """The base branch fails in the same way."""
    DETERMINISTIC = "deterministic"
    """The code is wrong."""
    UNKNOWN = "unknown"
    """Nothing in the logs tells."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that failed, as a log or a report tells it.

    ``name`` is the test's id, or the rule's or error's code; ``path`` is relative to the repository where that is
    known; ``line`` is 0 where none is told. ``signature`` is the same for the same failure in every run: 16 hex digits.
    """

    tool: str
    kind: FailureKind
    name: str
    message: str
    path: str = ""
    line: int = 0
    signature: str = ""
    excerpt: str = ""
    """The lines of the log that tell of it, cut."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from the log of one failed job, or several together; everything in it is data from strangers."""

    failures: tuple[Failure, ...] = ()
    infrastructure: str = ""
    """Which of the machinery failed, in words; empty where nothing tells so."""
    flaky_hint: str = ""
    """What in the log is typical of failures that come and go, in words; empty where nothing is."""
    command: str = ""
    """The command line that failed, where the log tells it."""
    step: str = ""
    excerpt: str = ""
    """The part of the failing step that matters, cleaned and cut."""
    cut: bool = False
    """Whether parts of the log were left out because of its size."""


@dataclass(frozen=True, slots=True)
class Change:
    """A commit between the last green run and the red one; ``author`` is a GitHub login where there is one."""

    sha: str
    author: str
    title: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """What is known of the runs before this one."""

    passed_on_commit: bool = False
    """The same workflow was green on the same commit."""
    passed_again: bool = False
    """It was green when it was run again."""
    reruns: int = 0
    """How often we had the failed jobs of this commit run again."""
    base_signatures: frozenset[str] = frozenset()
    """The failures of the base branch's newest run, where that is red."""
    known_flaky: frozenset[str] = frozenset()
    """Signatures that came and went in this repository before."""
    green: str = ""
    """The commit of the last green run; empty where none is known."""
    changes: tuple[Change, ...] = ()
    """The commits since then, oldest first."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is known of a red run, and how sure that is: ``confidence`` is from 0 to 1."""

    cause: Cause
    reason: str
    failures: tuple[Failure, ...] = ()
    culprit: Change | None = None
    green: str = ""
    changes: int = 0
    """How many commits there are since the last green run."""
    confidence: float = 0.5
    command: str = ""
    excerpt: str = ""
    run_url: str = ""
    workflow: str = ""
    blob_url: str = ""
    """Where the files are shown at the failing commit, as ``https://…/blob/<commit>``."""
    simple: bool = False
    """Whether it is of the sort that may be mended without asking: lint, format, types, a single test."""

    @property
    def signatures(self) -> frozenset[str]:
        """The signatures of all failures."""
        return frozenset(failure.signature for failure in self.failures)

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Diagnosis:
        """Rebuild what ``dataclasses.asdict`` took apart."""
        culprit = values["culprit"]
        failures = tuple(Failure(**{**one, "kind": FailureKind(one["kind"])}) for one in values["failures"])
        known: dict[str, Any] = {"cause": Cause(values["cause"]), "failures": failures}
        known["culprit"] = None if culprit is None else Change(**{**culprit, "files": tuple(culprit["files"])})
        return cls(**{**values, **known})

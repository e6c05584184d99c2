"""What a run leaves behind, as frozen dataclasses: the harness's own records, the patch, the outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.types.words import Conclusion, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Check:
    """The harness's own record of one check command; counts are None where the output tells none."""

    command: str
    exit_code: int
    seconds: float
    output: str
    """The end of the output, cut to what a comment can carry."""
    passed: int | None = None
    failed: int | None = None
    skipped: int | None = None


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path of a patch; ``status`` is git's letter: A, M, D, R, T."""

    path: str
    status: str
    additions: int
    deletions: int


@dataclass(frozen=True, slots=True)
class Patch:
    """The commit that a run produced, on a known base, validated and held in the host's quarantine."""

    base: str
    commit: str
    files: tuple[FileChange, ...]
    diff: str
    """The unified diff, cut at a cap that a comment or page can carry."""

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Patch:
        """Rebuild what ``dataclasses.asdict`` took apart."""
        return cls(**{**values, "files": tuple(FileChange(**file) for file in values["files"])})

    @property
    def additions(self) -> int:
        """Lines added in all files."""
        return sum(file.additions for file in self.files)

    @property
    def deletions(self) -> int:
        """Lines deleted in all files."""
        return sum(file.deletions for file in self.files)


@dataclass(frozen=True, slots=True)
class BlockedRequest:
    """A host that the sandbox asked for and did not get, and the command that was running then."""

    host: str
    port: int
    command: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    conclusion: Conclusion
    summary: str
    """For people: what was done or why not, what next, what was kept."""
    title: str = ""
    patch: Patch | None = None
    evidence: tuple[Check, ...] = ()
    blocked: tuple[BlockedRequest, ...] = ()
    review: str = ""
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0
    steps: int = 0
    models: tuple[str, ...] = ()
    pull_request: str = ""
    """The URL of the pull request, when one was opened."""
    kept: str = ""
    """Where unpublished work was kept, in words: a salvage branch, or the patch below."""
    salvage: str = ""
    """The unpublished work itself as a diff, when it could not be pushed anywhere."""
    draft_reason: str = ""
    """Why the work is incomplete, when it is: the limit that stopped it, checks that fail."""
    blob_url: str = ""
    """Of an answer: where the files are shown at the commit that was read, as ``https://…/blob/<commit>``."""
    references: tuple[str, ...] = ()
    """Of an answer: the places in the code that it names and that are there, as ``path#L10`` or ``path#L10-L20``."""

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Outcome:
        """Rebuild what ``dataclasses.asdict`` took apart."""
        patch = values["patch"]
        return cls(
            **{
                **values,
                "conclusion": Conclusion(values["conclusion"]),
                "patch": None if patch is None else Patch.load(patch),
                "evidence": tuple(Check(**check) for check in values["evidence"]),
                "blocked": tuple(BlockedRequest(**request) for request in values["blocked"]),
                "usage": Usage(**values["usage"]),
                "models": tuple(values["models"]),
                "references": tuple(values.get("references", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command in the sandbox ended. ``output`` is stdout and stderr together, cut in the middle over its cap."""

    exit_code: int
    output: str
    seconds: float
    timed_out: bool = False
    truncated: bool = False

"""The protocols through which the parts meet: a sandbox, a model, and what they are started from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.types.results import BlockedRequest, CommandResult
    from jobs.types.words import Message, Reply


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What a sandbox is started from.

    ``name`` identifies the container and is found again by it; ``deadline`` is seconds since the epoch;
    ``mirror`` is a host directory, mounted read-only at ``/mirror``; ``hosts`` are the names that the proxy allows.
    """

    name: str
    deadline: float
    mirror: str = ""
    image: str = ""
    hosts: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 3072
    disk_mb: int = 2048
    cpus: float = 2.0
    pids: int = 512
    spare: bool = False
    """Whether a sandbox will do that was prepared beforehand, with a checkout of some commit of the mirror in it."""


class Sandbox(Protocol):
    """The isolated place where commands run; the checkout is at ``/workspace``, which is empty at the start."""

    name: str
    resumed: bool
    """True when ``start`` found this sandbox alive from an earlier attempt, with its workspace."""
    outlives: bool
    """True when the sandbox lives on after its worker; the work in one that does not must be kept often."""

    def run(
        self,
        command: str,
        *,
        timeout: float,
        session: bool = False,
        output_limit: int = 30_000,
        cwd: str = "/workspace",
    ) -> CommandResult:
        """Run a bash command line; with ``session`` in the one shell that keeps its directory and variables."""
        ...

    def read(self, path: str, *, limit: int) -> bytes:
        """Return a regular file's bytes; raises ``SandboxFileError`` for anything else or over ``limit`` bytes."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Write a regular file, making its folders; raises ``SandboxFileError`` where that cannot be."""
        ...

    def allow(self, hosts: Sequence[str]) -> None:
        """Replace the names that the egress proxy lets through, for the next phase."""
        ...

    def blocked(self) -> tuple[BlockedRequest, ...]:
        """Return what the egress proxy refused so far in this attempt."""
        ...

    def detach(self) -> None:
        """Let go of the sandbox and leave it for the next attempt, where it can live on by itself."""
        ...

    def close(self) -> None:
        """End the sandbox and everything in it; does nothing the second time."""
        ...


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """A tool as the model sees it; ``input_schema`` is a JSON Schema object."""

    name: str
    description: str
    input_schema: dict[str, Any]


class Model(Protocol):
    """A language model behind a provider."""

    @property
    def name(self) -> str:
        """The model's name, as in prices and receipts."""
        ...

    def query(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> Reply:
        """Answer one conversation; raises ``ModelError`` when no answer can be had."""
        ...

"""The words of a review that we write: a finding on lines of a pull request, and how grave it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Severity(StrEnum):
    """How grave a finding is, the gravest first."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    NIT = "nit"

    @property
    def grave(self) -> bool:
        """Tell whether nobody would want it merged."""
        return self in {Severity.CRITICAL, Severity.MAJOR}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, on the lines from ``line`` to ``end_line`` of the new file.

    ``suggestion`` is what should stand in place of these whole lines.
    """

    path: str
    line: int
    end_line: int
    severity: Severity
    reason: str
    suggestion: str | None = None

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Finding:
        """Rebuild what ``dataclasses.asdict`` took apart, or what a model gave to its tool."""
        line, end = int(values["line"]), values.get("end_line")
        return cls(
            path=str(values["path"]),
            line=line,
            end_line=line if end is None else int(end),
            severity=Severity(values["severity"]),
            reason=str(values["reason"]).strip(),
            suggestion=values.get("suggestion"),
        )

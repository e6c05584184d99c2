"""A review of a pull request as GitHub takes it: the comments on lines, its own words, and what the check run says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.answer.words import count
from jobs.text import code, cut, fence, line, neutralise
from jobs.types import Conclusion, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.types import Finding

FINDING_MARKER = "<!-- opus67:finding={severity} -->"
REASON_LIMIT = 4_000
WORDS_LIMIT = 1_500
LISTED = 5
SHA = 7
_MARKED = re.compile(r"<!-- opus67:finding=(critical|major|minor|nit) -->")
_FENCED = re.compile(r"\A(`{3,})suggestion\n(.*)\n\1\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReviewText:
    """What a review tells; ``open_before`` are the severities of earlier findings of ours that nobody settled.

    ``skipped`` are files and why they were not read; ``words`` are the reviewer's own; ``incomplete`` says what
    stopped it before its end. ``repeated`` and ``beyond`` count findings that people do not get.
    """

    findings: tuple[Finding, ...]
    base: str
    commit: str
    files: int
    lines: int
    newer: bool = False
    skipped: tuple[tuple[str, str], ...] = ()
    words: str = ""
    incomplete: str = ""
    repeated: int = 0
    beyond: int = 0
    open_before: tuple[Severity, ...] = ()

    @property
    def severities(self) -> frozenset[Severity]:
        """How grave the findings are, and those of earlier reviews that are still open."""
        return frozenset({*(finding.severity for finding in self.findings), *self.open_before})

    @property
    def grave(self) -> bool:
        """Tell whether there is anything that nobody would want merged."""
        return any(severity.grave for severity in self.severities)


def severity_of(body: str) -> Severity | None:
    """Return how grave the finding is that a comment of ours tells; None for every other comment."""
    found = _MARKED.match(body)
    return Severity(found[1]) if found else None


def conclusion(text: ReviewText, *, request_changes: bool) -> Conclusion:
    """Return how the check run ends that can be required; findings that are still open from before count, too."""
    if text.grave:
        return Conclusion.FAILURE if request_changes else Conclusion.NEUTRAL
    return Conclusion.NEUTRAL if Severity.MINOR in text.severities else Conclusion.SUCCESS


def title(text: ReviewText) -> str:
    """Return the review in a few words."""
    if not text.findings and text.open_before:
        return f"Nothing new to say; {count(len(text.open_before), 'earlier finding')} still open"
    if not text.findings:
        return "Stopped before the end" if text.incomplete else "Nothing to say"
    return f"{count(len(text.findings), 'finding')}: {_counts(text.findings)}"


def _counts(findings: Sequence[Finding]) -> str:
    counted = Counter(finding.severity for finding in findings)
    return ", ".join(f"{counted[severity]} {severity}" for severity in Severity if counted[severity])


def comment_body(finding: Finding) -> str:
    """Return the comment on the lines of a finding: how grave, why, and a suggestion where one is safe to give."""
    reason = neutralise(cut(finding.reason, REASON_LIMIT), limit=2 * REASON_LIMIT) or "(no reason was given)"
    parts = [f"{FINDING_MARKER.format(severity=finding.severity)}\n**{finding.severity.capitalize()}**", reason]
    if block := suggestion_block(finding.suggestion):
        parts.append(block)
    return "\n\n".join(parts)


def suggestion_block(suggestion: str | None) -> str:
    """Return the block that GitHub offers to commit, or nothing where the text cannot be shown just as it is.

    What would have to be made harmless first is no suggestion any more: people would commit something else.
    """
    if not suggestion:
        return ""
    block = fence(suggestion, "suggestion")
    shown = _FENCED.match(block)
    return block if shown and shown[2] == suggestion else ""


def review_body(text: ReviewText, marker: str) -> str:
    """Return the words of the review itself; where there is nothing to say, they are one line."""
    return f"{marker}\n{_body(text, lambda words: neutralise(words, limit=2 * WORDS_LIMIT))}"


def told(text: ReviewText) -> str:
    """Return what the check run and the chats say, which make it harmless in their own ways; findings are listed."""
    listed = [_listed(finding) for finding in text.findings]
    return "\n\n".join(part for part in (_body(text, str), "\n".join(listed)) if part)


def _listed(finding: Finding) -> str:
    return f"- {finding.severity}: {code(f'{finding.path}:{finding.line}')} {line(finding.reason, 200)}"


def _body(text: ReviewText, safe: Callable[[str], str]) -> str:
    if not text.findings and not text.incomplete:
        return " ".join([f"{_nothing(text)}.", *_not_checked(text)])
    parts = [f"**{title(text)}.**"]
    if text.incomplete:
        parts.append(f"**This review is incomplete:** {safe(cut(text.incomplete, WORDS_LIMIT))}")
    parts.append(safe(cut(text.words, WORDS_LIMIT)))
    looked = "correctness, security, tests and the handling of errors"
    parts.append(f"**Checked:** {_what(text)}, for {looked}.")
    parts += [" ".join(_not_checked(text)), _left_out(text)]
    return "\n\n".join(part for part in parts if part)


def _nothing(text: ReviewText) -> str:
    new = " new" if text.newer else ""
    still = f"; {count(len(text.open_before), 'earlier finding')} still open" if text.open_before else ""
    return f"Nothing{new} to say about {_what(text)}{still}"


def _what(text: ReviewText) -> str:
    lines = count(text.lines, "changed line")
    since = "what was pushed since the last review, " if text.newer else ""
    return f"{since}{lines} in {count(text.files, 'file')} ({code(f'{text.base[:SHA]}..{text.commit[:SHA]}')})"


def _not_checked(text: ReviewText) -> list[str]:
    """Return sentences on what the review did not look at; the checks are CI's."""
    reasons: dict[str, list[str]] = {}
    for path, reason in text.skipped:
        reasons.setdefault(reason, []).append(path)
    named = [f"{_paths(paths)} ({reason})" for reason, paths in reasons.items()]
    return [f"**Not checked:** {'; '.join([*named, 'the checks of the repository were not run'])}."]


def _paths(paths: Sequence[str]) -> str:
    shown = ", ".join(code(path, 120) for path in paths[:LISTED])
    return shown if len(paths) <= LISTED else f"{shown} and {len(paths) - LISTED} more"


def _left_out(text: ReviewText) -> str:
    parts = []
    if text.beyond:
        parts.append(f"{count(text.beyond, 'less grave finding')} beyond the ten that are shown")
    if text.repeated:
        parts.append(f"{text.repeated} that were said before")
    if text.open_before:
        parts.append(f"{count(len(text.open_before), 'finding')} of earlier reviews still open")
    return f"Besides: {'; '.join(parts)}." if parts else ""

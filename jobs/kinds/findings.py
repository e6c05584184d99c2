"""What an agent reported, judged before people see it: only on changed lines, once, and the gravest first. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs.types import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.kinds.differences import FileDifference
    from jobs.types import Finding

MOST = 10
MOST_SUGGESTED = 10
"""Lines of a suggestion, and of what it replaces."""
NEAR, FARTHER = 3, 12
ALIKE_NEAR, ALIKE_FARTHER, ALIKE_ANYWHERE = 0.3, 0.4, 0.55
"""From which share of common words two remarks are the same, by how far apart they stand."""
FEW_WORDS = 3
STEM = 6
_WORD = re.compile(r"[a-z_][a-z0-9_]{2,}")
_COMMON = frozenset(
    {
        *("the", "and", "for", "with", "that", "this", "from", "not", "are", "was", "will", "when", "then", "than"),
        *("but", "can", "has", "have", "its", "into", "only", "one", "two", "you", "your", "here", "there", "which"),
        *("would", "should", "could", "may", "does", "used", "use", "line", "lines", "code"),
    }
)
_CODE_BLOCK = re.compile(r"^(`{3,}|~{3,})[^\n]*\n.*?(?:^\1[`~]*\s*$|\Z)", re.MULTILINE | re.DOTALL)


ORDER = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Said:
    """What was said before on a line of the pull request; ``line`` is 0 where a push took the line away.

    ``text`` began it, ``talk`` is all that was said there, by whomever.
    """

    path: str
    line: int
    text: str
    resolved: bool = False
    talk: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The findings that people get, and how many they do not get, by the reason."""

    kept: tuple[Finding, ...] = ()
    outside: int = 0
    repeated: int = 0
    beyond: int = 0


class Misplaced(Exception):
    """A finding is not about a changed line; the message tells the model what is."""


def placed(finding: Finding, parts: Mapping[str, FileDifference]) -> Finding:
    """Return the finding with its place as GitHub takes it; raises ``Misplaced`` where it touches no changed line.

    A range that reaches beyond its hunk is cut to it, and loses its suggestion, which was for other lines.
    """
    part = parts.get(_tidy(finding.path))
    if part is None:
        raise Misplaced(f"`{finding.path[:200]}` is not among the files under review.")
    first, last = sorted((finding.line, finding.end_line))
    touched = sorted(line for line in part.changed if first <= line <= last)
    if not touched:
        raise Misplaced(
            f"Nothing in lines {first} to {last} of `{part.path}` is changed. Changed there: {_ranges(part.changed)}."
        )
    hunk = part.hunk_of(touched[0])
    if hunk is None:
        raise Misplaced(f"Line {touched[0]} of `{part.path}` is not shown in the difference.")
    start, end = max(first, hunk.first), min(last, hunk.last)
    suggestion = finding.suggestion if (start, end) == (first, last) else None
    return replace(finding, path=part.path, line=start, end_line=end, suggestion=_fitting(suggestion, part, start, end))


def _tidy(path: str) -> str:
    return path.strip().removeprefix("/workspace/").removeprefix("./")


def _ranges(lines: Iterable[int], most: int = 12) -> str:
    """Write line numbers as ranges."""
    found: list[list[int]] = []
    for line in sorted(lines):
        if found and line == found[-1][1] + 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in found[:most]]
    return (", ".join(shown) + (" …" if len(found) > most else "")) or "none"


def _fitting(suggestion: str | None, part: FileDifference, first: int, last: int) -> str | None:
    """Return a suggestion that replaces few whole lines by few others, or None."""
    if suggestion is None:
        return None
    text = suggestion.replace("\r\n", "\n").removesuffix("\n")
    old = [part.lines.get(line) for line in range(first, last + 1)]
    new = text.split("\n")
    if not text.strip() or len(new) > MOST_SUGGESTED or len(old) > MOST_SUGGESTED:
        return None
    return None if None in old or old == new else text


def choose(
    reported: Sequence[Finding], parts: Mapping[str, FileDifference], said: Sequence[Said], most: int = MOST
) -> Chosen:
    """Return at most ``most`` findings, the gravest first, each once, and none that was said before."""
    found, outside = [], 0
    for finding in reported:
        try:
            found.append(placed(finding, parts))
        except Misplaced:
            outside += 1
    kept: list[Finding] = []
    repeated = 0
    for finding in sorted(found, key=lambda one: (ORDER.index(one.severity), one.path, one.line)):
        if any(same_said(finding, one) for one in said) or any(same_found(finding, one) for one in kept):
            repeated += 1
        else:
            kept.append(finding)
    return Chosen(tuple(kept[:most]), outside, repeated, max(len(kept) - most, 0))


def same_said(finding: Finding, said: Said) -> bool:
    """Tell whether a finding says what was said before: in the same file, near there, in similar words."""
    if finding.path != said.path:
        return False
    if not said.line:
        return likeness(finding.reason, said.text) >= ALIKE_ANYWHERE
    gap = _gap(finding, said.line, said.line)
    wanted = ALIKE_NEAR if gap <= NEAR else ALIKE_FARTHER if gap <= FARTHER else ALIKE_ANYWHERE
    return likeness(finding.reason, said.text) >= wanted


def same_found(finding: Finding, other: Finding) -> bool:
    """Tell whether two findings of one review say the same of the same lines."""
    if finding.path != other.path or _gap(finding, other.line, other.end_line) > NEAR:
        return False
    return likeness(finding.reason, other.reason) >= ALIKE_FARTHER


def _gap(finding: Finding, first: int, last: int) -> int:
    return max(0, first - finding.end_line, finding.line - last)


def likeness(one: str, other: str) -> float:
    """Return how many of their words two texts have in common, from 0 to 1; code blocks do not count."""
    first, second = _words(one), _words(other)
    if min(len(first), len(second)) < FEW_WORDS:
        return 1.0 if first == second else 0.0
    return 2 * len(first & second) / (len(first) + len(second))


def _words(text: str) -> frozenset[str]:
    """Return the words that carry meaning, without their endings; names in code are whole words."""
    prose = _CODE_BLOCK.sub(" ", text[:20_000]).lower()
    found = (word for word in _WORD.findall(prose) if word not in _COMMON)
    return frozenset(word[:STEM] if word.isalpha() else word for word in found)

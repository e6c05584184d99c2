"""What is known of a red CI run: five lines for people, and annotations on the lines that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jobs.answer import sections
from jobs.answer.words import count
from jobs.text import code, fence, line, plain
from jobs.types import Cause, FailureKind

if TYPE_CHECKING:
    from jobs.types import Diagnosis, Failure

MOST_SHOWN = 10
MOST_ANNOTATIONS = 50
"""GitHub takes so many in one request."""
EXCERPT = 6_000
CAUSES = {
    Cause.FLAKY: "comes and goes (flaky)",
    Cause.INFRASTRUCTURE: "the machinery failed, not the code",
    Cause.BASE_RED: "the base branch fails in the same way",
    Cause.DETERMINISTIC: "the code fails, every time",
    Cause.UNKNOWN: "not told by the log",
}
NOUNS = {
    FailureKind.TEST: "Test",
    FailureKind.COMPILE: "Compiler",
    FailureKind.TYPES: "Types",
    FailureKind.LINT: "Linter",
    FailureKind.FORMAT: "Format",
    FailureKind.OTHER: "Failure",
}
_SURE, _LIKELY = 0.85, 0.6


def diagnosis(found: Diagnosis) -> str:
    """Return the five lines: what failed, its message, where, since when, why; and the log behind them."""
    parts = [_five(found)]
    more = found.failures[1 : MOST_SHOWN + 1]
    if more:
        rest = len(found.failures) - 1
        listed = "\n".join(f"- {_name(one)}{_at(found, one)}: {line(one.message, 200)}" for one in more)
        hidden = f"\n\nand {rest - len(more)} more" if rest > len(more) else ""
        parts.append(sections.details(f"{count(rest, 'more failure')}", listed + hidden))
    if found.excerpt.strip():
        parts.append(sections.details("The log", fence(found.excerpt, "text", EXCERPT)))
    return "\n\n".join(parts)


def _five(found: Diagnosis) -> str:
    first = found.failures[0] if found.failures else None
    rows = []
    if first is not None:
        rows.append(f"**{NOUNS[first.kind]}:** {_name(first)}")
        rows.append(f"**Message:** {line(first.message, 300)}")
        if first.path:
            rows.append(f"**Place:** {_place(found, first)}")
    elif found.workflow or found.command:
        rows.append(f"**Failed:** {code(found.command or found.workflow)}")
    if since := _since(found):
        rows.append(f"**Since:** {since}")
    run = f" \u00b7 [the run]({found.run_url})" if found.run_url.startswith(("https://", "http://")) else ""
    rows.append(f"**Cause:** {CAUSES[found.cause]} \u00b7 {confidence(found)}{run}")
    rows.append(line(found.reason, 500))
    return "  \n".join(row for row in rows if row)


def _since(found: Diagnosis) -> str:
    culprit = found.culprit
    if culprit is not None:
        by = f" by {line(culprit.author, 60)}" if culprit.author else ""  # named, and not called
        return f"{code(culprit.sha[:10])} {line(culprit.title, 100)}{by}"
    if found.cause is Cause.INFRASTRUCTURE:  # no commit is to blame
        return ""
    if found.green and found.changes == 1:
        return f"the commit after {code(found.green[:10])}, which was green"
    if found.green and found.changes:
        return f"one of {count(found.changes, 'commit')} after {code(found.green[:10])}, which was green"
    return ""


def confidence(found: Diagnosis) -> str:
    """Return how sure the diagnosis is, in a word and in per cent."""
    word = "sure" if found.confidence >= _SURE else "likely" if found.confidence >= _LIKELY else "a guess"
    return f"{word} ({found.confidence:.0%})"


def _name(failure: Failure) -> str:
    return code(failure.name or failure.tool, 200)


def _at(found: Diagnosis, failure: Failure) -> str:
    return f" at {_place(found, failure)}" if failure.path else ""


def _place(found: Diagnosis, failure: Failure) -> str:
    shown = f"{failure.path}:{failure.line}" if failure.line else failure.path
    if not found.blob_url.startswith(("https://", "http://")) or not is_ours(failure.path):
        return code(shown)
    anchor = f"#L{failure.line}" if failure.line else ""
    return f'<a href="{found.blob_url}/{quote(failure.path)}{anchor}">{code(shown)}</a>'


def is_ours(path: str) -> bool:
    """Tell whether a path can be one of the repository's: not of the machine, and no name of generated code."""
    return bool(path) and not path.startswith(("/", "<", "../", "~")) and path[1:3] not in {":\\", ":/"}


def marks(found: Diagnosis) -> list[dict[str, Any]]:
    """Return the annotations of a check run, as GitHub takes them: only failures whose line is known have one."""
    return [
        {
            "path": failure.path,
            "start_line": failure.line,
            "end_line": failure.line,
            "annotation_level": "failure",
            "title": plain(failure.name or failure.tool)[:250],
            "message": plain(failure.message)[:4_000] or failure.tool,
        }
        for failure in found.failures[:MOST_ANNOTATIONS]
        if is_ours(failure.path) and failure.line
    ]

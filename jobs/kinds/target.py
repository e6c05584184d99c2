"""The pull request that a review is about, as it stood when the round began, and whether it is to be reviewed now."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jobs.answer.review import severity_of
from jobs.kinds.findings import Said
from jobs.text import clean
from jobs.types import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.execute import Attempt
    from jobs.github import Thread, ThreadComment

PULL = "pull"
"""The stage that holds what was read of the pull request when the round began."""
TEXT_LIMIT = 30_000
SAID_LIMIT = 1_500
TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""GitHub's words for those who belong to the repository: what others say keeps no finding back."""


@dataclass(frozen=True, slots=True)
class Target:
    """A pull request at one commit; title and text are what a person sees of a stranger's words.

    ``reviewed`` is the commit that was reviewed last, where there is one, and ``verdict`` how that ended.
    """

    number: int
    url: str
    title: str
    text: str
    state: str
    draft: bool
    head: str
    base: str
    own: bool
    reviewed: str = ""
    verdict: str = ""
    said: tuple[Said, ...] = ()
    open_before: tuple[Severity, ...] = ()
    """How grave the findings of ours are that nobody settled."""
    removed: tuple[str, ...] = ()
    """What was taken out of title, text and threads as hidden, in words."""

    @property
    def known(self) -> bool:
        """Tell whether this very commit was reviewed."""
        return self.reviewed == self.head

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Target:
        """Rebuild what ``dataclasses.asdict`` took apart."""
        open_before = tuple(Severity(one) for one in values["open_before"])
        values = {**values, "removed": tuple(values.get("removed", ()))}
        return cls(**{**values, "said": tuple(Said(**one) for one in values["said"]), "open_before": open_before})


def reviewed_key(repository: str, number: int) -> str:
    """Return the key under which the commit of a pull request is kept that was reviewed last."""
    return f"reviewed:{repository.lower()}#{number}"


def verdict_key(repository: str, number: int) -> str:
    """Return the key under which it is kept how that review ended."""
    return f"verdict:{repository.lower()}#{number}"


def look(attempt: Attempt) -> Target:
    """Read the pull request once for this round, with what was said on its lines."""
    task, runs = attempt.task, attempt.services.store.runs
    stored = runs.stage(task.id, PULL)
    if stored is not None:
        return Target.load(stored)
    target = _read(attempt, int(task.about.get("pull") or task.subject.number))
    runs.finish_stage(task.id, task.attempt, PULL, asdict(target), time.time())
    return target


def _read(attempt: Attempt, number: int) -> Target:
    task, records = attempt.task, attempt.services.store.records
    found = attempt.repository.read(f"/repos/{task.repository}/pulls/{number}")
    author = str((found.get("user") or {}).get("login") or "")
    threads = attempt.repository.review_threads(number) if found["state"] == "open" else ()
    title, text = clean(str(found["title"]), limit=500), clean(found.get("body") or "", limit=TEXT_LIMIT)
    return Target(
        number=number,
        url=str(found["html_url"]),
        title=title.text,
        text=text.text,
        state="merged" if found.get("merged") else str(found["state"]),
        draft=bool(found.get("draft")),
        head=str(found["head"]["sha"]),
        base=str(found["base"]["sha"]),
        own=author == attempt.services.github.bot_user()[0],
        reviewed=records.value(reviewed_key(task.repository, number)) or "",
        verdict=records.value(verdict_key(task.repository, number)) or "",
        said=tuple(said(threads)),
        open_before=still_open(threads),
        removed=tuple(dict.fromkeys((*title.removed, *text.removed, *hidden_in(threads)))),
    )


def why_not(target: Target, *, asked: bool) -> str:
    """Return why the pull request is not to be reviewed now, or nothing where it is."""
    if target.state != "open":
        return f"Pull request #{target.number} is {target.state}, so it was not reviewed."
    if target.draft and not asked:
        return (
            f"Pull request #{target.number} is a draft. It is reviewed when it is marked as ready; `/opus review` "
            "reviews it now."
        )
    return ""


def said(threads: tuple[Thread, ...]) -> list[Said]:
    """Return what was said that need not be said again: by us, or by people who belong to the repository.

    A thread that nobody resolved and whose lines were changed since is left out: what is still wrong there has a new
    place.
    """
    return [
        Said(
            thread.path,
            0 if thread.outdated else thread.line,
            clean(thread.comments[0].body, limit=SAID_LIMIT).text,
            thread.resolved,
            clean("\n\n".join(one.body for one in thread.comments), limit=SAID_LIMIT).text,
        )
        for thread in threads
        if _is_read(thread)
    ]


def hidden_in(threads: tuple[Thread, ...]) -> tuple[str, ...]:
    """Return what was taken out of what others said, in words; our own comments carry marks of ours."""
    comments = (comment for thread in threads if _is_read(thread) for comment in thread.comments)
    return tuple(item for comment in comments if not comment.ours for item in clean(comment.body).removed)


def _is_read(thread: Thread) -> bool:
    return bool(thread.comments) and (thread.resolved or not thread.outdated) and _counts(thread.comments[0])


def _counts(comment: ThreadComment) -> bool:
    return comment.ours or comment.association in TRUSTED


def still_open(threads: tuple[Thread, ...]) -> tuple[Severity, ...]:
    """Return how grave the findings of ours are that nobody resolved, and whose lines are as they were."""
    firsts = [thread.comments[0] for thread in threads if thread.comments and not (thread.resolved or thread.outdated)]
    found = (severity_of(first.body) for first in firsts if first.ours)
    return tuple(severity for severity in found if severity is not None)

"""Pushing one commit to one branch under ``opus/``, and nothing else anywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.types import BRANCH_PREFIX, UserError
from jobs.workspace.git import Git, GitFailed
from jobs.workspace.remote import TokenRefused, explain, last_line

if TYPE_CHECKING:
    from pathlib import Path

PUSH_SECONDS = 300.0

_BRANCH = re.compile(rf"{re.escape(BRANCH_PREFIX)}[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_LONGEST_BRANCH = 200
_STATUS = re.compile(rb"^!\t[^\t\n]*\t\[(?P<kind>[a-z ]+)\] \((?P<reason>[^\n]*)\)$", re.MULTILINE)
_PROTECTED = re.compile(r"protected branch|repository rule|GH006|GH013|rule violations", re.IGNORECASE)


class PushConflict(UserError):
    """The branch on GitHub is not where this run left it."""


class PushRefused(UserError):
    """GitHub does not take the push; the message says why and what to do."""


class PushTokenRefused(PushRefused, TokenRefused):
    """GitHub does not take the push with this token; another one may be tried."""


def push_branch(
    git: Git, directory: Path, url: str, repository: str, commit: str, branch: str, token: str, *, expected: str | None
) -> None:
    """Push ``commit`` to ``branch``, which must be absent or at ``expected``; see ``Quarantine.push``."""
    if not _BRANCH.fullmatch(branch) or len(branch) > _LONGEST_BRANCH:
        raise ValueError(f"may push to {BRANCH_PREFIX}… only, not to {branch[:80]!r}")
    reference = f"refs/heads/{branch}"
    arguments = (
        *("push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no"),
        *(f"--force-with-lease={reference}:{expected or ''}", "--", url, f"{commit}:{reference}"),
    )
    try:
        result = git.run(directory, *arguments, token=token, seconds=PUSH_SECONDS, accept=(0, 1))
        if result.exit_code == 0:
            return
        head = git.run(directory, "ls-remote", "--", url, reference, token=token).output[:40].decode()
    except GitFailed as error:
        raise _failed(error, repository) from error
    if head == commit:  # An answer was lost, and the HTTP library sent the same push again.
        return
    if head != (expected or ""):
        raise PushConflict(
            f"The branch {branch} of {repository} was moved by somebody else, so it was left as it is. "
            "Delete or rename that branch, or ask again for a new one."
        )
    refused = _STATUS.search(result.output)
    if refused is None:
        raise _failed(GitFailed("push", result.exit_code, result.error), repository)
    raise _refused(result.error, refused["reason"].decode(errors="replace"), repository, branch)


def _failed(failure: GitFailed, repository: str) -> Exception:
    words = f"git failed while pushing to {repository}: {last_line(failure)}. Run the task again."
    error = explain(failure, repository, doing="pushing to") or UserError(words)
    if isinstance(error, TokenRefused):
        return PushTokenRefused(str(error))
    return PushRefused(str(error)) if isinstance(error, UserError) else error


def _refused(error: str, reason: str, repository: str, branch: str) -> PushRefused:
    said = f"{reason}\n{error}"
    if "workflow" in said and "permission" in said:
        return PushRefused(
            f"GitHub refused the push to {repository}: it changes a workflow, which this App may not do."
        )
    if _PROTECTED.search(said):
        return PushRefused(
            f"GitHub refused the push to {branch} of {repository}: a branch protection or ruleset covers it. "
            "Let the App create branches that begin with opus/."
        )
    detail = [line.removeprefix("remote:").strip() for line in error.splitlines() if line.startswith("remote:")]
    words = "; ".join([reason, *(line for line in detail[:3] if line)])[:300]
    return PushRefused(f"GitHub refused the push to {branch} of {repository} ({words}). Settle that and run it again.")

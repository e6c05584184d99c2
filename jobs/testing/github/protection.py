"""What a branch demands before something is merged into it, and what a pull request has of that; changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import git

if TYPE_CHECKING:
    from jobs.testing.github.records import Protection, Pull, Repository

PASSING = {"success", "neutral", "skipped"}
WRITERS = {"admin", "maintain", "write"}


def results(repository: Repository, sha: str) -> dict[str, str]:
    """Return the newest result of each check and status on a commit: success, failure or pending."""
    found: dict[str, str] = {}
    for run in repository.check_runs.values():
        if run.head_sha == sha:
            ended = "success" if run.conclusion in PASSING else "failure"
            found[run.name] = ended if run.status == "completed" else "pending"
    for status in repository.statuses:
        if status.sha == sha:
            found[status.context] = "failure" if status.state == "error" else status.state
    return found


def obstacle(repository: Repository, pull: Pull) -> str:
    """Return GitHub's words for what the protection of the base still demands; nothing where all is well."""
    demanded = repository.protections.get(pull.base)
    if demanded is None:
        return ""
    reasons = [*_checks(repository, pull, demanded), *_reviews(repository, pull, demanded)]
    if behind(repository, pull):
        reasons.append("The head branch is not up to date with the base branch.")
    return " ".join(reasons)


def behind(repository: Repository, pull: Pull) -> bool:
    """Tell whether the base demands a head that contains it, and this one does not."""
    demanded = repository.protections.get(pull.base)
    newest = git.resolve(repository.path, f"refs/heads/{pull.base}")
    if demanded is None or not demanded.up_to_date or newest is None:
        return False
    return git.merge_base(repository.path, newest, pull.head_sha) != newest


def state(repository: Repository, pull: Pull) -> str:
    """Return GitHub's ``mergeable_state`` of an open pull request that does not conflict."""
    if pull.draft:
        return "draft"
    demanded = repository.protections.get(pull.base)
    if demanded and (_checks(repository, pull, demanded) or _reviews(repository, pull, demanded)):
        return "blocked"
    if behind(repository, pull):
        return "behind"
    return "unstable" if set(results(repository, pull.head_sha).values()) - {"success"} else "clean"


def _checks(repository: Repository, pull: Pull, demanded: Protection) -> list[str]:
    found = results(repository, pull.head_sha)
    words = {"pending": "is pending", "failure": "is failing", "": "is expected"}
    missing = {name: found.get(name, "") for name in demanded.checks if found.get(name) != "success"}
    return [f'Required status check "{name}" {words[result]}.' for name, result in missing.items()]


def _reviews(repository: Repository, pull: Pull, demanded: Protection) -> list[str]:
    """Only the newest review of each person counts, and only of those who may write."""
    newest = {review.author.login: review.state for review in pull.reviews if review.state != "COMMENTED"}
    owner = repository.owner.login
    roles = {
        login: "admin" if login == owner else repository.permissions.get(login.lower(), "read") for login in newest
    }
    counting = [newest[login] for login, role in roles.items() if role in WRITERS]
    lacking = demanded.approvals - counting.count("APPROVED")
    if not demanded.approvals:
        return []
    if "CHANGES_REQUESTED" in counting:
        return ["Changes have been requested."]
    noun = "approving review is" if demanded.approvals == 1 else "approving reviews are"
    words = f"At least {demanded.approvals} {noun} required by reviewers with write access."
    return [words] if lacking > 0 else []

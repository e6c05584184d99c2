"""The few fields that we read from the dozen events that we use, leniently: a payload is somebody else's data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.types import Actor

NOBODY = Actor("github", "0")
STATUS_ENDS = {"success": "success", "failure": "failure", "error": "failure"}
"""What the states of a commit status are in the words of runs; the fourth is ``pending``."""


@dataclass(frozen=True, slots=True)
class Run:
    """A CI run that came to its end: one of GitHub's Actions, another App's check suite, a commit status, a report.

    ``branch`` and ``head_repository`` say where the commit is; a check suite of a fork's commit names no branch.
    ``event`` is what the run was started by, and ``app`` is whose check suite it is: an App's name in URLs, and its id.
    """

    id: int = 0
    suite: int = 0
    sha: str = ""
    branch: str = ""
    head_repository: str = ""
    workflow: str = ""
    conclusion: str = ""
    event: str = ""
    actor: Actor = NOBODY
    app: str = ""
    app_id: int = 0
    pulls: tuple[int, ...] = ()
    """The open pull requests of this repository that end in this commit, as far as was told."""
    report: str = ""
    """The delivery that holds the report, where a CI of the operator's own sent one."""


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request as an event shows it."""

    head: str = ""
    branch: str = ""
    draft: bool = False
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """A review, or a comment on lines: ``id`` is that of the review that it belongs to."""

    id: int = 0
    state: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A delivery understood. Fields that an event does not have are empty."""

    name: str
    action: str
    guid: str = ""
    repository: str = ""
    installation_id: int = 0
    actor: Actor = NOBODY
    app_id: int | None = None
    """The App through which the actor acted, where GitHub tells."""
    number: int = 0
    """Of the issue or pull request."""
    is_pull_request: bool = False
    title: str = ""
    body: str = ""
    label: str = ""
    state: str = ""
    changed: frozenset[str] = frozenset()
    """The names of the fields that an edit changed."""
    comment_id: int = 0
    comment: str = ""
    comment_before: str = ""
    comment_author: str = "0"
    """The id of the person who wrote the comment, who need not be the one who edited it."""
    check_external_id: str = ""
    check_button: str = ""
    repositories: tuple[str, ...] = ()
    repositories_removed: tuple[str, ...] = ()
    account: str = ""
    run: Run = Run()
    pull: Pull = Pull()
    review: Review = Review()
    ref: str = ""
    """What was pushed to, such as ``refs/heads/main``."""
    after: str = ""
    """The commit that it stands at since; empty where it was deleted."""
    at: float = 0.0
    """When the issue was changed last, by GitHub's clock, in seconds since the epoch; 0 where it is not told."""


def understand(name: str, guid: str, payload: dict[str, Any]) -> Event:
    """Read a payload of GitHub's; what is missing or of another type is left empty, nothing raises."""
    issue, comment, check = _map(payload, "issue"), _map(payload, "comment"), _map(payload, "check_run")
    installation, changes = _map(payload, "installation"), _map(payload, "changes")
    said, pull = comment or issue, _map(payload, "pull_request")
    return Event(
        name=name,
        action=_text(payload, "action"),
        guid=guid,
        repository=_text(_map(payload, "repository"), "full_name"),
        installation_id=_number(installation, "id"),
        actor=_actor(_map(payload, "sender")),
        app_id=_app_of(said, _map(payload, "sender")),
        number=_number(issue or pull, "number"),
        is_pull_request=bool(issue.get("pull_request") or pull),
        title=_text(issue or pull, "title"),
        body=_text(issue or pull, "body"),
        label=_text(_map(payload, "label"), "name"),
        state=_text(issue or pull, "state"),
        changed=frozenset(changes),
        comment_id=_number(comment, "id"),
        comment=_text(comment, "body"),
        comment_before=_text(_map(changes, "body"), "from"),
        comment_author=str(_number(_map(comment, "user"), "id")),
        check_external_id=_text(check, "external_id"),
        check_button=_text(_map(payload, "requested_action"), "identifier"),
        repositories=_names(payload, "repositories") + _names(payload, "repositories_added"),
        repositories_removed=_names(payload, "repositories_removed"),
        account=_text(_map(installation, "account"), "login"),
        run=_status(payload) if name == "status" else _run(payload),
        pull=Pull(
            _text(_map(pull, "head"), "sha"),
            _text(_map(pull, "head"), "ref"),
            pull.get("draft") is True,
            pull.get("merged") is True,
        ),
        review=_review(payload, comment),
        ref=_text(payload, "ref"),
        after="" if payload.get("deleted") is True else _text(payload, "after"),
        at=_time(issue, "updated_at"),
    )


def _run(payload: dict[str, Any]) -> Run:
    """Read the CI run of an event, or the check suite."""
    run, suite = _map(payload, "workflow_run"), _map(payload, "check_suite")
    found, app = run or suite, _map(suite, "app")
    if not found:
        return Run()
    repository = _map(payload, "repository")
    who = next((one for name in ("triggering_actor", "actor") if (one := _map(run, name))), _map(payload, "sender"))
    head = _text(_map(run, "head_repository"), "full_name")
    return Run(
        id=_number(run, "id"),
        suite=_number(run, "check_suite_id") or _number(suite, "id"),
        sha=_text(found, "head_sha"),
        branch=_text(found, "head_branch"),
        head_repository=head or ("" if run else _text(repository, "full_name")),
        workflow=_text(run, "name") or _text(_map(payload, "workflow"), "name") or _text(app, "name"),
        conclusion=_text(found, "conclusion"),
        event=_text(run, "event"),
        actor=_actor(who),
        app=_text(app, "slug"),
        app_id=_number(app, "id"),
        pulls=_pulls(found, _number(repository, "id")),
    )


def _status(payload: dict[str, Any]) -> Run:
    """Read a commit status as the end of a run; its branches contain the commit, and few of them end in it."""
    repository, sha = _map(payload, "repository"), _text(payload, "sha")
    listed = payload.get("branches")
    branches = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    ends = [_text(one, "name") for one in branches if sha and _text(_map(one, "commit"), "sha") == sha]
    default = _text(repository, "default_branch")
    return Run(
        sha=sha,
        branch=default if default in ends else ends[0] if len(ends) == 1 else "",
        head_repository=_text(repository, "full_name"),
        workflow=_text(payload, "context"),
        conclusion=STATUS_ENDS.get(_text(payload, "state"), ""),
        actor=_actor(_map(payload, "sender")),
    )


def _pulls(found: dict[str, Any], repository_id: int) -> tuple[int, ...]:
    """Return the numbers of the pull requests into this repository; a fork's own are told, too."""
    listed = found.get("pull_requests")
    pulls = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    here = (one for one in pulls if _number(_map(_map(one, "base"), "repo"), "id") == repository_id)
    return tuple(number for one in here if (number := _number(one, "number")))


def _review(payload: dict[str, Any], comment: dict[str, Any]) -> Review:
    review = _map(payload, "review")
    number = _number(review, "id") or _number(comment, "pull_request_review_id")
    return Review(number, _text(review, "state").lower(), _text(review, "body"))


def _map(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _number(value: dict[str, Any], key: str) -> int:
    found = value.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _time(value: dict[str, Any], key: str) -> float:
    try:
        return datetime.fromisoformat(_text(value, key)).timestamp()
    except ValueError:
        return 0.0


def _names(value: dict[str, Any], key: str) -> tuple[str, ...]:
    found = value.get(key)
    items = found if isinstance(found, list) else []
    names = (_text(item, "full_name") for item in items if isinstance(item, dict))
    return tuple(name for name in names if name)


def _app_of(said: dict[str, Any], sender: dict[str, Any]) -> int | None:
    """Return the App behind the sender; a comment or issue names its author's, who may be somebody else."""
    if _number(_map(said, "user"), "id") != _number(sender, "id"):
        return None
    return _number(_map(said, "performed_via_github_app"), "id") or None


def _actor(sender: dict[str, Any]) -> Actor:
    login = _text(sender, "login")
    is_bot = _text(sender, "type") == "Bot" or login.endswith("[bot]")
    return Actor("github", str(_number(sender, "id")), login, is_bot)

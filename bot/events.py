"""The few fields that we read from the dozen events that we use, leniently: a payload is somebody else's data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobs.types import Actor


@dataclass(frozen=True, slots=True)
class Event:
    """A delivery understood. Fields that an event does not have are empty."""

    name: str
    action: str
    guid: str = ""
    repository: str = ""
    installation_id: int = 0
    actor: Actor = field(default_factory=lambda: Actor("github", "0"))
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


def understand(name: str, guid: str, payload: dict[str, Any]) -> Event:
    """Read a payload of GitHub's; what is missing or of another type is left empty, nothing raises."""
    issue, comment, check = _map(payload, "issue"), _map(payload, "comment"), _map(payload, "check_run")
    installation, changes = _map(payload, "installation"), _map(payload, "changes")
    said = comment or issue
    return Event(
        name=name,
        action=_text(payload, "action"),
        guid=guid,
        repository=_text(_map(payload, "repository"), "full_name"),
        installation_id=_number(installation, "id"),
        actor=_actor(_map(payload, "sender")),
        app_id=_app_of(said, _map(payload, "sender")),
        number=_number(issue, "number"),
        is_pull_request=bool(issue.get("pull_request")),
        title=_text(issue, "title"),
        body=_text(issue, "body"),
        label=_text(_map(payload, "label"), "name"),
        state=_text(issue, "state"),
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
    )


def _map(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _number(value: dict[str, Any], key: str) -> int:
    found = value.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


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

"""What the GitHub App is: its permissions, its events, and the manifest that registers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DESCRIPTION = "Works on the issues that you label and answers with a tested draft pull request."
LONGEST_NAME = 34
"""GitHub's limit for the name of an App."""

PERMISSIONS: Mapping[str, str] = {
    "actions": "write",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "members": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "read",
}
"""The least that the features need; never ``workflows``, which would let the bot change what runs with secrets."""

EVENTS: tuple[str, ...] = (
    "check_run",
    "check_suite",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "status",
    "workflow_run",
)
"""What the triggers listen to; GitHub sends the installation events to every App unasked."""

_REASONS = {
    "actions": "read the logs of failed jobs, have them run again",
    "checks": "the check run with its buttons",
    "contents": "read the code, push branches under opus/",
    "issues": "read the request, keep the one comment",
    "members": "ask whether a person is in a team that .github/opus67.yml allows",
    "metadata": "GitHub demands it of every App",
    "pull_requests": "open the draft, merge it when somebody with the right to asks",
    "statuses": "see which checks a commit has passed, and which not",
}


def manifest(*, name: str, redirect_url: str, public_url: str, server_url: str) -> dict[str, Any]:
    """Return GitHub's manifest of the App; without a public address its webhook stays off.

    https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
    """
    body: dict[str, Any] = {
        "name": name[:LONGEST_NAME],
        "description": DESCRIPTION,
        "url": public_url or server_url,
        "redirect_url": redirect_url,
        "public": False,
        "default_permissions": dict(PERMISSIONS),
        "default_events": list(EVENTS),
    }
    if public_url:
        body["hook_attributes"] = {"url": webhook_url(public_url), "active": True}
    return body


def webhook_url(public_url: str) -> str:
    """Return the address that GitHub sends webhooks to."""
    return public_url.rstrip("/") + "/webhooks/github"


def app_file() -> str:
    """Return the text of ``app.yml``: the App as people read it, and as other tools take it."""
    permissions = "".join(f"  {name}: {level}  # {_REASONS[name]}\n" for name, level in PERMISSIONS.items())
    events = "default_events:\n" + "".join(f"  - {event}\n" for event in EVENTS)
    return (
        "# The GitHub App. `opus67 setup` registers it with these values; a test holds the two together.\n"
        "name: Opus 67\n"
        f"description: {DESCRIPTION}\n"
        "public: false\n"
        f"default_permissions:\n{permissions}"
        "# installation and installation_repositories come by themselves.\n"
        f"{events}"
    )

"""The local GitHub is held to GitHub's own description: every answer, and every webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.testing import conformity
from tests.testing.conftest import SHOP

if TYPE_CHECKING:
    from jobs.testing.github import LocalGitHub
    from tests.testing.conftest import Client, Receiver

ROOT = f"/repos/{SHOP}"


def a_pull_request(github: LocalGitHub, client: Client) -> dict[str, Any]:
    github.commit_file(SHOP, "opus/issue-1", "shop/prices.py", "def total(prices):\n    return 0\n", by="ann")
    body = {"title": "Fix", "head": "opus/issue-1", "base": "main", "body": "Fixes #1", "draft": True}
    return client.ask("POST", f"{ROOT}/pulls", body).json()


def test_app_endpoints_answer_as_described(github: LocalGitHub, app: Client) -> None:
    """What an App asks with its JWT is answered in GitHub's shapes."""
    installation = github.installation_id
    for path in (
        "/app",
        "/app/installations",
        f"/app/installations/{installation}",
        f"{ROOT}/installation",
        "/users/octo/installation",
        "/app/hook/config",
    ):
        assert app.ask("GET", path).status == 200, path
    assert app.ask("PATCH", "/app/hook/config", {"secret": "new"}).status == 200
    narrowed = {"repositories": ["shop"], "permissions": {"contents": "read"}}
    token = app.ask("POST", f"/app/installations/{installation}/access_tokens", narrowed)
    assert token.status == 201
    assert conformity.check_exchanges(github) == 8


def test_repository_endpoints_answer_as_described(github: LocalGitHub, client: Client) -> None:
    """Repositories, branches, commits, files and permissions are answered in GitHub's shapes."""
    github.set_permission(SHOP, "ann", "maintain")
    github.set_team("octo", "core", ["ann"])
    sha = github.commit_file(SHOP, "feature/long/name", "shop/new.py", "new = 1\n", by="ann")
    paths = [
        "/installation/repositories",
        "/rate_limit",
        "/users/ann",
        "/users/opus-67%5Bbot%5D",
        "/orgs/octo/teams/core/memberships/ann",
        ROOT,
        f"{ROOT}/branches",
        f"{ROOT}/branches/feature/long/name",
        f"{ROOT}/git/ref/heads/main",
        f"{ROOT}/git/matching-refs/heads/feature",
        f"{ROOT}/commits?sha=feature/long/name",
        f"{ROOT}/commits/{sha}",
        f"{ROOT}/compare/main...feature/long/name",
        f"{ROOT}/contents/shop/prices.py",
        f"{ROOT}/contents/shop?ref=main",
        f"{ROOT}/contents/.github",
        f"{ROOT}/collaborators/ann/permission",
        f"{ROOT}/collaborators/octo/permission",
    ]
    for path in paths:
        assert client.ask("GET", path).status == 200, path
    assert client.ask("POST", f"{ROOT}/git/refs", {"ref": "refs/heads/a/b", "sha": sha}).status == 201
    assert client.ask("PATCH", f"{ROOT}/git/refs/heads/a/b", {"sha": sha, "force": True}).status == 200
    assert client.ask("DELETE", f"{ROOT}/git/refs/heads/a/b").status == 204
    assert conformity.check_exchanges(github) == len(paths) + 3


def test_issue_endpoints_answer_as_described(github: LocalGitHub, client: Client) -> None:
    """Issues, labels, comments and reactions are answered in GitHub's shapes."""
    github.create_issue(SHOP, "It breaks", "Badly", by="ann", labels=["bug"])
    comment = client.ask("POST", f"{ROOT}/issues/1/comments", {"body": "On it"}).json()
    steps: list[tuple[str, str, Any, int]] = [
        ("GET", "/issues?labels=bug&state=all", None, 200),
        ("POST", "/issues", {"title": "Second", "labels": ["bug"]}, 201),
        ("GET", "/issues/1", None, 200),
        ("PATCH", "/issues/1", {"state": "closed", "state_reason": "not_planned"}, 200),
        ("POST", "/issues/1/labels", {"labels": ["assign to/opus"]}, 200),
        ("GET", "/issues/1/labels", None, 200),
        ("DELETE", "/issues/1/labels/assign%20to/opus", None, 200),
        ("POST", "/labels", {"name": "new", "color": "ff0000"}, 201),
        ("GET", "/labels", None, 200),
        ("GET", "/labels/new", None, 200),
        ("GET", "/issues/1/comments", None, 200),
        ("GET", f"/issues/comments/{comment['id']}", None, 200),
        ("PATCH", f"/issues/comments/{comment['id']}", {"body": "Done"}, 200),
        ("POST", "/issues/1/reactions", {"content": "eyes"}, 201),
        ("POST", "/issues/1/reactions", {"content": "eyes"}, 200),
        ("GET", "/issues/1/reactions", None, 200),
        ("POST", f"/issues/comments/{comment['id']}/reactions", {"content": "rocket"}, 201),
        ("GET", f"/issues/comments/{comment['id']}/reactions", None, 200),
        ("DELETE", f"/issues/comments/{comment['id']}", None, 204),
    ]
    for method, path, body, status in steps:
        assert client.ask(method, ROOT + path, body).status == status, (method, path)
    conformity.check_exchanges(github)


def test_pull_request_endpoints_answer_as_described(github: LocalGitHub, client: Client) -> None:
    """Pull requests and their reviews are answered in GitHub's shapes, open and merged."""
    github.create_issue(SHOP, "It breaks", by="ann")
    number = a_pull_request(github, client)["number"]
    github.review_pull_request(SHOP, number, "CHANGES_REQUESTED", "No", by="ann")
    for path in ("/pulls", "/pulls?head=octo:opus/issue-1&state=all", f"/pulls/{number}", f"/pulls/{number}/files"):
        assert client.ask("GET", ROOT + path).status == 200, path
    for path in (f"/pulls/{number}/reviews", f"/pulls/{number}/commits", f"/issues/{number}"):
        assert client.ask("GET", ROOT + path).status == 200, path
    assert client.ask("PATCH", f"{ROOT}/pulls/{number}", {"body": "Fixes #1, wholly"}).status == 200
    github.merge_pull_request(SHOP, number, by="ann")
    assert client.ask("GET", f"{ROOT}/pulls/{number}").json()["merged"] is True
    conformity.check_exchanges(github)


def test_check_endpoints_answer_as_described(github: LocalGitHub, pem: str) -> None:
    """Check runs and statuses are answered in GitHub's shapes."""
    from tests.testing.conftest import Client  # noqa: PLC0415 - a value here, a type elsewhere

    client = Client(github.url, f"Bearer {github.mint_token({'checks': 'write', 'statuses': 'write'})}")
    sha = github.branches(SHOP)["main"]
    button = {"label": "Cancel", "description": "Stop this run", "identifier": "cancel"}
    made = client.ask("POST", f"{ROOT}/check-runs", {"name": "Opus 67", "head_sha": sha, "actions": [button]})
    assert made.status == 201
    run = f"{ROOT}/check-runs/{made.json()['id']}"
    output = {"title": "Done", "summary": "All **well**", "text": "More"}
    assert client.ask("PATCH", run, {"status": "in_progress", "output": output}).status == 200
    assert client.ask("PATCH", run, {"conclusion": "success", "output": output}).json()["status"] == "completed"
    status = {"state": "success", "context": "ci"}
    assert client.ask("POST", f"{ROOT}/statuses/{sha}", status).status == 201
    for path in (f"/commits/{sha}/check-runs", "/commits/main/statuses", "/commits/main/status"):
        assert client.ask("GET", ROOT + path).status == 200, path
    assert client.ask("GET", run).status == 200
    conformity.check_exchanges(github)


def test_errors_have_the_shape_of_githubs(github: LocalGitHub, client: Client) -> None:
    """Errors carry message, documentation_url and status."""
    assert client.ask("GET", f"{ROOT}/issues/99").status == 404
    assert client.ask("POST", f"{ROOT}/issues", {}).status == 422
    assert client.ask("POST", f"{ROOT}/issues", b"{").status == 400
    assert conformity.check_exchanges(github) == 3


def test_a_request_that_github_does_not_describe_is_found(github: LocalGitHub, client: Client) -> None:
    """The checker itself goes red: a reaction named by a number is against the description."""
    github.create_issue(SHOP, "It breaks", by="ann")
    client.ask("GET", f"{ROOT}/issues?state=nonsense")
    with pytest.raises(conformity.NotAsDescribed, match="nonsense"):
        conformity.check_exchanges(github)


def test_webhooks_are_as_described(github: LocalGitHub, client: Client, receiver: Receiver) -> None:
    """Every webhook that people cause has a payload that GitHub's description allows."""
    github.create_repository("acme/tools", {"a": "1"}, owner_type="Organization", private=False)
    github.create_issue("acme/tools", "Small", by="bob", labels=["bug"])
    github.create_issue(SHOP, "It breaks", "Badly", by="ann", labels=["bug"])
    github.unlabel_issue(SHOP, 1, "bug", by="ann")
    github.edit_issue(SHOP, 1, by="ann", title="It breaks often")
    comment = github.comment(SHOP, 1, "Please", by="ann")
    github.edit_comment(SHOP, comment.id, "Please!", by="ann")
    github.delete_comment(SHOP, comment.id, by="ann")
    github.close_issue(SHOP, 1, by="ann")
    github.reopen_issue(SHOP, 1, by="ann")
    number = a_pull_request(github, client)["number"]
    github.commit_file(SHOP, "opus/issue-1", "more.txt", "more\n", by="ann")
    github.review_pull_request(SHOP, number, "COMMENTED", "Hm", by="ann")
    check = {"name": "Opus 67", "head_sha": github.branches(SHOP)["opus/issue-1"]}
    check["actions"] = [{"label": "Cancel", "description": "Stop", "identifier": "cancel"}]
    run = client.ask("POST", f"{ROOT}/check-runs", check).json()["id"]
    github.click_check_action(run, "cancel", by="ann")
    github.rerequest_check(run, by="ann")
    client.ask("PATCH", f"{ROOT}/check-runs/{run}", {"conclusion": "cancelled"})
    github.merge_pull_request(SHOP, number, by="ann")
    github.delete_branch(SHOP, "opus/issue-1", by="ann")
    github.delete_issue(SHOP, 1, by="ann")
    github.remove_repositories("octo", [SHOP])
    github.add_repositories("octo", [SHOP])
    github.suspend("octo", by="ann")
    github.unsuspend("octo")
    github.uninstall("octo")
    sent = github.deliveries
    assert len({(one.event, one.action) for one in sent}) >= 25
    github.wait_for(lambda: all(one.attempts for one in sent))
    conformity.check_deliveries(github)

"""The local GitHub keeps GitHub's rules, page by page and limit by limit."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.testing.conftest import SHOP

if TYPE_CHECKING:
    from jobs.testing.github import LocalGitHub
    from tests.testing.conftest import Client

ROOT = f"/repos/{SHOP}"
PULL = {"title": "Fix", "head": "opus/x", "base": "main", "draft": True}


def test_lists_come_in_pages(github: LocalGitHub, client: Client) -> None:
    """A Link header leads through the pages, and keeps the rest of the query."""
    for number in range(5):
        github.create_issue(SHOP, f"Issue {number}", by="ann", labels=["bug"])
    first = client.ask("GET", f"{ROOT}/issues?per_page=2&labels=bug")
    assert [one["number"] for one in first.json()] == [5, 4]
    assert 'rel="next"' in first.headers["Link"]
    assert "labels=bug" in first.headers["Link"]
    last = client.ask("GET", f"{ROOT}/issues?per_page=2&labels=bug&page=3")
    assert [one["number"] for one in last.json()] == [1]
    assert 'rel="prev"' in last.headers["Link"]
    assert 'rel="next"' not in last.headers["Link"]


def test_an_unchanged_answer_is_304(github: LocalGitHub, client: Client) -> None:
    """The ETag of one answer saves the next; a change gives a new one."""
    github.create_issue(SHOP, "It breaks", by="ann")
    path = f"{ROOT}/issues/1"
    etag = client.ask("GET", path).headers["ETag"]
    assert client.ask("GET", path, If_None_Match=etag).status == 304
    github.edit_issue(SHOP, 1, by="ann", body="More")
    changed = client.ask("GET", path, If_None_Match=etag)
    assert changed.status == 200
    assert changed.headers["X-RateLimit-Limit"] == "5000"
    assert changed.headers["X-GitHub-Request-Id"]


def test_files_are_read_at_a_ref(github: LocalGitHub, client: Client) -> None:
    """Contents come from the ref that is asked for, as base64 or raw."""
    github.commit_file(SHOP, "next", "README.md", "# Next\n", by="ann")
    at_next = client.ask("GET", f"{ROOT}/contents/README.md?ref=next").json()
    assert base64.b64decode(at_next["content"]) == b"# Next\n"
    raw = client.ask("GET", f"{ROOT}/contents/README.md", Accept="application/vnd.github.raw+json")
    assert raw.body == b"# Shop\n"
    assert client.ask("GET", f"{ROOT}/contents/nothing").status == 404
    assert {one["type"] for one in client.ask("GET", f"{ROOT}/contents").json()} == {"dir", "file"}


@pytest.mark.parametrize(
    ("role", "permission"),
    [("admin", "admin"), ("maintain", "write"), ("write", "write"), ("triage", "read"), ("read", "read")],
)
def test_permissions_have_an_old_and_a_new_name(
    github: LocalGitHub, client: Client, role: str, permission: str
) -> None:
    """GitHub says maintain and triage only in role_name."""
    github.set_permission(SHOP, "ann", role)
    answer = client.ask("GET", f"{ROOT}/collaborators/ann/permission").json()
    assert (answer["permission"], answer["role_name"]) == (permission, role)


def test_a_stranger_has_no_permission(github: LocalGitHub, client: Client) -> None:
    """Somebody who exists has none in a private repository; somebody who does not is not found."""
    github.add_user("eve")
    assert client.ask("GET", f"{ROOT}/collaborators/eve/permission").json()["permission"] == "none"
    assert client.ask("GET", f"{ROOT}/collaborators/nobody-at-all/permission").status == 404


def test_a_pull_request_needs_commits_and_is_opened_once(github: LocalGitHub, client: Client) -> None:
    """No branch, no commits, a second one: 422, with the reason where GitHub gives one."""
    assert client.ask("POST", f"{ROOT}/pulls", PULL).json()["errors"][0]["field"] == "head"
    sha = github.branches(SHOP)["main"]
    assert client.ask("POST", f"{ROOT}/git/refs", {"ref": "refs/heads/opus/x", "sha": sha}).status == 201
    empty = client.ask("POST", f"{ROOT}/pulls", PULL)
    assert empty.status == 422
    assert "No commits between main and opus/x" in empty.json()["errors"][0]["message"]
    github.commit_file(SHOP, "opus/x", "new.txt", "new\n", by="ann")
    made = client.ask("POST", f"{ROOT}/pulls", PULL)
    assert made.status == 201
    assert made.json()["draft"] is True
    second = client.ask("POST", f"{ROOT}/pulls", PULL)
    assert "A pull request already exists for octo:opus/x." in second.json()["errors"][0]["message"]
    listed = client.ask("GET", f"{ROOT}/pulls?head=octo:opus/x").json()
    assert [one["number"] for one in listed] == [made.json()["number"]]


def test_a_pull_request_knows_its_conflicts(github: LocalGitHub, client: Client) -> None:
    """When both branches change one line, the pull request is dirty and cannot be merged."""
    github.commit_file(SHOP, "opus/x", "README.md", "# Mine\n", by="ann")
    number = client.ask("POST", f"{ROOT}/pulls", PULL).json()["number"]
    assert client.ask("GET", f"{ROOT}/pulls/{number}").json()["mergeable"] is True
    github.commit_file(SHOP, "main", "README.md", "# Yours\n", by="ann")
    assert client.ask("GET", f"{ROOT}/pulls/{number}").json()["mergeable_state"] == "dirty"
    with pytest.raises(ValueError, match="conflicts"):
        github.merge_pull_request(SHOP, number, by="ann")


def test_merging_closes_what_is_fixed(github: LocalGitHub, client: Client) -> None:
    """The issue that the body names is closed by the merge, and the file is on the default branch."""
    github.create_issue(SHOP, "It breaks", by="ann")
    github.commit_file(SHOP, "opus/x", "new.txt", "new\n", by="ann")
    number = client.ask("POST", f"{ROOT}/pulls", {**PULL, "body": "Fixes #1"}).json()["number"]
    github.merge_pull_request(SHOP, number, by="ann")
    assert github.issue(SHOP, 1).state == "closed"
    assert github.file(SHOP, "new.txt") == b"new\n"


def test_refs_move_forward_only(github: LocalGitHub, client: Client) -> None:
    """A ref is made once, moved forward, forced back, and deleted."""
    old = github.branches(SHOP)["main"]
    new = github.commit_file(SHOP, "main", "new.txt", "new\n", by="ann")
    made = {"ref": "refs/heads/side", "sha": new}
    assert client.ask("POST", f"{ROOT}/git/refs", made).status == 201
    assert client.ask("POST", f"{ROOT}/git/refs", made).json()["message"] == "Reference already exists"
    path = f"{ROOT}/git/refs/heads/side"
    assert client.ask("PATCH", path, {"sha": old}).json()["message"] == "Update is not a fast forward"
    assert client.ask("PATCH", path, {"sha": old, "force": True}).status == 200
    assert client.ask("DELETE", path).status == 204
    assert client.ask("DELETE", path).status == 422
    assert client.ask("POST", f"{ROOT}/git/refs", {"ref": "refs/heads/a..b", "sha": new}).status == 422


def button(**changes: str) -> dict[str, str]:
    return {"label": "Cancel", "description": "Stop this run", "identifier": "cancel", **changes}


@pytest.mark.parametrize(
    "wrong",
    [
        {"actions": [button()] * 4},
        {"actions": [button(label="a label of 21 chars..")]},
        {"actions": [button(description="d" * 41)]},
        {"actions": [button(identifier="i" * 21)]},
        {"output": {"title": "t", "summary": "s" * 65_536}},
        {"output": {"title": "t", "summary": "s", "text": "x" * 65_536}},
        {"output": {"title": "t"}},
        {"status": "completed"},
        {"status": "waiting"},
        {"conclusion": "great"},
        {"head_sha": "0" * 40},
    ],
)
def test_a_check_run_keeps_githubs_limits(github: LocalGitHub, client: Client, wrong: dict[str, Any]) -> None:
    """Too many buttons, too long a text, a word that GitHub does not know: 422."""
    body = {"name": "Opus 67", "head_sha": github.branches(SHOP)["main"], **wrong}
    assert client.ask("POST", f"{ROOT}/check-runs", body).status == 422


def test_the_newest_check_run_of_a_name_counts(github: LocalGitHub, client: Client) -> None:
    """A list shows the newest of each name, unless all are asked for."""
    sha = github.branches(SHOP)["main"]
    runs = [
        client.ask("POST", f"{ROOT}/check-runs", {"name": "Opus 67", "head_sha": sha, "external_id": name}).json()
        for name in ("one", "two")
    ]
    path = f"{ROOT}/commits/{sha}/check-runs?check_name=Opus%2067"
    assert [one["id"] for one in client.ask("GET", path).json()["check_runs"]] == [runs[1]["id"]]
    assert client.ask("GET", f"{path}&filter=all").json()["total_count"] == 2


def test_a_locked_issue_takes_no_comment(github: LocalGitHub, client: Client) -> None:
    """Commenting on a locked issue is 403; a comment that is too long is 422."""
    github.create_issue(SHOP, "It breaks", by="ann")
    assert client.ask("POST", f"{ROOT}/issues/1/comments", {"body": "x" * 65_537}).status == 422
    github.lock_issue(SHOP, 1, by="ann")
    assert client.ask("POST", f"{ROOT}/issues/1/comments", {"body": "x"}).status == 403


def test_a_reaction_counts_once(github: LocalGitHub, client: Client) -> None:
    """The second reaction of the same kind is the first one; deleting takes it away."""
    github.create_issue(SHOP, "It breaks", by="ann")
    path = f"{ROOT}/issues/1/reactions"
    first, second = (client.ask("POST", path, {"content": "eyes"}) for _ in range(2))
    assert (first.status, second.status) == (201, 200)
    assert [one.content for one in github.reactions(SHOP, 1)] == ["eyes"]
    assert client.ask("DELETE", f"{path}/{first.json()['id']}").status == 204
    assert github.reactions(SHOP, 1) == []


def test_replacing_labels_tells_each_change(github: LocalGitHub, client: Client) -> None:
    """PATCH with labels takes off what is not named and adds what is new, and each change is an event."""
    github.create_issue(SHOP, "It breaks", by="ann", labels=["bug", "old"])
    patched = client.ask("PATCH", f"{ROOT}/issues/1", {"labels": ["bug", "new"], "state": "closed"}).json()
    assert [one["name"] for one in patched["labels"]] == ["bug", "new"]
    assert patched["closed_by"]["login"] == "opus-67[bot]"
    told = [
        (one.action, one.payload.get("label", {}).get("name")) for one in github.deliveries if one.event == "issues"
    ]
    assert told[-3:] == [("unlabeled", "old"), ("labeled", "new"), ("closed", None)]

"""The local GitHub merges as GitHub does: in GitHub's words where not, and with what follows where it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.testing import conformity
from tests.testing.conftest import SHOP, Client

if TYPE_CHECKING:
    from jobs.testing.github import LocalGitHub
    from tests.testing.conftest import Receiver, Reply

ROOT = f"/repos/{SHOP}"
HEAD = "opus/issue-1"
READY = (
    "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) "
    "{ pullRequest { id number isDraft url } } }"
)


def opened(github: LocalGitHub, client: Client, *, draft: bool = False) -> dict[str, Any]:
    github.create_issue(SHOP, "It breaks", by="ann")
    github.commit_file(SHOP, HEAD, "shop/new.py", "new = 1\n", by="ann")
    body = {"title": "Fix", "head": HEAD, "base": "main", "body": "Fixes #1", "draft": draft}
    return client.ask("POST", f"{ROOT}/pulls", body).json()


def state(client: Client) -> str:
    return client.ask("GET", f"{ROOT}/pulls/2").json()["mergeable_state"]


def merge(client: Client, **body: Any) -> Reply:
    return client.ask("PUT", f"{ROOT}/pulls/2/merge", body)


def mutate(client: Client, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    return client.ask("POST", "/graphql", {"query": query, "variables": variables or {}}).json()


def test_a_merge_is_followed_by_all_that_github_tells(github: LocalGitHub, client: Client, receiver: Receiver) -> None:
    """The base moves, the pull request and its issue are closed, and each is told with whom it was."""
    pull = opened(github, client)
    answer = merge(client, sha=pull["head"]["sha"], merge_method="squash")
    assert answer.json()["merged"] is True
    assert github.branches(SHOP)["main"] == answer.json()["sha"]
    closed = client.ask("GET", f"{ROOT}/pulls/2").json()
    assert (closed["state"], closed["merged"], closed["merged_by"]["login"]) == ("closed", True, "opus-67[bot]")
    assert github.issue(SHOP, 1).state == "closed"
    told = [(one.event, one.action) for one in github.deliveries]
    assert told[-3:] == [("push", ""), ("pull_request", "closed"), ("issues", "closed")]
    assert merge(client).status == 405
    github.wait_for(lambda: all(one.attempts for one in github.deliveries))
    conformity.check(github)


def test_a_state_follows_from_what_the_base_demands(github: LocalGitHub, client: Client) -> None:
    """Draft, clean, unstable, blocked, behind and dirty, as GitHub computes them."""
    pull = opened(github, client, draft=True)
    assert state(client) == "draft"
    assert mutate(client, READY, {"id": pull["node_id"]})["data"]["markPullRequestReadyForReview"]
    assert state(client) == "clean"
    github.report_check(SHOP, HEAD, "slow", "")
    assert state(client) == "unstable"
    github.report_check(SHOP, HEAD, "slow", "neutral")
    github.set_status(SHOP, HEAD, "old", "pending")
    assert state(client) == "unstable"
    github.set_status(SHOP, HEAD, "old")
    assert state(client) == "clean"
    github.protect(SHOP, "main", checks=["tests"], approvals=1, up_to_date=True)
    assert state(client) == "blocked"
    github.report_check(SHOP, HEAD, "tests")
    github.review_pull_request(SHOP, 2, "APPROVED", by="stranger")
    assert state(client) == "blocked"
    github.set_permission(SHOP, "ann", "write")
    github.review_pull_request(SHOP, 2, "CHANGES_REQUESTED", by="ann")
    assert "Changes have been requested." in merge(client).json()["message"]
    github.review_pull_request(SHOP, 2, "APPROVED", by="ann")
    assert state(client) == "clean"
    github.commit_file(SHOP, "main", "other.py", "x = 1\n", by="ann")
    assert state(client) == "behind"
    assert "not up to date" in merge(client).json()["message"]
    github.unprotect(SHOP, "main")
    github.commit_file(SHOP, "main", "shop/new.py", "new = 2\n", by="ann")
    assert state(client) == "dirty"
    github.close_pull_request(SHOP, 2, by="ann")
    assert state(client) == "unknown"


def test_what_cannot_be_merged_is_refused_in_githubs_words(github: LocalGitHub, client: Client) -> None:
    """Each reason has its status and its sentence; nothing moves."""
    pull, before = opened(github, client, draft=True), github.branches(SHOP)["main"]
    assert merge(client).json()["message"] == "Pull Request is still a draft"
    mutate(client, READY, {"id": pull["node_id"]})
    assert merge(client, sha="1" * 40).status == 409
    assert merge(client, merge_method="octopus").status == 422
    github.set_merge_methods(SHOP, "rebase")
    assert merge(client).json()["message"] == "Merge commits are not allowed on this repository."
    github.set_merge_methods(SHOP, "merge")
    github.protect(SHOP, "main", checks=["a", "b", "c"])
    github.report_check(SHOP, HEAD, "b", "failure")
    github.report_check(SHOP, HEAD, "c", "")
    refusal = merge(client)
    assert refusal.status == 405
    for words in ('"a" is expected', '"b" is failing', '"c" is pending'):
        assert f"Required status check {words}." in refusal.json()["message"]
    assert github.branches(SHOP)["main"] == before
    reader = Client(github.url, f"Bearer {github.mint_token({'pull_requests': 'write', 'contents': 'read'})}")
    assert merge(reader).status == 403
    assert client.ask("PUT", f"{ROOT}/pulls/1/merge", {}).status == 404
    conformity.check_exchanges(github)


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_each_method_leaves_its_own_history(method: str, github: LocalGitHub, client: Client) -> None:
    """The same files, in two parents, one commit, or as many as there were, on a base that moved on."""
    opened(github, client)
    github.commit_file(SHOP, HEAD, "shop/new.py", "new = 2\n", by="bob", message="Second")
    base = github.commit_file(SHOP, "main", "other.py", "x = 1\n", by="ann")
    made = merge(client, merge_method=method).json()["sha"]
    assert github.file(SHOP, "shop/new.py") == b"new = 2\n"
    assert github.file(SHOP, "other.py") == b"x = 1\n"
    commits = client.ask("GET", f"{ROOT}/commits?sha=main").json()
    messages = [one["commit"]["message"].partition("\n")[0] for one in commits]
    assert commits[0]["sha"] == made
    if method == "merge":
        assert len(commits[0]["parents"]) == 2
    elif method == "squash":
        assert messages[0] == "Fix (#2)"
        assert commits[1]["sha"] == base
    else:
        assert messages[:2] == ["Second", "Change shop/new.py"]
        assert commits[2]["sha"] == base
        assert commits[0]["commit"]["author"]["name"] == "bob"


def test_what_a_branch_demands_can_be_read(github: LocalGitHub, client: Client) -> None:
    """The branch tells its checks, its rules tell approvals too, in GitHub's shapes."""
    assert client.ask("GET", f"{ROOT}/rules/branches/main").json() == []
    github.protect(SHOP, "main", checks=["tests"], approvals=2)
    rules = client.ask("GET", f"{ROOT}/rules/branches/main").json()
    assert [rule["type"] for rule in rules] == ["pull_request", "required_status_checks"]
    branch = client.ask("GET", f"{ROOT}/branches/main").json()
    assert branch["protected"] is True
    assert branch["protection"]["required_status_checks"]["contexts"] == ["tests"]
    assert client.ask("GET", f"{ROOT}/branches").json()[0]["protected"] is True
    conformity.check_exchanges(github)


def test_a_diff_is_given_where_it_is_asked_for(github: LocalGitHub, client: Client) -> None:
    """By its media type alone, and not over GitHub's number of lines."""
    opened(github, client)
    accept = {"Accept": "application/vnd.github.diff"}
    answer = client.ask("GET", f"{ROOT}/pulls/2", **accept)
    assert answer.headers["Content-Type"].startswith("application/vnd.github.diff")
    assert answer.body.startswith(b"diff --git a/shop/new.py b/shop/new.py\nnew file")
    github.commit_file(SHOP, HEAD, "long.txt", "line\n" * 20_001, by="ann")
    refusal = client.ask("GET", f"{ROOT}/pulls/2", **accept)
    assert refusal.status == 406
    assert refusal.json()["errors"][0]["code"] == "too_large"
    conformity.check_exchanges(github)


def test_drafts_come_and_go_by_graphql(github: LocalGitHub, client: Client) -> None:
    """Each change is told once; what cannot be done is told in an answer of 200, as GraphQL does."""
    identifier = opened(github, client, draft=True)["node_id"]
    back = f'mutation {{ convertPullRequestToDraft(input: {{pullRequestId: "{identifier}"}}) {{ pullRequest {{ isDraft }} }} }}'
    by_input = "mutation($input: MarkPullRequestReadyForReviewInput!) { markPullRequestReadyForReview(input: $input) { clientMutationId } }"
    assert mutate(client, READY, {"id": identifier})["data"]["markPullRequestReadyForReview"]["pullRequest"] == {
        "id": identifier,
        "number": 2,
        "isDraft": False,
        "url": f"{github.url}/{SHOP}/pull/2",
    }
    assert "not in draft state" in mutate(client, READY, {"id": identifier})["errors"][0]["message"]
    assert mutate(client, back)["data"]["convertPullRequestToDraft"]["pullRequest"]["isDraft"] is True
    assert "errors" not in mutate(client, by_input, {"input": {"pullRequestId": identifier}})
    assert mutate(client, READY, {"id": "PR_0"})["errors"][0]["type"] == "NOT_FOUND"
    assert "errors" in mutate(client, "{ viewer { nothing } }")
    told = [one.action for one in github.deliveries if one.event == "pull_request"]
    assert told == ["opened", "ready_for_review", "converted_to_draft", "ready_for_review"]
    github.close_pull_request(SHOP, 2, by="ann")
    assert mutate(client, back)["errors"][0]["type"] == "UNPROCESSABLE"


def test_graphql_asks_for_the_same_permissions(github: LocalGitHub, client: Client) -> None:
    """A token that may not write is refused and noted; without a token nobody gets in."""
    identifier = opened(github, client, draft=True)["node_id"]
    weak = Client(github.url, f"Bearer {github.mint_token({'pull_requests': 'write'})}")
    assert mutate(weak, READY, {"id": identifier})["errors"][0]["type"] == "FORBIDDEN"
    assert github.violations[-1].needed == "pull_requests:write and contents:write"
    assert Client(github.url).ask("POST", "/graphql", {"query": READY}).status == 401

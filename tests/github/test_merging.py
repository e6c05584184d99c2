"""Pull requests are read as they stand, made ready and merged once, whatever happens to the answers."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from jobs.github import CheckState, Demands, GitHub, GitHubRefused, Reviews
from jobs.testing.loopback import Answer, Loopback, Request
from jobs.types import GitHubUnavailable
from tests.github.conftest import SHOP, unheard
from tests.testing import conformity

if TYPE_CHECKING:
    from jobs.github import PullRequest, Repository
    from jobs.testing.github import LocalGitHub

BRANCH = "opus/issue-1-7f3c9a"
MERGE = r"/pulls/\d+/merge$"


@pytest.fixture
def pull(shop: Repository, local: LocalGitHub) -> PullRequest:
    """Return a draft of the bot's that adds a file."""
    local.commit_file(SHOP, BRANCH, "fix.py", "y = 2\n", by="alice")
    local.commit_file(SHOP, BRANCH, "fix.py", "y = 3\n", by="alice")
    return shop.ensure_pull_request(BRANCH, "main", "Fix", "Fixes #1")


def test_a_pull_request_is_read_as_it_stands(shop: Repository, local: LocalGitHub, pull: PullRequest) -> None:
    """State, draft, head, branches and whether it can be merged; merged is a state of its own."""
    state = shop.pull_request(pull.number)
    assert (state.state, state.draft, state.head, state.base) == ("open", True, pull.head, "main")
    assert (state.branch, state.head_repository, state.title) == (BRANCH, SHOP, "Fix")
    assert (state.author, state.url) == (f"{local.slug}[bot]", pull.url)
    assert (state.mergeable, state.mergeable_state) == (True, "draft")
    local.close_pull_request(SHOP, pull.number, by="alice")
    assert shop.pull_request(pull.number).state == "closed"
    made = local.merge_pull_request(SHOP, pull.number, by="alice")
    merged = shop.pull_request(pull.number)
    assert (merged.state, merged.merge_commit) == ("merged", made)
    with pytest.raises(GitHubRefused) as caught:
        shop.pull_request(1)
    assert caught.value.status == 404


def test_githubs_thinking_is_waited_for(private_key: str) -> None:
    """While GitHub has not found out whether it can be merged, it is asked again, for as long as one wants to wait."""
    asked: list[str] = []
    shape = {"number": 5, "html_url": "", "title": "", "user": None, "state": "open", "node_id": "x", "base": {}}
    shape |= {"head": {"sha": "abc", "ref": "b", "repo": None}, "base": {"ref": "main"}}

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            body: dict[str, object] = {"token": "ghs_1", "expires_at": "2099-01-01T00:00:00Z"}
        else:
            asked.append(request.path)
            body = shape | {"mergeable": True if len(asked) > 2 else None, "mergeable_state": "clean"}
        return Answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    server = Loopback(answer)
    server.start()
    client = GitHub(server.url, server.url, 67, private_key, witness=unheard)
    repository = client.repository(SHOP, 1)
    assert repository.pull_request(5).mergeable is None
    assert repository.pull_request(5, settle=20).mergeable is True
    assert len(asked) == 3
    client.close()
    server.stop()


def test_checks_and_statuses_are_one_list(shop: Repository, local: LocalGitHub, pull: PullRequest) -> None:
    """Check runs and the older statuses, the newest of each name, in the words of check runs."""
    local.report_check(SHOP, BRANCH, "tests", "failure")
    local.report_check(SHOP, BRANCH, "tests", "success")
    local.report_check(SHOP, BRANCH, "lint", "")
    local.set_status(SHOP, BRANCH, "ci/old", "error")
    local.set_status(SHOP, BRANCH, "ci/slow", "pending")
    local.report_check(SHOP, "main", "elsewhere", "failure")
    assert set(shop.checks_of(pull.head)) == {
        CheckState("tests", "completed", "success"),
        CheckState("lint", "in_progress", ""),
        CheckState("ci/old", "completed", "failure"),
        CheckState("ci/slow", "in_progress", ""),
    }
    assert local.violations == []


def test_statuses_that_may_not_be_seen_hide_no_checks(local: LocalGitHub, github: GitHub) -> None:
    """An installation from before the permission was asked for goes on with what it has."""
    installation = next(iter(local.world.installations.values()))
    del installation.permissions["statuses"]
    local.report_check(SHOP, "main", "tests")
    shop = github.repository(SHOP, local.installation_id)
    assert [check.name for check in shop.checks_of(shop.head_sha())] == ["tests"]


def test_of_each_person_the_newest_word_counts(shop: Repository, local: LocalGitHub, pull: PullRequest) -> None:
    """A comment changes nothing; a later approval takes back a request for changes, and the other way round."""
    assert shop.reviews(pull.number) == Reviews()
    for login, state in (
        ("alice", "CHANGES_REQUESTED"),
        ("bob", "APPROVED"),
        ("alice", "APPROVED"),
        ("alice", "COMMENTED"),
        ("carol", "COMMENTED"),
        ("dan", "APPROVED"),
        ("dan", "CHANGES_REQUESTED"),
        ("erin", "CHANGES_REQUESTED"),
        ("erin", "DISMISSED"),
    ):
        local.review_pull_request(SHOP, pull.number, state, by=login)
    assert shop.reviews(pull.number) == Reviews(("alice", "bob"), ("dan",))


def test_a_branch_tells_what_it_demands(shop: Repository, local: LocalGitHub) -> None:
    """Checks by name and the number of approvals; nothing where nothing is demanded or the branch is gone."""
    assert shop.demands("main") == Demands()
    local.protect(SHOP, "main", checks=["tests", "lint"], approvals=2)
    assert shop.demands("main") == Demands(("tests", "lint"), 2)
    local.protect(SHOP, "release/1.0", checks=["tests"])
    assert shop.demands("release/1.0") == Demands(("tests",), 0)
    assert shop.demands("gone") == Demands()


def test_a_draft_is_made_ready_once(shop: Repository, local: LocalGitHub, pull: PullRequest) -> None:
    """The second time nothing is asked of GitHub; a closed one is left alone."""
    assert not shop.mark_ready(pull.number).draft
    assert not local.issue(SHOP, pull.number).pull.draft
    before = [one for one in local.requests if one.path == "/graphql"]
    assert shop.mark_ready(pull.number).mergeable_state == "clean"
    assert [one for one in local.requests if one.path == "/graphql"] == before
    assert local.violations == []


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer_to_making_ready(after: bool, shop: Repository, local: LocalGitHub, pull: PullRequest) -> None:
    """What GitHub did is seen although its answer was lost; what it did not do is told, and done the next time."""
    local.faults.add("POST", "/graphql", drop=True, after=after)
    if after:
        assert not shop.mark_ready(pull.number).draft
    else:
        with pytest.raises(GitHubUnavailable):
            shop.mark_ready(pull.number)
        assert not shop.mark_ready(pull.number).draft


@pytest.mark.parametrize(("kind", "status"), [("FORBIDDEN", 403), ("NOT_FOUND", 404), ("OTHER", 422)])
def test_what_graphql_refuses_is_a_refusal(
    kind: str, status: int, shop: Repository, local: LocalGitHub, pull: PullRequest
) -> None:
    """GraphQL tells its errors in an answer of 200; their words are passed on."""
    body = json.dumps({"data": None, "errors": [{"type": kind, "message": "Not for you"}]}).encode()
    local.faults.add("POST", "/graphql", status=200, body=body)
    with pytest.raises(GitHubRefused, match="Not for you") as caught:
        shop.mark_ready(pull.number)
    assert (caught.value.status, caught.value.reason) == (status, "Not for you")
    body = json.dumps({"errors": [{"type": "RATE_LIMITED", "message": "Slow down"}]}).encode()
    local.faults.add("POST", "/graphql", status=200, body=body)
    with pytest.raises(GitHubUnavailable):
        shop.mark_ready(pull.number)


def test_an_enterprise_server_has_graphql_beside_rest(private_key: str) -> None:
    """REST is under /api/v3, GraphQL at /api/graphql."""
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        body = {"token": "ghs_1", "expires_at": "2099-01-01T00:00:00Z", "node_id": "x", "number": 5, "html_url": ""}
        body |= {"title": "", "state": "open", "draft": True, "head": {"sha": "abc", "ref": "b"}, "base": {"ref": "m"}}
        return Answer(200, json.dumps({**body, "data": {}}).encode(), {"Content-Type": "application/json"})

    server = Loopback(answer)
    server.start()
    client = GitHub(f"{server.url}/api/v3", server.url, 67, private_key, witness=unheard)
    client.repository(SHOP, 1).mark_ready(5)
    assert "/api/graphql" in asked
    assert f"/api/v3/repos/{SHOP}/pulls/5" in asked
    client.close()
    server.stop()


@pytest.mark.parametrize(("method", "commits"), [("squash", 1), ("merge", 3), ("rebase", 2)])
def test_a_pull_request_is_merged_as_wanted(
    method: str, commits: int, shop: Repository, local: LocalGitHub, pull: PullRequest
) -> None:
    """The base has the change, the pull request is merged, and the issue that it fixes is closed."""
    shop.mark_ready(pull.number)
    base = local.branches(SHOP)["main"]
    made = shop.merge(pull.number, pull.head, method)
    assert local.branches(SHOP)["main"] == made
    assert local.file(SHOP, "fix.py") == b"y = 3\n"
    compared = shop.read(f"/repos/{SHOP}/compare/{base}...{made}")
    assert compared["ahead_by"] == commits
    assert shop.pull_request(pull.number).state == "merged"
    assert local.issue(SHOP, 1).state == "closed"
    assert shop.merge(pull.number, pull.head, method) == made
    conformity.check_exchanges(local)
    assert local.violations == []


def test_a_lost_answer_merges_once(shop: Repository, local: LocalGitHub, pull: PullRequest) -> None:
    """The state is read before anything is believed: merged at this head is a success, all else is not."""
    shop.mark_ready(pull.number)
    local.faults.add("PUT", MERGE, drop=True)
    with pytest.raises(GitHubUnavailable):
        shop.merge(pull.number, pull.head, "squash")
    lost = local.faults.add("PUT", MERGE, status=502, after=True)
    made = shop.merge(pull.number, pull.head, "squash")
    assert lost.hits == 1
    assert local.branches(SHOP)["main"] == made
    with pytest.raises(GitHubRefused, match="did not merge"):
        shop.merge(pull.number, "0" * 40, "squash")


def test_a_silent_github_is_asked_once(local: LocalGitHub, pull: PullRequest) -> None:
    """A merge without an answer is not repeated by itself."""
    client = GitHub(local.api_url, local.server_url, local.app_id, local.private_key_pem, timeout=0.5, witness=unheard)
    repository = client.repository(SHOP, local.installation_id)
    repository.mark_ready(pull.number)
    local.faults.add("PUT", MERGE, hang=True)
    began = time.monotonic()
    with pytest.raises(GitHubUnavailable, match="in time"):
        repository.merge(pull.number, pull.head, "squash")
    assert time.monotonic() - began < 20
    local.faults.clear()
    client.close()


def test_githubs_reasons_are_passed_on(shop: Repository, local: LocalGitHub, pull: PullRequest) -> None:
    """Draft, method, moved head, checks, approvals and conflicts, each in GitHub's words."""

    def refusal(sha: str, method: str = "squash") -> tuple[int, str]:
        with pytest.raises(GitHubRefused, match=f"did not merge pull request #{pull.number}: ") as caught:
            shop.merge(pull.number, sha, method)
        return caught.value.status, caught.value.reason

    assert refusal(pull.head) == (405, "Pull Request is still a draft")
    shop.mark_ready(pull.number)
    assert refusal("1" * 40)[0] == 409
    local.set_merge_methods(SHOP, "squash")
    assert refusal(pull.head, "rebase") == (405, "Rebase merges are not allowed on this repository.")
    local.protect(SHOP, "main", checks=["tests"], approvals=1)
    assert 'Required status check "tests" is expected.' in refusal(pull.head)[1]
    local.report_check(SHOP, BRANCH, "tests")
    assert refusal(pull.head)[1].startswith("At least 1 approving review is required")
    local.review_pull_request(SHOP, pull.number, "APPROVED", by="alice")
    local.commit_file(SHOP, "main", "fix.py", "y = 4\n", by="alice")
    assert refusal(pull.head) == (405, "Pull Request is not mergeable")

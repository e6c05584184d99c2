"""The local GitHub's reviews: REST and GraphQL, threads that pushes leave behind, forks, and every event of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.testing.github import LineComment
from jobs.testing.github.placing import NotInDiff
from tests.testing import conformity
from tests.testing.conftest import SHOP, Client

if TYPE_CHECKING:
    from jobs.testing.github import LocalGitHub
    from tests.testing.conftest import Receiver

ROOT = f"/repos/{SHOP}"
PULL = f"{ROOT}/pulls/1"
BRANCH = "patch-1"
FILE = "shop/long.py"
LINES = [f"line {number}" for number in range(1, 41)]
THREADS = """query($after: String) { repository(owner: "octo", name: "shop") { pullRequest(number: 1) {
  reviewThreads(first: 100, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes {
    id isResolved isOutdated isCollapsed path line startLine originalLine originalStartLine diffSide startDiffSide
    subjectType resolvedBy { login } comments(first: 100) { nodes {
      id fullDatabaseId author { login __typename } authorAssociation body createdAt url outdated viewerDidAuthor
      pullRequestReview { fullDatabaseId state } replyTo { fullDatabaseId } } } } } } } }"""
RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }"
UNRESOLVE = "mutation($id: ID!) { unresolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }"


def text(**changed: str) -> str:
    """Return the forty lines of the file, some of them changed: ``line5="five"``."""
    lines = [changed.get(f"line{number}", line) for number, line in enumerate(LINES, 1)]
    return "\n".join(lines) + "\n"


@pytest.fixture(autouse=True)
def number(github: LocalGitHub) -> int:
    """Have ann open pull request 1, which changes the lines 5 and 30."""
    github.set_permission(SHOP, "ann", "write")
    github.commit_file(SHOP, "main", FILE, text(), by="ann")
    github.commit_file(SHOP, BRANCH, FILE, text(line5="five", line30="thirty"), by="ann")
    return github.open_pull_request(SHOP, BRANCH, "Change", by="ann").number


def asked(client: Client, query: str, **variables: Any) -> dict[str, Any]:
    return client.ask("POST", "/graphql", {"query": query, "variables": variables}).json()


def threads(client: Client) -> list[dict[str, Any]]:
    return asked(client, THREADS)["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"]


def test_review_endpoints_answer_as_described(github: LocalGitHub, client: Client, number: int) -> None:
    """Reviews are written, read, edited, submitted, dismissed and deleted in GitHub's shapes."""
    remark = {"path": FILE, "line": 6, "side": "RIGHT", "start_line": 5, "start_side": "RIGHT", "body": "Hm"}
    whole = {"event": "REQUEST_CHANGES", "body": "No", "comments": [remark]}
    made = client.ask("POST", f"{PULL}/reviews", whole).json()
    assert made["state"] == "CHANGES_REQUESTED"
    one = f"{PULL}/reviews/{made['id']}"
    assert client.ask("PUT", one, {"body": "Not yet"}).json()["body"] == "Not yet"
    assert client.ask("GET", one).json()["user"]["login"] == "opus-67[bot]"
    (comment,) = client.ask("GET", f"{one}/comments").json()
    assert comment["diff_hunk"].startswith("@@ -2,7 +2,7 @@")
    assert comment["diff_hunk"].endswith("+five\n line 6")
    assert comment["original_position"] == 6
    assert (
        client.ask("PUT", f"{one}/dismissals", {"message": "Done", "event": "DISMISS"}).json()["state"] == "DISMISSED"
    )
    pending = client.ask("POST", f"{PULL}/reviews", {"body": "Later"}).json()
    assert client.ask("POST", f"{PULL}/reviews/{pending['id']}/events", {"event": "APPROVE"}).status == 200
    pending = client.ask("POST", f"{PULL}/reviews", {"comments": [remark]}).json()
    assert client.ask("DELETE", f"{PULL}/reviews/{pending['id']}").status == 200
    assert [one["state"] for one in client.ask("GET", f"{PULL}/reviews").json()] == ["DISMISSED", "APPROVED"]
    assert len(github.threads(SHOP, number)) == 1
    assert conformity.check_exchanges(github) == 10


def test_comment_endpoints_answer_as_described(github: LocalGitHub, client: Client) -> None:
    """Comments on lines and files, answers and reactions, in GitHub's shapes; each came with a review."""
    sha = github.branches(SHOP)[BRANCH]
    made = client.ask(
        "POST", f"{PULL}/comments", {"commit_id": sha, "path": FILE, "line": 30, "side": "LEFT", "body": "Why?"}
    ).json()
    about_file = {"commit_id": sha, "path": FILE, "subject_type": "file", "body": "Long"}
    assert client.ask("POST", f"{PULL}/comments", about_file).json()["subject_type"] == "file"
    answer = client.ask("POST", f"{PULL}/comments/{made['id']}/replies", {"body": "So"}).json()
    assert answer["in_reply_to_id"] == made["id"]
    one = f"{ROOT}/pulls/comments/{answer['id']}"
    assert client.ask("GET", one).json()["body"] == "So"
    assert client.ask("PATCH", one, {"body": "So!"}).json()["body"] == "So!"
    assert client.ask("POST", f"{one}/reactions", {"content": "eyes"}).status == 201
    assert client.ask("GET", f"{one}/reactions").json()[0]["content"] == "eyes"
    assert client.ask("GET", one).json()["reactions"]["eyes"] == 1
    assert len(client.ask("GET", f"{PULL}/comments").json()) == len(client.ask("GET", f"{ROOT}/pulls/comments").json())
    assert len(client.ask("GET", f"{PULL}/reviews").json()) == 3
    assert client.ask("GET", PULL).json()["review_comments"] == 3
    assert client.ask("GET", f"{PULL}/files").json()[0]["patch"].startswith("@@ -2,7 +2,7 @@")
    assert client.ask("DELETE", one).status == 204
    assert client.ask("GET", one).status == 404
    assert client.ask("POST", f"{PULL}/comments/{answer['id']}/replies", {"body": "Gone"}).status == 404
    conformity.check_exchanges(github)


@pytest.mark.parametrize(
    ("remark", "reason"),
    [
        ({"line": 15}, "Line could not be resolved"),
        ({"line": 5, "side": "LEFT", "path": "README.md"}, "Path could not be resolved"),
        ({"line": 6, "side": "LEFT"}, "Line could not be resolved"),
        ({"line": 30, "start_line": 5}, "Start line must precede"),
        ({"line": 5, "start_line": 5}, "Start line must precede"),
        ({"line": 5, "body": ""}, "Body can't be blank"),
    ],
)
def test_what_the_diff_does_not_show_is_refused(
    remark: dict[str, Any], reason: str, github: LocalGitHub, client: Client, number: int
) -> None:
    """The whole review is, in plain words, and nothing of it stays."""
    remarks = [{"path": FILE, "line": 5, "body": "Fine"}, {"path": FILE, "body": "Hm", **remark}]
    answer = client.ask("POST", f"{PULL}/reviews", {"event": "COMMENT", "body": "x", "comments": remarks})
    assert answer.status == 422
    assert answer.json()["message"] == "Unprocessable Entity"
    assert reason in answer.json()["errors"][0]
    assert github.threads(SHOP, number) == github.reviews(SHOP, number) == []
    alone = {"commit_id": github.branches(SHOP)[BRANCH], **remarks[1]}
    refused = client.ask("POST", f"{PULL}/comments", alone).json()
    assert refused["message"] == "Validation Failed"
    with pytest.raises(NotInDiff):
        github.review(SHOP, number, comments=[LineComment("README.md", 1, "Hm")], by="bob")


def test_a_bot_judges_no_work_of_its_own(github: LocalGitHub, client: Client) -> None:
    """It may comment on its own pull request, not approve it nor ask for changes; drafts of a review are its alone."""
    github.commit_file(SHOP, "opus/x", "new.py", "x = 1\n", by="ann")
    own = client.ask("POST", f"{ROOT}/pulls", {"title": "Mine", "head": "opus/x", "base": "main"}).json()
    path = f"{ROOT}/pulls/{own['number']}/reviews"
    for event, words in (("APPROVE", "approve"), ("REQUEST_CHANGES", "request changes on")):
        refused = client.ask("POST", path, {"event": event, "body": "Hm"})
        assert (refused.status, refused.json()["errors"]) == (422, [f"Can not {words} your own pull request"])
    assert client.ask("POST", path, {"event": "COMMENT", "body": "Hm"}).status == 200
    assert client.ask("POST", path, {"event": "COMMENT"}).status == 422
    assert client.ask("POST", path, {"event": "PRAISE", "body": "Hm"}).status == 422
    assert client.ask("POST", path, {"body": "Later", "commit_id": "1" * 40}).status == 422
    pending = client.ask("POST", path, {"body": "Later"}).json()
    assert client.ask("POST", path, {"body": "Again"}).status == 422
    assert len(client.ask("GET", path).json()) == 2
    assert client.ask("PUT", f"{path}/{pending['id']}/dismissals", {"message": "x"}).status == 422
    theirs = github.review(SHOP, own["number"], "APPROVED", by="ann")
    assert client.ask("PUT", f"{path}/{theirs.id}", {"body": "Mine now"}).status == 403
    assert client.ask("DELETE", f"{path}/{theirs.id}").status == 422
    conformity.check_exchanges(github)


def test_reviews_ask_for_their_permission(github: LocalGitHub) -> None:
    """Without ``pull_requests`` nothing is read, with reading alone nothing is written, and each try is noted."""
    comment = {"event": "COMMENT", "body": "Hm"}
    stranger = Client(github.url, f"Bearer {github.mint_token({'issues': 'write'})}")
    reader = Client(github.url, f"Bearer {github.mint_token({'pull_requests': 'read'})}")
    assert stranger.ask("GET", f"{PULL}/reviews").status == 403
    assert asked(stranger, THREADS)["errors"][0]["type"] == "FORBIDDEN"
    assert reader.ask("GET", f"{PULL}/comments").status == 200
    assert reader.ask("POST", f"{PULL}/reviews", comment).status == 403
    assert [one.needed for one in github.violations] == [
        "pull_requests:read",
        "pull_requests:read",
        "pull_requests:write",
    ]


def test_a_thread_follows_its_lines_until_a_push_changes_them(github: LocalGitHub, client: Client, number: int) -> None:
    """Lines above move it; it is outdated when its lines change or leave the diff, and back when they come back."""
    remarks = [
        LineComment(FILE, 6, "Two lines", start_line=5),
        LineComment(FILE, 30, "Right"),
        LineComment(FILE, 30, "Left", side="LEFT"),
    ]
    github.review(SHOP, number, comments=remarks, by="bob")
    github.commit_file(SHOP, BRANCH, FILE, "# top\n" + text(line5="five", line30="thirty"), by="ann")
    assert [(one["startLine"], one["line"]) for one in threads(client)] == [(6, 7), (None, 31), (None, 30)]
    github.commit_file(SHOP, BRANCH, FILE, text(line5="5", line30="thirty"), by="ann")
    first = threads(client)[0]
    assert (first["isOutdated"], first["line"], first["startLine"]) == (True, None, None)
    assert (first["originalLine"], first["originalStartLine"]) == (6, 5)
    shown = client.ask("GET", f"{PULL}/comments").json()
    assert [(one["line"], one["position"]) for one in shown] == [(None, None), (30, 14), (30, 13)]
    github.commit_file(SHOP, BRANCH, FILE, text(line5="five"), by="ann")
    assert [one["isOutdated"] for one in threads(client)] == [False, True, True]
    github.force_push(SHOP, BRANCH, {"other.py": "x = 1\n"}, by="ann")
    assert [one["isOutdated"] for one in threads(client)] == [True, True, True]
    conformity.check_exchanges(github)


def test_a_base_that_is_merged_in_outdates_nothing(github: LocalGitHub, client: Client, number: int) -> None:
    """What came from the base is no part of the diff, and the thread goes on where its line is."""
    github.review(SHOP, number, comments=[LineComment(FILE, 30, "Here")], by="bob")
    github.commit_file(SHOP, "main", "other.py", "x = 1\n", by="ann")
    github.commit_file(SHOP, "main", FILE, "# top\n" + text(), by="ann")
    head = github.branches(SHOP)[BRANCH]
    assert client.ask("PUT", f"{PULL}/update-branch", {"expected_head_sha": "1" * 40}).status == 422
    assert client.ask("PUT", f"{PULL}/update-branch", {"expected_head_sha": head}).status == 202
    assert [one["filename"] for one in client.ask("GET", f"{PULL}/files").json()] == [FILE]
    assert [(one["line"], one["isOutdated"]) for one in threads(client)] == [(31, False)]
    assert "no new commits" in client.ask("PUT", f"{PULL}/update-branch", {}).json()["message"]
    github.commit_file(SHOP, "main", FILE, text(line5="fünf"), by="ann")
    assert "merge conflict" in client.ask("PUT", f"{PULL}/update-branch", {}).json()["message"]
    shown = client.ask("GET", PULL).json()
    assert (shown["mergeable"], shown["mergeable_state"]) == (False, "dirty")
    conformity.check_exchanges(github)


def test_threads_are_resolved_by_graphql(github: LocalGitHub, client: Client, number: int) -> None:
    """Once, by whom, and told; both permissions are needed; what is unknown or out of reach is not found."""
    github.review(SHOP, number, comments=[LineComment(FILE, 5, "Hm")], by="bob")
    (thread,) = threads(client)
    assert (thread["isResolved"], thread["resolvedBy"], thread["subjectType"]) == (False, None, "LINE")
    assert (thread["diffSide"], thread["startDiffSide"]) == ("RIGHT", None)
    for _ in range(2):
        assert asked(client, RESOLVE, id=thread["id"])["data"]["resolveReviewThread"]["thread"]["isResolved"] is True
    assert threads(client)[0]["resolvedBy"] == {"login": "opus-67[bot]"}
    assert asked(client, UNRESOLVE, id=thread["id"])["data"]["unresolveReviewThread"]["thread"]["isResolved"] is False
    told = [one.action for one in github.deliveries if one.event == "pull_request_review_thread"]
    assert told == ["resolved", "unresolved"]
    weak = Client(github.url, f"Bearer {github.mint_token({'pull_requests': 'write', 'contents': 'read'})}")
    assert asked(weak, RESOLVE, id=thread["id"])["errors"][0]["type"] == "FORBIDDEN"
    assert github.violations[-1].needed == "pull_requests:write and contents:write"
    refused = asked(client, RESOLVE, id="PRRT_0")
    assert (refused["data"], refused["errors"][0]["type"]) == ({"resolveReviewThread": None}, "NOT_FOUND")
    github.create_repository("acme/secret", {"a": "1"})
    elsewhere = Client(github.url, f"Bearer {github.mint_token(owner='acme')}")
    assert asked(elsewhere, RESOLVE, id=thread["id"])["errors"][0]["type"] == "NOT_FOUND"
    assert asked(elsewhere, THREADS)["errors"][0]["type"] == "NOT_FOUND"
    conformity.check_exchanges(github)


def test_graphql_names_bots_without_their_ending_and_pages_with_cursors(
    github: LocalGitHub, client: Client, number: int
) -> None:
    """``[bot]`` is REST's; long ids do not fit in ``databaseId``; a page has at most a hundred threads."""
    client.ask("POST", f"{PULL}/reviews", {"event": "COMMENT", "comments": [{"path": FILE, "line": 5, "body": "Hm"}]})
    github.review(SHOP, number, comments=[LineComment(FILE, 5, f"Hm {one}") for one in range(130)], by="bob")
    comment = threads(client)[0]["comments"]["nodes"][0]
    assert comment["author"] == {"login": "opus-67", "__typename": "Bot"}
    assert (comment["viewerDidAuthor"], comment["replyTo"], comment["authorAssociation"]) == (True, None, "NONE")
    assert int(comment["fullDatabaseId"]) == github.threads(SHOP, number)[0].comments[0].id
    page = asked(client, THREADS)["data"]["repository"]["pullRequest"]["reviewThreads"]
    assert (page["totalCount"], len(page["nodes"]), page["pageInfo"]["hasNextPage"]) == (131, 100, True)
    rest = asked(client, THREADS, after=page["pageInfo"]["endCursor"])["data"]["repository"]["pullRequest"]
    assert (len(rest["reviewThreads"]["nodes"]), rest["reviewThreads"]["pageInfo"]["hasNextPage"]) == (31, False)
    short = '{ repository(owner: "octo", name: "shop") { pullRequest(number: 1) { reviewThreads%s { totalCount } } } }'
    assert asked(client, short % "")["errors"][0]["type"] == "MISSING_PAGINATION_BOUNDARIES"
    assert asked(client, short % "(first: 101)")["errors"][0]["type"] == "EXCESSIVE_PAGINATION"
    assert asked(client, short % '(first: 1, after: "?")')["errors"][0]["type"] == "INVALID_CURSOR_ARGUMENTS"
    assert asked(client, "{ viewer { login } }")["data"]["viewer"]["login"] == "opus-67[bot]"
    conformity.check_exchanges(github)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("{ nonsense }", "Field 'nonsense' doesn't exist on type 'Query'"),
        ("{ viewer }", "must have selections"),
        ("{ viewer { login { more } } }", "scalars"),
        ("query($id: ID!) { node(id: $id) { id } }", "invalid value"),
        ("{ node(id: $id) { id } }", "used but not declared"),
        ("{ viewer { login }", "the end of the query"),
        ("{ viewer { login } } }", "the end of the query"),
        ("subscription { viewer { login } }", "subscription"),
        ("{ viewer { login ; } }", "Expected"),
        ("{ 5 }", "Expected a field"),
        ("mutation { resolveReviewThread { thread { id } } }", "required arguments"),
    ],
)
def test_graphql_that_github_would_not_take_is_not_taken(query: str, words: str, client: Client) -> None:
    """It comes back with words and without data."""
    answer = asked(client, query)
    assert "data" not in answer
    assert words in answer["errors"][0]["message"]


def test_aliases_defaults_and_fragments_are_understood(github: LocalGitHub, client: Client, number: int) -> None:
    """What a client may write in a query, as GitHub's schema has it."""
    github.review(SHOP, number, comments=[LineComment(FILE, 5, "Hm")], by="bob")
    identifier = threads(client)[0]["id"]
    query = """query($id: ID!, $most: Int = 5) { # a comment
      found: node(id: $id) { __typename ... on PullRequestReviewThread { path, comments(first: $most) { nodes {
        databaseId author { __typename ... on User { databaseId } ... on Bot { id } } } } } ... on Issue { title } }
      again: node(id: $id) { __typename id } }"""
    data = asked(client, query, id=identifier)["data"]
    assert data["found"]["path"] == FILE
    assert data["found"]["comments"]["nodes"][0]["databaseId"] is None
    assert data["found"]["comments"]["nodes"][0]["author"]["databaseId"] == github.add_user("bob").id
    assert data["again"] == {"__typename": "PullRequestReviewThread", "id": identifier}
    conformity.check_exchanges(github)


def test_an_answer_that_githubs_schema_does_not_know_is_found(github: LocalGitHub, client: Client) -> None:
    """The checker itself goes red: a type name that GitHub does not have is against its schema."""
    asked(client, "query($id: Nonsense) { node(id: $id) { __typename id } }", id="PRRT_0")
    with pytest.raises(conformity.NotAsDescribed, match="Nonsense"):
        conformity.check_exchanges(github)


def test_every_event_of_a_review_is_as_described(github: LocalGitHub, receiver: Receiver, number: int) -> None:
    """Submitted with a created event for each comment; edited, deleted, resolved, dismissed; drafts, forks, pushes."""
    review = github.review(SHOP, number, "CHANGES_REQUESTED", "No", [LineComment(FILE, 5, "Hm")], by="bob")
    first = github.threads(SHOP, number)[0].comments[0]
    github.reply_in_thread(SHOP, first.id, "So", by="ann")
    github.edit_review_comment(SHOP, first.id, "Hm?", by="bob")
    github.commit_file(SHOP, BRANCH, FILE, text(line5="changed"), by="ann")
    github.reply_in_thread(SHOP, first.id, "Done", by="ann")
    github.resolve_thread(SHOP, first.id, by="ann")
    github.unresolve_thread(SHOP, first.id, by="bob")
    last = github.reply_in_thread(SHOP, first.id, "Oops", by="bob")
    github.delete_review_comment(SHOP, last.id, by="bob")
    github.dismiss_review(SHOP, number, review.id, by="ann")
    github.convert_to_draft(SHOP, number, by="ann")
    github.mark_ready(SHOP, number, by="ann")
    fork = github.fork(SHOP, by="bob")
    github.commit_file(fork, "mine", "mine.py", "x = 1\n", by="bob")
    github.open_pull_request(SHOP, "mine", "Mine", by="bob", fork=fork)
    github.commit_file(fork, "mine", "mine.py", "x = 2\n", by="bob")
    told = [(one.event, one.action) for one in github.deliveries if "review" in one.event]
    assert told[:4] == [
        ("pull_request_review", "submitted"),
        ("pull_request_review_comment", "created"),
        ("pull_request_review", "submitted"),
        ("pull_request_review_comment", "created"),
    ]
    assert set(told) == {
        ("pull_request_review", "submitted"),
        ("pull_request_review", "dismissed"),
        ("pull_request_review_comment", "created"),
        ("pull_request_review_comment", "edited"),
        ("pull_request_review_comment", "deleted"),
        ("pull_request_review_thread", "resolved"),
        ("pull_request_review_thread", "unresolved"),
    }
    actions = [one.action for one in github.deliveries if one.event == "pull_request"]
    assert actions == ["opened", "synchronize", "converted_to_draft", "ready_for_review", "opened", "synchronize"]
    github.wait_for(lambda: all(one.attempts for one in github.deliveries))
    assert conformity.check_deliveries(github) > 15


def test_a_fork_is_a_repository_of_its_own(github: LocalGitHub, client: Client) -> None:
    """Its pushes reach the upstream's pull request, whose App has no right to it."""
    fork = github.fork(SHOP, by="bob")
    github.commit_file(fork, BRANCH, "mine.py", "x = 1\n", by="bob")
    number = github.open_pull_request(SHOP, BRANCH, "Mine", by="bob", fork=fork).number
    shown = client.ask("GET", f"{ROOT}/pulls/{number}").json()
    assert (shown["head"]["label"], shown["head"]["repo"]["full_name"]) == (f"bob:{BRANCH}", "bob/shop")
    assert (shown["head"]["repo"]["fork"], shown["base"]["repo"]["fork"]) == (True, False)
    assert [one["number"] for one in client.ask("GET", f"{ROOT}/pulls?head=bob:{BRANCH}").json()] == [number]
    assert [one["number"] for one in client.ask("GET", f"{ROOT}/pulls?head=octo:{BRANCH}").json()] == [1]
    head = github.commit_file(fork, BRANCH, "mine.py", "x = 2\n", by="bob")
    assert client.ask("GET", f"{ROOT}/git/ref/pull/{number}/head").json()["object"]["sha"] == head
    assert client.ask("GET", f"{ROOT}/pulls/1").json()["head"]["sha"] == github.branches(SHOP)[BRANCH] != head
    assert client.ask("PUT", f"{ROOT}/pulls/{number}/update-branch", {}).status == 403
    assert client.ask("GET", f"/repos/{fork}").status == 404
    assert [one.needed for one in github.violations] == ["contents:write on the head", f"access to {fork}"]
    conformity.check_exchanges(github)
    github.merge_pull_request(SHOP, number, by="ann")
    assert github.file(SHOP, "mine.py") == b"x = 2\n"
    with pytest.raises(ValueError, match="already"):
        github.fork(SHOP, by="bob")


def test_a_pull_request_names_its_base(github: LocalGitHub, client: Client) -> None:
    """It may go into another branch than the default one; one that is missing is an error."""
    made = github.open_pull_request(SHOP, "main", "Back", by="ann", base=BRANCH, draft=True)
    shown = client.ask("GET", f"{ROOT}/pulls/{made.number}").json()
    assert (shown["base"]["ref"], shown["draft"]) == (BRANCH, True)
    with pytest.raises(LookupError):
        github.open_pull_request(SHOP, "main", "Back", by="ann", base="nowhere")
    with pytest.raises(LookupError):
        github.resolve_thread(SHOP, 5, by="ann")

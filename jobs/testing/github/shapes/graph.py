"""The types of GitHub's GraphQL API that are answered here: what each field of a record is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.github.graph import Node, Types, connection
from jobs.testing.github.shapes import issues, pulls, reviews

if TYPE_CHECKING:
    from jobs.testing.github.records import Account, Issue
    from jobs.testing.github.review_records import Review, ReviewComment, Thread
    from jobs.testing.github.router import Call

LARGEST_INT = 2**31 - 1
BOT = "[bot]"


def actor(account: Account) -> Node:
    """Return somebody: the login of a bot has no ``[bot]`` at its end here, unlike in REST."""
    return Node("Bot" if account.type == "Bot" else "User", account)


def small(number: int) -> int | None:
    """Return an id as the type Int, which long ones do not fit in."""
    return number if number <= LARGEST_INT else None


def _seen(call: Call, thread: Thread) -> list[ReviewComment]:
    """Return the comments that the caller sees: those of a pending review are its author's alone."""
    return [one for one in thread.comments if one.review.state != "PENDING" or one.author is call.actor]


def _comments(call: Call, thread: Thread, arguments: dict[str, Any]) -> Node:
    return connection("comments", "PullRequestReviewComment", _seen(call, thread), arguments)


def _threads(call: Call, issue: Issue, arguments: dict[str, Any]) -> Node:
    seen = [thread for thread in pulls.must(issue).threads if _seen(call, thread)]
    return connection("reviewThreads", "PullRequestReviewThread", seen, arguments)


def _plain(account: Account) -> str:
    return account.login.removesuffix(BOT)


def _association(call: Call, comment: ReviewComment) -> str:
    return issues.association(call.world, comment.thread.issue.repository, comment.author)


def _pull_state(issue: Issue) -> str:
    return "MERGED" if pulls.must(issue).merged_at else issue.state.upper()


def _review(review: Review) -> Node:
    return Node("PullRequestReview", review)


ACTOR: Types = {
    "User": {
        "login": lambda _c, one, _a: one.login,
        "id": lambda _c, one, _a: f"U_{one.id}",
        "databaseId": lambda _c, one, _a: one.id,
    },
    "Bot": {
        "login": lambda _c, one, _a: _plain(one),
        "id": lambda _c, one, _a: f"BOT_{one.id}",
        "databaseId": lambda _c, one, _a: one.id,
    },
}
PAGES: Types = {
    "Connection": {
        "nodes": lambda _c, one, _a: one.nodes,
        "totalCount": lambda _c, one, _a: one.total,
        "pageInfo": lambda _c, one, _a: Node("PageInfo", one),
    },
    "PageInfo": {
        "hasNextPage": lambda _c, one, _a: one.more,
        "hasPreviousPage": lambda _c, one, _a: one.start > 0,
        "endCursor": lambda _c, one, _a: one.end,
    },
}
PULLS: Types = {
    "PullRequest": {
        "id": lambda _c, one, _a: f"PR_{pulls.must(one).id}",
        "number": lambda _c, one, _a: one.number,
        "title": lambda _c, one, _a: one.title,
        "state": lambda _c, one, _a: _pull_state(one),
        "isDraft": lambda _c, one, _a: pulls.must(one).draft,
        "url": lambda c, one, _a: issues.pull_links(c.world, one)["html_url"],
        "headRefOid": lambda _c, one, _a: pulls.must(one).head_sha,
        "headRefName": lambda _c, one, _a: pulls.must(one).head,
        "baseRefName": lambda _c, one, _a: pulls.must(one).base,
        "author": lambda _c, one, _a: actor(one.author),
        "reviewThreads": _threads,
    },
    "PullRequestReview": {
        "id": lambda _c, one, _a: f"PRR_{one.id}",
        "databaseId": lambda _c, one, _a: small(one.id),
        "fullDatabaseId": lambda _c, one, _a: str(one.id),
        "state": lambda _c, one, _a: one.state,
        "body": lambda _c, one, _a: one.body,
        "author": lambda _c, one, _a: actor(one.author),
        "viewerDidAuthor": lambda c, one, _a: one.author is c.actor,
    },
}
THREADS: Types = {
    "PullRequestReviewThread": {
        "id": lambda _c, one, _a: reviews.thread_node(one),
        "isResolved": lambda _c, one, _a: one.resolved_by is not None,
        "isOutdated": lambda _c, one, _a: one.outdated,
        "isCollapsed": lambda _c, one, _a: one.resolved_by is not None,
        "path": lambda _c, one, _a: one.path,
        "line": lambda _c, one, _a: one.line,
        "startLine": lambda _c, one, _a: one.start_line,
        "originalLine": lambda _c, one, _a: one.original_line,
        "originalStartLine": lambda _c, one, _a: one.original_start_line,
        "diffSide": lambda _c, one, _a: one.side,
        "startDiffSide": lambda _c, one, _a: None if one.original_start_line is None else one.start_side,
        "subjectType": lambda _c, one, _a: "FILE" if one.about_file else "LINE",
        "resolvedBy": lambda _c, one, _a: None if one.resolved_by is None else Node("User", one.resolved_by),
        "pullRequest": lambda _c, one, _a: Node("PullRequest", one.issue),
        "comments": _comments,
    },
    "PullRequestReviewComment": {
        "id": lambda _c, one, _a: f"PRRC_{one.id}",
        "databaseId": lambda _c, one, _a: small(one.id),
        "fullDatabaseId": lambda _c, one, _a: str(one.id),
        "author": lambda _c, one, _a: actor(one.author),
        "authorAssociation": lambda c, one, _a: _association(c, one),
        "body": lambda _c, one, _a: one.body,
        "createdAt": lambda _c, one, _a: one.created_at,
        "updatedAt": lambda _c, one, _a: one.updated_at,
        "url": lambda c, one, _a: reviews.comment_page(c.world, one),
        "path": lambda _c, one, _a: one.thread.path,
        "outdated": lambda _c, one, _a: one.thread.outdated,
        "diffHunk": lambda _c, one, _a: one.thread.hunk,
        "viewerDidAuthor": lambda c, one, _a: one.author is c.actor,
        "pullRequestReview": lambda _c, one, _a: _review(one.review),
        "replyTo": lambda _c, one, _a: None if one.reply_to is None else Node("PullRequestReviewComment", one.reply_to),
    },
}
PAYLOADS: Types = {
    "DraftPayload": {
        "clientMutationId": lambda _c, _one, _a: None,
        "pullRequest": lambda _c, one, _a: Node("PullRequest", one),
    },
    "ThreadPayload": {
        "clientMutationId": lambda _c, _one, _a: None,
        "thread": lambda _c, one, _a: Node("PullRequestReviewThread", one),
    },
}
TYPES: Types = {**ACTOR, **PAGES, **PULLS, **THREADS, **PAYLOADS}

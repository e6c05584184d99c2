"""Shapes of review threads and of the comments on lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github.shapes.accounts import user
from jobs.testing.github.shapes.issues import association, pull_links, rollup
from jobs.testing.github.shapes.repositories import api_url

if TYPE_CHECKING:
    from jobs.testing.github.records import JSON
    from jobs.testing.github.review_records import ReviewComment, Thread
    from jobs.testing.github.world import World


def comment(world: World, record: ReviewComment) -> JSON:
    """Return a comment on lines of a pull request."""
    place = record.thread
    repository = place.issue.repository
    url = f"{api_url(world, repository)}/pulls/comments/{record.id}"
    links = pull_links(world, place.issue)
    page = comment_page(world, record)
    several = place.original_start_line is not None
    shape: JSON = {
        "url": url,
        "pull_request_review_id": record.review.id,
        "id": record.id,
        "node_id": f"PRRC_{record.id}",
        "diff_hunk": place.hunk,
        "path": place.path,
        "commit_id": place.latest_commit,
        "original_commit_id": place.commit,
        "user": user(world, record.author),
        "body": record.body,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "html_url": page,
        "pull_request_url": links["url"],
        "author_association": association(world, repository, record.author),
        "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": links["url"]}},
        "reactions": rollup(url, record.reactions),
        "start_line": place.start_line,
        "original_start_line": place.original_start_line,
        "start_side": place.start_side if several else None,
        "line": place.line,
        "original_line": place.original_line,
        "side": place.side,
        "original_position": place.original_position,
        "position": place.position,
        "subject_type": "file" if place.about_file else "line",
    }
    if record.reply_to is not None:
        shape["in_reply_to_id"] = record.reply_to.id
    return shape


def thread(world: World, record: Thread) -> JSON:
    """Return a thread, as webhooks carry it."""
    return {"node_id": thread_node(record), "comments": [comment(world, one) for one in record.comments]}


def thread_node(record: Thread) -> str:
    """Return the id by which GraphQL knows a thread."""
    return f"PRRT_{record.id}"


def comment_page(world: World, record: ReviewComment) -> str:
    """Return where people see a comment."""
    return f"{pull_links(world, record.thread.issue)['html_url']}#discussion_r{record.id}"

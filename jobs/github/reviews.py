"""Reviews of pull requests: read with their threads, answered, resolved, and written once."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from jobs.github import thread_queries, transport
from jobs.github.calls import UNPROCESSABLE, Calls
from jobs.github.patches import DiffLines, read_patch
from jobs.github.review_values import LineRemark, SubmittedReview, Thread, ThreadComment
from jobs.github.values import Comment, GitHubRefused
from jobs.text import code
from jobs.types import GitHubUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Event = Literal["COMMENT", "REQUEST_CHANGES"]
"""What a review of ours may be: it never approves."""

MOST = 10_000
MOST_FILES = 3000
"""GitHub lists no more files of a pull request."""
LONGEST_BODY = 65_536
OWN = "own pull request"
ELSEWHERE = "On lines that cannot be commented on in this pull request:"

log = logging.getLogger(__name__)


class ReviewThreads(Calls):
    """The calls about reviews; what is written is found again by a hidden marker at its beginning."""

    _bot_login: Callable[[], str]
    """Tells the login of the App's bot user, with ``[bot]`` at its end."""

    # -- reading ------------------------------------------------------------------------------------------------

    def submitted_review(self, number: int, review_id: int) -> SubmittedReview:
        """Return a review as it stands now; raises GitHubRefused with 404 where it is gone."""
        return self._review(self.read(f"{self._base}/pulls/{number}/reviews/{review_id}"))

    def reviews_of(self, number: int) -> tuple[SubmittedReview, ...]:
        """Return all reviews that were submitted, oldest first."""
        path = f"{self._base}/pulls/{number}/reviews"
        found = transport.pages(self._kit, path, most=MOST)
        return tuple(self._review(one) for one in found if one["state"] != "PENDING")

    def review_threads(self, number: int) -> tuple[Thread, ...]:
        """Return all review threads with all their comments, oldest first."""
        owner, _, name = self.full_name.partition("/")
        where: dict[str, Any] = {"owner": owner, "name": name, "number": number, "after": None}
        found: list[Thread] = []
        while True:
            data = transport.graphql(self._kit, thread_queries.OF_PULL, where)
            page = data["repository"]["pullRequest"]["reviewThreads"]
            found += [self._thread(one) for one in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                return tuple(found)
            where["after"] = page["pageInfo"]["endCursor"]

    def review_thread(self, thread_id: str) -> Thread:
        """Return a review thread as it stands now; raises GitHubRefused with 404 where it is gone."""
        data = transport.graphql(self._kit, thread_queries.ONE, {"id": thread_id, "after": None})
        return self._thread(data["node"])

    def diff_lines(self, number: int) -> dict[str, DiffLines]:
        """Return which lines of which files a pull request changes and shows, by path."""
        found = transport.pages(self._kit, f"{self._base}/pulls/{number}/files", most=MOST_FILES)
        return {one["filename"]: read_patch(one.get("patch") or "") for one in found}

    def changed_lines(self, number: int) -> dict[str, tuple[range, ...]]:
        """Return the lines of the new files that a pull request changes, by path; none where GitHub shows none."""
        return {path: lines.changed for path, lines in self.diff_lines(number).items()}

    # -- threads ------------------------------------------------------------------------------------------------

    def ensure_reply(self, number: int, thread: Thread, marker: str, body: str) -> Comment:
        """Answer in a thread with a text that begins with a marker, or bring the answer that is there up to date."""
        now = self.review_thread(thread.id)
        found = next((one for one in now.comments if one.ours and one.body.startswith(marker)), None)
        if found is None:
            first = (now.comments or thread.comments)[0]
            path = f"{self._base}/pulls/{number}/comments/{first.id}/replies"
            return _comment(self._call("POST", path, json={"body": body}))
        if found.body == body:
            return Comment(found.id, found.url, found.body)
        return _comment(self._call("PATCH", f"{self._base}/pulls/comments/{found.id}", json={"body": body}))

    def resolve(self, thread_id: str) -> None:
        """Resolve a thread; one that is resolved already is a success, so that a lost answer changes nothing."""
        try:
            transport.graphql(self._kit, thread_queries.RESOLVE, {"id": thread_id})
        except (GitHubUnavailable, GitHubRefused):
            if not self.review_thread(thread_id).resolved:
                raise

    def react_to_line_comment(self, comment_id: int, content: str) -> None:
        """Put a reaction on a comment in a thread; a second one of the same kind changes nothing."""
        self._call("POST", f"{self._base}/pulls/comments/{comment_id}/reactions", json={"content": content})

    # -- our reviews --------------------------------------------------------------------------------------------

    def ensure_review(
        self, number: int, commit: str, marker: str, body: str, event: Event, comments: Sequence[LineRemark] = ()
    ) -> int:
        """Review a pull request with a text that begins with a marker, unless that was done, and return the id.

        What GitHub will not show at its line is said in the text instead. A request for changes on a pull request of
        our own, which GitHub refuses, becomes a plain review.
        """
        done = next((one for one in self.reviews_of(number) if one.ours and one.body.startswith(marker)), None)
        if done is not None:
            return done.id
        values = {"commit_id": commit, "event": event, "body": body}
        try:
            return self._write(number, values, comments)
        except GitHubRefused as refused:
            if refused.status != UNPROCESSABLE:
                raise
            log.info("a review is written otherwise: %s", refused)
            if event != "COMMENT" and OWN in refused.reason:
                return self.ensure_review(number, commit, marker, body, "COMMENT", comments)
            if not comments:
                raise
        return self._write_what_fits(number, values, comments)

    def dismiss_review(self, number: int, review_id: int, words: str) -> None:
        """Take the weight from a review of ours that asked for changes; one that was dismissed already is a success."""
        path = f"{self._base}/pulls/{number}/reviews/{review_id}"
        try:
            self._call("PUT", f"{path}/dismissals", json={"message": words, "event": "DISMISS"})
        except (GitHubUnavailable, GitHubRefused):
            if self.submitted_review(number, review_id).state != "DISMISSED":
                raise

    def _write_what_fits(self, number: int, values: Mapping[str, Any], comments: Sequence[LineRemark]) -> int:
        """Write a review whose remarks GitHub did not all take: first with those that its diff shows, then with none.

        GitHub does not say which one it means: https://docs.github.com/rest/pulls/reviews#create-a-review
        """
        lines = self.diff_lines(number)
        placed = [_within(lines.get(one.path, DiffLines()), one) for one in comments]
        fitting = [one for one in placed if one is not None]
        left = [given for given, one in zip(comments, placed, strict=True) if one is None]
        if fitting:
            try:
                return self._write(number, {**values, "body": _with_remarks(values["body"], left)}, fitting)
            except GitHubRefused as refused:
                if refused.status != UNPROCESSABLE:
                    raise
                log.info("a review is written without remarks at lines: %s", refused)
        return self._write(number, {"event": values["event"], "body": _with_remarks(values["body"], comments)}, ())

    def _write(self, number: int, values: Mapping[str, Any], comments: Sequence[LineRemark]) -> int:
        whole = {**values, "comments": [_remark(one) for one in comments]}
        return int(self._call("POST", f"{self._base}/pulls/{number}/reviews", json=whole)["id"])

    # -- from GitHub's shapes -----------------------------------------------------------------------------------

    def _review(self, found: Mapping[str, Any]) -> SubmittedReview:
        user = found.get("user") or {}
        login, is_bot = str(user.get("login") or "ghost"), user.get("type") == "Bot"
        return SubmittedReview(
            id=found["id"],
            author=login,
            author_id=str(user.get("id") or ""),
            is_bot=is_bot,
            ours=is_bot and login == self._bot_login(),
            state=found["state"],
            commit=found.get("commit_id") or "",
            submitted_at=_seconds(found.get("submitted_at")),
            url=found.get("html_url") or "",
            body=found.get("body") or "",
        )

    def _thread(self, found: Mapping[str, Any]) -> Thread:
        return Thread(
            id=found["id"],
            resolved=found["isResolved"],
            outdated=found["isOutdated"],
            path=found["path"],
            line=found["line"] or 0,
            start_line=found["startLine"] or 0,
            original_line=found["originalLine"] or 0,
            side=found["diffSide"],
            comments=tuple(self._thread_comment(one) for one in self._all_comments(found)),
        )

    def _all_comments(self, thread: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the comments of a thread, reading on where there are more than came with it."""
        page = thread["comments"]
        while True:
            yield from page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            where = {"id": thread["id"], "after": page["pageInfo"]["endCursor"]}
            page = transport.graphql(self._kit, thread_queries.ONE, where)["node"]["comments"]

    def _thread_comment(self, found: Mapping[str, Any]) -> ThreadComment:
        author = found.get("author") or {"login": "ghost"}
        is_bot = author.get("__typename") == "Bot"
        # GraphQL tells a bot's login without the ending that REST gives it.
        login = author["login"].removesuffix("[bot]") + ("[bot]" if is_bot else "")
        return ThreadComment(
            id=int(found["fullDatabaseId"]),
            author=login,
            author_id=str(author.get("databaseId") or ""),
            is_bot=is_bot,
            ours=is_bot and login == self._bot_login(),
            association=found["authorAssociation"],
            review=int((found.get("pullRequestReview") or {}).get("fullDatabaseId") or 0),
            at=_seconds(found["createdAt"]),
            url=found["url"],
            body=found["body"],
        )


def _within(lines: DiffLines, remark: LineRemark) -> LineRemark | None:
    """Return a remark as the diff can show it: on its last line alone where the first one is not in the same part."""
    if remark.side == "LEFT":
        return replace(remark, start_line=0) if any(remark.line in part for part in lines.deleted) else None
    part = lines.part_with(remark.line)
    if not part:
        return None
    return remark if remark.start_line in part and remark.start_line < remark.line else replace(remark, start_line=0)


def _with_remarks(body: str, remarks: Sequence[LineRemark]) -> str:
    """Return a review's text with remarks that have no place at a line."""
    if not remarks:
        return body
    said = [f"**{code(f'{one.path}:{one.line}')}** {one.body}" for one in remarks]
    whole = "\n\n".join((body, ELSEWHERE, *said))
    return whole if len(whole) <= LONGEST_BODY else whole[: LONGEST_BODY - 2] + "\n…"


def _remark(one: LineRemark) -> dict[str, Any]:
    values: dict[str, Any] = {"path": one.path, "line": one.line, "side": one.side, "body": one.body}
    return values | ({"start_line": one.start_line, "start_side": one.side} if one.start_line else {})


def _comment(found: Mapping[str, Any]) -> Comment:
    return Comment(found["id"], found["html_url"], found.get("body") or "")


def _seconds(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0

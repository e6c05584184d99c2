"""What people do when they review: comment on lines, answer in threads, resolve them, dismiss a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import discussing
from jobs.testing.github.shapes import pulls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.github.review_records import LineComment, Review, ReviewComment, Thread
    from jobs.testing.github.world import World


class Reviewing:
    """The doors of reviewers; ``by`` is always a login, and made where it is new."""

    world: World

    def review(
        self,
        repository: str,
        number: int,
        state: str = "COMMENTED",
        body: str = "",
        comments: Sequence[LineComment] = (),
        *,
        by: str,
    ) -> Review:
        """Review a pull request; ``state`` is APPROVED, CHANGES_REQUESTED or COMMENTED.

        Raises ``NotInDiff`` where a comment is about lines that the pull request does not show.
        """
        with self.world.change():
            issue, author = self.world.issue(repository, number), self.world.account(by)
            return discussing.write_review(self.world, issue, author, state, body, comments)

    def review_pull_request(self, repository: str, number: int, state: str, body: str = "", *, by: str) -> Review:
        """Review a pull request without comments on lines."""
        return self.review(repository, number, state, body, by=by)

    def reply_in_thread(self, repository: str, comment_id: int, text: str, *, by: str) -> ReviewComment:
        """Answer in the thread that a comment is in."""
        with self.world.change():
            thread = self._comment(repository, comment_id).thread
            return discussing.write_comment(self.world, thread, self.world.account(by), text)

    def resolve_thread(self, repository: str, comment_id: int, *, by: str) -> None:
        """Resolve the thread that a comment is in."""
        with self.world.change():
            discussing.resolve(self.world, self._comment(repository, comment_id).thread, self.world.account(by))

    def unresolve_thread(self, repository: str, comment_id: int, *, by: str) -> None:
        """Open the thread that a comment is in again."""
        with self.world.change():
            thread = self._comment(repository, comment_id).thread
            discussing.resolve(self.world, thread, self.world.account(by), resolved=False)

    def edit_review_comment(self, repository: str, comment_id: int, text: str, *, by: str) -> None:
        """Change a comment on lines."""
        with self.world.change():
            discussing.edit_comment(self.world, self._comment(repository, comment_id), text, self.world.account(by))

    def delete_review_comment(self, repository: str, comment_id: int, *, by: str) -> None:
        """Delete a comment on lines."""
        with self.world.change():
            discussing.delete_comment(self.world, self._comment(repository, comment_id), self.world.account(by))

    def dismiss_review(self, repository: str, number: int, review_id: int, *, by: str) -> None:
        """Take the weight from a review."""
        with self.world.change():
            issue = self.world.issue(repository, number)
            review = next((one for one in pulls.must(issue).reviews if one.id == review_id), None)
            if review is None:
                raise LookupError(f"pull request {number} has no review {review_id}")
            discussing.dismiss(self.world, issue, review, self.world.account(by))

    def reviews(self, repository: str, number: int) -> list[Review]:
        """Return the reviews of a pull request, oldest first; each single comment on lines came with one."""
        with self.world.lock:
            return list(pulls.must(self.world.issue(repository, number)).reviews)

    def threads(self, repository: str, number: int) -> list[Thread]:
        """Return the review threads of a pull request, oldest first."""
        with self.world.lock:
            return list(pulls.must(self.world.issue(repository, number)).threads)

    def _comment(self, repository: str, comment_id: int) -> ReviewComment:
        found = discussing.find_comment(self.world.repository(repository), comment_id)
        if found is None:
            raise LookupError(f"there is no comment {comment_id} on lines in {repository}")
        return found

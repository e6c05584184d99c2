"""What stands between a pull request and its base, and the two calls that bring it there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jobs.github import transport
from jobs.github.pull_requests import PullRequests
from jobs.github.values import CheckState, CommitStatus, Demands, GitHubRefused, Reviews
from jobs.types import GitHubUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jobs.github.values import PullRequestState

READY = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }"
DECIDING = {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}
NOT_MERGED = frozenset({405, 409})
"""GitHub will not merge it as it is, or its head is another one by now."""

log = logging.getLogger(__name__)


class Merging(PullRequests):
    """The calls about merging; each write reads first or afterwards what is true, so that it can be made again."""

    def checks_of(self, sha: str) -> tuple[CheckState, ...]:
        """Return the newest check runs and statuses of a commit."""
        return (*self._check_runs(sha), *(_status(one.context, one.state) for one in self.statuses_at(sha)))

    def statuses_at(self, sha: str) -> tuple[CommitStatus, ...]:
        """Return the newest status of each context; none where the App lacks the permission to see them."""
        path = f"{self._base}/commits/{sha}/status"
        try:
            return tuple(map(_commit_status, transport.pages(self._kit, path, key="statuses")))
        except GitHubRefused as refused:
            log.info("the statuses of %s are not to be had: %s", sha, refused)
            return ()

    def reviews(self, number: int) -> Reviews:
        """Return who approves and who asks for changes; of each person the newest word counts, comments do not."""
        newest: dict[str, str] = {}
        for found in transport.pages(self._kit, f"{self._base}/pulls/{number}/reviews"):
            if found["state"] in DECIDING and found.get("user"):
                newest[found["user"]["login"]] = found["state"]
        approved, refused = (
            tuple(login for login, state in newest.items() if state == wanted)
            for wanted in ("APPROVED", "CHANGES_REQUESTED")
        )
        return Reviews(approved, refused)

    def demands(self, branch: str) -> Demands:
        """Return what a branch demands before something is merged into it, as far as the App may know."""
        name = quote(branch, safe="")
        checks: dict[str, None] = {}
        approvals = 0
        found = self._if_allowed(f"{self._base}/branches/{name}") or {}
        protection = (found.get("protection") or {}).get("required_status_checks") or {}
        checks.update(dict.fromkeys(protection.get("contexts") or ()))
        for rule in self._if_allowed(f"{self._base}/rules/branches/{name}") or ():
            parameters = rule.get("parameters") or {}
            checks.update(dict.fromkeys(one["context"] for one in parameters.get("required_status_checks") or ()))
            approvals = max(approvals, parameters.get("required_approving_review_count") or 0)
        return Demands(tuple(checks), approvals)

    def mark_ready(self, number: int) -> PullRequestState:
        """Make a draft an ordinary pull request, and return it; nothing is done where it is none.

        REST has no call for this: https://docs.github.com/graphql/reference/mutations#markpullrequestreadyforreview
        """
        state = self.pull_request(number)
        if not state.draft or state.state != "open":
            return state
        try:
            transport.graphql(self._kit, READY, {"id": state.node_id})
        except (GitHubUnavailable, GitHubRefused):
            state = self.pull_request(number)
            if state.draft:
                raise
            return state
        return self.pull_request(number)

    def merge(self, number: int, sha: str, method: str) -> str:
        """Merge a pull request whose head is ``sha``, by merge, squash or rebase, and return the commit on the base.

        One that was merged at this head already is a success, so that a lost answer changes nothing. Raises
        GitHubRefused in GitHub's words where it will not be merged.
        """
        values = {"sha": sha, "merge_method": method}
        try:
            return str(self._call("PUT", f"{self._base}/pulls/{number}/merge", json=values)["sha"])
        except (GitHubUnavailable, GitHubRefused) as error:
            state = self.pull_request(number)
            if state.state == "merged" and state.head == sha:
                return state.merge_commit
            if isinstance(error, GitHubRefused) and error.status in NOT_MERGED:
                words = f"GitHub did not merge pull request #{number}: {error.reason or error}"
                raise GitHubRefused(error.status, words, error.reason) from None
            raise

    def _check_runs(self, sha: str) -> Iterator[CheckState]:
        for found in transport.pages(self._kit, f"{self._base}/commits/{sha}/check-runs", key="check_runs"):
            yield CheckState(found["name"], found["status"], found.get("conclusion") or "")

    def _if_allowed(self, path: str) -> Any:
        """Read what not every App may see, and not every server knows; None where that is so."""
        try:
            return transport.call(self._kit, "GET", path)
        except GitHubRefused as refused:
            log.info("not to be had: %s", refused)
            return None


def _status(name: str, state: str) -> CheckState:
    if state == "pending":
        return CheckState(name, "in_progress", "")
    return CheckState(name, "completed", "success" if state == "success" else "failure")


def _commit_status(found: Mapping[str, Any]) -> CommitStatus:
    told = (found.get("description") or "", found.get("target_url") or "")
    return CommitStatus(str(found["context"]), str(found["state"]), *told)

"""Pull requests: opened once from a branch, changed, and read as they stand now."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobs.github import transport
from jobs.github.calls import Calls
from jobs.github.values import PullRequest, PullRequestState

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTLE_PAUSE_SECONDS = 0.5


class PullRequests(Calls):
    """The calls about pull requests."""

    def find_pull_request(self, branch: str) -> PullRequest | None:
        """Return the newest pull request from a branch of this repository."""
        owner = self.full_name.partition("/")[0]
        params = {"head": f"{owner}:{branch}", "state": "all", "per_page": 5}
        found = transport.call(self._kit, "GET", f"{self._base}/pulls", params=params)
        return _pull_request(found[0]) if found else None

    def open_pull_requests(self, *, head: str = "", base: str = "") -> tuple[PullRequestState, ...]:
        """Return the open pull requests, newest first: from ``owner:branch``, or into a branch, where one is named.

        Whether they can be merged is not told here.
        """
        wanted: dict[str, Any] = {name: value for name, value in (("head", head), ("base", base)) if value}
        found = transport.pages(self._kit, f"{self._base}/pulls", state="open", **wanted)
        return tuple(as_state(one) for one in found)

    def ensure_pull_request(self, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open a draft pull request from a branch, or bring the open one up to date."""
        found = self.find_pull_request(branch)
        if found is None:
            values = {"head": branch, "base": base, "title": title, "body": body, "draft": True}
            return _pull_request(self._call("POST", f"{self._base}/pulls", json=values))
        if found.state != "open":
            return found
        return self.update_pull_request(found.number, title=title, body=body)

    def update_pull_request(self, number: int, **values: Any) -> PullRequest:
        """Change a pull request's title, body or state."""
        return _pull_request(self._call("PATCH", f"{self._base}/pulls/{number}", json=values))

    def pull_request(self, number: int, *, settle: float = 0.0) -> PullRequestState:
        """Return a pull request as it stands now; raises GitHubRefused where there is none.

        GitHub finds out in the background whether it can be merged, beginning when it is asked: ``settle`` is how many
        seconds to wait for that.
        """
        ends = time.monotonic() + settle
        while True:
            state = as_state(self.read(f"{self._base}/pulls/{number}"))
            if state.state != "open" or state.mergeable is not None or time.monotonic() >= ends:
                return state
            time.sleep(SETTLE_PAUSE_SECONDS)

    def committed_at(self, sha: str) -> float:
        """Return when a commit was made, as its author's machine told it, in seconds since the epoch."""
        return _seconds(self.read(f"{self._base}/commits/{sha}")["commit"]["committer"]["date"])


def as_state(found: Mapping[str, Any]) -> PullRequestState:
    """Return a pull request as GitHub tells it alone, or in short in a list."""
    head, author = found["head"], found.get("user") or {}
    return PullRequestState(
        number=found["number"],
        url=found["html_url"],
        title=found["title"],
        author=str(author.get("login") or ""),
        state="merged" if found.get("merged") or found.get("merged_at") else str(found["state"]),
        draft=bool(found.get("draft")),
        head=head["sha"],
        branch=head["ref"],
        head_repository=str((head.get("repo") or {}).get("full_name") or ""),
        base=found["base"]["ref"],
        mergeable=found.get("mergeable"),
        mergeable_state=str(found.get("mergeable_state") or "unknown"),
        merge_commit=str(found.get("merge_commit_sha") or ""),
        node_id=found["node_id"],
        created_at=_seconds(found.get("created_at")),
        updated_at=_seconds(found.get("updated_at")),
    )


def _pull_request(found: Mapping[str, Any]) -> PullRequest:
    state, draft = str(found["state"]), bool(found.get("draft"))
    head, base, body = found["head"]["sha"], found["base"]["ref"], found.get("body") or ""
    return PullRequest(found["number"], found["html_url"], state, draft, head, base, body)


def _seconds(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0

"""One repository through its installation: what is read, and what is written under a key by which it is found again."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jobs.github import transport
from jobs.github.actions import Actions
from jobs.github.calls import GONE, UNPROCESSABLE
from jobs.github.merging import Merging
from jobs.github.reviews import ReviewThreads
from jobs.github.values import CheckRun, Comment, GitHubRefused, Issue
from jobs.types import BRANCH_PREFIX, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

DEFAULT_HEAD = """query($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) { defaultBranchRef { name target { __typename oid } } }
}"""
MOST = 10_000
"""How many comments or events of an issue are looked through: the newest are the last."""


class Repository(Merging, Actions, ReviewThreads):
    """The calls that the bot makes in one repository.

    A POST is never repeated blindly: each ``ensure_…`` first looks for what an earlier attempt may have made.
    """

    def __init__(
        self,
        kit: transport.PooledKit,
        teams: transport.PooledKit,
        full_name: str,
        app_id: int,
        bot_login: Callable[[], str],
    ) -> None:
        """Take the client of the repository, and one that may read teams: not every installation grants that."""
        super().__init__(kit, full_name)
        self._teams, self._app_id, self._bot_login = teams, app_id, bot_login

    # -- reading ------------------------------------------------------------------------------------------------

    def permission(self, login: str) -> str:
        """Return a person's permission now: admin, maintain, write, triage, read or none."""
        return self.standing(login)[0]

    def standing(self, login: str) -> tuple[str, str]:
        """Return a person's permission now, and the id of the account that has the login now, where GitHub tells it.

        Logins can be changed, and taken by somebody else then; ids stay.
        """
        answer = self._find(f"{self._base}/collaborators/{quote(login)}/permission")
        if answer is None:
            return "none", ""
        role, user = str(answer.get("role_name") or ""), answer.get("user") or {}
        permission = role if role in {"maintain", "triage"} else str(answer["permission"])
        return permission, str(user.get("id", ""))

    def team_member(self, organisation: str, team: str, login: str) -> bool:
        """Tell whether a person is an active member of a team; a team that we may not see has no members."""
        path = f"/orgs/{quote(organisation)}/teams/{quote(team)}/memberships/{quote(login)}"
        try:
            answer = transport.call(self._teams, "GET", path)
        except GitHubRefused:
            return False
        return bool(answer["state"] == "active")

    def default_branch(self) -> str:
        """Return the name of the default branch."""
        return str(self.read(self._base)["default_branch"])

    def default_head(self) -> tuple[str, str]:
        """Return the name of the default branch and the commit that it stands at; raises UserError while it has none.

        REST would take two calls: https://docs.github.com/graphql/reference/objects#repository
        """
        owner, name = self.full_name.split("/")
        found = transport.graphql(self._kit, DEFAULT_HEAD, {"owner": owner, "name": name})["repository"]
        head = found["defaultBranchRef"]
        if head is None:
            raise UserError(f"{self.full_name} has no commit yet. Push a first one and ask again.")
        return str(head["name"]), str(head["target"]["oid"])

    def branch_sha(self, name: str) -> str | None:
        """Return the commit that a branch stands at, or None where there is no such branch."""
        answer = self._find(f"{self._base}/git/ref/heads/{quote(name)}")
        return None if answer is None else str(answer["object"]["sha"])

    def commit_words(self, sha: str) -> tuple[str, str]:
        """Return the e-mail address of a commit's author, and its message."""
        found = self.read(f"{self._base}/commits/{sha}")["commit"]
        return str(found["author"]["email"]), str(found["message"])

    def delete_branch(self, name: str) -> None:
        """Delete a branch of ours; one that is gone already is a success."""
        if not name.startswith(BRANCH_PREFIX):
            raise ValueError(f"{name[:80]!r} is no branch of ours")
        try:
            self._call("DELETE", f"{self._base}/git/refs/heads/{quote(name)}")
        except GitHubRefused as refused:
            if refused.status not in {*GONE, UNPROCESSABLE}:
                raise

    def head_sha(self, branch: str = "") -> str:
        """Return the newest commit of a branch, of the default branch if none is named."""
        return str(self.read(f"{self._base}/commits/{quote(branch or 'HEAD', safe='')}")["sha"])

    def read_file(self, path: str, ref: str = "") -> bytes | None:
        """Return a file at a ref, of the default branch if none is named, or None where there is no such file."""
        params = {"ref": ref} if ref else None
        answer = self._find(f"{self._base}/contents/{quote(path)}", params=params)
        if not isinstance(answer, dict) or answer.get("type") != "file":
            return None
        return base64.b64decode(answer["content"])

    def issue(self, number: int) -> Issue | None:
        """Return an issue as it stands now, or None where it is gone."""
        answer = self._find(f"{self._base}/issues/{number}")
        return None if answer is None else _issue(answer)

    def open_issues(self, label: str) -> Iterator[Issue]:
        """Yield the open issues with a label."""
        for found in transport.pages(self._kit, f"{self._base}/issues", state="open", labels=label):
            if not found.get("pull_request"):
                yield _issue(found)

    def labeled_by(self, number: int, label: str) -> tuple[dict[str, Any] | None, float]:
        """Return who put a label on an issue last, as GitHub describes a user, and when in seconds since the epoch."""
        actor, at = None, 0.0
        for event in transport.pages(self._kit, f"{self._base}/issues/{number}/events", most=MOST):
            if event["event"] == "labeled" and event["label"]["name"].casefold() == label.casefold():
                actor, at = event["actor"], datetime.fromisoformat(event["created_at"]).timestamp()
        return actor, at

    def unlabeled_by(self, number: int, labels: Iterable[str]) -> tuple[str, str, float]:
        """Return which of some labels was taken off an issue last, by whom, and when in seconds since the epoch.

        Nothing where one of them was put on since.
        """
        wanted, last = {label.casefold() for label in labels}, ("", "", 0.0)
        for event in transport.pages(self._kit, f"{self._base}/issues/{number}/events", most=MOST):
            if event["event"] in {"labeled", "unlabeled"} and event["label"]["name"].casefold() in wanted:
                at, who = datetime.fromisoformat(event["created_at"]).timestamp(), event["actor"] or {"login": "ghost"}
                off = event["event"] == "unlabeled"
                last = (event["label"]["name"], who["login"], at) if off else ("", "", 0.0)
        return last

    # -- issues and comments --------------------------------------------------------------------------------------

    def react(self, number: int, content: str) -> None:
        """Put a reaction on an issue or pull request; a second one of the same kind changes nothing."""
        self._call("POST", f"{self._base}/issues/{number}/reactions", json={"content": content})

    def react_to_comment(self, comment_id: int, content: str) -> None:
        """Put a reaction on a comment."""
        self._call("POST", f"{self._base}/issues/comments/{comment_id}/reactions", json={"content": content})

    def find_comment(self, number: int, marker: str) -> Comment | None:
        """Return our comment that carries a hidden marker."""
        for found in transport.pages(self._kit, f"{self._base}/issues/{number}/comments", most=MOST):
            if self._is_ours(found) and str(found.get("body") or "").startswith(marker):
                return _comment(found)
        return None

    def _is_ours(self, comment: Mapping[str, Any]) -> bool:
        """Tell whether the App wrote a comment; anybody can write a marker."""
        app = comment.get("performed_via_github_app")
        return app is not None and app["id"] == self._app_id

    def comment(self, comment_id: int) -> Comment | None:
        """Return a comment as it stands now, or None where it is gone."""
        found = self._find(f"{self._base}/issues/comments/{comment_id}")
        return None if found is None else _comment(found)

    def create_comment(self, number: int, body: str) -> Comment:
        """Write a comment."""
        return _comment(self._call("POST", f"{self._base}/issues/{number}/comments", json={"body": body}))

    def edit_comment(self, comment_id: int, body: str) -> Comment:
        """Change a comment of ours."""
        return _comment(self._call("PATCH", f"{self._base}/issues/comments/{comment_id}", json={"body": body}))

    def ensure_comment(self, number: int, marker: str, body: str) -> Comment:
        """Write a comment that begins with a marker, or bring the one that is there up to date."""
        found = self.find_comment(number, marker)
        if found is None:
            return self.create_comment(number, body)
        return found if found.body == body else self.edit_comment(found.id, body)

    def restore_comment(self, comment_id: int, number: int, marker: str, body: str) -> Comment:
        """Bring a comment of ours up to date, or write it anew where somebody deleted it."""
        try:
            return self.edit_comment(comment_id, body)
        except GitHubRefused as refused:
            if refused.status not in GONE:
                raise
            return self.ensure_comment(number, marker, body)

    # -- check runs -----------------------------------------------------------------------------------------------

    def find_check_run(self, sha: str, external_id: str, name: str) -> CheckRun | None:
        """Return our check run on a commit that carries an external id."""
        path = f"{self._base}/commits/{sha}/check-runs"
        for found in transport.pages(self._kit, path, key="check_runs", check_name=name, filter="all"):
            if found["external_id"] == external_id and (found.get("app") or {}).get("id") in {self._app_id, None}:
                return _check_run(found)
        return None

    def unfinished_check_runs(self, sha: str, external_id: str, name: str) -> tuple[CheckRun, ...]:
        """Return our check runs on a commit that carry an external id and are not completed, oldest first."""
        path = f"{self._base}/commits/{sha}/check-runs"
        found = transport.pages(self._kit, path, key="check_runs", check_name=name, filter="all")
        mine = (one for one in found if one["external_id"] == external_id and one["status"] != "completed")
        ours = (one for one in mine if (one.get("app") or {}).get("id") in {self._app_id, None})
        return tuple(sorted(map(_check_run, ours), key=lambda one: one.id))

    def ensure_check_run(self, sha: str, external_id: str, name: str, values: Mapping[str, Any]) -> CheckRun:
        """Make a check run on a commit, or bring the one that is there up to date."""
        found = self.find_check_run(sha, external_id, name)
        if found is not None:
            return self.update_check_run(found.id, values)
        body = {"name": name, "head_sha": sha, "external_id": external_id, **values}
        return _check_run(self._call("POST", f"{self._base}/check-runs", json=body))

    def update_check_run(self, check_run_id: int, values: Mapping[str, Any]) -> CheckRun:
        """Change a check run of ours."""
        return _check_run(self._call("PATCH", f"{self._base}/check-runs/{check_run_id}", json=dict(values)))


def _issue(found: Mapping[str, Any]) -> Issue:
    labels = tuple(label if isinstance(label, str) else str(label["name"]) for label in found["labels"])
    state, body = str(found["state"]), found.get("body") or ""
    where = "/".join(str(found.get("repository_url") or "").split("/")[-2:])
    at = datetime.fromisoformat(found["updated_at"]).timestamp()
    return Issue(found["number"], found["title"], body, state, labels, bool(found.get("pull_request")), where, at)


def _comment(found: Mapping[str, Any]) -> Comment:
    return Comment(found["id"], found["html_url"], found.get("body") or "")


def _check_run(found: Mapping[str, Any]) -> CheckRun:
    return CheckRun(found["id"], found.get("html_url") or "")

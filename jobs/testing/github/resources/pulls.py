"""Pull requests."""

from __future__ import annotations

from jobs.testing.github import access, git, happenings, merges
from jobs.testing.github.errors import Refused, invalid, not_found
from jobs.testing.github.records import Issue, Pull
from jobs.testing.github.router import Call, Router, page, reply
from jobs.testing.github.shapes import pulls, repositories
from jobs.testing.loopback import Answer

router = Router()

DIFF = "application/vnd.github.diff"
MOST_DIFF_LINES = 20_000


@router.route("GET", "/repos/{owner}/{repo}/pulls", needs="pull_requests:read")
def list_pulls(call: Call) -> Answer:
    """List pull requests, newest first."""
    query = call.request.query
    state, head, base = query.get("state", "open"), query.get("head", ""), query.get("base", "")
    found = [
        issue
        for issue in reversed(call.repository.pulls)
        if state in {"all", issue.state}
        and head in {"", f"{pulls.head_owner(issue)}:{pulls.must(issue).head}"}
        and base in {"", pulls.must(issue).base}
    ]
    return page(call, found, lambda issue: pulls.simple(call.world, issue))


@router.route("POST", "/repos/{owner}/{repo}/pulls", needs="pull_requests:write")
def create_pull(call: Call) -> Answer:
    """Open a pull request between two branches of one repository."""
    head, base = call.required("PullRequest", "head"), call.required("PullRequest", "base")
    title = call.required("PullRequest", "title")
    path, branch = call.repository.path, head.rpartition(":")[2]
    head_sha, base_sha = (git.resolve(path, f"refs/heads/{name}") for name in (branch, base))
    for field, sha in (("head", head_sha), ("base", base_sha)):
        if sha is None:
            raise invalid("PullRequest", field)
    _refuse_second(call, head, branch, base)
    if head_sha is None or base_sha is None or git.count(path, f"{base_sha}..{head_sha}") == 0:
        raise invalid("PullRequest", "head", message=f"No commits between {base} and {branch}")
    made = call.world.new_issue(call.repository, title, call.given("body") or "", call.actor, call.app)
    made.pull = Pull(call.world.new_id(), branch, head_sha, base, base_sha, draft=bool(call.given("draft")))
    git.update_ref(path, f"refs/pull/{made.number}/head", head_sha)
    happenings.pull_request(call.world, made, "opened", call.actor)
    return reply(pulls.full(call.world, made), 201)


@router.route("GET", "/repos/{owner}/{repo}/pulls/{number}", needs="pull_requests:read")
def get_pull(call: Call) -> Answer:
    """Return a pull request, or what it changes where that is asked for."""
    issue = _named(call)
    if DIFF in call.request.headers.get("accept", ""):
        pull, path = pulls.must(issue), issue.repository.path
        base = git.merge_base(path, pull.base_sha, pull.head_sha) or pull.base_sha
        return Answer(
            200, _short(git.whole_diff(path, base, pull.head_sha)), {"Content-Type": f"{DIFF}; charset=utf-8"}
        )
    return reply(pulls.full(call.world, issue))


@router.route("PUT", "/repos/{owner}/{repo}/pulls/{number}/merge", needs="contents:write")
def merge_pull(call: Call) -> Answer:
    """Merge a pull request where its base lets it, at the commit that the caller knows."""
    issue, method = _named(call), call.given("merge_method", "merge")
    if method not in merges.METHODS:
        raise Refused(422, f"Invalid request.\n\n{method} is not a member of the list of merge methods.")
    merges.refuse(issue, method, str(call.given("sha") or ""))
    made = merges.merge(call.world, issue, call.actor, method)
    return reply({"sha": made, "merged": True, "message": "Pull Request successfully merged"})


@router.route("PATCH", "/repos/{owner}/{repo}/pulls/{number}", needs="pull_requests:write")
def update_pull(call: Call) -> Answer:
    """Change a pull request's title, body, base or state."""
    issue = _named(call)
    if changes := call.rewrite(issue):
        happenings.pull_request(call.world, issue, "edited", call.actor, changes=changes)
    if (base := call.given("base")) is not None:
        sha = git.resolve(issue.repository.path, f"refs/heads/{base}")
        if sha is None:
            raise invalid("PullRequest", "base")
        pull = pulls.must(issue)
        pull.base, pull.base_sha = base, sha
    state = call.given("state")
    if state not in {None, "open", "closed"}:
        raise invalid("PullRequest", "state")
    if state is not None and state != issue.state:
        happenings.set_state(call.world, issue, state, None, call.actor)
    issue.updated_at = call.world.now()
    return reply(pulls.full(call.world, issue))


@router.route("GET", "/repos/{owner}/{repo}/pulls/{number}/files", needs="pull_requests:read")
def list_files(call: Call) -> Answer:
    """List the files that a pull request changes."""
    issue = _named(call)
    pull, path = pulls.must(issue), issue.repository.path
    base = git.merge_base(path, pull.base_sha, pull.head_sha) or pull.base_sha
    changes = git.diff(path, base, pull.head_sha)
    return page(call, changes, lambda one: repositories.changed_file(call.world, issue.repository, one, pull.head_sha))


@router.route("GET", "/repos/{owner}/{repo}/pulls/{number}/commits", needs="pull_requests:read")
def list_commits(call: Call) -> Answer:
    """List the commits of a pull request, oldest first."""
    issue = _named(call)
    pull = pulls.must(issue)
    made = git.commits(issue.repository.path, f"{pull.base_sha}..{pull.head_sha}")[::-1]
    return page(call, made, lambda one: repositories.commit(call.world, issue.repository, one))


@router.route("PUT", "/repos/{owner}/{repo}/pulls/{number}/update-branch", needs="pull_requests:write")
def update_branch(call: Call) -> Answer:
    """Merge the base into the head of a pull request."""
    issue = _named(call)
    pull = pulls.must(issue)
    if pull.fork is not None or call.token is None or not call.token.grants("contents", "write"):
        access.note(call, "contents:write on the head")
        raise Refused(403, "Resource not accessible by integration")
    expected = call.given("expected_head_sha")
    if expected is not None and expected != pull.head_sha:
        raise Refused(422, "expected head sha didn't match current head ref.")
    merges.update(call.world, issue, call.actor)
    url = f"{repositories.html_url(call.world, issue.repository)}/pull/{issue.number}"
    return reply({"message": "Updating pull request branch.", "url": url}, 202)


def _named(call: Call) -> Issue:
    if call.issue.pull is None:
        raise not_found()
    return call.issue


def _short(diff: bytes) -> bytes:
    """Refuse a diff that is too long, as GitHub does."""
    if diff.count(b"\n") > MOST_DIFF_LINES:
        message = f"Sorry, the diff exceeded the maximum number of lines ({MOST_DIFF_LINES})"
        raise Refused(406, message, [{"resource": "PullRequest", "field": "diff", "code": "too_large"}])
    return diff


def _refuse_second(call: Call, head: str, branch: str, base: str) -> None:
    owner = call.repository.owner.login
    if ":" in head and head.partition(":")[0].lower() != owner.lower():
        raise invalid("PullRequest", "head")
    for issue in call.repository.pulls:
        pull = pulls.must(issue)
        if issue.state == "open" and pull.fork is None and (pull.head, pull.base) == (branch, base):
            message = f"A pull request already exists for {owner}:{branch}."
            raise Refused(422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}])

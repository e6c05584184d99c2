"""Repositories: themselves, their branches, commits, files, and who may do what in them."""

from __future__ import annotations

import base64

from jobs.testing.github import git
from jobs.testing.github.errors import Refused, not_found
from jobs.testing.github.router import Call, Router, cut, page, page_number, reply
from jobs.testing.github.shapes import accounts, repositories
from jobs.testing.loopback import Answer

router = Router()

LARGEST_CONTENT = 1024 * 1024
# https://docs.github.com/rest/commits/commits#compare-two-commits
MOST_COMPARED, MOST_SHOWN, MOST_FILES = 10_000, 250, 300
LEGACY_ROLES = {"maintain": "write", "triage": "read"}


@router.route("GET", "/repos/{owner}/{repo}", needs="metadata:read")
def get_repository(call: Call) -> Answer:
    """Return a repository."""
    return reply(repositories.full(call.world, call.repository))


@router.route("GET", "/repos/{owner}/{repo}/branches", needs="contents:read")
def list_branches(call: Call) -> Answer:
    """List branches."""
    found = git.refs(call.repository.path, "refs/heads/")
    url = repositories.api_url(call.world, call.repository)
    items = [
        {
            "name": ref.removeprefix("refs/heads/"),
            "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
            "protected": ref.removeprefix("refs/heads/") in call.repository.protections,
        }
        for ref, sha in found.items()
    ]
    return page(call, items, lambda item: item)


@router.route("GET", "/repos/{owner}/{repo}/branches/{branch:path}", needs="contents:read")
def get_branch(call: Call) -> Answer:
    """Return a branch with its newest commit."""
    repository, name = call.repository, call.parameters["branch"]
    newest = git.resolve(repository.path, f"refs/heads/{name}")
    if newest is None:
        raise Refused(404, "Branch not found")
    made = git.commits(repository.path, newest, limit=1)[0]
    url = f"{repositories.api_url(call.world, repository)}/branches/{name}"
    page_url = f"{repositories.html_url(call.world, repository)}/tree/{name}"
    protection = repository.protections.get(name)
    contexts = list(protection.checks) if protection else []
    checks = {
        "enforcement_level": "non_admins" if contexts else "off",
        "contexts": contexts,
        "checks": [{"context": context, "app_id": None} for context in contexts],
    }
    return reply(
        {
            "name": name,
            "commit": repositories.commit(call.world, repository, made),
            "_links": {"self": url, "html": page_url},
            "protected": protection is not None,
            "protection": {"enabled": protection is not None, "required_status_checks": checks},
            "protection_url": f"{url}/protection",
        }
    )


@router.route("GET", "/repos/{owner}/{repo}/rules/branches/{branch:path}", needs="metadata:read")
def list_branch_rules(call: Call) -> Answer:
    """List the rules that hold for a branch."""
    return page(call, repositories.rules(call.repository, call.parameters["branch"]), lambda rule: rule)


@router.route("GET", "/repos/{owner}/{repo}/commits", needs="contents:read")
def list_commits(call: Call) -> Answer:
    """List the commits of a branch."""
    repository = call.repository
    start = _commit(call, call.request.query.get("sha", repository.default_branch))
    return page(
        call,
        git.commits(repository.path, start),
        lambda made: repositories.commit(call.world, repository, made),
    )


@router.route("GET", "/repos/{owner}/{repo}/commits/{ref:path}", needs="contents:read")
def get_commit(call: Call) -> Answer:
    """Return a commit with its files."""
    repository = call.repository
    made = git.commits(repository.path, _commit(call, call.parameters["ref"]), limit=1)[0]
    changes = git.diff(repository.path, made.parents[0], made.sha) if made.parents else []
    additions, deletions = sum(one.additions for one in changes), sum(one.deletions for one in changes)
    return reply(
        repositories.commit(call.world, repository, made)
        | {
            "stats": {"additions": additions, "deletions": deletions, "total": additions + deletions},
            "files": [repositories.changed_file(call.world, repository, one, made.sha) for one in changes],
        }
    )


@router.route("GET", "/repos/{owner}/{repo}/compare/{range:path}", needs="contents:read")
def compare(call: Call) -> Answer:
    """Compare two commits or branches: in pages, or else with the newest commits alone."""
    repository = call.repository
    old, _, new = call.parameters["range"].partition("...")
    base, head = _commit(call, old.rpartition(":")[2]), _commit(call, new.rpartition(":")[2])
    common = git.merge_base(repository.path, base, head)
    if common is None:
        raise Refused(404, f"No common ancestor between {old} and {new}.")
    ahead = git.count(repository.path, f"{base}..{head}")
    behind = git.count(repository.path, f"{head}..{base}")
    made = git.commits(repository.path, f"{base}..{head}", limit=MOST_COMPARED)[::-1]
    shown, headers = cut(call, made) if {"page", "per_page"} & call.request.query.keys() else (made[-MOST_SHOWN:], {})
    changes = git.diff(repository.path, common, head) if page_number(call) == 1 else []
    url = f"{repositories.api_url(call.world, repository)}/compare/{old}...{new}"
    html = f"{repositories.html_url(call.world, repository)}/compare/{old}...{new}"
    status = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind", (False, False): "identical"}
    ends = [
        repositories.commit(call.world, repository, git.commits(repository.path, one, limit=1)[0])
        for one in (base, common)
    ]
    return reply(
        {
            "url": url,
            "html_url": html,
            "permalink_url": f"{repositories.html_url(call.world, repository)}/compare/{base}...{head}",
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "base_commit": ends[0],
            "merge_base_commit": ends[1],
            "status": status[ahead > 0, behind > 0],
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": [repositories.commit(call.world, repository, one) for one in shown],
            "files": [repositories.changed_file(call.world, repository, one, head) for one in changes[:MOST_FILES]],
        },
        headers=headers,
    )


@router.route("GET", "/repos/{owner}/{repo}/contents", needs="contents:read")
@router.route("GET", "/repos/{owner}/{repo}/contents/", needs="contents:read")
@router.route("GET", "/repos/{owner}/{repo}/contents/{path:path}", needs="contents:read")
def get_content(call: Call) -> Answer:
    """Return a file, or list a folder; ``application/vnd.github.raw`` gives the bytes."""
    repository, path = call.repository, call.parameters.get("path", "").strip("/")
    ref = call.request.query.get("ref", repository.default_branch)
    commit = git.resolve(repository.path, ref)
    if commit is None:
        raise Refused(404, f"No commit found for the ref {ref}")
    itself = git.entries(repository.path, commit, path) if path else []
    if path and not itself:
        raise not_found()
    if not path or itself[0].kind == "tree":
        inside = git.entries(repository.path, commit, f"{path}/" if path else "")
        return reply([repositories.content(call.world, repository, entry, ref) for entry in inside])
    data = git.read(repository.path, itself[0].sha)
    if ".raw" in call.request.headers.get("accept", ""):
        return Answer(200, data, {"Content-Type": "application/vnd.github.raw+json; charset=utf-8"})
    large = len(data) > LARGEST_CONTENT
    return reply(
        repositories.content(call.world, repository, itself[0], ref)
        | {
            "content": "" if large else base64.encodebytes(data).decode(),
            "encoding": "none" if large else "base64",
        }
    )


@router.route("GET", "/repos/{owner}/{repo}/collaborators/{login}/permission", needs="metadata:read")
def get_permission(call: Call) -> Answer:
    """Return what somebody may do in a repository."""
    account = call.world.accounts.get(call.parameters["login"].lower())
    if account is None:
        raise Refused(404, f"{call.parameters['login']} is not a user")
    role = call.world.permission(call.repository, account.login)
    ranks = ("none", "read", "triage", "write", "maintain", "admin")
    rank = ranks.index(role)
    names = {"pull": 1, "triage": 2, "push": 3, "maintain": 4, "admin": 5}
    permissions = {name: rank >= least for name, least in names.items()}
    user = accounts.user(call.world, account) | {"permissions": permissions, "role_name": role}
    return reply({"permission": LEGACY_ROLES.get(role, role), "role_name": role, "user": user})


def _commit(call: Call, name: str) -> str:
    found = git.resolve(call.repository.path, f"refs/heads/{name}") or git.resolve(call.repository.path, name)
    if found is None:
        raise Refused(422, f"No commit found for SHA: {name}")
    return found

"""Shapes of repositories, commits and files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from jobs.testing.github.shapes.accounts import user

if TYPE_CHECKING:
    from jobs.testing.github import git
    from jobs.testing.github.records import JSON, Repository
    from jobs.testing.github.world import World

LINKS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


def api_url(world: World, record: Repository) -> str:
    """Return the URL of a repository in the API."""
    return f"{world.url}/repos/{record.full_name}"


def html_url(world: World, record: Repository) -> str:
    """Return the URL of a repository for people."""
    return f"{world.url}/{record.full_name}"


def minimal(world: World, record: Repository) -> JSON:
    """Return the short form, as it stands in lists."""
    url = api_url(world, record)
    return {
        "id": record.id,
        "node_id": f"R_{record.id}",
        "name": record.name,
        "full_name": record.full_name,
        "private": record.private,
        "owner": user(world, record.owner),
        "html_url": html_url(world, record),
        "description": record.description,
        "fork": record.parent is not None,
        "url": url,
        **{name: url + ending for name, ending in LINKS.items()},
    }


def repository(world: World, record: Repository) -> JSON:
    """Return a repository as lists of an installation and webhooks have it."""
    open_issues = sum(issue.state == "open" for issue in record.issues.values())
    page = html_url(world, record)
    return minimal(world, record) | {
        "created_at": record.created_at,
        "updated_at": record.pushed_at,
        "pushed_at": record.pushed_at,
        "git_url": f"git:{page.partition(':')[2]}.git",
        "ssh_url": f"git@127.0.0.1:{record.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": None,
        "size": 1,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": None,
        "has_issues": True,
        "has_projects": False,
        "has_downloads": True,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "forks_count": 0,
        "mirror_url": None,
        "archived": False,
        "disabled": False,
        "open_issues_count": open_issues,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if record.private else "public",
        "forks": 0,
        "open_issues": open_issues,
        "watchers": 0,
        "default_branch": record.default_branch,
    }


def full(world: World, record: Repository) -> JSON:
    """Return the long form, as ``GET /repos/{owner}/{repo}`` gives it."""
    return repository(world, record) | {"network_count": 0, "subscribers_count": 0}


def stub(record: Repository) -> JSON:
    """Return the form in which installation webhooks list repositories."""
    return {
        "id": record.id,
        "node_id": f"R_{record.id}",
        "name": record.name,
        "full_name": record.full_name,
        "private": record.private,
    }


def commit(world: World, record: Repository, made: git.Commit) -> JSON:
    """Return a commit, without its files."""
    url = f"{api_url(world, record)}/commits/{made.sha}"
    git_url = f"{api_url(world, record)}/git"
    accounts = [world.accounts.get(name.lower()) for name, _, _ in (made.author, made.committer)]
    return {
        "sha": made.sha,
        "node_id": f"C_{made.sha}",
        "commit": {
            "author": _person(made.author),
            "committer": _person(made.committer),
            "message": made.message,
            "tree": {"sha": made.tree, "url": f"{git_url}/trees/{made.tree}"},
            "url": f"{git_url}/commits/{made.sha}",
            "comment_count": 0,
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        },
        "url": url,
        "html_url": f"{html_url(world, record)}/commit/{made.sha}",
        "comments_url": f"{url}/comments",
        "author": user(world, accounts[0]) if accounts[0] else None,
        "committer": user(world, accounts[1]) if accounts[1] else None,
        "parents": [
            {
                "sha": parent,
                "url": f"{api_url(world, record)}/commits/{parent}",
                "html_url": f"{html_url(world, record)}/commit/{parent}",
            }
            for parent in made.parents
        ],
    }


def changed_file(world: World, record: Repository, change: git.FileDiff, head: str) -> JSON:
    """Return one changed file of a comparison or a pull request."""
    page, path = html_url(world, record), quote(change.path)
    shape: JSON = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{page}/blob/{head}/{path}",
        "raw_url": f"{page}/raw/{head}/{path}",
        "contents_url": f"{api_url(world, record)}/contents/{path}?ref={head}",
    }
    if change.patch:
        shape["patch"] = change.patch
    if change.previous:
        shape["previous_filename"] = change.previous
    return shape


def content(world: World, record: Repository, entry: git.Entry, ref: str) -> JSON:
    """Return one entry of a folder, without its bytes."""
    path = quote(entry.path)
    url = f"{api_url(world, record)}/contents/{path}?ref={quote(ref, safe='')}"
    kind = {"tree": "dir", "commit": "submodule"}.get(entry.kind, "symlink" if entry.mode == "120000" else "file")
    page = f"{html_url(world, record)}/{'tree' if kind == 'dir' else 'blob'}/{ref}/{path}"
    git_url = f"{api_url(world, record)}/git/{'trees' if kind == 'dir' else 'blobs'}/{entry.sha}"
    return {
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size,
        "url": url,
        "html_url": page,
        "git_url": git_url,
        "download_url": None if kind == "dir" else f"{html_url(world, record)}/raw/{ref}/{path}",
        "type": kind,
        "_links": {"self": url, "git": git_url, "html": page},
    }


def rules(record: Repository, branch: str) -> list[JSON]:
    """Return the rules for a branch, in which a protection with approvals shows itself too."""
    protection = record.protections.get(branch)
    if protection is None:
        return []
    source = {"ruleset_source_type": "Repository", "ruleset_source": record.full_name, "ruleset_id": record.id}
    reviews = {
        "required_approving_review_count": protection.approvals,
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    }
    checks = {
        "required_status_checks": [{"context": context} for context in protection.checks],
        "strict_required_status_checks_policy": protection.up_to_date,
    }
    found = [{"type": "pull_request", "parameters": reviews, **source}] if protection.approvals else []
    return [*found, {"type": "required_status_checks", "parameters": checks, **source}]


def ref(world: World, record: Repository, name: str, sha: str) -> JSON:
    """Return a git ref."""
    url = f"{api_url(world, record)}/git"
    return {
        "ref": name,
        "node_id": f"REF_{record.id}_{name}",
        "url": f"{url}/{name}",
        "object": {"sha": sha, "type": "commit", "url": f"{url}/commits/{sha}"},
    }


def _person(who: tuple[str, str, str]) -> JSON:
    name, email, date = who
    return {"name": name, "email": email, "date": date.replace("+00:00", "Z")}

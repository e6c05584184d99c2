"""What follows when refs move: the record of the push, its event, and the pull requests whose heads they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.github import git, happenings, placing
from jobs.testing.github.records import Account, Push, Repository
from jobs.testing.github.shapes import accounts, repositories

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.testing.github.world import World

MOST_COMMITS = 20


def moved(
    world: World, repository: Repository, changes: Mapping[str, tuple[str, str]], by: Account, token: str = ""
) -> None:
    """Record that each ref went from its old commit to its new one, and tell everybody."""
    repository.pushed_at = world.now()
    for ref, (old, new) in changes.items():
        world.pushes.append(Push(repository.full_name, ref, old, new, by.login, token))
        if ref.startswith("refs/heads/"):
            _update_pulls(world, repository, ref.removeprefix("refs/heads/"), new, by)
        _announce(world, repository, ref, old, new, by)


def _update_pulls(world: World, repository: Repository, branch: str, new: str, by: Account) -> None:
    homes = [repository] if repository.parent is None else [repository, repository.parent]
    for issue in [one for home in homes for one in home.pulls]:
        pull, home = issue.pull, issue.repository
        if pull is None or (pull.fork or home) is not repository:
            continue
        if pull.head != branch or issue.state != "open" or pull.head_sha == new:
            continue
        if new == git.ZERO:
            happenings.set_state(world, issue, "closed", None, by)
            continue
        before, pull.head_sha = pull.head_sha, new
        pull.base_sha = git.resolve(home.path, f"refs/heads/{pull.base}") or pull.base_sha
        issue.updated_at = world.now()
        git.bring(home.path, repository.path, new, f"refs/pull/{issue.number}/head")
        placing.carry(issue)
        happenings.pull_request(world, issue, "synchronize", by, before=before, after=new)


def _announce(world: World, repository: Repository, ref: str, old: str, new: str, by: Account) -> None:
    created, deleted = old == git.ZERO, new == git.ZERO
    made: list[git.Commit] = []
    if not deleted:
        made = git.commits(repository.path, new if created else f"{old}..{new}", limit=1 if created else MOST_COMMITS)
    listed = [_commit(world, repository, one) for one in reversed(made)]
    forced = not created and not deleted and git.merge_base(repository.path, old, new) != old
    page = repositories.html_url(world, repository)
    payload = {
        "ref": ref,
        "before": old,
        "after": new,
        "created": created,
        "deleted": deleted,
        "forced": forced,
        "base_ref": None,
        "compare": f"{page}/compare/{old[:12]}...{new[:12]}",
        "commits": [] if created else listed,
        "head_commit": listed[-1] if listed else None,
        "pusher": {"name": by.login, "email": f"{by.login}@users.noreply.github.com"},
        "sender": accounts.user(world, by),
    }
    world.event(repository, "push", "", payload)


def _commit(world: World, repository: Repository, made: git.Commit) -> dict[str, Any]:
    people = {
        role: {"name": who[0], "email": who[1], "date": who[2]}
        for role, who in (("author", made.author), ("committer", made.committer))
    }
    return {
        "id": made.sha,
        "tree_id": made.tree,
        "distinct": True,
        "message": made.message,
        "timestamp": made.committer[2],
        "url": f"{repositories.html_url(world, repository)}/commit/{made.sha}",
        **people,
        "added": [],
        "removed": [],
        "modified": [],
    }

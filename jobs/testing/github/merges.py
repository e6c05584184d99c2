"""Whether GitHub would merge a pull request, what it says where not, and the merge itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import git, happenings, protection
from jobs.testing.github.errors import Refused
from jobs.testing.github.pushes import moved
from jobs.testing.github.shapes import pulls

if TYPE_CHECKING:
    from jobs.testing.github.records import Account, Issue
    from jobs.testing.github.world import World

METHODS = ("merge", "squash", "rebase")
NOT_MERGEABLE = 405
CONFLICT = 409
UNPROCESSABLE = 422


def refuse(record: Issue, method: str, sha: str) -> None:
    """Raise ``Refused`` in GitHub's words where a pull request cannot be merged so at the commit ``sha``."""
    pull, home = pulls.must(record), record.repository
    if record.state != "open":
        raise Refused(NOT_MERGEABLE, "Pull Request is not mergeable")
    if pull.draft:
        raise Refused(NOT_MERGEABLE, "Pull Request is still a draft")
    if sha and sha != pull.head_sha:
        raise Refused(CONFLICT, "Head branch was modified. Review and try the merge again.")
    if method not in home.merge_methods:
        words = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}[method]
        raise Refused(NOT_MERGEABLE, f"{words} are not allowed on this repository.")
    if git.conflicts(home.path, git.resolve(home.path, f"refs/heads/{pull.base}") or pull.base_sha, pull.head_sha):
        raise Refused(NOT_MERGEABLE, "Pull Request is not mergeable")
    if reason := protection.obstacle(home, pull):
        raise Refused(NOT_MERGEABLE, reason)


def merge(world: World, record: Issue, by: Account, method: str = "merge") -> str:
    """Merge a pull request, tell everybody, and return the commit; raises ``ValueError`` where it conflicts."""
    pull, home = pulls.must(record), record.repository
    ref = f"refs/heads/{pull.base}"
    old = git.resolve(home.path, ref) or git.ZERO
    made = _commit(record, by, method, pull.base_sha if old == git.ZERO else old)
    now = world.now()
    pull.merge_commit_sha, pull.merged_at, pull.merged_by = made, now, by
    record.state, record.closed_at, record.closed_by, record.updated_at = "closed", now, by, now
    git.update_ref(home.path, ref, made, old)
    moved(world, home, {ref: (old, made)}, by)
    happenings.pull_request(world, record, "closed", by)
    if pull.base == home.default_branch:
        happenings.close_what_is_fixed(world, record, by)
    return made


def update(world: World, record: Issue, by: Account) -> str:
    """Merge the base into the head of a pull request and return the commit; raises ``Refused`` where that fails."""
    pull, home = pulls.must(record), record.repository
    base = git.resolve(home.path, f"refs/heads/{pull.base}") or pull.base_sha
    if git.merge_base(home.path, base, pull.head_sha) == base:
        raise Refused(UNPROCESSABLE, "There are no new commits on the base branch.")
    tree = git.merged_tree(home.path, base, pull.head_sha)
    if tree is None:
        raise Refused(UNPROCESSABLE, "merge conflict between base and head")
    author = (by.login, f"{by.id}+{by.login}@users.noreply.github.com")
    message, old = f"Merge branch '{pull.base}' into {pull.head}", pull.head_sha
    made = git.commit_tree(home.path, tree, [old, base], message=message, author=author)
    git.update_ref(home.path, f"refs/heads/{pull.head}", made, old)
    moved(world, home, {f"refs/heads/{pull.head}": (old, made)}, by)
    return made


def _commit(record: Issue, by: Account, method: str, base: str) -> str:
    """Make the commit that the base moves to; a rebase leaves as many commits as the pull request has."""
    pull, home = pulls.must(record), record.repository
    author = (by.login, f"{by.id}+{by.login}@users.noreply.github.com")
    tree = git.merged_tree(home.path, base, pull.head_sha)
    if tree is None:
        raise ValueError(f"pull request {record.number} conflicts with {pull.base}")
    if method == "merge":
        title = f"Merge pull request #{record.number} from {pulls.head_owner(record)}/{pull.head}\n\n{record.title}"
        return git.commit_tree(home.path, tree, [base, pull.head_sha], message=title, author=author)
    if method == "squash":
        title = f"{record.title} (#{record.number})"
        return git.commit_tree(home.path, tree, [base], message=title, author=author)
    made = base
    for one in reversed(git.commits(home.path, f"{base}..{pull.head_sha}")):
        step = git.merged_tree(home.path, base, one.sha) or tree
        made = git.commit_tree(home.path, step, [made], message=one.message, author=one.author[:2])
    return made

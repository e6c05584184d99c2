"""What people do to bring a change in: fork, open a pull request, push by force, call it ready, merge it, close it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import git, happenings, merges
from jobs.testing.github.pushes import moved
from jobs.testing.github.records import Pull, Repository
from jobs.testing.github.shapes import pulls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.testing.github.records import Issue
    from jobs.testing.github.world import World


class Contributing:
    """The doors of those who change code; ``by`` is always a login, and made where it is new."""

    world: World

    def fork(self, repository: str, *, by: str) -> str:
        """Fork a repository to the account of ``by`` and return its full name; no App is installed on it."""
        with self.world.change():
            home, owner = self.world.repository(repository), self.world.account(by)
            full_name = f"{owner.login}/{home.name}"
            if full_name.lower() in self.world.repositories:
                raise ValueError(f"there is a repository {full_name} already")
            path = self.world.root / "repositories" / owner.login.lower() / f"{home.name.lower()}.git"
            git.create(path, home.default_branch)
            git.take_over(path, home.path, home.default_branch)
            now = self.world.now()
            made = Repository(self.world.new_id(), owner, home.name, home.private, home.default_branch, path, now, now)
            made.parent = home
            self.world.repositories[full_name.lower()] = made
            return full_name

    def open_pull_request(
        self,
        repository: str,
        branch: str,
        title: str,
        body: str = "",
        *,
        by: str,
        base: str = "",
        fork: str = "",
        draft: bool = False,
    ) -> Issue:
        """Open a pull request from a branch, of ``fork`` where one is named, into the default one or ``base``.

        Raises ``LookupError`` where there is no such branch.
        """
        with self.world.change():
            home, author = self.world.repository(repository), self.world.account(by)
            source, base = (self.world.repository(fork) if fork else home), base or home.default_branch
            head = git.resolve(source.path, f"refs/heads/{branch}")
            target = git.resolve(home.path, f"refs/heads/{base}")
            if head is None or target is None:
                raise LookupError(f"{source.full_name} has no branch {branch}, or {repository} none called {base}")
            made = self.world.new_issue(home, title, body, author, None)
            made.pull = Pull(self.world.new_id(), branch, head, base, target, draft=draft)
            made.pull.fork = source if fork else None
            git.bring(home.path, source.path, head, f"refs/pull/{made.number}/head")
            happenings.pull_request(self.world, made, "opened", author)
            return made

    def mark_ready(self, repository: str, number: int, *, by: str) -> None:
        """Make a draft an ordinary pull request."""
        self._set_draft(repository, number, by, draft=False)

    def convert_to_draft(self, repository: str, number: int, *, by: str) -> None:
        """Make a pull request a draft."""
        self._set_draft(repository, number, by, draft=True)

    def close_pull_request(self, repository: str, number: int, *, by: str) -> None:
        """Close a pull request without merging it."""
        with self.world.change():
            happenings.set_state(
                self.world, self.world.issue(repository, number), "closed", "completed", self.world.account(by)
            )

    def merge_pull_request(self, repository: str, number: int, *, by: str, method: str = "merge") -> str:
        """Merge a pull request, whatever its base demands, and return the commit; ``ValueError`` where it conflicts."""
        with self.world.change():
            return merges.merge(self.world, self.world.issue(repository, number), self.world.account(by), method)

    def force_push(
        self, repository: str, branch: str, files: Mapping[str, str | bytes | None], *, onto: str = "", by: str
    ) -> str:
        """Put a branch to one new commit on top of ``onto`` (the default branch if not named), and return it."""
        with self.world.change():
            home, author = self.world.repository(repository), self.world.account(by)
            ref, start = f"refs/heads/{branch}", onto or f"refs/heads/{home.default_branch}"
            old, base = git.resolve(home.path, ref), git.resolve(home.path, start)
            if base is None:
                raise LookupError(f"{repository} has no commit {start}")
            git.update_ref(home.path, ref, base)
            name = (author.login, f"{author.id}+{author.login}@users.noreply.github.com")
            made = git.write(home.path, branch, files, message=f"Write {branch} anew", author=name)
            moved(self.world, home, {ref: (old or git.ZERO, made)}, author)
            return made

    def _set_draft(self, repository: str, number: int, by: str, *, draft: bool) -> None:
        with self.world.change():
            issue = self.world.issue(repository, number)
            if pulls.must(issue).draft is not draft:
                happenings.set_draft(self.world, issue, self.world.account(by), draft=draft)

"""What people do on the local GitHub, each thing followed by the webhook that GitHub would send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.github import git, happenings
from jobs.testing.github.pushes import moved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.github.records import Account, CheckRun, Comment, Issue, Repository
    from jobs.testing.github.world import World


class People:
    """The doors through which people act; ``by`` is always a login, and made where it is new."""

    world: World

    def add_user(self, login: str, type: str = "User") -> Account:  # noqa: A002 - GitHub's own word
        """Make an account; ``type`` is User, Organization or Bot."""
        with self.world.change():
            return self.world.account(login, type)

    def set_permission(self, repository: str, login: str, permission: str) -> None:
        """Give ``login`` a role: admin, maintain, write, triage, read or none."""
        with self.world.change():
            self.world.account(login)
            self.world.repository(repository).permissions[login.lower()] = permission

    def rename_user(self, login: str, name: str) -> None:
        """Give an account another login; its rights go with it, and the old login is free for somebody else."""
        with self.world.change():
            account = self.world.accounts.pop(login.lower())
            account.login = name
            self.world.accounts[name.lower()] = account
            holders = [one.permissions for one in self.world.repositories.values()]
            for held in [*holders, *self.world.teams.values()]:
                if login.lower() in held:
                    held[name.lower()] = held.pop(login.lower())

    def set_team(self, organization: str, team: str, members: Sequence[str]) -> None:
        """Say who is in a team."""
        with self.world.change():
            for member in members:
                self.world.account(member)
            self.world.teams[organization.lower(), team.lower()] = {member.lower(): "member" for member in members}

    def create_issue(
        self, repository: str, title: str, body: str = "", *, by: str = "", labels: Sequence[str] = ()
    ) -> Issue:
        """Open an issue, and put labels on it."""
        with self.world.change():
            home = self.world.repository(repository)
            author = self.world.account(by or home.owner.login)
            issue = self.world.new_issue(home, title, body, author, None)
            happenings.issue(self.world, issue, "opened", author)
            for label in labels:
                happenings.add_label(self.world, issue, label, author)
            return issue

    def label_issue(self, repository: str, number: int, label: str, *, by: str) -> None:
        """Put a label on an issue or a pull request."""
        with self.world.change():
            happenings.add_label(self.world, self._issue(repository, number), label, self.world.account(by))

    def unlabel_issue(self, repository: str, number: int, label: str, *, by: str) -> None:
        """Take a label off."""
        with self.world.change():
            happenings.remove_label(self.world, self._issue(repository, number), label, self.world.account(by))

    def edit_issue(
        self, repository: str, number: int, *, by: str, title: str | None = None, body: str | None = None
    ) -> None:
        """Change an issue's title or body."""
        with self.world.change():
            issue = self._issue(repository, number)
            changes: dict[str, Any] = {}
            for field, new in (("title", title), ("body", body)):
                if new is not None:
                    changes[field] = {"from": getattr(issue, field)}
                    setattr(issue, field, new)
            issue.updated_at = self.world.now()
            happenings.issue(self.world, issue, "edited", self.world.account(by), changes=changes)

    def close_issue(self, repository: str, number: int, *, by: str, reason: str = "completed") -> None:
        """Close an issue."""
        with self.world.change():
            issue = self._issue(repository, number)
            happenings.set_state(self.world, issue, "closed", reason, self.world.account(by))

    def reopen_issue(self, repository: str, number: int, *, by: str) -> None:
        """Open an issue again."""
        with self.world.change():
            happenings.set_state(self.world, self._issue(repository, number), "open", None, self.world.account(by))

    def delete_issue(self, repository: str, number: int, *, by: str) -> None:
        """Delete an issue; its number is never used again."""
        with self.world.change():
            issue = self._issue(repository, number)
            happenings.issue(self.world, issue, "deleted", self.world.account(by))
            del issue.repository.issues[number]

    def lock_issue(self, repository: str, number: int, *, by: str) -> None:
        """Let nobody but collaborators comment."""
        with self.world.change():
            issue = self._issue(repository, number)
            issue.locked = True
            happenings.issue(self.world, issue, "locked", self.world.account(by))

    def comment(self, repository: str, number: int, text: str, *, by: str) -> Comment:
        """Comment on an issue or a pull request."""
        with self.world.change():
            author = self.world.account(by)
            comment = self.world.new_comment(self._issue(repository, number), text, author, None)
            happenings.comment(self.world, comment, "created", author)
            return comment

    def edit_comment(self, repository: str, comment_id: int, text: str, *, by: str) -> None:
        """Change a comment."""
        with self.world.change():
            comment = self.world.comment(self.world.repository(repository), comment_id)
            old, comment.body, comment.updated_at = comment.body, text, self.world.now()
            happenings.comment(self.world, comment, "edited", self.world.account(by), changes={"body": {"from": old}})

    def delete_comment(self, repository: str, comment_id: int, *, by: str) -> None:
        """Delete a comment."""
        with self.world.change():
            comment = self.world.comment(self.world.repository(repository), comment_id)
            comment.issue.comments.remove(comment)
            happenings.comment(self.world, comment, "deleted", self.world.account(by))

    def click_check_action(self, check_run_id: int, identifier: str, *, by: str) -> None:
        """Click a button of a check run; raises ``LookupError`` where it has no such button."""
        with self.world.change():
            home, run = self._check_run(check_run_id)
            if identifier not in {action["identifier"] for action in run.actions}:
                raise LookupError(f"check run {check_run_id} has no button {identifier}")
            happenings.check_run(
                self.world,
                home,
                run,
                "requested_action",
                self.world.account(by),
                requested_action={"identifier": identifier},
            )

    def rerequest_check(self, check_run_id: int, *, by: str) -> None:
        """Click "Re-run" on a check run."""
        with self.world.change():
            home, run = self._check_run(check_run_id)
            happenings.check_run(self.world, home, run, "rerequested", self.world.account(by))

    def commit_file(
        self, repository: str, branch: str, path: str, content: str | bytes | None, *, by: str = "", message: str = ""
    ) -> str:
        """Commit one file to a branch (None deletes it) and return the commit; new branches start at the default."""
        with self.world.change():
            home = self.world.repository(repository)
            author = self.world.account(by or home.owner.login)
            ref = f"refs/heads/{branch}"
            old = git.resolve(home.path, ref)
            if old is None and (start := git.resolve(home.path, f"refs/heads/{home.default_branch}")):
                git.update_ref(home.path, ref, start)
            made = git.write(
                home.path,
                branch,
                {path: content},
                message=message or f"Change {path}",
                author=(author.login, f"{author.id}+{author.login}@users.noreply.github.com"),
            )
            moved(self.world, home, {ref: (old or git.ZERO, made)}, author)
            return made

    def delete_branch(self, repository: str, branch: str, *, by: str) -> None:
        """Delete a branch."""
        with self.world.change():
            home, ref = self.world.repository(repository), f"refs/heads/{branch}"
            old = git.resolve(home.path, ref)
            if old is None:
                raise LookupError(f"{repository} has no branch {branch}")
            git.update_ref(home.path, ref, git.ZERO, old)
            moved(self.world, home, {ref: (old, git.ZERO)}, self.world.account(by))

    def _issue(self, repository: str, number: int) -> Issue:
        return self.world.issue(repository, number)

    def _check_run(self, check_run_id: int) -> tuple[Repository, CheckRun]:
        for repository in self.world.repositories.values():
            if check_run_id in repository.check_runs:
                return repository, repository.check_runs[check_run_id]
        raise LookupError(f"there is no check run {check_run_id}")

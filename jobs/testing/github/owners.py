"""What owners do on the local GitHub: make repositories, install the App, suspend it and take it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import git
from jobs.testing.github.records import Account, App, Installation, Repository
from jobs.testing.github.shapes import accounts, repositories

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from jobs.testing.github.world import World


class Owners:
    """The doors of those who own accounts."""

    world: World
    app_id: int

    def create_repository(
        self,
        full_name: str,
        files: Mapping[str, str | bytes] | None = None,
        *,
        source: Path | None = None,
        private: bool = True,
        default_branch: str = "main",
        owner_type: str = "User",
        installed: bool = True,
    ) -> Repository:
        """Make a repository from ``files``, or ``source`` (a git repository or a folder), with the App on it."""
        owner, _, name = full_name.partition("/")
        with self.world.change():
            if full_name.lower() in self.world.repositories:
                raise ValueError(f"there is a repository {full_name} already")
            path = self.world.root / "repositories" / owner.lower() / f"{name.lower()}.git"
            git.create(path, default_branch)
            if source is not None:
                git.take_over(path, source, default_branch)
            elif files:
                git.write(path, default_branch, files, message="Initial commit")
            now = self.world.now()
            account = self.world.account(owner, owner_type)
            made = Repository(self.world.new_id(), account, name, private, default_branch, path, now, now)
            self.world.repositories[full_name.lower()] = made
            if installed:
                self._add(self._installation_for(account), [made])
            return made

    def install(
        self, owner: str, *, app_id: int = 0, names: Sequence[str] = (), all_repositories: bool = False
    ) -> Installation:
        """Install an App on an account, with the repositories named (or all), and tell it."""
        with self.world.change():
            account, app = self.world.account(owner), self.world.apps[app_id or self.app_id]
            chosen = [
                one
                for one in self.world.repositories.values()
                if one.owner is account and (all_repositories or one.full_name in names)
            ]
            return self._new_installation(app, account, chosen, "all" if all_repositories else "selected")

    def add_repositories(self, owner: str, names: Sequence[str], *, by: str = "") -> None:
        """Give repositories to the installation on ``owner``."""
        with self.world.change():
            chosen = [self.world.repository(name) for name in names]
            self._add(self._installation_for(self.world.account(owner)), chosen, by=by)

    def remove_repositories(self, owner: str, names: Sequence[str], *, by: str = "") -> None:
        """Take repositories from the installation on ``owner``."""
        with self.world.change():
            installation = self._installation_for(self.world.account(owner))
            gone = [self.world.repository(name) for name in names]
            installation.repositories -= {one.full_name for one in gone}
            self._tell_repositories(installation, "removed", [], gone, by)

    def suspend(self, owner: str = "", *, by: str = "") -> None:
        """Suspend the installation on ``owner`` (the first one when none is named)."""
        with self.world.change():
            installation = self._named(owner)
            installation.suspended_by = self.world.account(by or installation.account.login)
            installation.suspended_at = self.world.now()
            self._tell(installation, "suspend", by)

    def unsuspend(self, owner: str = "", *, by: str = "") -> None:
        """End a suspension."""
        with self.world.change():
            installation = self._named(owner)
            installation.suspended_by, installation.suspended_at = None, ""
            self._tell(installation, "unsuspend", by)

    def uninstall(self, owner: str = "", *, by: str = "") -> None:
        """Take the App off ``owner``; its tokens are dead at once."""
        with self.world.change():
            installation = self._named(owner)
            del self.world.installations[installation.id]
            self._tell(installation, "deleted", by)

    def accept_permissions(self, permissions: Mapping[str, str], owner: str = "", *, by: str = "") -> None:
        """Change what the App and the installation on ``owner`` may do."""
        with self.world.change():
            installation = self._named(owner)
            installation.app.permissions = installation.permissions = dict(permissions)
            self._tell(installation, "new_permissions_accepted", by)

    def _named(self, owner: str) -> Installation:
        for installation in self.world.installations.values():
            if owner.lower() in {"", installation.account.login.lower()}:
                return installation
        raise LookupError(f"the App is not installed on {owner or 'any account'}")

    def _installation_for(self, account: Account) -> Installation:
        app = self.world.apps[self.app_id]
        for installation in self.world.installations.values():
            if installation.account is account and installation.app is app:
                return installation
        return self._new_installation(app, account, [], "selected")

    def _new_installation(
        self, app: App, account: Account, chosen: Sequence[Repository], selection: str
    ) -> Installation:
        made = Installation(
            id=self.world.new_id(),
            app=app,
            account=account,
            created_at=self.world.now(),
            permissions=dict(app.permissions),
            repositories={one.full_name for one in chosen},
            repository_selection=selection,
        )
        self.world.installations[made.id] = made
        self._tell(made, "created", "")
        return made

    def _add(self, installation: Installation, chosen: Sequence[Repository], *, by: str = "") -> None:
        installation.repositories |= {one.full_name for one in chosen}
        self._tell_repositories(installation, "added", chosen, [], by)

    def _tell(self, installation: Installation, action: str, by: str) -> None:
        sender = self.world.account(by or installation.account.login)
        known = self.world.repositories.values()
        payload = {
            "installation": accounts.installation(self.world, installation),
            "repositories": [repositories.stub(one) for one in known if one.full_name in installation.repositories],
            "requester": None,
            "sender": accounts.user(self.world, sender),
        }
        self.world.announce(installation, "installation", action, payload, None)

    def _tell_repositories(
        self,
        installation: Installation,
        action: str,
        added: Sequence[Repository],
        removed: Sequence[Repository],
        by: str,
    ) -> None:
        sender = self.world.account(by or installation.account.login)
        payload = {
            "installation": accounts.installation(self.world, installation),
            "repository_selection": installation.repository_selection,
            "repositories_added": [repositories.stub(one) for one in added],
            "repositories_removed": [repositories.stub(one) for one in removed],
            "requester": None,
            "sender": accounts.user(self.world, sender),
        }
        self.world.announce(installation, "installation_repositories", action, payload, None)

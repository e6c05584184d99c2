"""The token of one run for git: made when the first command needs it, revoked when the last one is done."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from jobs.workspace import TokenRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.execute import Attempt
    from jobs.github import Token


class RunToken:
    """A right to the contents of a task's one repository, for which GitHub is asked when it is used."""

    def __init__(self, attempt: Attempt, contents: str) -> None:
        self._attempt, self._contents = attempt, contents

    @cached_property
    def minted(self) -> Token:
        """The token as GitHub made it."""
        task, github = self._attempt.task, self._attempt.services.github
        permissions = {"contents": self._contents, "metadata": "read"}
        return github.mint_token(task.installation_id, task.repository, permissions)

    @property
    def value(self) -> str:
        """The token itself."""
        return self.minted.value

    def using(self, act: Callable[[str], None]) -> None:
        """Do something with the token, and once more with a new one where GitHub takes this one no more."""
        try:
            act(self.value)
        except TokenRefused:
            self.end()
            act(self.value)

    def end(self) -> None:
        """Have the token revoked if there is one; nobody waits for it."""
        services, minted = self._attempt.services, self.__dict__.pop("minted", None)
        if minted is not None:
            services.background.submit(services.github.revoke, minted)


@contextmanager
def run_token(attempt: Attempt, contents: str) -> Iterator[RunToken]:
    """Lend a token for this one repository, to ``read`` or ``write`` its contents.

    A run may outlast a token's hour, so reading at the beginning and pushing at the end have one each.
    """
    token = RunToken(attempt, contents)
    try:
        yield token
    finally:
        token.end()

"""One command in its place: what was said, by whom, about what; and what every handler needs of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.acting import Actions
from bot.events import Event
from jobs.policy import OPERATOR
from jobs.types import Decision, Status, Subject, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.commands import Command
    from bot.starting import Situation
    from jobs.services import Services
    from jobs.types import Actor, Task

GITHUB = "github"
CHATS = ("slack", "discord")
_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}/(?!\.{1,2}$)[a-z0-9._-]{1,100}", re.ASCII | re.IGNORECASE)
"""GitHub's names, those of managed users with their underscore too."""


class NotAllowed(Exception):
    """Somebody may not do what they asked for; ``what`` is a phrase for the refusal, ``order`` what they asked for."""

    def __init__(self, decision: Decision, what: str) -> None:
        super().__init__(decision.reason)
        self.decision, self.what = decision, what
        self.order: Order | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was said, and what is understood there without saying it.

    ``may`` is what the channel's binding allows: ``look``, ``ask`` or ``all``. ``own`` tells that the subject is the
    pull request of ``task``.
    """

    surface: str
    channel: str = ""
    repository: str = ""
    installation_id: int = 0
    subject: Subject | None = None
    task: Task | None = None
    bound: bool = False
    may: str = "all"
    address: Mapping[str, object] = field(default_factory=dict)
    own: bool = False

    def follows(self, task: Task, command: str) -> bool:
        """Tell whether words said here begin the next run of a task: it has ended, and this is its pull request."""
        here = self.own and self.task is not None and self.task.id == task.id
        return here and command == "steer" and task.status is Status.COMPLETED

    @property
    def name(self) -> str:
        """The place as it is recorded."""
        return "" if self.surface == GITHUB else f"{self.surface}:{self.channel}".rstrip(":")


@dataclass(frozen=True, slots=True)
class Order:
    """One command in its place; ``key`` tells it from all others, for ever.

    ``actions`` are about the repository that is meant, which need not be the one where it was said.
    """

    actions: Actions
    place: Place
    command: Command
    key: str
    subject: Subject
    task: Task | None = None
    here: Situation | None = None
    decision: Decision = field(default_factory=lambda: Decision(allowed=True, reason=""))

    @property
    def services(self) -> Services:
        """The services of this process."""
        return self.actions.services

    @property
    def actor(self) -> Actor:
        """Who speaks."""
        return self.actions.event.actor

    @property
    def live(self) -> Task | None:
        """The task, while it is not completed."""
        return self.task if self.task is not None and self.task.status is not Status.COMPLETED else None


def person(actor: Actor) -> str:
    """Return how somebody is called in words that others read."""
    if actor.platform == OPERATOR:
        return "the operator"
    return f"@{actor.login}" if actor.login else f"{actor.platform} user {actor.id}"


def about(actions: Actions, place: Place, repository: str, installation_id: int, subject: Subject | None) -> Actions:
    """Return the same transaction's actions about another repository."""
    old = actions.event
    if old.repository.lower() == repository.lower() and actions.place == place.name:
        return actions
    number = subject.number if subject else 0
    event = Event(
        old.name, old.action, old.guid, repository, installation_id, old.actor, app_id=old.app_id, number=number
    )
    return Actions(actions.services, event, actions.commits, actions.follow_ups, actions.started, place.name)


def installation_of(services: Services, repository: str) -> tuple[str, int]:
    """Return a repository's name as GitHub writes it, and its installation; raises UserError where there is none.

    What it says is said before anybody's rights are known: it names no other repository, and only a name gets through
    to GitHub, since a path such as ``../app`` would be another question.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise UserError(f"`{_quiet(repository)}` is no repository: write it as owner/name.")
    known = {name.lower(): (name, number) for name, number in services.store.records.repositories()}
    if repository.lower() in known:
        return known[repository.lower()]
    number = services.github.installation_for(repository)
    if number is None:
        raise UserError(f"I am not installed on `{repository}`. Check the spelling, or install the App there first.")
    return repository, number


def _quiet(text: str) -> str:
    """Return a stranger's words as they can stand between backticks."""
    return " ".join(text.replace("`", "'").split())[:60]


def key_of(utterance: str, index: int, command: Command) -> str:
    """Return the name of a command for ever: an edit of a comment may put other words in the same place."""
    words = hashlib.sha256(command.whole.encode(errors="replace")).hexdigest()[:32]
    return f"{utterance}:{index}:{command.name}:{words}"[:120]


def names(items: Sequence[str]) -> str:
    """Return names one after the other, as code."""
    return ", ".join(f"`{item}`" for item in items)
